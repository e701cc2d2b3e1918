"""Opening the database: where it is, how it is set, that it is ours alone, and that its tables are current."""

import fcntl
import os
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from renewd.ports import AlreadyRunningError, StoreUnavailableError

HEAD = "0001"
BUSY_SECONDS = 5


def connect(url: str) -> Engine:
    """Open the database at `url` (`sqlite:///path`). Raises StoreUnavailableError when its folder cannot be made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise ValueError(
            f"not a database renewd can use: {parsed.render_as_string()}; write e.g. sqlite:////var/lib/renewd/renewd.db"
        )
    try:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(f"{parsed.database}: {error.strerror}") from error
    engine = create_engine(
        f"sqlite:///{parsed.database}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure(connection: object, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin_immediate` does, so that a claim never deadlocks.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: object) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]


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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunningError(f"another renewd owns {engine.url.database}") from None
    return descriptor


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
