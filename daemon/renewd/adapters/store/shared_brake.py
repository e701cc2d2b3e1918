"""The brake where several daemons share a database: the charges of all are counted in the transactions that begin them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, text

from renewd.adapters.store.statements import Question, Rows, Work
from renewd.adapters.store.tables import charge_counts
from renewd.adapters.store.upserts import add

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


_begun = select(func.sum(charge_counts.c.begun)).where(
    charge_counts.c.minute.between(bindparam("first"), bindparam("last"))
)
# Lets no other daemon begin a charge, and nobody halt, until the transaction ends.
HOLD_STILL: Question = text("LOCK TABLE charge_counts, service_state IN EXCLUSIVE MODE"), {}


def begun(at: datetime) -> Question:
    """Ask how many charges were begun within the hour; a minute that began within it, or just before it, counts whole."""
    return _begun, {"first": at - HOUR - MINUTE, "last": at + HOUR}


def left(rows: Rows, most: int) -> int:
    """Give, by the answer to `begun`, how many more charges may begin within the hour."""
    ((already,),) = rows
    return max(most - int(already or 0), 0)


def counting(dialect: str, begun: Sequence[datetime]) -> Work:
    """Give what counts charges that begin at these instants, all of them in the last one's minute."""
    minute = max(begun).replace(second=0, microsecond=0)
    return add(dialect, charge_counts), [{"minute": minute, "begun": len(begun)}]


def forget(connection: Connection, now: datetime) -> None:
    """Delete what counts no more."""
    connection.execute(delete(charge_counts).where(charge_counts.c.minute < now - DAY))
