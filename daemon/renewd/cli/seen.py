"""What an import has seen so far, on disk: of a file of millions of rows nothing is kept in memory."""

import pickle
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Values = dict[str, Any]  # of a row, by the names of their columns
BATCH = 500
CACHE_KB = 32_768
_FIRST = "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Seen(NamedTuple):
    """Where something stood first (see `Complaint`), and what was said of it there."""

    row: int
    column: int
    said: str


class Spool:
    """What the rows say, in their order, and where each thing named in them stood first.

    All of it is in a temporary file without a name, gone when it is closed.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(
            "CREATE TABLE seen (kind TEXT, name TEXT, line INTEGER, place INTEGER, said TEXT, "
            "PRIMARY KEY (kind, name)) WITHOUT ROWID"
        )
        self._db.execute("CREATE TABLE rows (batch BLOB)")
        self._db.execute("BEGIN")
        self._batch: list[Values] = []
        self.count = 0

    def all_new(self, named: Sequence[tuple[str, str, Seen]]) -> bool:
        """Take note of what is named here (its kind, its name), where it was not before; say whether none of it was."""
        added = self._db.executemany(_FIRST, [(kind, name, *here) for kind, name, here in named]).rowcount
        return added == len(named)

    def first(self, kind: str, name: str) -> Seen:
        """Give where something that was taken note of was seen first, and what was said of it."""
        query = "SELECT line, place, said FROM seen WHERE kind = ? AND name = ?"
        return Seen(*self._db.execute(query, (kind, name)).fetchone())

    def all(self, kind: str) -> Iterator[dict[str, Seen]]:
        """Give all that was seen of a kind, by name, in batches."""
        found = self._db.execute("SELECT name, line, place, said FROM seen WHERE kind = ?", (kind,))
        while rows := found.fetchmany(BATCH):
            yield {name: Seen(*where) for name, *where in rows}

    def add(self, values: Values) -> None:
        """Keep what a row says."""
        self.count += 1
        self._batch.append(values)
        if len(self._batch) == BATCH:
            self._flush()

    def rows(self) -> Iterator[Values]:
        """Give what was kept, once."""
        self._flush()
        for (batch,) in self._db.execute("SELECT batch FROM rows ORDER BY rowid"):
            yield from pickle.loads(batch)  # noqa: S301  # nobody else can have written it

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def _flush(self) -> None:
        self._db.execute("INSERT INTO rows VALUES (?)", (pickle.dumps(self._batch),))
        self._batch = []
