"""Rows that may be there already: inserted, or written over, in the words of each database."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Table

from renewd.adapters.store.statements import run_for_each


def put(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], kept: Collection[str] = ()
) -> None:
    """Insert rows; those whose key is known are written over, but for the columns that are `kept`."""
    run_for_each(connection, put_statement(connection.dialect.name, table, tuple(kept)), rows)


@cache
def put_statement(dialect: str, table: Table, kept: tuple[str, ...] = ()) -> Any:
    """Give the statement with which `put` inserts rows."""
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    moved = {each.name: statement.excluded[each.name] for each in table.c if each.name not in (*keys, *kept)}
    return statement.on_conflict_do_update(index_elements=keys, set_=moved)


@cache
def put_once(dialect: str, table: Table) -> Any:
    """Give the statement that inserts rows; those whose key is known are left as they are."""
    keys = [column.name for column in table.primary_key]
    return _insert(dialect, table).on_conflict_do_nothing(index_elements=keys)


@cache
def add(dialect: str, table: Table) -> Any:
    """Give the statement that inserts rows; one whose key is known gets these numbers added to its own."""
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    summed = {each.name: each + statement.excluded[each.name] for each in table.c if each.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=summed)


def _insert(dialect: str, table: Table) -> Any:
    # Imported by name, for it takes long: a command that reads, and a daemon on SQLite, do without the other one.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table).inline()
