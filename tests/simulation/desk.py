"""The operator's desk, at either store: all rows laid open, and commands written as one transaction."""

import sqlite3
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text, update

from renewd.adapters.store import rows, tables
from renewd.adapters.store.connect import FILE
from renewd.renewal.audit import Event
from renewd.renewal.model import Attempt, Customer, PaymentMethod, Renewal, Subscription
from renewd.renewal.notice import Notice
from tests.memory_store import HALTED, Tables

Backup = Tables | sqlite3.Connection | dict[Table, bytes]
Noun = Customer | PaymentMethod | Subscription | Renewal | Attempt | Notice


@dataclass(frozen=True, slots=True)
class Command:
    """New rows that an operator wants: a renewal's `version` counts on, so that whoever has read it will notice.

    `halted` is the reason for a halt of all charging, empty to end one, None to leave it as it is.
    """

    event: Event
    halted: str | None = None
    nouns: tuple[Noun, ...] = ()


class Desk(Protocol):
    """What a test may do to a store behind the daemon's back."""

    def back_up(self) -> Backup: ...
    def restore(self, backup: Backup) -> None: ...
    def put(self, *nouns: Noun) -> None: ...
    def act(self, command: Command) -> None: ...
    def methods(self) -> Sequence[PaymentMethod]: ...
    def subscriptions(self) -> Sequence[Subscription]: ...
    def renewals(self) -> Sequence[Renewal]: ...
    def attempts(self) -> Sequence[Attempt]: ...
    def notices(self) -> Sequence[Notice]: ...
    def events(self) -> Sequence[Event]: ...


class MemoryDesk:
    """The desk at a `MemoryStore`."""

    def __init__(self, kept: Tables) -> None:
        self._kept = kept

    def back_up(self) -> Backup:
        return deepcopy(self._kept)

    def restore(self, backup: Backup) -> None:
        for each in fields(Tables):
            setattr(self._kept, each.name, deepcopy(getattr(backup, each.name)))

    def put(self, *nouns: Noun) -> None:
        for noun in nouns:
            self._table(noun)[noun.key if isinstance(noun, Attempt) else noun.id] = noun

    def _table(self, noun: Noun) -> dict[str, Any]:
        tables: dict[type[Noun], dict[str, Any]] = {
            Customer: self._kept.customers,
            PaymentMethod: self._kept.methods,
            Subscription: self._kept.subscriptions,
            Renewal: self._kept.renewals,
            Attempt: self._kept.attempts,
            Notice: self._kept.notices,
        }
        return tables[type(noun)]

    def act(self, command: Command) -> None:
        for noun in command.nouns:
            self.put(replace(noun, version=noun.version + 1) if isinstance(noun, Renewal) else noun)
        if command.halted is not None:
            self._kept.state[HALTED] = command.halted
        self._kept.events.append(command.event)

    def methods(self) -> Sequence[PaymentMethod]:
        return list(self._kept.methods.values())

    def subscriptions(self) -> Sequence[Subscription]:
        return list(self._kept.subscriptions.values())

    def renewals(self) -> Sequence[Renewal]:
        return list(self._kept.renewals.values())

    def attempts(self) -> Sequence[Attempt]:
        return list(self._kept.attempts.values())

    def notices(self) -> Sequence[Notice]:
        return list(self._kept.notices.values())

    def events(self) -> Sequence[Event]:
        return self._kept.events


class SqlDesk:
    """The desk at a `SqlStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def back_up(self) -> Backup:
        with self._engine.connect() as connection:
            if connection.dialect.name != FILE:
                return {table: _copied(connection, table) for table in tables.metadata.sorted_tables}
            copy = sqlite3.connect(":memory:")
            _file(connection).backup(copy)
        return copy

    def restore(self, backup: Backup) -> None:
        if isinstance(backup, sqlite3.Connection):
            with self._engine.connect() as connection:
                backup.backup(_file(connection))
        elif isinstance(backup, dict):
            with self._engine.begin() as connection:
                _restored(connection, backup)

    def put(self, *nouns: Noun) -> None:
        with self._engine.begin() as connection:
            for noun in nouns:
                _put(connection, noun)

    def act(self, command: Command) -> None:
        with self._engine.begin() as connection:
            for noun in command.nouns:
                _put(
                    connection, replace(noun, version=noun.version + 1) if isinstance(noun, Renewal) else noun
                )
            if command.halted is not None:
                state = tables.service_state
                connection.execute(delete(state).where(state.c.key == HALTED))
                connection.execute(insert(state), [{"key": HALTED, "value": command.halted}])
            connection.execute(insert(tables.audit_log), [rows.event_row(command.event)])

    def methods(self) -> Sequence[PaymentMethod]:
        return [rows.method_of(row) for row in self._all(tables.payment_methods)]

    def subscriptions(self) -> Sequence[Subscription]:
        return [rows.subscription_of(row) for row in self._all(tables.subscriptions)]

    def renewals(self) -> Sequence[Renewal]:
        return [rows.renewal_of(row) for row in self._all(tables.renewals)]

    def attempts(self) -> Sequence[Attempt]:
        return [rows.attempt_of(row) for row in self._all(tables.attempts)]

    def notices(self) -> Sequence[Notice]:
        return [rows.notice_of(row) for row in self._all(tables.notices)]

    def events(self) -> Sequence[Event]:
        return [rows.audit_of(row).event for row in self._all(tables.audit_log)]

    def _all(self, table: Table) -> Sequence[Any]:
        key = next(iter(table.primary_key.columns))
        with self._engine.begin() as connection:
            return connection.execute(select(table).order_by(key)).mappings().all()


def _file(connection: Connection) -> sqlite3.Connection:
    file = connection.connection.driver_connection
    assert isinstance(file, sqlite3.Connection)
    return file


def _restored(connection: Connection, backup: dict[Table, bytes]) -> None:
    # Without its triggers: the log forbids what is done to it here.
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(f"TRUNCATE {', '.join(table.name for table in backup)}"))
    for table, content in backup.items():
        _copy_back(connection, table, content)
    last = func.coalesce(func.max(tables.audit_log.c.sequence), 0) + 1
    connection.execute(select(func.setval(func.pg_get_serial_sequence("audit_log", "sequence"), last, False)))


def _copied(connection: Connection, table: Table) -> bytes:
    with (
        _server(connection).cursor() as cursor,
        cursor.copy(f"COPY {table.name} TO STDOUT (FORMAT BINARY)") as rows_of,
    ):
        return b"".join(rows_of)


def _copy_back(connection: Connection, table: Table, content: bytes) -> None:
    with (
        _server(connection).cursor() as cursor,
        cursor.copy(f"COPY {table.name} FROM STDIN (FORMAT BINARY)") as rows_of,
    ):
        rows_of.write(content)


def _server(connection: Connection) -> psycopg.Connection:
    server = connection.connection.driver_connection
    assert isinstance(server, psycopg.Connection)
    return server


def _put(connection: Connection, noun: Noun) -> None:
    """Write a row over the one of that id; a renewal's lease stays as it is."""
    table, row = _row(noun)
    key = next(iter(table.primary_key.columns))
    if not connection.execute(update(table).where(key == row[key.name]).values(**row)).rowcount:
        connection.execute(insert(table), [row])


def _row(noun: Noun) -> tuple[Table, dict[str, Any]]:
    match noun:
        case Customer():
            return tables.customers, rows.customer_row(noun)
        case PaymentMethod():
            return tables.payment_methods, rows.method_row(noun)
        case Subscription():
            return tables.subscriptions, rows.subscription_row(noun)
        case Renewal():
            return tables.renewals, rows.renewal_row(noun)
        case Attempt():
            return tables.attempts, rows.attempt_row(noun)
        case Notice():
            return tables.notices, rows.notice_row(noun)
