"""The kinds of database that a life can have: dictionaries, SQLite in a file of its own, or a PostgreSQL."""

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import count
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from renewd.adapters.store import sql_store
from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.group import GroupWriter, Write, _Request
from renewd.adapters.store.sql_store import SqlStore
from tests.memory_store import MemoryStore, Tables
from tests.postgres import fresh_database
from tests.simulation.daemon import OwnStore
from tests.simulation.desk import Desk, MemoryDesk, SqlDesk
from tests.simulation.world import LEASE

NewStore = Callable[[str, bool], OwnStore]  # for a daemon of this name, alone or not
Storage = tuple[Desk, NewStore]
_numbers = count()


class InlineWriter(GroupWriter):
    """The same transactions without the thread: the order of things is then the seed's alone."""

    def __init__(self, engine: Any, write: Write) -> None:
        self._engine, self._write, self._connection = engine, write, None

    async def _ask(self, request: _Request) -> Any:
        ((_, answer),) = self._serve([request])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self._disconnect()


def memory() -> Storage:
    """A database in dictionaries."""
    kept = Tables()
    return MemoryDesk(kept), lambda owner, alone: MemoryStore(kept, owner, LEASE, alone=alone)


def sqlite() -> Storage:
    """A database in a file, in memory where the machine has such a place."""
    path = _folder() / f"{next(_numbers)}.db"
    shutil.copy(empty_database(), path)
    return _on(connect(f"sqlite:///{path}"))


def postgres() -> Storage:
    """A database on a real server."""
    return _on(connect(fresh_database()))


def _on(engine: Engine) -> Storage:
    def new_store(owner: str, alone: bool) -> OwnStore:
        with patch.object(sql_store, "GroupWriter", InlineWriter):
            return SqlStore(engine, owner, LEASE, alone=alone)

    return SqlDesk(engine), new_store


STORAGES: dict[str, Callable[[], Storage]] = {"memory": memory, "sqlite": sqlite, "postgres": postgres}


@cache
def _folder() -> Path:
    fast = Path("/dev/shm")  # noqa: S108 a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix="renewd-", dir=fast if fast.is_dir() else None))
    # Unlike atexit, this also runs at the end of a worker process.
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=1)
    return folder


@cache
def empty_database() -> Path:
    """Give a database file with its tables made, to be copied."""
    path = _folder() / "empty.db"
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path
