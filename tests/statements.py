"""The statements that the store has carried out, and what a database says of how it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import sqlalchemy
from sqlalchemy import event

from renewd.adapters.store.postgres_cursor import Flight

LOOKING = ("SELECT", "UPDATE", "DELETE")


@contextmanager
def noting(*beginnings: str) -> Iterator[dict[str, Any]]:
    """Note each statement that is carried out inside, with the first values it had.

    Those that begin so; if nothing is said, those that look for rows.
    """
    noted: dict[str, Any] = {}
    listening = True

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        # An engine that was made meanwhile keeps the listener after it is removed here.
        if listening and statement.startswith(beginnings or LOOKING):
            noted.setdefault(statement, values[0] if many else values)

    def carry_out(cursor: Flight, works: Any) -> Any:
        for statement, rows in works:
            note(None, cursor, statement, rows, None, many=True)
        return really(cursor, works)

    really = Flight._carried_out
    event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        with patch.object(Flight, "_carried_out", carry_out):
            yield noted
    finally:
        listening = False
        event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
