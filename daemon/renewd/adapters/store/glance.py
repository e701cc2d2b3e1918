"""Everything at a glance: counts over the whole database, for `renewd status`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, exists, func, or_, select

from renewd.adapters.store.cases import HALTED
from renewd.adapters.store.tables import (
    IS_HELD,
    MOVED_TO,
    attempts,
    audit_log,
    notices,
    renewals,
    service_state,
    subscriptions,
)
from renewd.renewal.fleet import Daemon
from renewd.renewal.model import AttemptState, HoldReason, Leg, Stage, SubscriptionState
from renewd.renewal.money import Money
from renewd.renewal.query import Outlook, Status

LATE = timedelta(minutes=5)
# An attempt of a renewal in review is a person's to settle; it is counted there.
_UNANSWERED = (attempts.c.closed_at.is_(None), attempts.c.state == AttemptState.SENT)
_IN_DOUBT = (
    *_UNANSWERED,
    exists().where(renewals.c.id == attempts.c.renewal_id, renewals.c.next_at.is_not(None)),
)

# What waits for no person: only for us, for a provider, for the brake, or for its charge window.
_KEPT_WAITING = (
    renewals.c.stage == Stage.DUE,
    renewals.c.next_at.is_not(None),
    renewals.c.hold.in_(["", HoldReason.BREAKER, HoldReason.BRAKE, HoldReason.WINDOW]),
    ~exists().where(attempts.c.renewal_id == renewals.c.id, *_UNANSWERED),
)
# Nobody is late who only waits for a charge window to open.
_DUE = case((renewals.c.hold == HoldReason.WINDOW, renewals.c.next_at), else_=renewals.c.due_at)

# What is set aside is counted by renewal or, where there is none yet, by subscription.
_WHOSE = case((audit_log.c.renewal == "", audit_log.c.subscription), else_=audit_log.c.renewal)
# What has another time by now has been taken up since, by a command or an import.
_STILL_ASIDE = or_(
    exists().where(renewals.c.id == audit_log.c.renewal, renewals.c.next_at == audit_log.c.next_at),
    exists().where(
        audit_log.c.renewal == "",
        subscriptions.c.id == audit_log.c.subscription,
        subscriptions.c.opens_at == audit_log.c.next_at,
    ),
)


def halted(connection: Connection) -> str:
    """Give why the operator halted all charging; empty when charging goes on."""
    return _state(connection, HALTED)


def status(connection: Connection, now: datetime, *, daemons: Sequence[Daemon] | None) -> Status:
    """Count everything."""
    opens = _one(connection, select(func.min(subscriptions.c.opens_at)))
    looks = _one(connection, select(func.min(renewals.c.next_at)))
    waits = _one(connection, select(func.min(_DUE)).where(*_KEPT_WAITING))
    waiting, owed = renewals.c.next_at.is_not(None), notices.c.next_at.is_not(None)
    return Status(
        subscriptions=_counts(connection, subscriptions.c.state),
        stages=_counts(connection, renewals.c.stage),
        holds=_counts(connection, renewals.c.hold, waiting, IS_HELD),
        halted=halted(connection),
        next_due=min((instant for instant in (opens, looks) if instant), default=None),
        overdue=_one(connection, select(func.count()).where(*_KEPT_WAITING, now - LATE > _DUE)),
        oldest_due=min((instant for instant in (opens, waits) if instant and instant < now), default=None),
        in_doubt=_one(connection, select(func.count()).where(*_IN_DOUBT)),
        oldest_doubt=_oldest_doubt(connection),
        oldest_paid=_oldest_paid(connection),
        notices_owed=_one(connection, select(func.count()).where(owed)),
        oldest_notice=_one(connection, select(func.min(notices.c.created_at)).where(owed)),
        unplanned=_unplanned(connection),
        set_aside=_set_aside(connection, now),
        last_event=_one(connection, select(func.max(audit_log.c.at))),
        running=None if daemons is None else bool(daemons),
        daemons=tuple(daemons or ()),
        moved_to=_state(connection, MOVED_TO),
        paid_30_days=_paid_since(connection, now - timedelta(days=30)),
    )


def outlook(connection: Connection, now: datetime) -> Outlook:
    """Count what is due and in doubt; each count is a range of an index."""
    opens = select(func.count()).where(subscriptions.c.opens_at <= now)
    looks = select(func.count()).where(renewals.c.next_at <= now)
    return Outlook(
        due=_one(connection, opens) + _one(connection, looks),
        in_doubt=_one(connection, select(func.count()).where(*_IN_DOUBT)),
        halted=bool(halted(connection)),
    )


def _oldest_doubt(connection: Connection) -> datetime | None:
    """Give when the first request was sent of which nothing at all is known and that is still being settled."""
    unanswered = select(func.min(attempts.c.sent_at)).where(*_IN_DOUBT, attempts.c.outcome != "pending")
    oldest: datetime | None = _one(connection, unanswered)
    return oldest


def _oldest_paid(connection: Connection) -> datetime | None:
    """Give when the first of the payments was made whose extension is still to come."""
    paid = (
        select(func.min(attempts.c.closed_at))
        .select_from(renewals.join(attempts, attempts.c.renewal_id == renewals.c.id))
        .where(
            renewals.c.stage == Stage.CHARGED,
            attempts.c.leg == Leg.CHARGE,
            attempts.c.state == AttemptState.DONE,
        )
    )
    oldest: datetime | None = _one(connection, paid)
    return oldest


def _unplanned(connection: Connection) -> int:
    has_renewal = (renewals.c.subscription_id == subscriptions.c.id) & (
        renewals.c.period_start == subscriptions.c.current_period_end
    )
    lost = (
        select(func.count())
        .select_from(subscriptions.outerjoin(renewals, has_renewal))
        .where(
            subscriptions.c.state == SubscriptionState.ACTIVE,
            subscriptions.c.opens_at.is_(None),
            renewals.c.id.is_(None),
        )
    )
    count: int = _one(connection, lost)
    return count


def _set_aside(connection: Connection, now: datetime) -> int:
    told = (audit_log.c.name == "renewal.set_aside", audit_log.c.next_at > now, _STILL_ASIDE)
    count: int = _one(connection, select(func.count(_WHOSE.distinct())).where(*told))
    return count


def _state(connection: Connection, key: str) -> str:
    query = select(service_state.c.value).where(service_state.c.key == key)
    return str(connection.execute(query).scalar() or "")


def _one(connection: Connection, query: Any) -> Any:
    return connection.execute(query).scalar()


def _counts(connection: Connection, column: Any, *conditions: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return {name: count for name, count in connection.execute(query)}  # noqa: C416  # rows are no pairs to mypy


def _paid_since(connection: Connection, since: datetime) -> tuple[Money, ...]:
    query = (
        select(func.sum(renewals.c.paid_minor), renewals.c.paid_currency)
        .where(renewals.c.stage == Stage.EXTENDED, renewals.c.closed_at >= since)
        .group_by(renewals.c.paid_currency)
    )
    return tuple(Money(int(minor), currency) for minor, currency in connection.execute(query) if currency)
