"""Those who watch the daemon from outside: who started it, a dead man's switch, and whoever asks over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Protocol
from uuid import UUID


class Supervisor(Protocol):
    """Started the daemon, and may want to know how it stands.

    Without a sign of life for as long as `watchdog` says it ends the daemon; None when it never does.
    """

    watchdog: timedelta | None

    @property
    def listens(self) -> bool:
        """Whether it wants to know."""
        ...

    def tell(self, **words: str | int) -> None:
        """Say one or more of the words of sd_notify(3); never raises for what the supervisor does."""
        ...


class Beacon(Protocol):
    """Tells a dead man's switch, which stands elsewhere, that we live: it raises the alarm when it hears nothing."""

    async def signal(self, word: str, run: UUID, detail: str) -> str:
        """Say `start`, `success` or `fail` of a run, and why; give what went wrong with saying so, or nothing."""
        ...

    async def close(self) -> None:
        """Give up the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered to somebody who asks over HTTP how the daemon is."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"


Respond = Callable[[str, str], Awaitable[Reply]]  # to a method and a path
