"""Those who watch the daemon from outside: who started it, a dead man's switch, whoever asks over HTTP, and who keeps spans."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
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


Facts = Mapping[str, object]


class Kind(Enum):
    """What a span is about; RENEWAL begins a trace of its own."""

    WORK = auto()
    RENEWAL = auto()
    DATABASE = auto()
    CALL = auto()


class Tracer(Protocol):
    """Keeps spans: what was done within what, and for how long. It never raises, waits, or tells what it is not told."""

    def span(self, name: str, kind: Kind, facts: Facts) -> AbstractContextManager[None]:
        """Keep a span for as long as this lasts, within the one that is open here."""
        ...

    def note(self, facts: Facts) -> None:
        """Say more of the span that is open here."""
        ...

    def failed(self, how: str) -> None:
        """Say that what the span that is open here stands for has failed, in a word that others share."""
        ...

    def ids(self) -> Mapping[str, str]:
        """Give what names the span that is open here, for the log: `trace_id` and `span_id`, or nothing."""
        ...

    def close(self) -> None:
        """Send what is left, in a few seconds or not at all."""
        ...
