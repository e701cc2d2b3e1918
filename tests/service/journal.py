"""A journal of the tests' own: it listens on a socket, and reads the native protocol as systemd's does.

`python -m tests.service.journal SOCKET ...` is the command line of renewd where that journal is the machine's.
"""

import fcntl
import os
import socket
import sys
from pathlib import Path

from renewd.cli import main
from renewd.service import journald

Record = dict[str, str]
SEALED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Journal:
    """Keeps what is sent to it until it is asked for it."""

    def __init__(self, path: Path) -> None:
        """Listen."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def records(self) -> list[Record]:
        """Give what has come since it was last asked."""
        found: list[Record] = []
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
            except BlockingIOError:
                return found
            found.append(_parsed(_from_memory(descriptors[0]) if descriptors else data))

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def _from_memory(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        assert fcntl.fcntl(file, fcntl.F_GET_SEALS) == SEALED, "systemd refuses what can still change"
        return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def _parsed(data: bytes) -> Record:
    record: Record = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, assigned, value = line.partition(b"=")
        if not assigned:
            size = int.from_bytes(data[:8], "little")
            value, end, data = data[8 : 8 + size], data[8 + size : 9 + size], data[9 + size :]
            assert end == b"\n"
        assert name.decode() not in record
        record[name.decode()] = value.decode()
    return record


if __name__ == "__main__":
    journald.SOCKET = sys.argv.pop(1)
    main()
