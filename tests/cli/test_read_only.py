"""Reading the books takes no more than the right to read, and leaves no trace."""

import ctypes
import hashlib
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from renewd.adapters.store.sqlite_file import AS_THE_DAEMON
from tests.cli.building import RENEWD, Shop

READERS = ["list", "show S-1", "log", "status", "explain S-1", "forecast", "config show --for S-1"]
DROP_FROM_BOUNDING_SET, OVERRIDE_RIGHTS, READ_ANYTHING = 24, 1, 2


def unprivileged(shop: Shop, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as one whom the rights of files bind, which they do not bind root."""

    def bind() -> None:
        for right in (OVERRIDE_RIGHTS, READ_ANYTHING):
            ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, right, 0, 0, 0)

    return subprocess.run(
        [RENEWD, *command.split()], env=shop.environ(), capture_output=True, text=True, check=False, preexec_fn=bind
    )  # fmt: skip


@contextmanager
def rights(folder: Path, of_files: int, of_folder: int) -> Iterator[None]:
    """Set the rights of a folder and of what is in it, for a while."""
    for file in folder.iterdir():
        file.chmod(of_files)
    folder.chmod(of_folder)
    try:
        yield
    finally:
        folder.chmod(0o700)


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        file.name: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.iterdir()
    }


@pytest.mark.parametrize("command", READERS)
def test_who_may_only_read_the_database_reads_it(shop: Shop, command: str) -> None:
    folder = shop.database.parent
    before = contents(folder)
    with rights(folder, 0o400, 0o500):
        ran = unprivileged(shop, command)
    assert (ran.returncode in (0, 3), ran.stderr) == (True, "")
    assert ran.stdout
    assert contents(folder) == before


@pytest.mark.parametrize("of_folder", [0o500, 0o700])
def test_who_may_only_read_the_database_reads_what_a_daemon_has_just_written(
    shop: Shop, of_folder: int
) -> None:
    with sqlite3.connect(shop.database) as database:
        database.execute("UPDATE subscriptions SET plan = 'att-7d' WHERE id = 'S-1'")
        database.commit()
        with rights(shop.database.parent, 0o400, of_folder):
            ran = unprivileged(shop, "list -n 1")
    assert (ran.stderr, ran.stdout.split("\t")[:2]) == ("", ["S-1", "att-7d"])
    database.close()


def test_a_reader_who_may_write_leaves_nothing_behind(shop: Shop) -> None:
    before = contents(shop.database.parent)
    for command in READERS:
        shop.run(*command.split())
    assert contents(shop.database.parent) == before


def test_a_reader_waits_for_no_writer(shop: Shop) -> None:
    writer = sqlite3.connect(shop.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert shop.out("list", "-n", "1").startswith("S-1\t")
    writer.close()


@pytest.mark.parametrize(("of_files", "of_folder"), [(0o000, 0o700), (0o600, 0o000)])
@pytest.mark.parametrize("command", ["list", "status"])
def test_who_may_not_read_the_database_is_told_who_may(
    shop: Shop, command: str, of_files: int, of_folder: int
) -> None:
    with rights(shop.database.parent, of_files, of_folder):
        ran = unprivileged(shop, command)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (69, "", 1)
    assert ran.stderr.startswith(f"renewd: the database cannot be used: {shop.database}: ")
    assert AS_THE_DAEMON in ran.stderr


def test_who_may_only_read_the_database_and_would_write_is_told_who_may(shop: Shop) -> None:
    with rights(shop.database.parent, 0o400, 0o500):
        ran = unprivileged(shop, "halt --reason x --yes")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (69, "", 1)
    assert AS_THE_DAEMON in ran.stderr


def test_who_may_not_see_the_lock_is_not_told_that_no_daemon_runs(shop: Shop) -> None:
    lock = Path(f"{shop.database}.lock")
    lock.touch()
    lock.chmod(0)
    ran = unprivileged(shop, "status")
    assert ran.stdout.startswith("daemon         unknown: it cannot be seen from here\n")


def test_a_database_that_is_not_there_is_not_made_by_reading(empty_shop: Shop) -> None:
    folder = empty_shop.database.parent
    for file in folder.iterdir():
        file.unlink()
    ran = empty_shop.run("list")
    assert (ran.code, ran.stdout) == (69, "")
    assert ran.stderr.endswith("is not there yet; `renewd import` makes it, and `renewd run`\n")
    assert not list(folder.iterdir())


def test_tables_are_not_made_by_reading(empty_shop: Shop) -> None:
    empty_shop.database.write_bytes(b"")
    ran = empty_shop.run("list")
    assert (ran.code, "holds no tables yet; `renewd import` makes them" in ran.stderr) == (69, True)
    assert empty_shop.database.read_bytes() == b""


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["list"], "is of schema 9999, and this renewd reads 0002; its daemon migrates an older one"),
        (
            ["halt", "--reason", "x", "--yes"],
            "is of a schema that this renewd does not know; use the one that wrote it",
        ),
    ],
)
def test_a_database_of_another_schema_is_told_in_one_line(
    empty_shop: Shop, command: list[str], told: str
) -> None:
    with sqlite3.connect(empty_shop.database) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    ran = empty_shop.run(*command)
    assert (ran.code, ran.stdout) == (69, "")
    assert ran.stderr == f"renewd: the database cannot be used: {empty_shop.database} {told}\n"
