"""systemd, as it is spoken to by the service it has started: sd_notify(3), in datagrams to `$NOTIFY_SOCKET`."""

import os
import socket
from collections.abc import Mapping
from datetime import timedelta

PATIENCE_SECONDS = 1.0  # systemd reads at once; a manager that does not must hold nothing up


class Systemd:
    """Whoever started us and asked to be told how we stand; nobody, when `$NOTIFY_SOCKET` names no socket."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read who asks, and how often, from the environment."""
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(environ) if self._address else None

    @property
    def listens(self) -> bool:
        """Whether anybody wants to be told."""
        return bool(self._address)

    def tell(self, **words: str | int) -> None:
        """Say one or more of sd_notify's words, e.g. `READY=1, STATUS="..."`; that nobody hears them is no fault of ours."""
        if not self._address:
            return
        lines = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in words.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(PATIENCE_SECONDS)
            try:
                out.sendto(lines.encode(), self._address)
            except OSError:  # the manager is being restarted, or gone
                return


def _address(name: str) -> str:
    """Give the socket's address: a path, or, after `@`, a name in the abstract namespace."""
    return "\0" + name[1:] if name.startswith("@") else name if name.startswith("/") else ""


def _watchdog(environ: Mapping[str, str]) -> timedelta | None:
    """Give `WatchdogSec=`; None when nobody looks, or at another process than this."""
    ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    text = environ.get("WATCHDOG_USEC", "")
    return timedelta(microseconds=int(text)) if ours and text.isdecimal() and int(text) else None
