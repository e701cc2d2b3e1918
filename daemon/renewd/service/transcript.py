"""The audit log as a file of JSON lines, for whoever ships it elsewhere: each row once, in the order of its number.

The file itself says how far it goes: its last line is the last row. Nothing is charged later or not at all because
of it; what cannot be written now is written when it can.
"""

import asyncio
import fcntl
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import structlog

from renewd.ports import Books, StoreUnavailableError
from renewd.renewal.audit import AuditRow
from renewd.renewal.model import UnreadableError
from renewd.renewal.query import LogQuery
from renewd.service.beside import keep_up, turn
from renewd.service.renderings import jsonable

WORK, EVERY = "the audit file", timedelta(seconds=2)
PAGE = 500
# A number that is missing belongs to a row that is being committed, or to none: no transaction lasts for so long.
GAP_SECONDS = 60.0
LONGEST_LINE = 1 << 20
READABLE = 0o640  # whoever ships it is in the group

log = structlog.get_logger()


class Place(NamedTuple):
    """A row by which the file and the log can be held against each other."""

    sequence: int
    at: str
    event: str

    @classmethod
    def of(cls, line: str | bytes) -> Self:
        """Read it from a line. Raises ValueError."""
        found = json.loads(line)
        try:
            return cls(found["sequence"], found["at"], found["event"])
        except (KeyError, TypeError):
            raise ValueError("its last line is no row of the audit log") from None


def line_of(row: AuditRow) -> str:
    """Write a row as `renewd log -o jsonl` does."""
    event = row.event
    first = {
        "sequence": row.sequence,
        "at": event.at,
        "subscription": event.subscription,
        "event": event.name,
    }
    named = {"amount": event.amount, **vars(event)}
    fields = first | {
        name: value for name, value in named.items() if name not in ("at", "subscription", "name")
    }
    told = {name: None if value == "" else value for name, value in fields.items()}
    return json.dumps(told, default=jsonable, ensure_ascii=False)


class Transcript:
    """Brings the file up to date with the log, as often as it is asked to."""

    def __init__(self, path: Path, open_books: Callable[[], Books], elapsed: Callable[[], float]) -> None:
        """Write to `path`; `elapsed` gives seconds since some fixed moment."""
        self._path = path
        self._open_books = open_books
        self._elapsed = elapsed
        self._latest: Place | None = None
        self._waiting: tuple[float, int] | None = None
        self._failed = False
        self._at_work = threading.Lock()

    def catch_up(self) -> int:
        """Append what is missing, and say how many rows that were; what goes wrong is told and tried again later."""
        with self._at_work:
            try:
                count = self._append_missing()
            except StoreUnavailableError:
                return 0  # the tick says so
            except (OSError, ValueError, UnreadableError) as error:
                self._tell(str(error))
                return 0
            self._tell()
            return count

    def _tell(self, error: str = "") -> None:
        """Say that the file cannot be written, or can be again: once, and not every few seconds."""
        was, self._failed = self._failed, bool(error)
        if error and not was:
            said = "the audit file cannot be written; charging goes on, and the file catches up when it can"
            log.warning(said, file=str(self._path), error=error)
        elif was and not error:
            log.warning("the audit file is written again", file=str(self._path))

    def _append_missing(self) -> int:
        count = 0
        with closing(self._open_books()) as books, _opened(self._path) as file:
            rows = self._final(books, self._place(books, file))
            while page := [line_of(row) for row in islice(rows, PAGE)]:
                _append(file, "".join(f"{line}\n" for line in page).encode())
                self._latest = Place.of(page[-1])
                count += len(page)
        return count

    def _place(self, books: Books, file: int) -> int:
        """Give the number of the last row that is written, here or in what was rotated away. Raises ValueError."""
        place, torn = _last_row(file)
        if torn:
            os.ftruncate(file, os.fstat(file).st_size - torn)
        if place is None and self._latest is None:
            return max((each.sequence for each in self._rotated() if _is_in(books, each)), default=0)
        place = place or self._latest
        if place and not _is_in(books, place):
            raise ValueError(
                f"it ends with row {place.sequence}, which the database does not have: that was put back from a backup, or "
                "is another one; move the file to another folder, and it is written anew from the first row"
            )
        return place.sequence if place else 0

    def _rotated(self) -> Iterator[Place]:
        for path in self._path.parent.glob(f"{self._path.name}?*"):
            with suppress(OSError, ValueError), path.open("rb") as file:
                place, _ = _last_row(file.fileno())
                if place:
                    yield place

    def _final(self, books: Books, last: int) -> Iterator[AuditRow]:
        """Give the rows after `last`, up to the first that an earlier one may yet come before."""
        for row in books.log(LogQuery(after=last)):
            if row.sequence > last + 1 and not self._is_over(books, row.sequence):
                return
            last = row.sequence
            yield row

    def _is_over(self, books: Books, sequence: int) -> bool:
        """Say whether no row can come any more before this one: it was there when the wait began, and that is over."""
        now = self._elapsed()
        if self._waiting is None or (now - self._waiting[0] >= GAP_SECONDS and sequence > self._waiting[1]):
            (newest,) = books.log(LogQuery(last=1))
            self._waiting = (now, newest.sequence)
        return now - self._waiting[0] >= GAP_SECONDS and sequence <= self._waiting[1]


@asynccontextmanager
async def kept(transcript: Transcript | None, leads: Callable[[], bool]) -> AsyncIterator[None]:
    """Bring a transcript up to date every few seconds while this lasts and this daemon `leads`, and once at the end."""
    if transcript is None:
        yield
        return
    task = asyncio.create_task(_keep(transcript, leads))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if leads():
            await asyncio.to_thread(transcript.catch_up)


async def _keep(transcript: Transcript, leads: Callable[[], bool]) -> None:
    async def ours() -> None:
        if leads():
            await asyncio.to_thread(transcript.catch_up)

    await turn(WORK, ours)
    await keep_up(WORK, EVERY, ours)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open what has the file's name by now, for it may have been rotated away; nobody else writes meanwhile."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, READABLE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(file).st_size:
            os.fchmod(file, READABLE)  # by its group, which the service's umask forbids for all else
        yield file
    finally:
        os.close(file)


def _is_in(books: Books, place: Place) -> bool:
    found = next(iter(books.log(LogQuery(after=place.sequence - 1))), None)
    return found is not None and Place.of(line_of(found)) == place


def _last_row(file: int) -> tuple[Place | None, int]:
    """Give the last row of a file, and how many bytes of a torn line stand after it. Raises ValueError."""
    size = os.fstat(file).st_size
    data = os.pread(file, LONGEST_LINE, max(0, size - LONGEST_LINE))
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.splitlines()
    return Place.of(lines[-1]) if lines else None, len(data) - len(whole)


def _append(file: int, data: bytes) -> None:
    """Append whole lines, durably, or nothing."""
    size = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise
