"""The brake where several daemons share a database: the charges of all are counted in the transactions that begin them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, text

from renewd.adapters.store.statements import Work, fetch
from renewd.adapters.store.tables import charge_counts
from renewd.adapters.store.upserts import add

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


_begun = select(func.sum(charge_counts.c.begun)).where(
    charge_counts.c.minute.between(bindparam("first"), bindparam("last"))
)
_ALONE = text("LOCK TABLE charge_counts, service_state IN EXCLUSIVE MODE")


def hold_still(connection: Connection) -> None:
    """Let no other daemon begin a charge, and nobody halt, until this transaction ends."""
    connection.execute(_ALONE)


def left(connection: Connection, at: datetime, most: int) -> int:
    """Give how many more charges may begin within the hour.

    A minute that began within the hour, or just before it, counts whole.
    """
    ((begun,),) = fetch(connection, _begun, first=at - HOUR - MINUTE, last=at + HOUR)
    return max(most - int(begun or 0), 0)


def counting(dialect: str, begun: Sequence[datetime]) -> Work:
    """Give what counts charges that begin at these instants, all of them in the last one's minute."""
    minute = max(begun).replace(second=0, microsecond=0)
    return add(dialect, charge_counts), [{"minute": minute, "begun": len(begun)}]


def forget(connection: Connection, now: datetime) -> None:
    """Delete what counts no more."""
    connection.execute(delete(charge_counts).where(charge_counts.c.minute < now - DAY))
