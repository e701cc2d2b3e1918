"""Files of an archive: gzipped JSON Lines, durable and read back before anything relies on them.

renewals-<first closed, UTC>-<digest>.jsonl.gz   {"table": "renewals", ...}, after each its {"table": "attempts", ...}
audit-<first row>-<last row>.jsonl.gz            rows as they are hashed (see `seal.leaf`), and after the last row of each
                                                 checkpoint {"checkpoint": its note, "last": ..., "at": ..., "edge": ...}
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from renewd.ports import StoreUnavailableError
from renewd.seal.note import Checkpoint, Sealed

PAGE = 5000
_AUDIT = re.compile(r"audit-(\d{12,})-(\d{12,})\.jsonl\.gz")
_CHECKPOINT = b'{"checkpoint":'
_ROW = re.compile(rb'\{"sequence":(-?\d+),')


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """Some rows (by sequence, as they are hashed), and the checkpoints that were made within them."""

    lines: Mapping[int, bytes]
    sealed: Sequence[Sealed]


def audit_file(first: int, last: int) -> str:
    """Name the file for these rows of the audit log."""
    return f"audit-{first:012d}-{last:012d}.jsonl.gz"


def write(folder: Path, name: str, lines: Sequence[bytes]) -> None:
    """Write a file so that it is there whole or not at all, and read it back. Raises StoreUnavailableError."""
    path, part = folder / name, folder / f"{name}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as plain:
            # No time of its own: the same rows make the same file.
            with gzip.GzipFile("", "wb", fileobj=plain, mtime=0) as packed:
                packed.writelines(line + b"\n" for line in lines)
            plain.flush()
            os.fsync(plain.fileno())
        part.rename(path)
        _make_durable(folder)
        if list(read(path)) != list(lines):
            raise StoreUnavailableError(f"{path} does not hold what was written to it; nothing is deleted")
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror or error}; nothing is deleted") from error


def read(path: Path) -> Iterator[bytes]:
    """Give the lines of a file. Raises ValueError when it is damaged."""
    try:
        with gzip.open(path) as packed:
            for line in packed:
                yield line.removesuffix(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} in the archive is damaged or cannot be read: {error}") from error


def audit_pages(folder: Path, last: int) -> Iterator[ArchivedPage]:
    """Give the rows of the audit log up to `last` in their order. Raises ValueError when a file is damaged."""
    read_to = 0
    for first, upto, path in audit_files(folder):
        # What a killed run has left beside the rows that are still in the database is written again, in a longer file perhaps.
        if upto > last or upto <= read_to:
            continue
        if first <= read_to:
            raise ValueError(f"{path.name} in the archive begins with rows of the file before it")
        yield from pages(path)
        read_to = upto


def audit_files(folder: Path) -> list[tuple[int, int, Path]]:
    """Give the files of the audit log with their first and last rows; of those with one first row the longest first."""
    found = [(match, path) for path in folder.glob("audit-*") if (match := _AUDIT.fullmatch(path.name))]
    files = [(int(match[1]), int(match[2]), path) for match, path in found]
    return sorted(files, key=lambda each: (each[0], -each[1]))


def sealed_line(sealed: Sealed) -> bytes:
    """Write a checkpoint as a line."""
    told = {
        "checkpoint": sealed.checkpoint.note,
        "last": sealed.last,
        "at": sealed.at.isoformat(),
        "edge": sealed.edge.hex(),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def pages(path: Path) -> Iterator[ArchivedPage]:
    """Give the rows of one file. Raises ValueError when it is damaged."""
    lines: dict[int, bytes] = {}
    sealed: list[Sealed] = []
    for line in read(path):
        if line.startswith(_CHECKPOINT):
            sealed.append(_sealed(path, line))
        else:
            lines[_sequence(path, line)] = line
        if len(lines) >= PAGE:
            yield ArchivedPage(lines, sealed)
            lines, sealed = {}, []
    yield ArchivedPage(lines, sealed)


def _sequence(path: Path, line: bytes) -> int:
    found = _ROW.match(line)
    if not found:
        raise ValueError(f"{path.name} in the archive has a line that is no row: {line[:60]!r}")
    return int(found[1])


def _sealed(path: Path, line: bytes) -> Sealed:
    try:
        told = json.loads(line)
        at, edge = datetime.fromisoformat(told["at"]), bytes.fromhex(told["edge"])
        return Sealed(Checkpoint.parse(told["checkpoint"]), int(told["last"]), at, edge)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} in the archive has a checkpoint that was changed: {error}") from error


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
