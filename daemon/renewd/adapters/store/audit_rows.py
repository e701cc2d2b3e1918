"""Rows of the audit log: how they are written, and as they are hashed, read past all that makes them nouns."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Select, String, func, insert, select, type_coerce

from renewd.adapters.store.connect import FILE
from renewd.adapters.store.instant import Instant
from renewd.adapters.store.rows import event_row
from renewd.adapters.store.statements import run_for_each
from renewd.adapters.store.tables import audit_log
from renewd.renewal.audit import Event
from renewd.seal.leaf import Form

FORM = Form([each.name for each in audit_log.c], [None if each.nullable else "" for each in audit_log.c])

append = insert(audit_log).inline()


def tell(connection: Connection, events: Iterable[Event]) -> None:
    """Append events to the audit log, in their order."""
    run_for_each(connection, append, [event_row(event) for event in events])


def audit_lines(connection: Connection, after: int, upto: int, limit: int) -> dict[int, bytes]:
    """Give the bytes that are hashed of each row (by sequence) after one and up to another, at most `limit` of them."""
    columns = [_written(each, connection.dialect) for each in audit_log.c]
    sequence = audit_log.c.sequence
    some = select(*columns).where(sequence > after, sequence <= upto).order_by(sequence).limit(limit)
    rows = raw(connection, some)
    return dict(zip([row[0] for row in rows], FORM.lines(rows), strict=True))


def raw(connection: Connection, query: Select[Any]) -> Sequence[Any]:
    """Give rows as the driver has them."""
    try:
        return _fetched(connection, query)
    except sqlite3.OperationalError:
        # Whoever has written into the file may have left what is no text; it is to be told like any other change.
        driver: Any = connection.connection.driver_connection
        driver.text_factory = _any_text
        return _fetched(connection, query)


def _fetched(connection: Connection, query: Select[Any]) -> Sequence[Any]:
    cursor: Any = connection.execute(query).cursor
    rows: Sequence[Any] = cursor.fetchall()
    return rows


def _any_text(blob: bytes) -> str:
    return blob.decode(errors="surrogateescape")


def _written(column: Column[Any], dialect: Dialect) -> Any:
    """Have the database itself write an instant as text: it is several times as fast."""
    if not isinstance(column.type, Instant):
        return column
    if dialect.name == FILE:
        return func.replace(type_coerce(column, String), " ", "T").op("||")("Z")
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
