"""Reading cases: each with all that a decision may look at, in a handful of queries for the whole batch."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, or_, select

from renewd.adapters.store.reading import answers
from renewd.adapters.store.rows import attempt_of, customer_of, method_of, renewal_of, subscription_of
from renewd.adapters.store.statements import Question, Rows, among_given, is_server, listed
from renewd.adapters.store.tables import (
    IS_CHARGE,
    attempts,
    customers,
    payment_methods,
    renewals,
    service_state,
    subscriptions,
)
from renewd.renewal.model import AttemptState, Case, PaymentMethod, Subscription, UnreadableError

HALTED = "halted"
DECLINES_COUNT_FOR = timedelta(days=30)
# A charge without an answer for longer than this is in doubt; it no longer keeps its card from other renewals.
UNDER_WAY = timedelta(minutes=10)

WHY_HALTED: Question = select(service_state.c.value).where(service_state.c.key == HALTED), {}


def read(connection: Connection, renewal_ids: Sequence[str], now: datetime) -> list[Case]:
    """Read the cases of the renewals named, in that order; those that do not exist are left out.

    Raises UnreadableError.
    """
    if not renewal_ids:
        return []
    found, unanswered = _look(
        connection, (renewals, "id", renewal_ids), (attempts, "renewal_id", renewal_ids)
    )
    (owners,) = _look(connection, (subscriptions, "id", _each(found, "subscription_id")))
    customer_ids = _each(owners, "customer_id")
    people, cards = _look(
        connection, (customers, "id", customer_ids), (payment_methods, "customer_id", customer_ids)
    )
    why_halted, tries_of_cards = answers(
        connection, [WHY_HALTED, tries(connection, cards, now - DECLINES_COUNT_FOR)]
    )
    open_attempts = {row["renewal_id"]: attempt_of(row) for row in unanswered.values()}
    methods = defaultdict[str, list[PaymentMethod]](list)
    for row in cards.values():
        methods[row["customer_id"]].append(method_of(row))
    halted, (declines, charging) = is_halted(why_halted), tried(tries_of_cards, now)
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
    (found,) = _look(connection, (subscriptions, "id", subscription_ids))
    return [subscription_of(found[each]) for each in subscription_ids if each in found]


def is_halted(rows: Rows) -> bool:
    """Say, by the answer to WHY_HALTED, whether the operator has halted all charging."""
    return any(value for (value,) in rows)


def tries(connection: Connection, method_ids: Collection[str], since: datetime) -> Question:
    """Ask of payment methods which charges were declined from `since` on, and which have no answer; see `tried`."""
    values = {"methods": listed(connection, method_ids), "since": since}
    return _tries(server=is_server(connection)), values


def tried(rows: Rows, now: datetime) -> tuple[dict[str, list[datetime]], dict[str, set[str]]]:
    """Give, for each payment method, when it was declined, and the renewals it is being charged for."""
    declines, charging = defaultdict[str, list[datetime]](list), defaultdict[str, set[str]](set)
    for method_id, renewal_id, sent_at, closed_at in rows:
        if closed_at:
            declines[method_id].append(closed_at)
        elif now - UNDER_WAY < sent_at <= now + UNDER_WAY:
            charging[method_id].add(renewal_id)
    return declines, charging


@cache
def _tries(*, server: bool) -> Select[Any]:
    return select(
        attempts.c.method_id, attempts.c.renewal_id, attempts.c.sent_at, attempts.c.closed_at
    ).where(
        IS_CHARGE,
        among_given(attempts.c.method_id, bindparam("methods"), server=server),
        or_(
            attempts.c.closed_at.is_(None),
            (attempts.c.closed_at >= bindparam("since")) & (attempts.c.state == AttemptState.DECLINED),
        ),
    )


def _look(
    connection: Connection, *wanted: tuple[Table, str, Collection[str]]
) -> list[dict[str, dict[str, Any]]]:
    """Give the rows of each table in which a column is one of these values, by their keys; all are asked for together."""
    server = is_server(connection)
    asked = [
        (_of(table, column, server=server), {"given": listed(connection, values)})
        for table, column, values in wanted
    ]
    found = zip(wanted, answers(connection, asked), strict=True)
    return [_by_key(table.c.keys(), rows) for (table, _, _), rows in found]


def _by_key(names: Sequence[str], rows: Rows) -> dict[str, dict[str, Any]]:
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


@cache
def _of(table: Table, column: str, *, server: bool) -> Select[Any]:
    found = select(table).where(among_given(table.c[column], bindparam("given"), server=server))
    # An attempt that is answered is history.
    return found.where(attempts.c.closed_at.is_(None)) if table is attempts else found


def _each(rows: Mapping[str, Mapping[str, Any]], column: str) -> set[str]:
    return {row[column] for row in rows.values()}


def _known(rows: dict[str, Any], what: str, key: str) -> Any:
    if key not in rows:
        raise UnreadableError(f"{what} {key}")
    return rows[key]
