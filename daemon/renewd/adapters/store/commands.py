"""Carrying out an operator's word in one transaction, beside a daemon that may be running."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, select, update

from renewd.adapters.store.audit_rows import tell
from renewd.adapters.store.cases import HALTED
from renewd.adapters.store.plans import drop_state, put_state
from renewd.adapters.store.reading import rows_of
from renewd.adapters.store.rows import (
    Row,
    attempt_of,
    attempt_row,
    renewal_of,
    renewal_row,
    subscription_of,
    subscription_row,
)
from renewd.adapters.store.statements import among
from renewd.adapters.store.tables import (
    attempts,
    renewals,
    subscriptions,
)
from renewd.adapters.store.upserts import put
from renewd.renewal.audit import Event
from renewd.renewal.command import Verb, commanded
from renewd.renewal.model import HoldReason, Renewal, Stage
from renewd.renewal.moment import Moment
from renewd.renewal.standing import Standing

LEASE = ("lease_owner", "lease_epoch", "lease_until")

_cycle = renewals.alias("cycle")
_of_the_same = _cycle.c.subscription_id == renewals.c.subscription_id
_change_subscription = update(subscriptions).where(subscriptions.c.id == bindparam("of_subscription"))


def standing_of(connection: Connection, subscription_id: str, *, in_review: bool = False) -> Standing | None:
    """Read where a subscription stands; it stays so until the transaction ends. Raises ValueError."""
    return next(iter(standings_of(connection, [subscription_id], in_review=in_review)), None)


def standings_of(
    connection: Connection, subscription_ids: Sequence[str], *, in_review: bool = False
) -> list[Standing]:
    """Read where subscriptions stand, those that there are; they stay so until the transaction ends. Raises ValueError.

    It is told of the latest renewal of each or of the first `in_review`, see `renewal.command.concerned`.
    """
    theirs = among(connection, subscriptions.c.id, subscription_ids)
    known = rows_of(
        connection, select(subscriptions).where(theirs).order_by(subscriptions.c.id).with_for_update()
    )
    if not known:
        return []
    ids = [row["id"] for row in known]
    theirs_now = (first_in_review_of(ids) if in_review else latest_of(connection, ids)).with_for_update()
    cycles = {row["subscription_id"]: row for row in rows_of(connection, theirs_now)}
    theirs = among(connection, attempts.c.renewal_id, [row["id"] for row in cycles.values()])
    tries = select(attempts).where(theirs, attempts.c.closed_at.is_(None))
    opened = {row["renewal_id"]: row for row in rows_of(connection, tries)} if cycles else {}
    return [_standing(row, cycles.get(row["id"]), opened) for row in known]


def latest_of(connection: Connection, subscription_ids: Sequence[str]) -> Select[Any]:
    """Ask for the latest renewal of each of these subscriptions."""
    latest = select(func.max(_cycle.c.period_start)).where(_of_the_same)
    theirs = among(connection, renewals.c.subscription_id, subscription_ids)
    return select(renewals).where(theirs, renewals.c.period_start == latest.scalar_subquery())


def first_in_review_of(subscription_ids: Sequence[str]) -> Select[Any]:
    """Ask for the first renewal of each of these subscriptions that is in review."""
    first = select(func.min(_cycle.c.period_start)).where(_of_the_same, _cycle.c.stage == Stage.REVIEW)
    theirs = renewals.c.subscription_id.in_(subscription_ids)
    return select(renewals).where(theirs, renewals.c.period_start == first.scalar_subquery())


def _standing(subscription: Row, renewal: Row | None, opened: Mapping[str, Row]) -> Standing:
    if renewal is None:
        return Standing(subscription_of(subscription))
    attempt = opened.get(renewal["id"])
    return Standing(
        subscription_of(subscription), renewal_of(renewal), attempt_of(attempt) if attempt else None
    )


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
    tell(connection, [event])
    return after


def halt(connection: Connection, reason: str, event: Event) -> None:
    """Refuse every charge that is not begun yet."""
    put_state(connection, HALTED, reason or "no reason given")
    tell(connection, [event])


def unhalt(connection: Connection, event: Event) -> None:
    """Let charging go on."""
    drop_state(connection, HALTED)
    wake(connection, [HoldReason.HALTED], event.at)
    tell(connection, [event])


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
        of_them = among(connection, subscriptions.c.customer_id, theirs)
        their_subscriptions = select(subscriptions.c.id).where(of_them)
        statement = statement.where(renewals.c.subscription_id.in_(their_subscriptions))
    connection.execute(statement)


def put_renewal(connection: Connection, renewal: Renewal) -> None:
    """Write a renewal over the one that was read: with a new version, so that no older decision is written."""
    put_renewals(connection, [renewal])


def put_renewals(connection: Connection, read: Sequence[Renewal]) -> None:
    """As `put_renewal`, of many."""
    put(connection, renewals, [renewal_row(replace(each, version=each.version + 1)) for each in read], LEASE)


def _movable(row: dict[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("state", "current_period_end", "opens_at")}
