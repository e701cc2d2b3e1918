"""Every gateway that a renewal is tried against reads a period's payments alike: Stripe's adapter and those that stand in for it."""

from dataclasses import replace
from typing import Any

import pytest

from renewd.ports import Gateway
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt
from renewd.renewal.money import Money
from renewd.renewal.outcome import Declined, Done, Finding, Outcome, Pending
from tests.adapters.scripted import said
from tests.adapters.stripe_answers import FUNDS, gateway, intent, page
from tests.contracts.attempts import NOW, charge
from tests.contracts.periods import CLEAR_PAIRS, PAIRS
from tests.fakes import FakeClock, FakeGateway
from tests.fakes import Payment as FakePayment
from tests.simulation.gateway import GatewayBooks
from tests.simulation.gateway import Payment as BookedPayment
from tests.simulation.world import CALM, World

OURS, OTHER = charge(), charge(number=2)
TOO_MUCH = Money(7100, "USD")
OUTCOMES: dict[str, Outcome] = {
    "taken": Done("pi_1"),
    "wrong": Done("pi_1"),
    "pending": Pending("pi_1"),
    "declined": Declined(DeclineClass.LATER, "insufficient_funds", "pi_1"),
}
INTENTS: dict[str, dict[str, Any]] = {
    "taken": intent(),
    "wrong": intent(amount=TOO_MUCH.minor, amount_received=TOO_MUCH.minor),
    "pending": intent("processing"),
    "unclear": intent("new"),
    "declined": intent("requires_payment_method", last_payment_error=FUNDS),
}


def listed(ours: str, other: str) -> list[tuple[Attempt, str]]:
    return [(attempt, state) for attempt, state in ((OURS, ours), (OTHER, other)) if state]


def as_stripe(payments: list[tuple[Attempt, str]]) -> Gateway:
    intents = [
        {**INTENTS[state], "metadata": {**intent()["metadata"], "attempt": str(attempt.number)}}
        for attempt, state in payments
    ]
    ours, _ = gateway(said(200, page(*intents)))
    return ours


def as_fake(payments: list[tuple[Attempt, str]]) -> Gateway:
    clock = FakeClock(NOW)
    fake = FakeGateway(clock)
    for attempt, state in payments:
        amount = TOO_MUCH if state == "wrong" else attempt.amount
        assert amount
        later = NOW.max.replace(tzinfo=NOW.tzinfo) if state == "pending" else NOW
        fake.payments.append(FakePayment("pi_1", attempt, amount, NOW, later, OUTCOMES[state]))
    return fake


def as_simulated(payments: list[tuple[Attempt, str]]) -> GatewayBooks:
    books = GatewayBooks(World(0, CALM, NOW, twins=False))
    for attempt, state in payments:
        marks = (attempt.subscription_id, attempt.period_start, attempt.number)
        amount = TOO_MUCH if state == "wrong" else attempt.amount
        assert amount
        kept = BookedPayment("pi_1", attempt.key, marks, "pm_ok", amount, NOW, NOW, "paid", OUTCOMES[state])
        kept.state = "pending" if state == "pending" else "declined" if state == "declined" else "paid"
        books.payments.append(kept)
    return books


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(("ours", "other", "finding"), PAIRS)
async def test_stripe_hides_nothing_that_takes_money(
    ours: str, other: str, finding: type[Finding], newest_first: bool
) -> None:
    payments = listed(ours, other)
    found = await as_stripe(payments[::-1] if newest_first else payments).find(OURS)
    assert type(found) is finding


@pytest.mark.parametrize(("ours", "other", "finding"), CLEAR_PAIRS)
async def test_the_stand_ins_agree(ours: str, other: str, finding: type[Finding]) -> None:
    payments = listed(ours, other)
    assert type(await as_fake(payments).find(OURS)) is finding
    assert type(as_simulated(payments).find(OURS)) is finding


@pytest.mark.parametrize("state", ["taken", "pending", "declined"])
async def test_two_payments_under_one_attempt_are_told_by_all_alike(state: str) -> None:
    """As after a key was forgotten, and the same request charged anew."""
    twice = [(OURS, "taken"), (replace(OURS), state)]
    found = {type(await make(twice).find(OURS)).__name__ for make in (as_stripe, as_fake)}
    found.add(type(as_simulated(twice).find(OURS)).__name__)
    assert found == {"Done" if state == "declined" else "Mismatch"}
