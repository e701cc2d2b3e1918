"""The carrier's own books: until when each line is good, and which requests made it so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt, Renewal, Stage
from renewd.renewal.outcome import Absent, Declined, Done, Finding, Outcome, Pending, Unknown, Unreached
from tests.simulation.gateway import LATEST, Request
from tests.simulation.world import World


@dataclass(slots=True)
class Extension:
    """One request that the carrier has taken on, by our reference for it."""

    key: str
    line: str
    renewal_id: str
    until: datetime
    state: Literal["done", "pending", "refused"]


class CarrierBooks:
    """One carrier, for the whole of a history. A reference is never forgotten; asked again, it answers as before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.requests: list[Request] = []
        self.extensions: dict[str, Extension] = {}
        self.good_until: dict[str, datetime] = {}

    def extend(self, attempt: Attempt) -> Outcome:
        """Take a request, or lose it, or lose the answer."""
        world, odds, rng = self._world, self._world.odds, self._world.rng
        self._seen(attempt)
        if world.chance(odds.unreached):
            return Unreached("busy", timedelta(seconds=rng.choice((0, 0, 300))))
        if world.chance(odds.lost):
            return Unknown("lost on the way there")
        if world.chance(odds.late):
            delay = timedelta(seconds=rng.uniform(1, LATEST.total_seconds()))
            world.later(delay, lambda: self._arrives_late(attempt))
            return Unknown("no answer in time")
        answer = self._arrives(attempt)
        return Unknown("lost on the way back") if world.chance(odds.lost) else answer

    def _seen(self, attempt: Attempt) -> None:
        world, body = self._world, (attempt.line, attempt.plan, attempt.extend_to)
        self.requests.append(Request(world.now, attempt.key, body, len(world.lost)))
        sent = sum(request.key == attempt.key for request in self.requests)
        if world.belief.attempted[attempt.key] < sent:
            world.violated(3, f"the carrier sees {attempt.key}, which no row tells of")
        renewal = world.belief.renewals.get(attempt.renewal_id)
        if renewal is None or renewal.paid is None or renewal.stage is Stage.DUE:
            world.violated(7, f"the carrier is asked for {attempt.key}, which no row says is paid")

    def _arrives_late(self, attempt: Attempt) -> None:
        self._world.note("arrives late", f"{attempt.key} {self._arrives(attempt)}")

    def _arrives(self, attempt: Attempt) -> Outcome:
        world, until = self._world, attempt.extend_to
        if attempt.key not in self.extensions and until:
            if self.good_until.get(attempt.line, until) > until:
                return Declined(DeclineClass.OURS, "already_later")
            made = Extension(attempt.key, attempt.line, attempt.renewal_id, until, "pending")
            self.extensions[attempt.key] = made
            if world.chance(world.odds.pending):
                world.later(timedelta(days=world.rng.uniform(0.01, 5)), lambda: self._decides(made))
            else:
                self._decides(made)
        return _become(self.extensions[attempt.key])

    def _decides(self, extension: Extension) -> None:
        if self._world.chance(self._world.odds.mismatch):
            extension.state = "refused"
            return
        extension.state = "done"
        self.good_until[extension.line] = max(
            extension.until, self.good_until.get(extension.line, extension.until)
        )

    def has_extended(self, renewal: Renewal) -> bool:
        """Say whether a request for this renewal was carried out, or may yet be."""
        return any(
            each.renewal_id == renewal.id and each.state != "refused" for each in self.extensions.values()
        )

    def find(self, attempt: Attempt) -> Finding:
        """Read the line, as far as it can be read."""
        world = self._world
        if world.chance(world.odds.unreached):
            return Unreached("refused the connection")
        if world.chance(world.odds.unreadable):
            return Unknown("unreadable line")
        if attempt.key in self.extensions:
            return _become(self.extensions[attempt.key])
        until = self.good_until.get(attempt.line)
        enough = until and attempt.extend_to and until >= attempt.extend_to
        return Done(attempt.key) if enough else Absent()


def _become(extension: Extension) -> Outcome:
    match extension.state:
        case "done":
            return Done(extension.key)
        case "pending":
            return Pending(extension.key)
        case "refused":
            return Declined(DeclineClass.OURS, "line_not_renewable")
