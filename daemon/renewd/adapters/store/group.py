"""Group commit: one thread that owns the connection, and one transaction for all who wait for one."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from renewd.adapters.store.connect import unusable
from renewd.adapters.store.postgres_server import READ_ONLY
from renewd.ports import StoreUnavailableError
from renewd.renewal.change import Change

T = TypeVar("T")
GROUP_LIMIT = 256
CROSSED_TRIES = 5

Write = Callable[[Connection, Sequence[Change]], list[bool]]


@dataclass(frozen=True, slots=True)
class _Request:
    """Something to be done on the thread: a change for the next group, or a call with a transaction of its own."""

    done: asyncio.Future[Any]
    change: Change | None = None
    call: Callable[[Connection], Any] | None = None


class GroupWriter:
    """Runs everything that touches the database on one thread, in the order in which it was asked for.

    Changes that are waiting when a transaction begins are written and made durable together by `write`; a group
    that fails is split until the change at fault stands alone, so that it fails by itself.
    """

    def __init__(self, engine: Engine, write: Write) -> None:
        """Use `engine`; `write` writes a group and says for each change whether it still held."""
        self._engine = engine
        self._write = write
        self._connection: Connection | None = None
        self._committing = False
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="renewd-store", daemon=True)
        self._thread.start()

    async def commit(self, change: Change) -> bool:
        """Write one change with whatever group comes next. Raises StoreUnavailableError."""
        return bool(await self._ask(_Request(asyncio.get_running_loop().create_future(), change=change)))

    async def call(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own. Raises StoreUnavailableError."""
        result: T = await self._ask(_Request(asyncio.get_running_loop().create_future(), call=work))
        return result

    async def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    async def _ask(self, request: _Request) -> Any:
        with self._changed:
            if self._closing:
                raise StoreUnavailableError("the store is closed")
            self._waiting.append(request)
            self._changed.notify()
        return await request.done

    def _run(self) -> None:
        while group := self._next_group():
            answers = self._serve(group)
            group[0].done.get_loop().call_soon_threadsafe(_give, answers)
        self._disconnect()

    def _next_group(self) -> list[_Request]:
        """Wait for work: one call, or the changes that wait in a row. Nothing when it is time to end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            group: list[_Request] = []
            while self._waiting and len(group) < GROUP_LIMIT:
                if group and not (group[0].change and self._waiting[0].change):
                    break
                group.append(self._waiting.popleft())
            return group

    def _serve(self, group: list[_Request], tries: int = CROSSED_TRIES) -> list[tuple[_Request, Any]]:
        was_connected, self._committing = self._connection is not None, False
        try:
            results = self._transaction(group)
        except Exception as error:  # noqa: BLE001 whatever a poison row raises, it must not stop the others
            if isinstance(error, DBAPIError) and (crossed(error) or _is_away(error)):
                return self._again(group, error, tries, was_connected=was_connected)
            if len(group) == 1:
                return [(group[0], error)]
            middle = len(group) // 2
            return self._serve(group[:middle]) + self._serve(group[middle:])
        return list(zip(group, results, strict=True))

    def _again(
        self, group: list[_Request], error: DBAPIError, tries: int, *, was_connected: bool
    ) -> list[tuple[_Request, Any]]:
        """Serve once more what certainly was not carried out and may be now; else say that the database is away."""
        if crossed(error) and tries:
            return self._serve(group, tries - 1)
        # A connection that has failed may be half-way through anything; the next group gets a new one.
        self._disconnect()
        # The server may have been away while nobody asked. But a commit that was not answered may have been carried out.
        if error.connection_invalidated and was_connected and not self._committing:
            return self._serve(group, tries)
        unavailable = unusable(self._engine, error)
        return [(request, unavailable) for request in group]

    def _transaction(self, group: list[_Request]) -> list[Any]:
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            if group[0].call:
                results = [group[0].call(self._connection)]
            else:
                changes = [request.change for request in group if request.change]
                results = list(self._write(self._connection, changes))
            self._committing = True
        return results

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            try:
                connection.close()
            except DBAPIError:
                connection.invalidate()


def crossed(error: DBAPIError) -> bool:
    """Say whether a transaction was undone only because another one crossed its way: the same once more may succeed."""
    return getattr(error.orig, "sqlstate", "") in ("40001", "40P01")


def _is_away(error: DBAPIError) -> bool:
    """Say whether it is the database that fails, and not what it was asked: it is gone, or lets nobody write."""
    return (
        isinstance(error, OperationalError | InterfaceError)
        or error.connection_invalidated
        or getattr(error.orig, "sqlstate", "") == READ_ONLY
    )


def _give(answers: list[tuple[_Request, Any]]) -> None:
    for request, answer in answers:
        if request.done.cancelled():
            continue
        if isinstance(answer, Exception):
            request.done.set_exception(answer)
        else:
            request.done.set_result(answer)
