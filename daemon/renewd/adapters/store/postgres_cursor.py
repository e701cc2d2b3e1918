"""A cursor that hands over to PostgreSQL in one flight what the driver's own way waits for piece by piece: rows, questions.

It is made of psycopg's documented layer over libpq, `psycopg.pq`, and of libpq's pipeline mode.
"""

import re
import select
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count, islice
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

MOST_PREPARED = 100  # statements that are kept ready on one connection

_Fit = tuple[Sequence[Any], tuple[int, ...], Sequence[pq.Format] | None]  # values, their types and formats
_prepared: WeakKeyDictionary[Any, dict[tuple[str, tuple[int, ...]], bytes]] = WeakKeyDictionary()
_numbers = count()


class Flight(psycopg.Cursor[Any]):
    """A cursor of psycopg whose `executemany` sends all rows before it waits for what comes of the first."""

    _affected: int | None = None

    def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None:
        """Run a statement, its parameters written `%s`, for each of these tuples; `rowcount` counts them all.

        Raises psycopg.Error: the first that the server met. Nothing after it was carried out.
        """
        rows = list(params_seq)
        if returning or not rows or not isinstance(rows[0], tuple):
            super().executemany(query, rows, returning=returning)
        else:
            (self._affected,) = self.fly([(query, rows)])

    def fly(self, works: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]) -> list[int]:
        """Run several statements in one flight, each for all of its tuples; give how many rows each of them wrote.

        Raises psycopg.Error, as `executemany`.
        """
        return [sum(result.command_tuples or 0 for result in results) for results in self._carried_out(works)]

    def look(self, questions: Sequence[tuple[str, tuple[Any, ...]]]) -> list[list[tuple[Any, ...]]]:
        """Run several statements in one flight, each with its parameters; give the rows of each.

        Raises psycopg.Error, as `executemany`.
        """
        return [
            self._rows(*results)
            for results in self._carried_out([(query, [one]) for query, one in questions])
        ]

    def _rows(self, result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
        transformer = Transformer(self.connection)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def _carried_out(
        self, works: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]
    ) -> list[list[pq.abc.PGresult]]:
        # What cannot be sent is refused while nothing is under way.
        fit = [(query, list(self._made_fit(rows))) for query, rows in works]
        try:
            results = self._flown(fit)
        except BaseException:
            self.connection.close()  # it is half-way through, and nobody knows where
            raise
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                _prepared.pop(self.connection, None)  # who knows what was prepared before it
                raise error_from_result(result)
        answers = (result for result in results if result.command_status)
        return [list(islice(answers, len(rows))) for _, rows in fit]

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        return super().rowcount if self._affected is None else self._affected

    def _made_fit(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[_Fit]:
        transformer = Transformer(self.connection)
        formats = [PyFormat.AUTO] * len(rows[0])
        for row in rows:
            yield transformer.dump_sequence(row, formats), transformer.types or (), transformer.formats

    def _flown(self, works: Sequence[tuple[str, Sequence[_Fit]]]) -> list[pq.abc.PGresult]:
        server = self.connection.pgconn
        begun = server.transaction_status != pq.TransactionStatus.IDLE or self.connection.autocommit
        server.enter_pipeline_mode()
        if not begun:
            server.send_query_params(b"BEGIN", None)
        for query, rows in works:
            for values, types, formats in rows:
                server.send_query_prepared(self._ready(query, types), values, formats)
        server.pipeline_sync()
        answers = list(_answers(server))
        server.exit_pipeline_mode()
        return answers if begun else answers[1:]

    def _ready(self, query: str, types: tuple[int, ...]) -> bytes:
        """Give the name of the statement for values of these types, preparing it if it is not ready.

        Behind a pooler that hands the connection to others nothing is kept by name: `prepare_threshold` is None there.
        """
        ready = _prepared.setdefault(self.connection, {})
        name = ready.get((query, types))
        if name is None:
            named = self.connection.prepare_threshold is not None and len(ready) < MOST_PREPARED
            name = b"renewd_%d" % next(_numbers) if named else b""
            self.connection.pgconn.send_prepare(name, _numbered(query), types)
            if named:
                ready[query, types] = name
        return name


def _answers(server: pq.abc.PGconn) -> Iterator[pq.abc.PGresult]:
    """Send what is waiting, and give what comes back of each statement, up to the end of the flight.

    Both at once: a server that cannot get rid of its answers reads no more. Raises psycopg.OperationalError.
    """
    socket = select.poll()
    socket.register(server.socket, select.POLLIN | select.POLLOUT)
    while server.flush():
        if any(event & ~select.POLLOUT for _, event in socket.poll()):
            server.consume_input()
    socket.modify(server.socket, select.POLLIN)
    while True:
        while server.is_busy():
            socket.poll()
            server.consume_input()
        result = server.get_result()
        if result and result.status == pq.ExecStatus.PIPELINE_SYNC:
            return
        if result:
            yield result
        elif server.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection is lost")


@cache
def _numbered(query: str) -> bytes:
    numbers = iter(range(1, query.count("%s") + 1))
    return re.sub("%([s%])", lambda found: f"${next(numbers)}" if found[1] == "s" else "%", query).encode()
