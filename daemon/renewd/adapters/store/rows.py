"""Rows to values and back: the one place that knows how the nouns are kept."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.model import (
    Attempt,
    AttemptState,
    Customer,
    HoldReason,
    Leg,
    PaymentMethod,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
)
from renewd.renewal.money import Money
from renewd.renewal.notice import Notice, NoticeKind

Row = Mapping[Any, Any]


def customer_of(row: Row) -> Customer:
    """Read a customer."""
    return Customer(row["id"], row["name"], row["email"], row["gateway_customer"])


def customer_row(customer: Customer) -> dict[str, Any]:
    """Write a customer."""
    return _plain(customer)


def method_of(row: Row) -> PaymentMethod:
    """Read a payment method."""
    return PaymentMethod(**_picked(row, PaymentMethod))


def method_row(method: PaymentMethod) -> dict[str, Any]:
    """Write a payment method."""
    return _plain(method)


def subscription_of(row: Row) -> Subscription:
    """Read a subscription."""
    values = _picked(row, Subscription)
    return Subscription(**values | {"state": SubscriptionState(row["state"]), "tags": tuple(row["tags"])})


def subscription_row(subscription: Subscription) -> dict[str, Any]:
    """Write a subscription."""
    return _plain(subscription) | {"tags": list(subscription.tags), "overrides": dict(subscription.overrides)}


def renewal_of(row: Row) -> Renewal:
    """Read a renewal."""
    values = _picked(row, Renewal, leave_out=("paid",))
    values["stage"] = Stage(row["stage"])
    values["hold"] = HoldReason(row["hold"]) if row["hold"] else None
    values["spent"] = tuple(row["spent"])
    return Renewal(**values, paid=_money(row["paid_minor"], row["paid_currency"]))


def renewal_row(renewal: Renewal) -> dict[str, Any]:
    """Write a renewal."""
    row = _plain(renewal)
    paid = row.pop("paid")
    return row | {
        "id": renewal.id,
        "hold": renewal.hold or "",
        "spent": list(renewal.spent),
        "paid_minor": paid and paid.minor,
        "paid_currency": paid and paid.currency,
    }


def attempt_of(row: Row) -> Attempt:
    """Read an attempt."""
    values = _picked(row, Attempt, leave_out=("amount",))
    values["leg"], values["state"] = Leg(row["leg"]), AttemptState(row["state"])
    return Attempt(**values, amount=_money(row["amount_minor"], row["amount_currency"]))


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """Write an attempt."""
    return _with_amount(_plain(attempt)) | {"key": attempt.key}


def notice_of(row: Row) -> Notice:
    """Read a notice."""
    return Notice(**_picked(row, Notice) | {"kind": NoticeKind(row["kind"])})


def notice_row(notice: Notice) -> dict[str, Any]:
    """Write a notice."""
    return _plain(notice)


def audit_of(row: Row) -> AuditRow:
    """Read a row of the audit log."""
    values = _picked(row, Event, leave_out=("amount",))
    return AuditRow(
        row["sequence"], Event(**values, amount=_money(row["amount_minor"], row["amount_currency"]))
    )


def event_row(event: Event) -> dict[str, Any]:
    """Write an event as a row of the audit log; the database gives it its number."""
    return _with_amount(_plain(event))


def _plain(noun: Any) -> dict[str, Any]:
    return {field.name: getattr(noun, field.name) for field in fields(noun)}


def _picked(row: Row, noun: type, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    return {field.name: row[field.name] for field in fields(noun) if field.name not in leave_out}


def _with_amount(row: dict[str, Any]) -> dict[str, Any]:
    amount: Money | None = row.pop("amount")
    return row | {"amount_minor": amount and amount.minor, "amount_currency": amount and amount.currency}


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)
