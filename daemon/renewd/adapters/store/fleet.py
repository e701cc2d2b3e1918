"""Which daemons share the database: each says every few seconds that it lives."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update

from renewd.adapters.store import shared_brake
from renewd.adapters.store.plans import doubt
from renewd.adapters.store.set_back import plan_back
from renewd.adapters.store.tables import daemons, renewals
from renewd.adapters.store.upserts import put
from renewd.renewal.fleet import Daemon, Fleet, seen_from

FORGOTTEN_AFTER = timedelta(days=1)


def beat(connection: Connection, name: str, now: datetime, *, alone: bool) -> Fleet:
    """Say that the daemon called `name` lives, and give the fleet; `alone` when there can be no other.

    It is asked for between ticks: where there can be no other, nobody holds a lease then. When it is new and the only
    one, nobody does either, and what is unpaid may have been paid unknown to us.
    """
    fleet = seen_from(name, [each for each in known(connection) if not alone or each.name == name], now)
    me = fleet.me
    put(connection, daemons, [{"name": me.name, "started_at": me.started_at, "seen_at": me.seen_at}])
    if fleet.is_new:
        forgotten = daemons.c.seen_at < now - FORGOTTEN_AFTER
        connection.execute(delete(daemons).where(daemons.c.name != name, *(() if alone else (forgotten,))))
        shared_brake.forget(connection, now)
        if not fleet.others:
            doubt(connection)
    if alone or (fleet.is_new and not fleet.others):
        _void_leases(connection)
    if alone or fleet.is_new:
        plan_back(connection, now)
    return fleet


def leave(connection: Connection, name: str) -> None:
    """Say that the daemon called `name` ends: what it has claimed and not begun is the others' at once."""
    connection.execute(delete(daemons).where(daemons.c.name == name))
    _void_leases(connection, renewals.c.lease_owner == name)


def known(connection: Connection) -> list[Daemon]:
    """Give all daemons that have said something within a day or so."""
    return [Daemon(row.name, row.started_at, row.seen_at) for row in connection.execute(select(daemons))]


def _void_leases(connection: Connection, *of: ColumnElement[bool]) -> None:
    leased = (renewals.c.next_at.is_not(None), renewals.c.lease_until.is_not(None), *of)
    connection.execute(update(renewals).where(*leased).values(lease_until=None))
