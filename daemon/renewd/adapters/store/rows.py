"""Rows to values and back: the one place that knows how the nouns are kept."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, cast

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
    UnreadableError,
)
from renewd.renewal.money import Money
from renewd.renewal.notice import Notice

Row = Mapping[Any, Any]


def customer_of(row: Row) -> Customer:
    """Read a customer."""
    return Customer(row["id"], row["name"], row["email"], row["gateway_customer"])


def customer_row(customer: Customer) -> dict[str, Any]:
    """Write a customer."""
    return _plain(customer)


def method_of(row: Row) -> PaymentMethod:
    """Read a payment method."""
    return PaymentMethod(**_read(row, PaymentMethod))


def method_row(method: PaymentMethod) -> dict[str, Any]:
    """Write a payment method."""
    return _plain(method)


def subscription_of(row: Row) -> Subscription:
    """Read a subscription."""
    values = _read(row, Subscription, state=SubscriptionState, tags=_texts, overrides=_texts_by_name)
    return Subscription(**values)


def subscription_row(subscription: Subscription) -> dict[str, Any]:
    """Write a subscription."""
    row = _plain(subscription)
    row["tags"], row["overrides"] = list(subscription.tags), dict(subscription.overrides)
    return row


def renewal_of(row: Row) -> Renewal:
    """Read a renewal."""
    values = _read(row, Renewal, leave_out="paid", stage=Stage, hold=_hold, spent=_texts)
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
    values = _read(row, Attempt, leave_out="amount", leg=Leg, state=AttemptState)
    return Attempt(**values, amount=_money(row["amount_minor"], row["amount_currency"]))


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """Write an attempt."""
    return _with_amount(_plain(attempt)) | {"key": attempt.key}


def notice_of(row: Row) -> Notice:
    """Read a notice."""
    return Notice(**_read(row, Notice))


def notice_row(notice: Notice) -> dict[str, Any]:
    """Write a notice."""
    return _plain(notice)


def audit_of(row: Row) -> AuditRow:
    """Read a row of the audit log."""
    values = _read(row, Event, leave_out="amount")
    return AuditRow(
        row["sequence"], Event(**values, amount=_money(row["amount_minor"], row["amount_currency"]))
    )


def event_row(event: Event) -> dict[str, Any]:
    """Write an event as a row of the audit log; the database gives it its number."""
    return _with_amount(_plain(event))


def _plain(noun: object) -> dict[str, Any]:
    return dict(vars(noun))


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _read(row: Row, noun: type, leave_out: str = "", **readers: Callable[[Any], Any]) -> dict[str, Any]:
    """Give the fields of a noun, those that have one through a reader. Raises UnreadableError."""
    values = {name: row[name] for name in _names(cast("Hashable", noun)) if name != leave_out}
    for name, reader in readers.items():
        try:
            values[name] = reader(values[name])
        except (ValueError, TypeError) as error:
            raise UnreadableError(f"{noun.__name__.lower()}.{name}", error) from error
    return values


def _hold(value: str) -> HoldReason | None:
    return HoldReason(value) if value else None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("not a list of texts")
    return tuple(value)


def _texts_by_name(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError("not a mapping to texts")
    return value


def _with_amount(row: dict[str, Any]) -> dict[str, Any]:
    amount: Money | None = row.pop("amount")
    return row | {"amount_minor": amount and amount.minor, "amount_currency": amount and amount.currency}


def _money(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)
