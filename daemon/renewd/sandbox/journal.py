"""An append-only file of JSON lines: one record per line, handed to the operating system as it is written."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Journal:
    """Survives the death of the process, not of the machine: nothing is fsynced.

    Args:
        path: the file, made if it is missing; None keeps nothing.

    Raises:
        BlockingIOError: another process holds the file.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        if path is None:
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise

    def records(self) -> Iterator[dict[str, Any]]:
        """Every whole record, oldest first; a last line torn by a crash is cut off.

        Raises:
            ValueError: a line in the middle is not JSON.
        """
        if self._file is None:
            return
        whole = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield json.loads(line)
                whole += len(line)
        os.ftruncate(self._file, whole)

    def append(self, record: dict[str, Any]) -> None:
        """Write one record.

        Raises:
            OSError: it could not be written whole; nothing of it stays in the file.
        """
        if self._file is None:
            return
        line = _ENCODE(record).encode() + b"\n"
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError("the ledger could not be written: is the disk full?")

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
