"""Carrying out an operator's word in one transaction, beside a daemon that may be running."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, insert, select, update

from renewd.adapters.store.cases import HALTED
from renewd.adapters.store.plans import drop_state, put_state
from renewd.adapters.store.rows import (
    attempt_of,
    attempt_row,
    event_row,
    renewal_of,
    renewal_row,
    subscription_of,
    subscription_row,
)
from renewd.adapters.store.tables import (
    attempts,
    audit_log,
    renewals,
    subscriptions,
)
from renewd.adapters.store.upserts import put
from renewd.renewal.audit import Event
from renewd.renewal.command import Standing, Verb, commanded
from renewd.renewal.model import HoldReason, Renewal
from renewd.renewal.moment import Moment

LEASE = ("lease_owner", "lease_epoch", "lease_until")

_change_subscription = update(subscriptions).where(subscriptions.c.id == bindparam("of_subscription"))


def standing_of(connection: Connection, subscription_id: str) -> Standing | None:
    """Read where a subscription stands; it stays so until the transaction ends."""
    theirs = select(subscriptions).where(subscriptions.c.id == subscription_id).with_for_update()
    row = connection.execute(theirs).mappings().first()
    if row is None:
        return None
    latest = (
        select(renewals)
        .where(renewals.c.subscription_id == subscription_id)
        .order_by(renewals.c.period_start.desc())
        .limit(1)
        .with_for_update()
    )
    renewal = connection.execute(latest).mappings().first()
    if renewal is None:
        return Standing(subscription_of(row))
    opened = select(attempts).where(attempts.c.renewal_id == renewal["id"], attempts.c.closed_at.is_(None))
    attempt = connection.execute(opened).mappings().first()
    return Standing(subscription_of(row), renewal_of(renewal), attempt_of(attempt) if attempt else None)


def carry_out(
    connection: Connection, verb: Verb, standing: Standing, moment: Moment, actor: str, reason: str
) -> Standing:
    """Decide on a command and write what follows. Raises RefusedError."""
    after, event = commanded(verb, standing, moment, actor, reason)
    subscription = subscription_row(after.subscription)
    connection.execute(_change_subscription, {"of_subscription": subscription["id"]} | _movable(subscription))
    if after.renewal:
        put_renewal(connection, after.renewal)
    if after.attempt and after.attempt != standing.attempt:
        row = attempt_row(after.attempt)
        connection.execute(update(attempts).where(attempts.c.key == row["key"]).values(row))
    connection.execute(insert(audit_log), [event_row(event)])
    return after


def halt(connection: Connection, reason: str, event: Event) -> None:
    """Refuse every charge that is not begun yet."""
    put_state(connection, HALTED, reason or "no reason given")
    connection.execute(insert(audit_log), [event_row(event)])


def unhalt(connection: Connection, event: Event) -> None:
    """Let charging go on."""
    drop_state(connection, HALTED)
    wake(connection, [HoldReason.HALTED], event.at)
    connection.execute(insert(audit_log), [event_row(event)])


def wake(
    connection: Connection, holds: Sequence[HoldReason], now: datetime, customers_of: Iterable[str] = ()
) -> None:
    """Have renewals with these holds tried again at `now`; with `customers_of`, only those of these customers."""
    earlier = case((renewals.c.due_at < now, renewals.c.due_at), else_=now)
    held = renewals.c.hold.in_(list(holds)) & renewals.c.next_at.is_not(None)
    statement = (
        update(renewals).where(held).values(next_at=now, due_at=earlier, version=renewals.c.version + 1)
    )
    theirs = list(customers_of)
    if theirs:
        their_subscriptions = select(subscriptions.c.id).where(subscriptions.c.customer_id.in_(theirs))
        statement = statement.where(renewals.c.subscription_id.in_(their_subscriptions))
    connection.execute(statement)


def put_renewal(connection: Connection, renewal: Renewal) -> None:
    """Write a renewal over the one that was read: with a new version, so that no older decision is written."""
    put(connection, renewals, [renewal_row(replace(renewal, version=renewal.version + 1))], kept=LEASE)


def _movable(row: dict[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("state", "opens_at")}
