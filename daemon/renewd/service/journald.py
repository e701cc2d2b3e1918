"""The native protocol of systemd's journal: one datagram is one record, each of its fields can be searched for.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
"""

import errno
import fcntl
import os
import socket
from array import array
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"
TOO_LARGE = (errno.EMSGSIZE, errno.ENOBUFS)
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
# A burst fills the queue for moments; a journal that takes nothing for so long stands still.
PATIENCE_SECONDS = 2.0


def is_stderr(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether standard error goes to the journal: systemd tells the device and inode of what it has opened."""
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def as_errors(text: str) -> str:
    """Mark each line of a text as an error, for a journal that reads standard error; see sd-daemon(3)."""
    return "\n".join(f"<3>{line}" for line in text.splitlines())


def encoded(fields: Mapping[str, str]) -> bytes:
    """Write a record: a value of several lines has its length before it, any other stands on a line of its own."""
    return b"".join(_field(name.encode(), value.encode(errors="replace")) for name, value in fields.items())


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" in value:
        return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return name + b"=" + value + b"\n"


class Journal:
    """The journal's socket. A record that it does not take raises OSError, and the next one waits for nothing."""

    def __init__(self, path: str) -> None:
        """Nothing is sent yet."""
        self._path = path
        self._healthy = True

    def write(self, fields: Mapping[str, str]) -> None:
        """Hand one record over, by a file in memory when it is too large for a datagram."""
        record = encoded(fields)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.settimeout(PATIENCE_SECONDS if self._healthy else 0)
            self._healthy = False
            try:
                ours.sendto(record, self._path)
            except OSError as error:
                if error.errno not in TOO_LARGE:
                    raise
                self._pass(ours, record)
            self._healthy = True

    def _pass(self, ours: socket.socket, record: bytes) -> None:
        memory = os.memfd_create("renewd-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(memory, "wb", buffering=0) as file:
            file.write(record)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, SEALS)  # the journal reads only what cannot change any more
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [memory]))]
            ours.sendmsg([b""], ancillary, 0, self._path)
