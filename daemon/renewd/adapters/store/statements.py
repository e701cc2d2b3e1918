"""What every change runs, in the form that costs least: the text of a statement is made once, whatever rows it is run for."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
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
)
from sqlalchemy.dialects.postgresql import ARRAY, psycopg

Processor = Callable[[Any], Any]


def among(connection: Connection, column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Say that a column is one of `values`: one parameter however many they are, so that the text never changes."""
    if is_server(connection):
        return column == any_(bindparam(None, list(values), ARRAY(Text), unique=True))
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))


def run_for_each(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> int:
    """Run a statement for each of these rows, all of which have the same names; give how many rows it wrote.

    The driver gets plain tuples: what SQLAlchemy's own way does for each row anew costs several times the row.
    """
    if not rows:
        return 0
    ready = _ready(statement, connection.dialect, tuple(rows[0]))
    return connection.exec_driver_sql(ready.text, ready.values(rows)).rowcount


def is_server(bound: Connection | Engine) -> bool:
    """Say whether the database is a server, and not a file."""
    return bound.dialect.name == "postgresql"


@dataclass(frozen=True, slots=True)
class _Ready:
    """The text of a statement, the names of what it needs of a row, and how some of that is made fit to be sent."""

    text: str
    names: tuple[str, ...]
    processors: tuple[tuple[int, Processor], ...]

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
def _ready(statement: Any, dialect: Dialect, names: tuple[str, ...]) -> _Ready:
    if not dialect.positional:
        dialect = psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect, column_keys=names)
    binds = compiled.positiontup
    processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in binds]
    made_fit = tuple((index, process) for index, process in enumerate(processors) if process)
    return _Ready(str(compiled), tuple(binds), made_fit)
