"""What is to come: the instant of a charge, the ladder with its dates, the bars, and the days ahead."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from renewd.renewal import step
from renewd.renewal.begin import opened
from renewd.renewal.foresee import (
    Charge,
    bars,
    case_of,
    charge_at,
    forecast,
    ladder,
    next_method,
    present_renewal,
    replanned,
)
from renewd.renewal.model import AttemptState, Case, HoldReason, Renewal, Stage, SubscriptionState
from renewd.renewal.query import Dossier, Listed
from tests.renewal.building import (
    AMEX,
    DAY,
    EXPIRY,
    HOUR,
    NOON,
    PERIOD_END,
    POLICY,
    PRICE,
    VISA,
    at,
    case,
    moment,
    policy,
    renewal,
    seat,
    subscription,
)

OPENS = at("2026-11-20 12:00")


def rungs(given: Case, **defaults: Any) -> list[tuple[datetime, bool]]:
    terms = policy(**defaults).terms_for(given.subscription)
    return [(rung.at, rung.in_time) for rung in ladder(given, terms, NOON)]


def test_every_rung_falls_into_the_charge_window() -> None:
    assert rungs(case(), retry=["2h", "6h", "1d"]) == [
        (NOON + 2 * HOUR, True),
        (seat("2026-11-24"), True),
        (seat("2026-11-25"), True),
    ]


def test_a_ladder_goes_on_from_the_rung_that_was_reached() -> None:
    assert rungs(case(ladder_step=2), retry=["2h", "6h", "1d"]) == [(NOON + DAY, True)]


def test_a_ladder_that_is_climbed_has_no_rung_left() -> None:
    assert rungs(case(ladder_step=3), retry=["2h", "6h", "1d"]) == []


def test_a_rung_past_the_deadline_is_never_reached_nor_any_after_it() -> None:
    found = rungs(case(), retry=["5d", "6d", "1h"], charge_window="00:00-23:59")
    assert found == [(NOON + 5 * DAY, True), (NOON + 11 * DAY, False), (NOON + 11 * DAY + HOUR, False)]


@pytest.mark.parametrize(
    ("renewal_", "changes", "expected"),
    [
        (None, {"opens_at": OPENS}, NOON),
        (None, {"opens_at": NOON + DAY}, NOON + DAY),
        (None, {"opens_at": NOON + DAY, "state": SubscriptionState.PAUSED}, NOON + DAY),
        (None, {"plan": "gone"}, None),
        (renewal(next_at=NOON + DAY), {}, NOON + DAY),
        (renewal(next_at=NOON - DAY), {}, NOON),
        (renewal(stage=Stage.CHARGED), {}, None),
        (renewal(stage=Stage.SKIPPED, next_at=None), {}, None),
        (renewal(period_start=EXPIRY - 30 * DAY, stage=Stage.EXTENDED), {"opens_at": NOON + DAY}, NOON + DAY),
    ],
)
def test_the_next_charge_is_where_the_renewal_or_the_plan_puts_it(
    renewal_: Renewal | None, changes: dict[str, Any], expected: datetime | None
) -> None:
    assert charge_at(subscription(**changes), renewal_, moment()) == expected


def test_what_was_never_planned_is_planned_now() -> None:
    found = charge_at(subscription(state=SubscriptionState.PAUSED), None, moment("2026-11-01 12:00"))
    assert found is not None
    assert at("2026-11-22 09:00") <= found < at("2026-11-23 18:00")


def test_a_new_policy_moves_only_what_has_not_been_opened() -> None:
    earlier = policy(renew_before="10d")
    moved = replanned(subscription(opens_at=NOON), None, earlier).opens_at
    assert moved is not None
    assert moved < NOON - DAY
    assert replanned(subscription(opens_at=None), renewal(), earlier).opens_at is None


def test_only_the_renewal_of_the_present_period_counts() -> None:
    assert present_renewal(subscription(), renewal()) == renewal()
    assert present_renewal(subscription(current_period_end=PERIOD_END), renewal()) is None
    assert present_renewal(subscription(), None) is None


@pytest.mark.parametrize(
    ("changes", "now", "barred"),
    [
        ({}, NOON, {}),
        ({"state": SubscriptionState.PAUSED}, NOON, {"state": "it is paused"}),
        ({"halted": True}, NOON, {"halt": "all charging is halted by the operator"}),
        ({"email": ""}, NOON, {"contact": "the customer has no e-mail address"}),
        ({"methods": ()}, NOON, {"payment_method": "no payment method is left to try"}),
        ({"spent": ("pm_visa",)}, NOON, {"payment_method": "no payment method is left to try"}),
        (
            {"overrides": {"price": "900.00 USD"}},
            NOON,
            {"max_amount": "900.00 USD is above brake.max_amount (500.00 USD)"},
        ),
        (
            {"declines": tuple(("visa", NOON - HOUR) for _ in range(10))},
            NOON,
            {"card_limits": "the card rests until 2026-11-24 16:00Z"},
        ),
        (
            {"hold": HoldReason.BREAKER, "reason": "the gateway does not answer"},
            NOON,
            {"breaker": "the gateway does not answer"},
        ),
        (
            {"halted": True, "email": "", "methods": ()},
            NOON,
            {
                "halt": "all charging is halted by the operator",
                "contact": "the customer has no e-mail address",
                "payment_method": "no payment method is left to try",
            },
        ),
    ],
)
def test_everything_that_stands_in_the_way_is_named(
    changes: dict[str, Any], now: datetime, barred: dict[str, str]
) -> None:
    found = bars(case(**changes), moment(now))
    assert {name: how for name, how in found.items() if how} == barred


def test_the_next_method_is_the_first_that_need_not_rest() -> None:
    tired = tuple(("visa", NOON - HOUR) for _ in range(10))
    assert next_method(case(methods=(VISA, AMEX)), moment()) == (VISA, NOON)
    assert next_method(case(methods=(VISA, AMEX), declines=tired), moment()) == (AMEX, NOON)
    assert next_method(case(declines=tired), moment()) == (VISA, NOON + 23 * HOUR)
    assert next_method(case(methods=()), moment()) is None


def dossier(**changes: Any) -> Dossier:
    given = case()
    return replace(Dossier(given.subscription, given.customer, given.methods, (), ()), **changes)


def test_a_case_is_that_of_the_renewal_under_way_with_its_open_attempt() -> None:
    attempt = replace(_attempt(), state=AttemptState.SENT)
    done = replace(_attempt(), number=9, state=AttemptState.DECLINED)
    found = case_of(dossier(renewals=(renewal(),), attempts=(done, attempt), halted="drill"), moment())
    assert (found.renewal, found.attempt, found.halted) == (renewal(), attempt, True)


def test_a_case_without_a_renewal_is_that_of_the_one_to_be_opened() -> None:
    found = case_of(dossier(), moment())
    assert (found.renewal.period_start, found.renewal.period_end) == (EXPIRY, PERIOD_END)
    assert (found.attempt, found.halted) == (None, False)


def _attempt() -> Any:
    return opened(case(), step.Charge(VISA), moment()).attempt


def charges(
    renewal_: Renewal | None, until: datetime, now: datetime = NOON, **changes: Any
) -> list[datetime]:
    listed = Listed(subscription(**{"opens_at": OPENS} | changes), renewal_)
    found = list(forecast(listed, moment(now), until))
    assert all(each == Charge(each.at, PRICE) for each in found)
    return [each.at for each in found]


@pytest.mark.parametrize(
    ("renewal_", "changes", "first"),
    [
        (None, {}, NOON),
        (None, {"opens_at": NOON + DAY}, NOON + DAY),
        (renewal(next_at=NOON + DAY), {}, NOON + DAY),
        (renewal(hold=HoldReason.BREAKER, next_at=NOON + HOUR), {}, NOON + HOUR),
    ],
)
def test_a_forecast_begins_with_the_charge_that_is_due(
    renewal_: Renewal | None, changes: dict[str, Any], first: datetime
) -> None:
    assert charges(renewal_, NOON + 20 * DAY, **changes) == [first]


@pytest.mark.parametrize(
    ("renewal_", "changes"),
    [
        (None, {"state": SubscriptionState.PAUSED}),
        (None, {"state": SubscriptionState.CANCELED}),
        (None, {"plan": "gone"}),
        (None, {"overrides": {"price": "900.00 USD"}}),
        (None, {"overrides": {"price": "70.00 EUR"}}),
        (renewal(hold=HoldReason.PAYMENT_METHOD), {}),
        (renewal(hold=HoldReason.VERIFICATION), {}),
        (renewal(stage=Stage.SKIPPED, next_at=None), {}),
        (renewal(stage=Stage.REVIEW, next_at=None), {}),
    ],
)
def test_what_waits_for_somebody_is_not_foreseen(renewal_: Renewal | None, changes: dict[str, Any]) -> None:
    assert charges(renewal_, NOON + 90 * DAY, **changes) == []


def test_a_forecast_goes_from_period_to_period() -> None:
    found = charges(None, at("2027-03-01 00:00"))
    assert [f"{each:%Y-%m-%d}" for each in found] == ["2026-11-23", "2026-12-23", "2027-01-23", "2027-02-21"]


def test_what_is_paid_already_is_not_foreseen_again() -> None:
    found = charges(renewal(stage=Stage.CHARGED), at("2027-01-01 00:00"))
    assert [f"{each:%Y-%m-%d}" for each in found] == ["2026-12-23"]


def test_a_period_that_passed_unpaid_is_not_charged_later() -> None:
    assert charges(None, at("2027-03-01 00:00"), now=PERIOD_END) == []


def test_periods_missed_in_an_outage_are_charged_no_closer_than_a_day() -> None:
    weekly = policy({"period": "7d", "renew_before": "2d", "retry": ["1h"], "grace": "1d"})
    listed = Listed(subscription(opens_at=OPENS, current_period_end=EXPIRY), None)
    late = EXPIRY + 6 * DAY
    found = [each.at for each in forecast(listed, moment(late, policy=weekly), late + 5 * DAY)]
    assert found[:2] == [late, late + DAY]
    assert POLICY.digest != weekly.digest
