"""What every change runs, in the form that costs least: the text of a statement is made once, whatever rows it is run for."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Executable,
    Text,
    any_,
    bindparam,
    func,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError, StatementError

T = TypeVar("T")
Processor = Callable[[Any], Any]
Work = tuple[Executable, Sequence[Mapping[str, Any]]]  # a statement, and the rows for which it is run
Question = tuple[Executable, Mapping[str, Any]]  # a statement that is the same each time but for these values
Rows = list[tuple[Any, ...]]


def among(connection: Connection, column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Say that a column is one of `values`: one parameter however many they are, so that the text never changes."""
    given: BindParameter[Any] = bindparam(None, listed(connection, values), unique=True)
    return among_given(column, given, server=is_server(connection))


def among_given(
    column: ColumnElement[str], given: BindParameter[Any], *, server: bool
) -> ColumnElement[bool]:
    """Say that a column is one of those that the parameter is given, as `listed`."""
    if server:
        return column == any_(type_coerce(given, ARRAY(Text)))
    return column.in_(select(func.json_each(given).table_valued("value").c.value))


def listed(connection: Connection, values: Collection[str]) -> list[str] | str:
    """Give a list as the one parameter that `among` has for it."""
    return list(values) if is_server(connection) else json.dumps(list(values))


def run_for_each(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement for each of these rows, all of which have the same names; give how many rows it wrote.

    The driver gets plain tuples: what SQLAlchemy's own way does for each row anew costs several times the row.
    """
    if not rows:
        return 0
    ready = _ready(statement, connection.dialect, tuple(rows[0]))
    return connection.exec_driver_sql(ready.text, ready.values(rows)).rowcount


def run_together(connection: Connection, works: Sequence[Work]) -> list[int]:
    """Run several statements, each as `run_for_each` does, and wait for a server once; give how many rows each wrote."""
    if not is_server(connection):
        return [run_for_each(connection, *work) for work in works]
    made = [
        (_ready(statement, connection.dialect, tuple(rows[0])), rows) for statement, rows in works if rows
    ]
    flown = [(ready.text, ready.values(rows)) for ready, rows in made]
    written = iter(_in_flight(connection, lambda cursor: cursor.fly(flown)))
    return [next(written) if rows else 0 for _, rows in works]


def ask_together(connection: Connection, questions: Sequence[Question]) -> list[Rows]:
    """Give the rows of each of several statements, which are run in this order; a server is waited for once."""
    dialect = connection.dialect
    made = [(_ready(query, dialect, tuple(values)), values) for query, values in questions]
    asked = [(ready.text, ready.values([{**ready.constants, **values}])[0]) for ready, values in made]
    if is_server(connection):
        found = _in_flight(connection, lambda cursor: cursor.look(asked))
    else:
        found = [connection.exec_driver_sql(*each).all() for each in asked]
    return [_read(rows, _readers(query, dialect)) for (query, _), rows in zip(questions, found, strict=True)]


def _in_flight(connection: Connection, work: Callable[[Any], T]) -> T:
    try:
        return work(connection.connection.cursor())
    except connection.dialect.loaded_dbapi.Error as error:
        raise _told(connection, error) from error


def _told(connection: Connection, error: Exception) -> StatementError:
    """Tell an error of the driver as SQLAlchemy tells those that it meets, and give up a connection that is lost."""
    dialect, driver = connection.dialect, connection.connection.dbapi_connection
    lost = dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        None, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
    )


def _read(rows: Iterable[Sequence[Any]], readers: Sequence[Processor | None]) -> Rows:
    return [
        tuple(read(value) if read else value for read, value in zip(readers, row, strict=True))
        for row in rows
    ]


def is_server(bound: Connection | Engine) -> bool:
    """Say whether the database is a server, and not a file."""
    return bound.dialect.name == "postgresql"


@dataclass(frozen=True, slots=True)
class _Ready:
    """The text of a statement, the names of what it needs of a row, and how some of that is made fit to be sent."""

    text: str
    names: tuple[str, ...]
    processors: tuple[tuple[int, Processor], ...]
    constants: Mapping[str, Any]  # what is written in the statement itself

    def values(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Give what the driver is handed for each row."""
        found = (tuple(map(row.__getitem__, self.names)) for row in rows)
        return [self._processed(values) for values in found] if self.processors else list(found)

    def _processed(self, values: Sequence[Any]) -> tuple[Any, ...]:
        processed = list(values)
        for index, process in self.processors:
            processed[index] = process(processed[index])
        return tuple(processed)


@cache
def _readers(query: Any, dialect: Dialect) -> tuple[Processor | None, ...]:
    """Give what makes values of each column of what the driver hands over."""
    if not query.is_select:
        return ()
    types = [column.type.dialect_impl(dialect) for column in query.selected_columns]
    return tuple(each.result_processor(dialect, None) for each in types)


@cache
def _ready(statement: Any, dialect: Dialect, names: tuple[str, ...]) -> _Ready:
    if not dialect.positional:
        dialect = type(dialect)(paramstyle="format")  # type: ignore[call-arg]
    compiled = statement.compile(dialect=dialect, column_keys=names)
    binds = compiled.positiontup
    processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in binds]
    made_fit = tuple((index, process) for index, process in enumerate(processors) if process)
    return _Ready(str(compiled), tuple(binds), made_fit, compiled.params)
