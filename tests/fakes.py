"""A world in memory, for a simulation or a test: it answers the ports, never sleeps, and keeps a ledger.

What fails, and when, is decided by a script that is asked at every request; without one, the names of payment
methods and lines ask for their faults as they do in `renewd.sandbox`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

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
    Mismatch,
    Outcome,
    Pending,
    Unknown,
    Unreached,
)

KEY_LIFETIME = timedelta(hours=24)
PROCESSING = timedelta(hours=1)
LATE = timedelta(minutes=3)
OVERCHARGE = 100  # minor units

_T = TypeVar("_T")


class Fault(StrEnum):
    """What can go wrong with one request."""

    NOT_SENT = "not_sent"  # provably never left
    TURNED_AWAY = "turned_away"  # 429: arrived, not looked at
    REFUSED = "refused"  # 401: nobody of ours is let in
    LOST_REQUEST = "lost_request"  # never arrives, and nobody can tell
    LOST_ANSWER = "lost_answer"  # carried out, and nobody can tell
    LATE = "late"  # carried out after we have given up
    BROKEN = "broken"  # carried out, and every repeat of the key gets the same unreadable answer
    WRONG_AMOUNT = "wrong_amount"  # carried out for too much
    CRASH_BEFORE = "crash_before"  # we die before the request leaves
    CRASH_AFTER = "crash_after"  # carried out, and we die before we hear of it


Script = Callable[[Attempt], Fault | None]


class Crashed(BaseException):
    """The process dies here; what was not durable is gone."""


class FakeClock:
    """Stands where it is put."""

    def __init__(self, now: datetime) -> None:
        self._start = self._now = now

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return (self._now - self._start).total_seconds()

    def moved(self) -> timedelta:
        return timedelta(0)

    def alarm(self, instant: datetime) -> datetime:
        self._now = max(self._now, instant)
        return self._now

    def advance(self, span: timedelta) -> datetime:
        return self.alarm(self._now + span)


@dataclass(frozen=True)
class Request:
    """One request that reached a provider."""

    at: datetime
    key: str
    repeated: bool


@dataclass(frozen=True)
class Payment:
    """One entry of the gateway's list. `outcome` is what became of it at once; `settles_at` when it is paid."""

    reference: str
    attempt: Attempt
    amount: Money
    made_at: datetime
    settles_at: datetime
    outcome: Outcome

    def finding(self, now: datetime) -> Finding:
        if not isinstance(self.outcome, Done | Pending):
            return self.outcome
        if now < self.settles_at:
            return Pending(self.reference)
        asked = self.attempt.amount
        return Done(self.reference) if self.amount == asked else Mismatch("another amount", self.reference)


class FakeGateway:
    """Charges, keeps every key for 24 hours and its ledger for ever."""

    def __init__(self, clock: FakeClock, name: str = "fake", script: Script | None = None) -> None:
        self.name = name
        self.longest_call = timedelta(minutes=1)
        self.payments: list[Payment] = []
        self.requests: list[Request] = []
        self.misused: list[str] = []  # keys that came again with other parameters
        self._clock = clock
        self._script = script or self._named_fault
        self._saved: dict[str, Payment] = {}
        self._late: list[tuple[datetime, Attempt]] = []
        self._asked: Counter[str] = Counter()

    async def charge(self, attempt: Attempt) -> Outcome:
        await asyncio.sleep(0)
        self._asked[attempt.key] += 1
        fault = self._script(attempt)
        if (early := _never_arrived(fault)) is not None:
            return early
        if fault is Fault.LATE:
            self._late.append((self._clock.now() + LATE, attempt))
            return Unknown("late")
        outcome = self._arrived(attempt, fault)
        await asyncio.sleep(0)
        return _answer_of(outcome, fault)

    async def find(self, attempt: Attempt) -> Finding:
        await asyncio.sleep(0)
        self._let_in()
        period = [
            each for each in reversed(self.payments) if _marks(each.attempt)[:-1] == _marks(attempt)[:-1]
        ]
        found = [(each.finding(self._clock.now()), each.attempt.number == attempt.number) for each in period]
        return _weightiest(
            [each for each, ours in found if ours or isinstance(each, Mismatch | Done | Pending)]
        )

    def share(self, daemons: int) -> None:
        pass

    async def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> list[Payment]:
        """The payments for which money was taken, or is being taken."""
        self._let_in()
        return [each for each in self.payments if isinstance(each.outcome, Done | Pending)]

    def double_charges(self) -> list[tuple[str, datetime]]:
        """The periods that were paid for more than once."""
        periods = Counter((each.attempt.subscription_id, each.attempt.period_start) for each in self.taken())
        return [period for period, times in periods.items() if times > 1]

    def _let_in(self) -> None:
        """Carry out what was late and has arrived by now."""
        now = self._clock.now()
        due = sorted((each for each in self._late if each[0] <= now), key=lambda each: each[0])
        self._late = [each for each in self._late if each[0] > now]
        for at, attempt in due:
            self._execute(attempt, at, None)

    def _arrived(self, attempt: Attempt, fault: Fault | None) -> Outcome:
        self._let_in()
        return self._execute(attempt, self._clock.now(), fault)

    def _execute(self, attempt: Attempt, at: datetime, fault: Fault | None) -> Outcome:
        saved = self._saved.get(attempt.key)
        if saved is not None and at - saved.made_at >= KEY_LIFETIME:
            saved = None
        self.requests.append(Request(at, attempt.key, saved is not None))
        if saved is None:
            saved = self._saved[attempt.key] = self._made(attempt, at, fault)
            self.payments.append(saved)
        elif _parameters(saved.attempt) != _parameters(attempt):
            self.misused.append(attempt.key)
            return Unknown("key used with other parameters")
        if isinstance(saved.outcome, Done) and saved.amount != saved.attempt.amount:
            return Unknown("another amount")
        return saved.outcome

    def _made(self, attempt: Attempt, at: datetime, fault: Fault | None) -> Payment:
        assert attempt.amount is not None
        reference = f"pi_{len(self.payments) + 1}"
        outcome = self._verdict(attempt, reference)
        amount = attempt.amount
        if fault is Fault.WRONG_AMOUNT and isinstance(outcome, Done):
            amount = replace(amount, minor=amount.minor + OVERCHARGE)
        settles_at = at + PROCESSING if isinstance(outcome, Pending) else at
        return Payment(reference, attempt, amount, at, settles_at, outcome)

    def _verdict(self, attempt: Attempt, reference: str) -> Outcome:
        token, later = attempt.method_token, DeclineClass.LATER
        if token.startswith(("pm_insufficient_funds_x2", "pm_do_not_honor_x1")):
            most = 2 if "x2" in token else 1
            declined = sum(
                isinstance(each.outcome, Declined) and _period(each.attempt) == _period(attempt)
                for each in self.payments
            )
            code = "insufficient_funds" if "x2" in token else "do_not_honor"
            return Declined(later, code, reference) if declined < most else Done(reference)
        verdicts: dict[str, Outcome] = {
            "pm_insufficient_funds": Declined(later, "insufficient_funds", reference),
            "pm_lost_card": Declined(DeclineClass.NEVER, "lost_card", reference),
            "pm_expired_card": Declined(DeclineClass.FIX_DATA, "expired_card", reference),
            "pm_authentication_required": ActionRequired("authentication_required", reference),
            "pm_processing": Pending(reference),
        }
        return _named(verdicts, token) or Done(reference)

    def _named_fault(self, attempt: Attempt) -> Fault | None:
        faults = {
            "pm_timeout_after_charge": Fault.LOST_ANSWER,
            "pm_reset_after_charge": Fault.LOST_ANSWER,
            "pm_slow_drip": Fault.LOST_ANSWER,
            "pm_huge_body": Fault.LOST_ANSWER,
            "pm_500_after_charge": Fault.BROKEN,
            "pm_garbage_after_charge": Fault.BROKEN,
            "pm_reset_before": Fault.LOST_REQUEST,
            "pm_wrong_amount": Fault.WRONG_AMOUNT,
        }
        fault = _named(faults, attempt.method_token)
        return fault if self._asked[attempt.key] == 1 or fault is Fault.BROKEN else None


@dataclass(frozen=True)
class Extension:
    """One extension asked of the carrier; `outcome` is what became of it at once."""

    attempt: Attempt
    until: datetime
    settles_at: datetime
    outcome: Outcome

    def finding(self, now: datetime) -> Finding:
        pending = isinstance(self.outcome, Pending)
        return Done(self.attempt.key) if pending and now >= self.settles_at else self.outcome


class FakeCarrier:
    """Extends lines to absolute dates; a reference asked again changes nothing."""

    def __init__(self, clock: FakeClock, name: str = "fake", script: Script | None = None) -> None:
        self.name = name
        self.longest_call = timedelta(minutes=1)
        self.extensions: dict[str, Extension] = {}
        self.requests: list[Request] = []
        self._clock = clock
        self._script = script or self._named_fault
        self._late: list[tuple[datetime, Attempt]] = []
        self._asked: Counter[str] = Counter()

    async def extend(self, attempt: Attempt) -> Outcome:
        await asyncio.sleep(0)
        self._asked[attempt.key] += 1
        fault = self._script(attempt)
        if (early := _never_arrived(fault)) is not None:
            return early
        if fault is Fault.LATE:
            self._late.append((self._clock.now() + LATE, attempt))
            return Unknown("late")
        self._let_in()
        outcome = self._execute(attempt, self._clock.now())
        await asyncio.sleep(0)
        return _answer_of(outcome, fault)

    async def find(self, attempt: Attempt) -> Finding:
        await asyncio.sleep(0)
        self._let_in()
        found = self.extensions.get(attempt.key)
        if found is not None:
            return found.finding(self._clock.now())
        until = self.until(attempt.line)
        reached = until is not None and attempt.extend_to is not None and until >= attempt.extend_to
        return Done(attempt.key) if reached else Absent()

    def share(self, daemons: int) -> None:
        pass

    async def close(self) -> None:
        """Nothing is open."""

    def until(self, line: str) -> datetime | None:
        """When the line ends, if it was ever extended."""
        self._let_in()
        now = self._clock.now()
        ends = [
            each.until
            for each in self.extensions.values()
            if each.attempt.line == line and isinstance(each.finding(now), Done)
        ]
        return max(ends, default=None)

    def _let_in(self) -> None:
        now = self._clock.now()
        due = [each for each in self._late if each[0] <= now]
        self._late = [each for each in self._late if each[0] > now]
        for at, attempt in due:
            self._execute(attempt, at)

    def _execute(self, attempt: Attempt, at: datetime) -> Outcome:
        assert attempt.extend_to is not None
        known = self.extensions.get(attempt.key)
        self.requests.append(Request(at, attempt.key, known is not None))
        if known is not None:
            finding = known.finding(at)
            assert not isinstance(finding, Mismatch | Absent)
            return finding
        ends = self._ends(attempt.line)
        if ends is not None and attempt.extend_to < ends:
            return Declined(DeclineClass.OURS, "already_later")
        outcome = self._verdict(attempt)
        settles_at = at + PROCESSING if isinstance(outcome, Pending) else at
        self.extensions[attempt.key] = Extension(attempt, attempt.extend_to, settles_at, outcome)
        return outcome

    def _ends(self, line: str) -> datetime | None:
        ours = (each for each in self.extensions.values() if each.attempt.line == line)
        return max((each.until for each in ours if isinstance(each.outcome, Done)), default=None)

    def _verdict(self, attempt: Attempt) -> Outcome:
        verdicts: dict[str, Outcome] = {
            "extend_pending": Pending(attempt.key),
            "extend_refused": Declined(DeclineClass.OURS, "line_not_renewable"),
        }
        return _named(verdicts, attempt.line) or Done(attempt.key)

    def _named_fault(self, attempt: Attempt) -> Fault | None:
        faults = dict.fromkeys(
            ("extend_500_after", "extend_reset_after", "extend_timeout_after"), Fault.LOST_ANSWER
        )
        return _named(faults, attempt.line) if self._asked[attempt.key] == 1 else None


class FakeMessenger:
    """Keeps letters by their message id; `fails` says which it cannot deliver now."""

    def __init__(self, fails: Callable[[Letter], bool] = lambda _: False) -> None:
        self.letters: dict[str, Letter] = {}
        self.tries = 0
        self._fails = fails

    async def send(self, letter: Letter) -> None:
        await asyncio.sleep(0)
        self.tries += 1
        if self._fails(letter):
            raise OSError("the mail server said 451")
        self.letters.setdefault(letter.message_id, letter)


def _never_arrived(fault: Fault | None) -> Unreached | Unknown | None:
    match fault:
        case Fault.NOT_SENT:
            return Unreached("ConnectError")
        case Fault.TURNED_AWAY:
            return Unreached("rate limited", retry_after=timedelta(seconds=30))
        case Fault.REFUSED:
            return Unreached("turned away with 401", refused=True)
        case Fault.LOST_REQUEST:
            return Unknown("ReadError")
        case Fault.CRASH_BEFORE:
            raise Crashed
        case _:
            return None


def _answer_of(outcome: Outcome, fault: Fault | None) -> Outcome:
    if fault is Fault.CRASH_AFTER:
        raise Crashed
    return Unknown("ReadError") if fault in {Fault.LOST_ANSWER, Fault.BROKEN} else outcome


def _weightiest(findings: list[Finding]) -> Finding:
    done = [each for each in findings if isinstance(each, Done)]
    if done and sum(isinstance(each, Done | Pending) for each in findings) > 1:
        return Mismatch("charged more than once, or about to be", done[0].reference)
    ranks: tuple[type, ...] = (Mismatch, Done, Pending)
    ordered: Iterator[Finding] = (each for rank in ranks for each in findings if isinstance(each, rank))
    return next(ordered, findings[0] if findings else Absent())


def _named(table: dict[str, _T], name: str) -> _T | None:
    hits = [key for key in table if name == key or name.startswith((f"{key}_", f"{key}-"))]
    return table[max(hits, key=len)] if hits else None


def _period(attempt: Attempt) -> tuple[str, datetime, str]:
    return attempt.subscription_id, attempt.period_start, attempt.method_token


def _marks(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.gateway_customer,
        attempt.subscription_id,
        attempt.period_start,
        attempt.leg,
        attempt.number,
    )


def _parameters(attempt: Attempt) -> tuple[object, ...]:
    return attempt.amount, attempt.gateway_customer, attempt.method_token, attempt.plan
