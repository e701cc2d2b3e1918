"""What goes wrong with a machine under a daemon that runs, each for the length of a `with`: honest, and mended at its end."""

import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.service.daemon import PATIENCE, Daemon
from tests.service.town import Town

Trouble = Callable[[Town, Daemon], AbstractContextManager[None]]
Disk = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def mounted(folder: Path, *how: str) -> Iterator[None]:
    """Mount something at `folder`; the test is skipped where nobody may."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *how, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only who may mount can show this: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def small_disk(folder: Path) -> AbstractContextManager[None]:
    """Have a disk of its own under `folder`, that is full soon, and holds twice what SQLite writes ahead."""
    return mounted(folder, "-t", "tmpfs", "-o", "size=8m", "tmpfs")


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk that `folder` is on, to the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for block in (4096, 1):
            try:
                while True:
                    file.write(bytes(block))
            except OSError:
                pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def disk_full(town: Town, _: Daemon) -> Iterator[None]:
    """No space is left for the database."""
    with full(town.database.parent):
        yield


@contextmanager
def disk_broken(town: Town, daemon: Daemon) -> Iterator[None]:
    """What is added to a file of the database fails, as on a disk with errors."""
    limit = Path(f"{town.database}-wal").stat().st_size
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def disk_read_only(town: Town, daemon: Daemon) -> Iterator[None]:
    """The disk has failed, and the kernel lets nobody write to it any more: what is opened now cannot be written."""
    folder = town.database.parent
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        with disk_broken(town, daemon):
            yield


@contextmanager
def database_locked(town: Town, _: Daemon) -> Iterator[None]:
    """Somebody holds the lock of the database, and does not let go."""
    with closing(sqlite3.connect(town.database, isolation_level=None, timeout=PATIENCE)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def standby(town: Town, _: Daemon) -> Iterator[None]:
    """The server lets nobody write, as one that has become a standby; who was connected is thrown out."""
    url = make_url(town.url)
    server = create_engine(
        url.set(drivername="postgresql+psycopg", database="postgres"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )

    def turn(setting: str) -> None:
        with server.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} {setting}"))
            out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            connection.execute(text(out), {"name": url.database})

    turn("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        turn("RESET default_transaction_read_only")
