"""The audit log as a file: every row once, in order, whatever happens to the daemon, to the file or to the disk."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.query import LogQuery
from renewd.service.transcript import GAP_SECONDS, Transcript, line_of
from tests.service.conftest import Build
from tests.service.daemon import environment, running, until
from tests.service.town import due, now


class Shelf:
    """Books with nothing but a log, in which rows appear as a test wants it."""

    def __init__(self, *numbers: int) -> None:
        self.rows = {number: _row(number) for number in numbers}
        self.elapsed = 0.0
        self.down = False

    def appear(self, *numbers: int) -> None:
        self.rows |= {number: _row(number) for number in numbers}

    def log(self, query: LogQuery) -> Iterator[AuditRow]:
        if self.down:
            raise StoreUnavailableError("no")
        found = [self.rows[number] for number in sorted(self.rows) if number > query.after]
        return iter(found[-query.last :] if query.last else found)

    def close(self) -> None:
        """There is nothing to close."""


def _row(number: int, name: str = "charge.succeeded") -> AuditRow:
    at = now() + timedelta(seconds=number)
    return AuditRow(number, Event(name, at, subscription=f"S-{number}", detail="é\u2028\n"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "audit.jsonl"


def keeper(file: Path, shelf: Shelf) -> Transcript:
    return Transcript(file, lambda: shelf, lambda: shelf.elapsed)  # type: ignore[arg-type,return-value]  # a log is all


def numbers(*files: Path) -> list[int]:
    lines = [line for file in files for line in file.read_text().split("\n")[:-1]]
    return [json.loads(line)["sequence"] for line in lines]


def test_a_new_keeper_goes_on_after_the_last_line(file: Path) -> None:
    shelf = Shelf(1, 2)
    assert keeper(file, shelf).catch_up() == 2
    shelf.appear(3)
    assert keeper(file, shelf).catch_up() == 1
    assert keeper(file, shelf).catch_up() == 0
    assert file.read_text() == "".join(f"{line_of(row)}\n" for row in shelf.rows.values())


def test_its_group_may_read_it_whatever_else_the_service_keeps_from_it(file: Path) -> None:
    before = os.umask(0o077)
    try:
        assert keeper(file, Shelf(1)).catch_up() == 1
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o640


def test_many_rows_are_written_page_by_page(file: Path) -> None:
    assert keeper(file, Shelf(*range(1, 1502))).catch_up() == 1501
    assert numbers(file) == list(range(1, 1502))


@pytest.mark.parametrize("torn", ['{"sequence": 3, "at', "\0\0\0"])
def test_a_torn_line_is_written_anew(file: Path, torn: str) -> None:
    shelf = Shelf(1, 2, 3)
    file.parent.mkdir()
    file.write_text(f"{line_of(shelf.rows[1])}\n{line_of(shelf.rows[2])}\n{torn}")
    keeper(file, shelf).catch_up()
    assert numbers(file) == [1, 2, 3]


def test_a_file_that_was_rotated_away_goes_on_in_a_new_one(file: Path) -> None:
    shelf, older = Shelf(1, 2), file.with_name("audit.jsonl-20261123")
    running_keeper = keeper(file, shelf)
    running_keeper.catch_up()
    file.rename(older)
    shelf.appear(3)
    running_keeper.catch_up()
    assert (numbers(older), numbers(file)) == ([1, 2], [3])
    file.rename(file.with_name("audit.jsonl-20261124"))
    shelf.appear(4)
    (file.parent / "audit.jsonl-20261120.gz").write_bytes(b"\x1f\x8b...")
    keeper(file, shelf).catch_up()  # one that was started since
    assert numbers(file) == [4]


@pytest.mark.parametrize("fault", ["write", "fsync"])
def test_a_full_disk_is_told_once_and_caught_up_with(
    file: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    shelf = Shelf(1, 2)
    kept = keeper(file, shelf)
    kept.catch_up()
    shelf.appear(3, 4)
    write = os.write

    def half(descriptor: int, data: bytes = b"") -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as full:
        full.setattr(os, fault, half)
        assert [kept.catch_up(), kept.catch_up()] == [0, 0]
        assert numbers(file) == [1, 2]
        assert file.read_bytes().endswith(b"\n")
    assert kept.catch_up() == 2
    assert numbers(file) == [1, 2, 3, 4]
    warned, mended = (json.loads(line) for line in said.getvalue().splitlines())
    assert warned["event"].startswith("the audit file cannot be written; charging goes on")
    assert (warned["file"], "No space left" in warned["error"]) == (str(file), True)
    assert mended["event"] == "the audit file is written again"


def test_a_row_that_comes_late_is_waited_for(file: Path) -> None:
    """On PostgreSQL a number is drawn before the row is committed: 3 may be seen before 2."""
    shelf = Shelf(1, 3)
    kept = keeper(file, shelf)
    kept.catch_up()
    assert numbers(file) == [1]
    shelf.elapsed = GAP_SECONDS - 1
    shelf.appear(2, 5)
    kept.catch_up()
    assert numbers(file) == [1, 2, 3]
    shelf.elapsed = GAP_SECONDS + 1  # the wait for 4 begins: 5 was not there when the other one did
    kept.catch_up()
    shelf.elapsed = 2 * GAP_SECONDS
    shelf.appear(4)
    kept.catch_up()
    assert numbers(file) == [1, 2, 3, 4, 5]


def test_a_number_that_never_comes_is_waited_for_once(file: Path) -> None:
    shelf = Shelf(1, *range(4, 40, 3))
    kept = keeper(file, shelf)
    kept.catch_up()
    shelf.elapsed = GAP_SECONDS
    kept.catch_up()
    assert numbers(file) == [1, *range(4, 40, 3)]


def test_beside_a_database_from_a_backup_nothing_is_written_and_a_person_is_told(
    file: Path, said: io.StringIO
) -> None:
    keeper(file, Shelf(1, 2, 3, 4)).catch_up()
    restored = Shelf(1, 2)
    kept = keeper(file, restored)
    kept.catch_up()
    restored.rows |= {number: _row(number, "charge.declined") for number in (3, 4, 5)}
    kept.catch_up()
    assert numbers(file) == [1, 2, 3, 4]
    (warning,) = said.getvalue().splitlines()
    assert "it ends with row 4, which the database does not have" in warning
    file.rename(file.with_name("audit.jsonl.before-the-backup"))
    keeper(file, restored).catch_up()
    assert numbers(file) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("line", ["[]", "{}", "no json"])
def test_what_is_no_such_file_is_left_alone(file: Path, said: io.StringIO, line: str) -> None:
    file.parent.mkdir()
    file.write_text(f"{line}\n")
    assert keeper(file, Shelf(1)).catch_up() == 0
    assert file.read_text() == f"{line}\n"
    assert said.getvalue()


def test_a_database_that_is_away_is_no_fault_of_the_file(file: Path, said: io.StringIO) -> None:
    shelf = Shelf(1)
    shelf.down = True
    assert keeper(file, shelf).catch_up() == 0
    assert said.getvalue() == ""


def test_kills_and_rotations_lose_and_double_nothing(build: Build) -> None:
    town = build(audit__file="audit.jsonl")
    folder, taken = town.folder / "var", list[Path]()
    file = folder / "audit.jsonl"
    for number in range(3):
        town.subscribe([due(10 * number + each) for each in range(10)])
        with running(town.path) as daemon:
            until(lambda: file.exists() and file.stat().st_size, "a line")
            if number == 1:
                taken.append(file.rename(folder / "audit.jsonl-20261123"))
            daemon.signal(signal.SIGKILL)
            daemon.ended()
    with running(town.path) as daemon:
        until(lambda: town.stages()["extended"] == 30, "the renewals")
        assert daemon.stop() == 0
    with town.books() as books:
        rows = list(books.log(LogQuery()))
    written = "".join(each.read_text() for each in (*taken, file))
    assert written == "".join(f"{line_of(row)}\n" for row in rows)
    assert numbers(*taken, file) == list(range(1, len(rows) + 1))
    words = [sys.executable, "-m", "renewd", "log", "-o", "jsonl", "-c", str(town.path)]
    told = subprocess.run(words, env=environment(), capture_output=True, check=True, text=True)
    assert told.stdout == written
