"""The gateway's own books: what was asked of it, what it took, and what it shows in its list.

It keeps a key for a day: the same request again gets the answer that was saved; after that the key is forgotten,
and the same request is a new charge.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt, Renewal
from renewd.renewal.money import Money
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
from tests.simulation.world import SETTLE_AFTER, World

KEPT_FOR = timedelta(hours=24)
LATEST = SETTLE_AFTER - timedelta(seconds=30)
DECLINES = (
    *[DeclineClass.LATER] * 8,
    *[DeclineClass.TECHNICAL] * 2,
    *[DeclineClass.NEVER] * 2,
    DeclineClass.FIX_DATA,
    DeclineClass.CUSTOMER_ACTION,
    DeclineClass.OURS,
)


@dataclass(slots=True)
class Request:
    """One request as it left the daemon. `database` counts the backups put in place before it."""

    at: datetime
    key: str
    body: tuple[object, ...]
    database: int


@dataclass(slots=True)
class Payment:
    """One payment in the gateway's list. `marks` are the attempt's: subscription, period start and number."""

    reference: str
    key: str
    marks: tuple[str, datetime, int]
    token: str
    money: Money
    at: datetime
    listed_at: datetime
    state: Literal["paid", "declined", "pending", "refunded"]
    answer: Outcome


class GatewayBooks:
    """One gateway, for the whole of a history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.requests: list[Request] = []
        self.payments: list[Payment] = []
        self._saved: dict[str, tuple[datetime, tuple[object, ...], Outcome]] = {}

    def charge(self, attempt: Attempt) -> Outcome:
        """Take a request, or lose it, or lose the answer."""
        world, odds, rng = self._world, self._world.odds, self._world.rng
        self._seen(attempt)
        if world.chance(odds.unreached):
            return _unreached(world)
        if world.chance(odds.lost):
            return Unknown("lost on the way there")
        if world.chance(odds.late):
            delay = timedelta(seconds=rng.uniform(1, LATEST.total_seconds()))
            world.later(delay, lambda: self._arrives_late(attempt))
            return Unknown("no answer in time")
        answer = self._arrives(attempt)
        return Unknown("lost on the way back") if world.chance(odds.lost) else answer

    def _seen(self, attempt: Attempt) -> None:
        self.requests.append(Request(self._world.now, attempt.key, _body(attempt), len(self._world.lost)))
        sent = sum(request.key == attempt.key for request in self.requests)
        if self._world.belief.attempted[attempt.key] < sent:
            self._world.violated(3, f"the gateway sees {attempt.key}, which no row tells of")

    def _arrives_late(self, attempt: Attempt) -> None:
        self._world.note("arrives late", f"{attempt.key} {self._arrives(attempt)}")

    def _arrives(self, attempt: Attempt) -> Outcome:
        now, body = self._world.now, _body(attempt)
        saved_at, saved_body, saved = self._saved.get(attempt.key, (None, body, None))
        if saved and saved_at and now < saved_at + KEPT_FOR:
            return saved if saved_body == body else Unknown("the key was used for another request")
        payment = self._decide(attempt)
        self.payments.append(payment)
        answer = payment.answer
        if self._world.chance(self._world.odds.saved_500):
            answer = Unknown("answered with 500")
        elif payment.money != attempt.amount:
            answer = Unknown("another amount")
        self._saved[attempt.key] = (now, body, answer)
        return answer

    def _decide(self, attempt: Attempt) -> Payment:
        world, odds, rng = self._world, self._world.odds, self._world.rng
        reference, money = f"pi_{len(self.payments)}", attempt.amount or Money(0, "USD")
        stale = timedelta(seconds=rng.uniform(1, 300)) if world.chance(odds.stale) else timedelta(0)
        payment = Payment(
            reference,
            attempt.key,
            _marks(attempt),
            attempt.method_token,
            money,
            world.now,
            world.now + stale,
            "paid",
            Done(reference),
        )
        if world.chance(odds.declined):
            self._declines(payment)
        elif world.chance(odds.pending):
            payment.state, payment.answer = "pending", Pending(reference)
            world.later(timedelta(days=rng.uniform(0.01, 5)), lambda: self._ripens(payment))
        elif world.chance(odds.mismatch):
            payment.money = Money(money.minor + 1, money.currency)
        return payment

    def of(self, renewal: Renewal) -> list[Payment]:
        """Give the payments of a renewal that are taken, or may yet be."""
        period = (renewal.subscription_id, renewal.period_start)
        return [
            each for each in self.payments if each.marks[:2] == period and each.state in ("paid", "pending")
        ]

    def _ripens(self, payment: Payment) -> None:
        if payment.state == "refunded":
            return
        if self._world.chance(0.4):
            self._declines(payment)
        else:
            payment.state, payment.answer = "paid", Done(payment.reference)
        self._world.note(f"the bank has decided: {payment.answer}", payment.key)

    def _declines(self, payment: Payment) -> None:
        rng, payment.state = self._world.rng, "declined"
        if self._world.chance(0.08):
            payment.answer = ActionRequired("authentication_required", payment.reference)
            return
        advice = timedelta(hours=rng.choice((0, 0, 0, 24, 72)))
        each = rng.choice(DECLINES)
        payment.answer = Declined(each, f"{each}_code", payment.reference, advice)

    def find(self, attempt: Attempt) -> Finding:
        """Read the list, as far as it can be read and as fresh as it is."""
        world = self._world
        if world.chance(world.odds.unreached):
            return _unreached(world)
        if world.chance(world.odds.unreadable):
            return Unknown("unreadable list")
        marks = _marks(attempt)
        listed = [
            each for each in self.payments if each.marks[:2] == marks[:2] and each.listed_at <= world.now
        ]
        readings = [_reading(each, attempt) for each in listed]
        done = [each for each in readings if isinstance(each, Done)]
        if done and sum(isinstance(each, Done | Pending) for each in readings) > 1:
            return Mismatch("charged more than once, or about to be", done[0].reference)
        for rank in (Mismatch, Done, Pending):
            for each in readings:
                if isinstance(each, rank):
                    return each
        ours = [_reading(each, attempt) for each in listed if each.marks == marks]
        return ours[-1] if ours else Absent()


def _body(attempt: Attempt) -> tuple[object, ...]:
    return attempt.amount, attempt.gateway_customer, attempt.method_token, attempt.plan, _marks(attempt)


def _marks(attempt: Attempt) -> tuple[str, datetime, int]:
    return attempt.subscription_id, attempt.period_start, attempt.number


def _reading(payment: Payment, attempt: Attempt) -> Finding:
    if payment.state == "paid" and payment.money != attempt.amount:
        return Mismatch("another amount", payment.reference)
    return payment.answer


def _unreached(world: World) -> Unreached:
    kind = world.rng.random()
    if kind < 0.3:
        return Unreached("busy", timedelta(seconds=world.rng.uniform(1, 600)))
    return Unreached("turned away", refused=True) if kind < 0.4 else Unreached("refused the connection")
