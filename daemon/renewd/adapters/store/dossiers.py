"""What is known of subscriptions, read for an operator: a page of them, one with all that belongs to it, and ids nearby."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, select

from renewd.adapters.store.commands import latest_of
from renewd.adapters.store.glance import halted
from renewd.adapters.store.reading import apart, rows_of
from renewd.adapters.store.rows import attempt_of, customer_of, method_of, renewal_of, subscription_of
from renewd.adapters.store.tables import (
    IS_CHARGE,
    IS_HELD,
    attempts,
    customers,
    payment_methods,
    renewals,
    subscriptions,
)
from renewd.renewal.model import AttemptState, Stage, UnreadableError
from renewd.renewal.query import Dossier, Listed, ListQuery

PAGE = 500
NEIGHBOURS = 50


def page(
    connection: Connection, query: ListQuery, after: str
) -> tuple[list[str], list[Listed], dict[str, Exception]]:
    """Give the ids of the next subscriptions, those of them that can be read, and what is wrong with the others."""
    conditions = [subscriptions.c.id > after]
    if query.states:
        conditions.append(subscriptions.c.state.in_(query.states))
    if query.plan:
        conditions.append(subscriptions.c.plan == query.plan)
    if query.ends_before:
        conditions.append(subscriptions.c.current_period_end < query.ends_before)
    rare = _rare(query)
    if rare:
        theirs = select(renewals.c.subscription_id).where(renewals.c.subscription_id > after, *rare)
        conditions.append(subscriptions.c.id.in_(theirs))
    next_ids = select(subscriptions.c.id).where(*conditions).order_by(subscriptions.c.id).limit(PAGE)
    ids = list(connection.execute(next_ids).scalars())
    return ids, *apart(ids, partial(_listed, connection))


def _rare(query: ListQuery) -> list[ColumnElement[bool]]:
    """Give what a renewal must be, as far as few are: those few are found, instead of everything looked at."""
    rare: list[ColumnElement[bool]] = []
    if query.stages and Stage.EXTENDED not in query.stages:
        rare.append(renewals.c.stage.in_(query.stages))
    if query.holds:
        rare += [renewals.c.hold.in_(query.holds), IS_HELD]
    return rare


def _listed(connection: Connection, ids: Sequence[str]) -> list[Listed]:
    ours = select(subscriptions).where(subscriptions.c.id.in_(ids)).order_by(subscriptions.c.id)
    latest = {
        row["subscription_id"]: renewal_of(row) for row in rows_of(connection, latest_of(connection, ids))
    }
    return [Listed(subscription_of(row), latest.get(row["id"])) for row in rows_of(connection, ours)]


def wanted(listed: Listed, query: ListQuery) -> bool:
    """Say whether the latest renewal is as the query has it."""
    renewal = listed.renewal
    return (not query.stages or (renewal is not None and renewal.stage in query.stages)) and (
        not query.holds or (renewal is not None and renewal.hold in query.holds)
    )


def dossier(connection: Connection, subscription_id: str) -> Dossier | None:
    """Read all that is known of a subscription. Raises UnreadableError."""
    row = next(
        iter(rows_of(connection, select(subscriptions).where(subscriptions.c.id == subscription_id))), None
    )
    if row is None:
        return None
    owner = row["customer_id"]
    people = rows_of(connection, select(customers).where(customers.c.id == owner))
    if not people:
        raise UnreadableError(f"customer {owner}")
    methods = select(payment_methods).where(payment_methods.c.customer_id == owner)
    cycles = select(renewals).where(renewals.c.subscription_id == subscription_id)
    tries = select(attempts).where(attempts.c.renewal_id.in_(cycles.with_only_columns(renewals.c.id)))
    return Dossier(
        subscription=subscription_of(row),
        customer=customer_of(people[0]),
        methods=tuple(map(method_of, rows_of(connection, methods.order_by(payment_methods.c.rank)))),
        renewals=tuple(map(renewal_of, rows_of(connection, cycles.order_by(renewals.c.period_start)))),
        attempts=tuple(map(attempt_of, rows_of(connection, tries.order_by(attempts.c.begun_at)))),
        declines=_declines(connection, owner),
        halted=halted(connection),
    )


def _declines(connection: Connection, customer_id: str) -> tuple[tuple[str, datetime], ...]:
    theirs = select(payment_methods.c.id).where(payment_methods.c.customer_id == customer_id)
    query = select(attempts.c.method_id, attempts.c.closed_at).where(
        IS_CHARGE, attempts.c.method_id.in_(theirs), attempts.c.state == AttemptState.DECLINED
    )
    return tuple((row["method_id"], row["closed_at"]) for row in rows_of(connection, query))


def neighbours(connection: Connection, subscription_id: str) -> list[str]:
    """Give ids beside where the unknown one would stand, as it is written and in capitals."""
    column, found = subscriptions.c.id, set[str]()
    for place in {subscription_id, subscription_id.upper()}:
        after = select(column).where(column >= place).order_by(column).limit(NEIGHBOURS)
        before = select(column).where(column < place).order_by(column.desc()).limit(NEIGHBOURS)
        found |= {*connection.execute(after).scalars(), *connection.execute(before).scalars()}
    return sorted(found)
