"""Opening the database: where it is, how it is set, that it is ours alone, and that its tables are current."""

import fcntl
import os
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from time import sleep

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from renewd.ports import AlreadyRunningError, StoreUnavailableError

HEAD = "0001"
BUSY_SECONDS = 5
READING = "renewd_reading"  # the execution option of a transaction that never writes, and so waits for nobody
OWN_TRIES, OWN_PAUSE_SECONDS = 5, 0.1


def connect(url: str, *, must_exist: bool = False) -> Engine:
    """Open the database at `url` (`sqlite:///path`).

    Raises StoreUnavailableError when its folder cannot be made or, if it `must_exist`, when it is not there.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ValueError(
            f"not a file of SQLite: {parsed.render_as_string()}; write e.g. sqlite:////var/lib/renewd/renewd.db"
        )
    file = Path(parsed.database)
    if must_exist and not file.exists():
        raise StoreUnavailableError(f"{file} is not there yet; `renewd import` makes it, and `renewd run`")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names, addresses and tokens are nobody else's business; the files that SQLite adds follow this one.
        if not file.exists():
            os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailableError(f"{parsed.database}: {error.strerror}") from error
    engine = create_engine(
        f"sqlite:///{parsed.database}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: object, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin` does, so that a claim never deadlocks.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: object) -> None:
    reading = connection.get_execution_options().get(READING)  # type: ignore[attr-defined]
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")  # type: ignore[attr-defined]


def own(engine: Engine) -> int:
    """Take the lock that lets one daemon own the database file, until this process ends.

    Gives the lock's file descriptor. Raises AlreadyRunningError when another process holds it, and
    StoreUnavailableError when it cannot be made.
    """
    path = f"{engine.url.database}.lock"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror}") from error
    for _ in range(OWN_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        sleep(OWN_PAUSE_SECONDS)  # `renewd status` takes the lock for a moment, to see whether it is free
    os.close(descriptor)
    raise AlreadyRunningError(f"another renewd owns {engine.url.database}")


def migrate(engine: Engine) -> None:
    """Bring the tables to the present revision. Raises StoreUnavailableError when the database cannot be written."""
    try:
        if _revision(engine) != HEAD:
            _upgrade(engine)
    except DBAPIError as error:
        raise StoreUnavailableError(f"{engine.url.database}: {error.orig}") from error


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())


def _upgrade(engine: Engine) -> None:
    # Imported here alone: it costs a start that has nothing to migrate a fifth of a second.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("renewd.adapters.store") / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
