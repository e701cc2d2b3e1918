"""A case, a policy and a moment as most tests want them; what matters to a test is overridden by name.

Ada Lovelace in New York has a plan for 70.00 USD a month that is good until midnight before 30 November 2026.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from renewd.renewal.begin import opened
from renewd.renewal.model import Case, Customer, HoldReason, PaymentMethod, Renewal, Stage, Subscription
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.policy import Policy
from renewd.renewal.step import Call, Hold

Noun = TypeVar("Noun", Renewal, Subscription, Customer)

NEW_YORK = "America/New_York"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTLE_AFTER = 10 * MINUTE


def at(text: str, zone: str = NEW_YORK) -> datetime:
    """The instant at which the clocks of the zone show `2026-11-23 09:41`; an hour that comes twice needs its offset."""
    shown = datetime.fromisoformat(text)
    return (shown if shown.tzinfo else shown.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


EXPIRY = at("2026-11-30 00:00")
NOON = at("2026-11-23 12:00")  # the moment of most tests: a week ahead, inside the charge window
GRACE_ENDS = at("2026-12-03 00:00")
PERIOD_END = at("2026-12-30 00:00")
LATER = NOON + 5 * MINUTE
PRICE = Money(7000, "USD")

VISA = PaymentMethod("visa", "ada", "pm_visa", label="Visa 4242")
AMEX = PaymentMethod("amex", "ada", "pm_amex", label="Amex 0005", rank=1)
_RENEWAL = Renewal("sub1", EXPIRY, PERIOD_END, opened_at=NOON, due_at=NOON, next_at=NOON)
_SUBSCRIPTION = Subscription("sub1", "ada", "us70", "line1", NEW_YORK, EXPIRY, EXPIRY)
_CUSTOMER = Customer("ada", "Ada Lovelace", "ada@example.org", "cus_ada")
_PLAN = {"carrier": "tello", "title": "US 70", "price": "70.00 USD", "period": "1 month"}


def policy(
    plan: dict[str, Any] | None = None,
    rules: Sequence[dict[str, Any]] = (),
    brake: dict[str, Any] | None = None,
    card_limits: dict[str, Any] | None = None,
    **defaults: Any,
) -> Policy:
    """The default policy with one plan, `us70`; keywords are keys of `defaults`, written as in the file."""
    return Policy.model_validate(
        {
            "version": 1,
            "defaults": defaults,
            "rules": list(rules),
            "plans": {"us70": _PLAN | (plan or {})},
            "brake": brake or {},
            "card_limits": card_limits or {},
        }
    )


POLICY = policy()


def moment(now: datetime | str = NOON, **changes: Any) -> Moment:
    """A moment under the default policy; a text is New York time."""
    instant = at(now) if isinstance(now, str) else now
    return replace(Moment(instant, POLICY, SETTLE_AFTER), **changes)


def subscription(**changes: Any) -> Subscription:
    """Ada's subscription."""
    return replace(_SUBSCRIPTION, **changes)


def renewal(**changes: Any) -> Renewal:
    """Ada's renewal, opened at NOON."""
    return replace(_RENEWAL, **changes)


def case(**changes: Any) -> Case:
    """Ada's case; a keyword is a field of the renewal, the subscription, the customer or the case itself."""
    renewal, subscription = _changed(_RENEWAL, changes), _changed(_SUBSCRIPTION, changes)
    return replace(Case(renewal, subscription, _changed(_CUSTOMER, changes), (VISA,)), **changes)


def charged(**changes: Any) -> Case:
    """Ada's case once she has paid."""
    return case(**{"stage": Stage.CHARGED, "paid": PRICE, "charges": 1} | changes)


def seat(day: str) -> datetime:
    """The place of Ada's renewal in the charge window of a day: its id decides it, nothing else."""
    return at(f"{day} 17:47:28")


def resting(name: str) -> Hold:
    """The hold while a provider is left alone until LATER."""
    return Hold(HoldReason.BREAKER, LATER, f"the {name} does not answer")


def begun(case: Case, step: Call, moment: Moment) -> Case:
    """The case once the call that `step` asks for is under way."""
    return opened(case, step, moment).after()


def _changed(noun: Noun, changes: dict[str, Any]) -> Noun:
    names = [field.name for field in fields(noun) if field.name in changes]
    return replace(noun, **{name: changes.pop(name) for name in names})
