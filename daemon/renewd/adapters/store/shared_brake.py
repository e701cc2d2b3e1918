"""The brake where several daemons share a database: the charges of all are counted in the transactions that begin them."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, text

from renewd.adapters.store.tables import charge_counts
from renewd.adapters.store.upserts import add

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


_ALONE = text("LOCK TABLE charge_counts, service_state IN EXCLUSIVE MODE")


def hold_still(connection: Connection) -> None:
    """Let no other daemon begin a charge, and nobody halt, until this transaction ends."""
    connection.execute(_ALONE)


def left(connection: Connection, at: datetime, most: int) -> int:
    """Give how many more charges may begin within the hour.

    A minute that began within the hour, or just before it, counts whole.
    """
    within = charge_counts.c.minute.between(at - HOUR - MINUTE, at + HOUR)
    begun = connection.execute(select(func.sum(charge_counts.c.begun)).where(within)).scalar() or 0
    return max(most - int(begun), 0)


def count(connection: Connection, at: datetime, begun: int) -> None:
    """Count charges that begin."""
    add(connection, charge_counts, {"minute": at.replace(second=0, microsecond=0), "begun": begun})


def forget(connection: Connection, now: datetime) -> None:
    """Delete what counts no more."""
    connection.execute(delete(charge_counts).where(charge_counts.c.minute < now - DAY))
