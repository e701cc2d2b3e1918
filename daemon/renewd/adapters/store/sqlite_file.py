"""A database that is a file: made with care for who may read it, and owned by one daemon."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import sleep
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from renewd.ports import AlreadyRunningError, StoreUnavailableError

BUSY_SECONDS = 5
READING = "renewd_reading"  # the execution option of a transaction that never writes, and so waits for nobody
OWN_TRIES, OWN_PAUSE_SECONDS = 5, 0.1
AS_THE_DAEMON = "; run this as the user that the daemon runs as"
KEPT_OUT = f"{AS_THE_DAEMON}; if you do, its disk may be read-only"


def connect(url: URL, *, must_exist: bool) -> Engine:
    """Open the file, and make it and its folder unless it `must_exist`. Raises StoreUnavailableError."""
    file = _file_of(url)
    if must_exist:
        _expect(file)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names, addresses and tokens are nobody else's business; the files that SQLite adds follow this one.
        if not file.exists():
            with suppress(FileExistsError):  # somebody else made it just now
                os.close(_made(file, os.O_EXCL))
    except OSError as error:
        raise StoreUnavailableError(f"{file}: {error.strerror}") from error
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def connect_to_read(url: URL) -> Engine:
    """Open the file for somebody who may do no more than read it. Raises StoreUnavailableError."""
    file = _file_of(url)
    _expect(file)
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=NullPool,
        creator=partial(_opened_to_read, file),
        execution_options={READING: True},
    )
    event.listen(engine, "begin", _begin)
    return engine


def _file_of(url: URL) -> Path:
    # A second name for the same file must lead to the same lock.
    return Path(url.database or "").resolve()


def _expect(file: Path) -> None:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StoreUnavailableError(
            f"{file} is not there yet; `renewd import` makes it, and `renewd run`"
        ) from None
    except OSError as error:
        raise StoreUnavailableError(f"{file}: {error.strerror}{AS_THE_DAEMON}") from error


def _opened_to_read(file: Path) -> sqlite3.Connection:
    """Open the file with what locks we may take.

    Beside its file SQLite keeps others, which a reader shares with the daemon. Where none are there and we may make
    none, nobody is writing: the file is read as it is.
    """
    ours = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    shared = Path(f"{file}-wal").exists()
    how = "mode=rw" if ours else "mode=ro" if shared else "immutable=1"
    connection = sqlite3.connect(
        f"file:{quote(str(file))}?{how}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


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


@contextmanager
def owned(engine: Engine) -> Iterator[None]:
    """Hold the lock that lets one daemon own the file.

    Raises AlreadyRunningError when another process holds it, and StoreUnavailableError when it cannot be made.
    """
    descriptor = _lock(f"{engine.url.database}.lock")
    try:
        yield
    finally:
        os.close(descriptor)


def _made(file: Path, flags: int = 0) -> int:
    """Open a file that is ours alone, and make it if needed; root makes it for the owner of the folder, the daemon."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
    if os.geteuid() == 0:
        owner = file.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _lock(path: str) -> int:
    try:
        descriptor = _made(Path(path))
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror}") from error
    for _ in range(OWN_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        sleep(OWN_PAUSE_SECONDS)  # `renewd status` takes the lock for a moment, to see whether it is free
    os.close(descriptor)
    raise AlreadyRunningError(f"another renewd owns {path.removesuffix('.lock')}")


def is_owned(engine: Engine) -> bool | None:
    """Say whether a daemon owns the file: whether its lock is taken. None where we may not see the lock."""
    try:
        descriptor = os.open(f"{engine.url.database}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return None if isinstance(error, PermissionError) else False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
