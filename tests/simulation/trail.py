"""The audit log, read from its beginning: whether each line could follow from those before it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.renewal.audit import Event
from renewd.renewal.model import AttemptState
from renewd.renewal.policy import Policy
from tests.simulation.desk import Desk
from tests.simulation.world import SETTLE_AFTER, World

KEY = re.compile(r"(?P<renewal>(?P<subscription>[^/]+)/\d{8}T\d{6}Z)/(?P<leg>charge|extend)/(?P<n>[1-9]\d*)")
DEFINITE = ("succeeded", "declined", "action_required", "abandoned", "skipped", "settled")
BARS = ("operator.canceled", "operator.paused", "operator.halted", "renewal.lapsed")
LIFTS = {
    "operator.resumed": "operator.paused",
    "operator.unhalted": "operator.halted",
    "operator.retried": "renewal.lapsed",
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(slots=True)
class Call:
    """What the log has said about one key so far.

    `doubted` when it may have been sent in a life we know nothing of, `unsent` when it was not in this one.
    """

    sends: int = 0
    doubted: bool = False
    unsent: bool = False
    sent_at: datetime | None = None
    asked: str = ""
    answer: str = ""
    definite: bool = False
    absent: list[datetime] = field(default_factory=list)


def _never_arrived(call: Call) -> bool:
    """Say whether the last request is known not to have arrived: turned away, or twice absent, spaced."""
    if call.asked == "send" and call.answer == "unreached":
        return True
    if call.unsent and call.absent:
        return True
    if len(call.absent) < 2:
        return False
    first, second = call.absent[-2:]
    spaced = call.sent_at is None or first - call.sent_at >= SETTLE_AFTER
    return second - first >= SETTLE_AFTER and spaced


class Trail:
    """A reader of the log, line by line."""

    def __init__(self, world: World, policies: Sequence[Policy]) -> None:
        self._world = world
        self._per_day = max(each.limits.per_day for each in policies)
        self._per_30_days = max(each.limits.per_30_days for each in policies)
        self.calls: dict[str, Call] = defaultdict(Call)
        self._barred: dict[str, str] = {}
        self._dead_methods: set[str] = set()
        self._per_hour = max(each.brake.max_charges_per_hour for each in policies)
        self._begun: list[datetime] = []
        self.declines: dict[str, list[datetime]] = defaultdict(list)

    def read(self, event: Event) -> None:
        """Take one line in."""
        whom = event.subscription
        if event.name in BARS:
            self._barred[whom] = event.name
        elif event.name in LIFTS and self._barred.get(whom) == LIFTS[event.name]:
            del self._barred[whom]
        elif event.name == "charge.doubted":
            self._doubted(event)
        elif event.name.endswith(".attempted"):
            self._attempted(event)
        elif event.key and event.leg and not event.name.startswith("renewal."):
            self._answered(event, event.name.split(".")[1])

    def _doubted(self, event: Event) -> None:
        """Take in an attempt that counts as sent from here on: only a look-up may follow."""
        self._derived(event)
        call = self.calls[event.key]
        if call.definite:
            self._world.violated(4, f"{event.key} was doubted after its answer")
        call.unsent = not call.sends or _never_arrived(call)
        call.doubted, call.asked, call.absent = True, "", []

    def _derived(self, event: Event) -> None:
        written = KEY.fullmatch(event.key)
        if not written or written["subscription"] != event.subscription or written["leg"] != event.leg:
            self._world.violated(4, f"{event.key} is not a derived key")
            return
        number = int(written["n"])
        before = self.calls.get(event.key.removesuffix(written["n"]) + str(number - 1))
        if number > 1 and not (before and before.definite):
            self._world.violated(4, f"{event.key} was begun before the key before it had an answer")

    def _attempted(self, event: Event) -> None:
        self._derived(event)
        call = self.calls[event.key]
        if call.definite:
            self._world.violated(4, f"{event.key} was sent again after its answer")
        if (call.sends or call.doubted) and not _never_arrived(call):
            self._world.violated(5, f"{event.key} was sent again ({event.at}) though it may have arrived")
        self._forbidden(event)
        call.sends, call.sent_at, call.unsent = call.sends + 1, event.at, False
        call.asked, call.answer, call.absent = "send", "", []

    def _forbidden(self, event: Event) -> None:
        bars = [self._barred.get(event.subscription)]
        bars += [self._barred.get("")] if event.leg == "charge" else []
        for why in filter(None, bars):
            self._world.violated(9, f"{event.key} was begun ({event.at}) after {why}")
        if event.leg == "charge":
            self._within_limits(event)
            self._within_brake(event)
        if event.leg == "charge" and event.method in self._dead_methods:
            self._world.violated(10, f"{event.key} tries {event.method}, which must never be tried again")

    def _within_limits(self, event: Event) -> None:
        """Check what was known of a card when it was tried: a policy's own limits are the most it may know."""
        for span, limit in ((DAY, self._per_day), (30 * DAY, self._per_30_days)):
            known = sum(at > event.at - span for at in self.declines[event.method])
            if known >= limit:
                self._world.violated(
                    10, f"{event.key} tries {event.method}, declined {known} times in {span.days} d"
                )

    def _within_brake(self, event: Event) -> None:
        """Count the charges begun in the last hour; each daemon has a brake of its own, and goes by its own clock."""
        self._begun += [event.at] if not self.calls[event.key].sends else []
        recent = sum(at > event.at - HOUR for at in self._begun)
        if recent > self._per_hour and not self._world.twins and not self._world.clock_off:
            self._world.violated(14, f"{event.key} is charge {recent} within an hour")

    def _answered(self, event: Event, answer: str) -> None:
        call = self.calls[event.key]
        if answer == "lookup":
            call.asked = "lookup"
            return
        if not call.sends and not call.doubted:
            self._world.violated(3, f"{event.key} was answered before it was begun")
        if answer == "abandoned" and not _never_arrived(call):
            self._world.violated(5, f"{event.key} was given up ({event.at}) though it may have arrived")
        call.answer = answer
        call.absent = [*call.absent, event.at] if answer == "absent" else call.absent
        call.definite = call.definite or answer in DEFINITE
        if event.leg == "charge" and answer in ("declined", "action_required"):
            self.declines[event.method].append(event.at)
        if event.decline_class == "never":
            self._dead_methods.add(event.method)


def follow(world: World, desk: Desk, policies: Sequence[Policy]) -> None:
    """Read the whole log, and compare it with the attempts."""
    trail = Trail(world, policies)
    for event in desk.events():
        trail.read(event)
    _accounts_for_every_attempt(world, desk, trail)


def _accounts_for_every_attempt(world: World, desk: Desk, trail: Trail) -> None:
    attempts = {each.key: each for each in desk.attempts()}
    if set(attempts) != set(trail.calls):
        world.violated(3, f"log and attempts differ: {set(attempts) ^ set(trail.calls)}")
    for key, attempt in attempts.items():
        if attempt.sends != trail.calls[key].sends:
            world.violated(3, f"{key} was sent {attempt.sends} times, the log says {trail.calls[key].sends}")
        definite = attempt.state in (AttemptState.DONE, AttemptState.DECLINED)
        if attempt.state is not AttemptState.ABANDONED and definite != trail.calls[key].definite:
            world.violated(3, f"{key} is {attempt.state}, the log says {trail.calls[key].answer}")
