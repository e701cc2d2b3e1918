"""Reading cases: each with all that a decision may look at, in a handful of queries for the whole batch."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from renewd.adapters.store.reading import rows_of
from renewd.adapters.store.rows import attempt_of, customer_of, method_of, renewal_of, subscription_of
from renewd.adapters.store.tables import (
    attempts,
    customers,
    payment_methods,
    renewals,
    service_state,
    subscriptions,
)
from renewd.renewal.model import AttemptState, Case, Leg, Subscription, UnreadableError

HALTED = "halted"
DECLINES_COUNT_FOR = timedelta(days=30)
# A charge without an answer for longer than this is in doubt; it no longer keeps its card from other renewals.
UNDER_WAY = timedelta(minutes=10)


def read(connection: Connection, renewal_ids: Sequence[str], now: datetime) -> list[Case]:
    """Read the cases of the renewals named, in that order; those that do not exist are left out.

    Raises UnreadableError.
    """
    if not renewal_ids:
        return []
    found = {
        row["id"]: row for row in rows_of(connection, select(renewals).where(renewals.c.id.in_(renewal_ids)))
    }
    owners = _by(connection, subscriptions, "id", (row["subscription_id"] for row in found.values()))
    people = _by(connection, customers, "id", (row["customer_id"] for row in owners.values()))
    methods = defaultdict(list)
    for row in rows_of(
        connection, select(payment_methods).where(payment_methods.c.customer_id.in_(list(people)))
    ):
        methods[row["customer_id"]].append(method_of(row))
    open_attempts = {
        row["renewal_id"]: attempt_of(row)
        for row in rows_of(
            connection,
            select(attempts).where(attempts.c.renewal_id.in_(list(found)), attempts.c.closed_at.is_(None)),
        )
    }
    declines = _declines(connection, [method.id for each in methods.values() for method in each], now)
    charging = being_charged(connection, [method.id for each in methods.values() for method in each], now)
    halted = is_halted(connection)
    cases = []
    for row in (found[renewal_id] for renewal_id in renewal_ids if renewal_id in found):
        subscription = subscription_of(_known(owners, "subscription", row["subscription_id"]))
        theirs = tuple(methods[subscription.customer_id])
        cases.append(
            Case(
                renewal=renewal_of(row),
                subscription=subscription,
                customer=customer_of(_known(people, "customer", subscription.customer_id)),
                methods=theirs,
                attempt=open_attempts.get(row["id"]),
                declines=tuple((method.id, at) for method in theirs for at in declines[method.id]),
                halted=halted,
                lease=row["lease_epoch"],
                read_at=now,
                busy=tuple(method.id for method in theirs if charging[method.id] - {row["id"]}),
            )
        )
    return cases


def read_subscriptions(connection: Connection, subscription_ids: Sequence[str]) -> list[Subscription]:
    """Read the subscriptions named, in that order. Raises UnreadableError."""
    found = _by(connection, subscriptions, "id", subscription_ids)
    return [subscription_of(found[each]) for each in subscription_ids if each in found]


def is_halted(connection: Connection) -> bool:
    """Say whether the operator has halted all charging."""
    return bool(
        connection.execute(select(service_state.c.value).where(service_state.c.key == HALTED)).scalar()
    )


def _declines(connection: Connection, method_ids: list[str], now: datetime) -> dict[str, list[datetime]]:
    declines: dict[str, list[datetime]] = defaultdict(list)
    query = select(attempts.c.method_id, attempts.c.closed_at).where(
        attempts.c.leg == Leg.CHARGE,
        attempts.c.method_id.in_(method_ids),
        attempts.c.state == AttemptState.DECLINED,
        attempts.c.closed_at > now - DECLINES_COUNT_FOR,
    )
    for row in rows_of(connection, query):
        declines[row["method_id"]].append(row["closed_at"])
    return declines


def being_charged(connection: Connection, method_ids: Iterable[str], now: datetime) -> dict[str, set[str]]:
    """Give, for each payment method with a charge under way, the renewals it is for."""
    charging: dict[str, set[str]] = defaultdict(set)
    query = select(attempts.c.method_id, attempts.c.renewal_id).where(
        attempts.c.leg == Leg.CHARGE,
        attempts.c.method_id.in_(list(method_ids)),
        attempts.c.closed_at.is_(None),
        attempts.c.sent_at > now - UNDER_WAY,
        attempts.c.sent_at <= now + UNDER_WAY,
    )
    for row in rows_of(connection, query):
        charging[row["method_id"]].add(row["renewal_id"])
    return charging


def _by(connection: Connection, table: Any, column: str, keys: Iterable[str]) -> dict[str, Any]:
    query = select(table).where(table.c[column].in_(sorted(set(keys))))
    return {row[column]: row for row in rows_of(connection, query)}


def _known(rows: dict[str, Any], what: str, key: str) -> Any:
    if key not in rows:
        raise UnreadableError(f"{what} {key}")
    return rows[key]
