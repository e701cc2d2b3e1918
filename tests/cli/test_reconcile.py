"""The reckoning finds each way in which the gateway's ledger and the audit log can disagree."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from renewd.cli.reconcile import Ledger, Reconciliation, reconciled
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.model import Renewal, Stage, compact
from renewd.renewal.money import Money

START = datetime(2026, 12, 8, 5, tzinfo=UTC)
TEN = Money(1000, "USD")


@dataclass
class Story:
    """One renewal that was declined, then paid and extended, as both sides tell it."""

    intents: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    lost: int = 0

    def reckoning(self) -> Reconciliation:
        log = [AuditRow(sequence, event) for sequence, event in enumerate(self.events, 1)]
        return reconciled(Ledger(self.intents, self.requests), log, self.renewals, self.lost)


def told(name: str = "S-1") -> Story:
    """Tell the story of one subscription, in which nothing is wrong."""
    renewal = Renewal(
        name, START, START.replace(month=1, year=2027), START, START, None, Stage.EXTENDED, paid=TEN
    )
    keys = [f"{renewal.id}/{each}" for each in ("charge/1", "charge/2", "extend/1")]
    return Story(
        intents=[intent(name, "requires_payment_method"), intent(name)],
        requests=[{"seq": n, "key": key} for n, key in enumerate(keys, 1)],
        events=[
            Event("charge.attempted", START, renewal=renewal.id, key=keys[0]),
            Event("charge.declined", START, renewal=renewal.id, key=keys[0], amount=TEN),
            Event("charge.attempted", START, renewal=renewal.id, key=keys[1]),
            Event("charge.succeeded", START, renewal=renewal.id, key=keys[1], amount=TEN),
            Event("extend.attempted", START, renewal=renewal.id, key=keys[2]),
            Event("renewal.completed", START, renewal=renewal.id, amount=TEN),
        ],
        renewals=[renewal],
    )


def intent(name: str = "S-1", status: str = "succeeded", received: int = 1000) -> dict[str, Any]:
    return {
        "status": status,
        "amount_received": received if status == "succeeded" else 0,
        "currency": "usd",
        "metadata": {"subscription": name, "period_start": compact(START)},
    }


def without(story: Story, name: str) -> None:
    story.events = [each for each in story.events if each.name != name]


def at_stage(story: Story, stage: Stage) -> None:
    story.renewals = [replace(each, stage=stage) for each in story.renewals]


def unlogged(story: Story, stage: Stage) -> None:
    """Have the gateway's answer to the charge lost, and the renewal at `stage`."""
    without(story, "charge.succeeded")
    at_stage(story, stage)


def sums(story: Story, received: int) -> None:
    story.intents[1] = intent(received=received)


def gone(story: Story) -> None:
    story.renewals.clear()


def twice(story: Story) -> None:
    story.intents.append(intent())


def unpaid(story: Story) -> None:
    story.intents.pop()


def stray(story: Story) -> None:
    story.requests.append({"seq": 4, "key": "S-1/20261208T050000Z/charge/3"})


def keyless(story: Story) -> None:
    story.requests.append({"seq": 4, "key": None})


ID = f"S-1/{compact(START)}"
MUTANTS: dict[str, tuple[Callable[[Story], object], str]] = {
    "a request without a row": (stray, f"request 4 ({ID}/charge/3) has no row in the audit log"),
    "a request without a key": (keyless, "request 4 (None) has no row in the audit log"),
    "an attempt's row is gone": (
        lambda story: without(story, "charge.attempted"),
        f"request 1 ({ID}/charge/1) has no row in the audit log",
    ),
    "an extension's row is gone": (
        lambda story: without(story, "extend.attempted"),
        f"request 3 ({ID}/extend/1) has no row in the audit log",
    ),
    "a charge of a renewal that is not known": (gone, f"{ID} was charged 10.00 USD and is not known"),
    "a charge that the log does not know, extended": (
        lambda story: unlogged(story, Stage.EXTENDED),
        f"{ID} was charged 10.00 USD, but is extended",
    ),
    "a charge that the log does not know, lapsed": (
        lambda story: unlogged(story, Stage.LAPSED),
        f"{ID} was charged 10.00 USD, but is lapsed",
    ),
    "a charge that the log does not know, canceled": (
        lambda story: unlogged(story, Stage.CANCELED),
        f"{ID} was charged 10.00 USD, but is canceled",
    ),
    "another amount than the log says": (
        lambda story: sums(story, 1100),
        f"{ID} was charged 11.00 USD, not 10.00 USD",
    ),
    "a payment that the gateway does not know": (
        unpaid,
        f"{ID} is paid in the log, but the gateway knows of no charge",
    ),
}


@pytest.mark.parametrize(("mutate", "problem"), MUTANTS.values(), ids=MUTANTS)
def test_each_disagreement_is_found(mutate: Callable[[Story], object], problem: str) -> None:
    story = told()
    mutate(story)
    result = story.reckoning()
    assert problem in result.problems
    assert not result.agrees


def test_a_renewal_charged_twice_is_counted_even_when_the_log_knows_it() -> None:
    story = told()
    twice(story)
    result = story.reckoning()
    assert (result.charged_twice, result.problems, result.agrees) == (1, [], False)


def test_a_subscription_that_was_never_taken_up_is_no_agreement() -> None:
    result = replace(told(), lost=1).reckoning()
    assert (result.lost, result.problems, result.agrees) == (1, [], False)


@pytest.mark.parametrize("stage", [Stage.DUE, Stage.CHARGED, Stage.REVIEW])
def test_a_charge_that_is_still_to_be_settled_is_no_disagreement(stage: Stage) -> None:
    story = told()
    unlogged(story, stage)
    assert story.reckoning().agrees


def test_what_agrees_is_counted() -> None:
    one, other = told("S-1"), told("S-2")
    other.intents[1]["currency"] = "eur"
    other.events = [replace(each, amount=Money(1000, "EUR")) for each in other.events]
    result = Story(
        one.intents + other.intents,
        one.requests + other.requests,
        one.events + other.events,
        one.renewals + other.renewals,
    ).reckoning()
    assert result.agrees
    assert result.stages == {"extended": 2}
    assert (result.attempts, result.requests, result.recovered, result.charged_twice) == (6, 6, 2, 0)
    assert result.money() == [Money(1000, "EUR"), TEN]


def test_a_renewal_that_was_declined_and_not_paid_counts_as_no_recovery() -> None:
    story = told()
    unpaid(story)
    unlogged(story, Stage.LAPSED)
    result = story.reckoning()
    assert result.agrees
    assert result.recovered == 0
