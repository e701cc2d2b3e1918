"""A stand-in for systemd: the datagram socket that a service is given, and what it has been told there."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.daemon import environment, until


class Manager:
    """Hears what a daemon says. `address` is what `$NOTIFY_SOCKET` has; `@` begins an abstract name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._said: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    @property
    def said(self) -> list[dict[str, str]]:
        """Everything that was said so far, a datagram each."""
        while True:
            try:
                datagram = self._socket.recv(65536).decode()
            except BlockingIOError:
                return self._said
            self._said.append(dict(line.split("=", 1) for line in datagram.splitlines()))

    def heard(self, name: str) -> list[str]:
        """Give the values that a word was said with."""
        return [each[name] for each in self.said if name in each]

    def hear(self, name: str, times: int = 1) -> str:
        """Wait until a word was said so often, and give its last value."""
        until(lambda: len(self.heard(name)) >= times, f"{name} to be said {times} times")
        return self.heard(name)[-1]

    def environment(self, watchdog_ms: int = 0, **changes: str) -> dict[str, str]:
        """Give the environment of a daemon that this one has started."""
        watchdog = {"WATCHDOG_USEC": str(watchdog_ms * 1000)} if watchdog_ms else {}
        return environment(NOTIFY_SOCKET=self.address, **watchdog, **changes)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@contextmanager
def manager(folder: Path, *, abstract: bool = False) -> Iterator[Manager]:
    """Listen for the length of a `with`."""
    heard = Manager(f"@renewd-test-{os.getpid()}" if abstract else str(folder / "notify.sock"))
    try:
        yield heard
    finally:
        heard.close()
