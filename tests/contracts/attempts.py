"""Attempts to be sent to whoever answers a port."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from renewd.renewal.model import Attempt, Leg, compact
from renewd.renewal.money import Money

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
PERIOD = datetime(2026, 11, 23, 9, tzinfo=UTC)
END = datetime(2026, 12, 23, 9, tzinfo=UTC)
PRICE = Money(7000, "USD")


def charge(method: str = "pm_ok", number: int = 1, subscription: str = "sub_1", **changes: Any) -> Attempt:
    attempt = _attempt(Leg.CHARGE, number, subscription)
    paid = replace(attempt, amount=PRICE, method_id="card_1", method_token=method, gateway_customer="cus_1")
    return replace(paid, **changes)


def extension(
    line: str = "extend_ok", number: int = 1, subscription: str = "sub_1", **changes: Any
) -> Attempt:
    asked = replace(_attempt(Leg.EXTEND, number, subscription), line=line, extend_to=END)
    return replace(asked, **changes)


def _attempt(leg: Leg, number: int, subscription: str) -> Attempt:
    return Attempt(
        renewal_id=f"{subscription}/{compact(PERIOD)}",
        leg=leg,
        number=number,
        provider="under test",
        subscription_id=subscription,
        period_start=PERIOD,
        policy_digest="digest",
        sent_at=NOW + timedelta(minutes=1),
        begun_at=NOW,
        plan="plus-30d",
    )
