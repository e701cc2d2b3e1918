"""Finding what was written while the clock was ahead, and planning it by the time that it is."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, update

from renewd.adapters.store.plans import PLANNED_UNDER, drop_state
from renewd.adapters.store.statements import is_server, run_for_each
from renewd.adapters.store.tables import attempts, audit_log, notices, renewals
from renewd.renewal.fleet import GONE_AFTER
from renewd.renewal.set_back import Waiting, planned_back

LATEST = 1000  # rows of the audit log: what operators have written since the clock was set back is among them

_plan = (
    update(renewals)
    .where(renewals.c.id == bindparam("of_renewal"))
    .values(
        next_at=bindparam("next_at"),
        due_at=bindparam("due_at"),
        version=renewals.c.version + literal_column("1"),
    )
)


def plan_back(connection: Connection, now: datetime) -> None:
    """If the clock was ahead when the log was last written to, have nothing wait for that time to come round.

    Whoever shares a server may have a clock that is behind: then it is not the log that is ahead, and nothing is done.
    """
    if not _was_ahead(connection, now) or not _is_right(connection, now):
        return
    rows = [
        {"of_renewal": key, "next_at": after.next_at, "due_at": after.due_at}
        for key, before in _waiting(connection, now)
        if (after := planned_back(before, now)) != before
    ]
    run_for_each(connection, _plan, rows)
    connection.execute(update(notices).where(notices.c.next_at > now).values(next_at=now))
    drop_state(
        connection, PLANNED_UNDER
    )  # some may be planned for a day after they were extended in that time


def _was_ahead(connection: Connection, now: datetime) -> bool:
    latest = select(audit_log.c.at).order_by(audit_log.c.sequence.desc()).limit(LATEST).subquery()
    newest = connection.execute(select(func.max(latest.c.at))).scalar()
    return newest is not None and newest > now + GONE_AFTER


def _is_right(connection: Connection, now: datetime) -> bool:
    """Say whether our clock agrees with the server's, where there is one."""
    if not is_server(connection):
        return True
    ahead: timedelta = now - connection.execute(text("SELECT now()")).scalar_one()
    return abs(ahead) < GONE_AFTER


def _waiting(connection: Connection, now: datetime) -> list[tuple[str, Waiting]]:
    tried_at = func.max(
        func.coalesce(attempts.c.closed_at, attempts.c.sent_at), type_=attempts.c.sent_at.type
    )
    columns = (renewals.c.id, renewals.c.next_at, renewals.c.due_at, renewals.c.hold)
    query = (
        select(*columns, tried_at.label("tried_at"))
        .outerjoin(attempts, attempts.c.renewal_id == renewals.c.id)
        .where(renewals.c.next_at > now)
        .group_by(*columns)
    )
    found = connection.execute(query)
    return [(row.id, Waiting(row.next_at, row.due_at, row.tried_at, bool(row.hold))) for row in found]
