"""The world outside, in memory: a clock that stands still, and providers that answer from a script.

A provider without a script does what it is asked. A word of a script is used up by one request; the same key sent
again gets the same answer, and a look-up reads what really happened.
"""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt
from renewd.renewal.money import Money
from renewd.renewal.notice import Letter
from renewd.renewal.outcome import (
    Absent,
    ActionRequired,
    Declined,
    Done,
    Finding,
    Outcome,
    Pending,
    Unknown,
    Unreached,
)

DECLINES: dict[str, Outcome] = {
    "insufficient_funds": Declined(DeclineClass.LATER, "insufficient_funds"),
    "lost_card": Declined(DeclineClass.NEVER, "lost_card"),
    "expired_card": Declined(DeclineClass.FIX_DATA, "expired_card"),
    "authentication_required": ActionRequired("authentication_required"),
}
ARRIVES = {"ok", "reply lost"}
KEY_LIFETIME = timedelta(hours=24)


@dataclass
class FrozenClock:
    """Stands where it is put."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def elapsed(self) -> float:
        return 0.0

    def moved(self) -> timedelta:
        return timedelta(0)

    def alarm(self, instant: datetime) -> datetime:
        return instant


@dataclass
class ScriptedGateway:
    """Charges cards as the script of each token says; `paid` is its own list, key by key, and `taken` every payment.

    A key is forgotten after a day, as by a real gateway: the same request is then a new charge.
    """

    clock: FrozenClock
    name: str = "stripe"
    longest_call: timedelta = timedelta(seconds=30)
    scripts: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    down_until: datetime | None = None
    meanwhile: Callable[[], Awaitable[None]] | None = None
    answered: dict[str, Outcome] = field(default_factory=dict)
    paid: dict[str, Money | None] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    used_at: dict[str, datetime] = field(default_factory=dict)

    def will(self, token: str, *words: str) -> None:
        """Script what the next charges of a card meet."""
        self.scripts[token].extend(words)

    def decide(self) -> None:
        """Let everything that is processing succeed."""
        for key, answer in self.answered.items():
            if isinstance(answer, Pending):
                self.answered[key] = Done(answer.reference)

    async def charge(self, attempt: Attempt) -> Outcome:
        """See `ports.Gateway`."""
        if self.down_until and self.clock.now() < self.down_until:
            return Unreached("connection refused")
        if self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        if attempt.key in self.answered and self.clock.now() < self.used_at[attempt.key] + KEY_LIFETIME:
            return self.answered[attempt.key]
        script = self.scripts[attempt.method_token]
        return self._answer(attempt, script.popleft() if script else "ok")

    async def find(self, attempt: Attempt) -> Finding:
        """See `ports.Gateway`."""
        if self.down_until and self.clock.now() < self.down_until:
            return Unreached("connection refused")
        period = f"{attempt.renewal_id}/{attempt.leg}/"
        taken = [
            each for key, each in self.answered.items() if key.startswith(period) and isinstance(each, Done)
        ]
        return taken[0] if taken else self.answered.get(attempt.key, Absent())

    def share(self, daemons: int) -> None:
        pass

    async def close(self) -> None:
        """See `ports.Gateway`."""

    def _answer(self, attempt: Attempt, word: str) -> Outcome:
        if word == "request lost":
            return Unknown("timeout")
        reference = f"pi_{len(self.answered) + 1}"
        answer = DECLINES.get(word, Pending(reference) if word == "processing" else Done(reference))
        self.answered[attempt.key], self.used_at[attempt.key] = answer, self.clock.now()
        if word not in DECLINES:
            self.paid[attempt.key] = attempt.amount
            self.taken.append(attempt.key)
        return Unknown("timeout") if word == "reply lost" else answer


@dataclass
class ScriptedCarrier:
    """Extends lines as its script says; `lines` holds until when each line is good."""

    clock: FrozenClock
    name: str = "tello"
    longest_call: timedelta = timedelta(seconds=30)
    script: deque[str] = field(default_factory=deque)
    down_until: datetime | None = None
    lines: dict[str, datetime | None] = field(default_factory=dict)

    async def extend(self, attempt: Attempt) -> Outcome:
        """See `ports.Carrier`."""
        if self.down_until and self.clock.now() < self.down_until:
            return Unreached("connection refused")
        word = self.script.popleft() if self.script else "ok"
        if word == "line_terminated":
            return Declined(DeclineClass.OURS, word)
        if word in ARRIVES:
            self.lines[attempt.line] = attempt.extend_to
        return Done(f"ext_{attempt.line}") if word == "ok" else Unknown("timeout")

    async def find(self, attempt: Attempt) -> Finding:
        """See `ports.Carrier`."""
        if self.down_until and self.clock.now() < self.down_until:
            return Unreached("connection refused")
        found = self.lines.get(attempt.line) == attempt.extend_to
        return Done(f"ext_{attempt.line}") if found else Absent()

    def share(self, daemons: int) -> None:
        pass

    async def close(self) -> None:
        """See `ports.Carrier`."""


@dataclass
class Mailbox:
    """Keeps every letter."""

    letters: list[Letter] = field(default_factory=list)

    async def send(self, letter: Letter) -> None:
        """See `ports.Messenger`."""
        self.letters.append(letter)
