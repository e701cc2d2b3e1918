"""The days ahead: each charge of a subscription, if every one succeeds at its first try."""

from datetime import datetime
from typing import Any

import pytest

from renewd.renewal.decide import planned
from renewd.renewal.foresee import Charge, forecast
from renewd.renewal.model import HoldReason, Renewal, Stage, SubscriptionState
from renewd.renewal.query import Listed
from tests.renewal.building import (
    DAY,
    EXPIRY,
    HOUR,
    NOON,
    PERIOD_END,
    POLICY,
    PRICE,
    at,
    moment,
    policy,
    renewal,
    seat,
    subscription,
)

OPENS = at("2026-11-20 12:00")


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
        (planned(subscription(opens_at=OPENS), moment(NOON + DAY)).renewal, {}, NOON + DAY),
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
    assert found[:2] == [seat("2026-12-06"), seat("2026-12-07")]
    assert POLICY.digest != weekly.digest
