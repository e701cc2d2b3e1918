"""Carrying a whole database over to another one: every row, the audit log included, and each compared."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store.connect import migrate, owned, place, unusable
from renewd.adapters.store.plans import put_state
from renewd.adapters.store.sqlite_file import READING
from renewd.adapters.store.tables import MOVED_TO, audit_log, metadata
from renewd.ports import StoreUnavailableError

PAGE = 1000

Progress = Callable[[int], None]


def move(source: Engine, target: Engine, progress: Progress) -> dict[str, int]:
    """Copy every row to a target that has none, compare them, and mark the source so that no daemon goes on with it.

    Gives the rows of each table. The target is written in one transaction: whatever goes wrong, nothing is there.
    Raises AlreadyRunningError while a daemon runs on the source, and StoreUnavailableError when either cannot be used,
    the target holds rows, or a row did not arrive as it was.
    """
    with owned(source):
        migrate(source)
        migrate(target)
        try:
            with (
                source.connect().execution_options(**{READING: True}) as old,
                target.begin() as new,
                old.begin(),
            ):
                _expect_empty(new, target)
                counts: dict[str, int] = {}
                for table in metadata.sorted_tables:
                    counts[table.name] = 0
                    for page in _pages(old, table):
                        _copy(new, table, page)
                        counts[table.name] += len(page)
                        progress(sum(counts.values()))
                    _expect_all(new, table, counts[table.name])
                _go_on_counting(new)
        except DBAPIError as error:
            raise unusable(target, error) from error
        with source.begin() as left:
            put_state(left, MOVED_TO, place(target))
    return counts


def rows_in(source: Engine) -> int:
    """Count what there is to move. Raises StoreUnavailableError."""
    try:
        with source.connect().execution_options(**{READING: True}) as connection, connection.begin():
            return sum(_count(connection, table) for table in metadata.sorted_tables)
    except DBAPIError as error:
        raise unusable(source, error) from error


def _expect_empty(connection: Connection, target: Engine) -> None:
    for table in metadata.sorted_tables:
        if _count(connection, table):
            raise StoreUnavailableError(
                f"{place(target)} holds {table.name} already; move into an empty database"
            )


def _expect_all(connection: Connection, table: Table, sent: int) -> None:
    arrived = _count(connection, table)
    if arrived != sent:
        raise StoreUnavailableError(
            f"{table.name}: {sent} rows were sent, {arrived} have arrived; nothing is moved"
        )


def _pages(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    (key,) = table.primary_key.columns
    query = select(table).order_by(key).limit(PAGE)
    page = _read(connection, query)
    while page:
        yield page
        page = _read(connection, query.where(key > page[-1][key.name]))


def _copy(connection: Connection, table: Table, page: Sequence[dict[str, Any]]) -> None:
    """Write the rows, and read them again."""
    (key,) = table.primary_key.columns
    connection.execute(insert(table), page)
    keys = [row[key.name] for row in page]
    arrived = {row[key.name]: row for row in _read(connection, select(table).where(key.in_(keys)))}
    for row in page:
        if arrived.get(row[key.name]) != row:
            raise StoreUnavailableError(
                f"{table.name} {row[key.name]} did not arrive as it was; nothing is moved"
            )


def _go_on_counting(connection: Connection) -> None:
    """Have the next row of the audit log follow the last one that was moved."""
    if connection.dialect.name != "postgresql":
        return
    last = connection.execute(select(func.max(audit_log.c.sequence))).scalar()
    if last:
        name = connection.execute(text("SELECT pg_get_serial_sequence('audit_log', 'sequence')")).scalar()
        connection.execute(select(func.setval(name, last)))


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _read(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
