"""How the loop is doing, for whoever tells it on: the metrics, `/-/ready`, the heartbeat."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

UNUSABLE = "the database cannot be used"
STARTING = "the first tick is not over yet"


@dataclass(slots=True)
class Health:
    """Kept by the work, read by others. `problem` is why it cannot work now, in words for people; empty when it can.

    `ticked_at` and `scanned_at` are when a tick and a scan last succeeded; `reload_problem` is why the policy file was
    refused when it was last read, `reloaded_at` when it was last taken. `watchers` are called after each tick. `away`
    is why the database could not be used, while nothing has been written to it since.
    """

    problem: str = STARTING
    ticked_at: datetime | None = None
    scanned_at: datetime | None = None
    succeeded: int = 0
    failed: int = 0
    reloaded_at: datetime | None = None
    reload_problem: str = ""
    away: str = ""
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def ticked(self, now: datetime, *, scanned: bool) -> None:
        """Take note of a tick that came to its end."""
        self.problem, self.ticked_at, self.succeeded = "", now, self.succeeded + 1
        if scanned:
            self.scanned_at = now
        self._tell()

    def missed(self, problem: str) -> None:
        """Take note of a tick that failed."""
        self.problem, self.failed = problem, self.failed + 1
        self._tell()

    def unusable(self, error: Exception) -> None:
        """Take note that the database cannot be used, and say so: at once, and once for each reason."""
        self.problem, was, self.away = UNUSABLE, self.away, str(error)
        if self.away != was:
            _log().error("the database cannot be used; nothing is charged until it can", error=self.away)

    def usable(self) -> None:
        """Take note that the database has been written to, and say so if it could not be."""
        if self.away:
            _log().warning("the database can be used again; renewals go on")
        self.away = ""

    def reloaded(self, now: datetime, problem: str) -> None:
        """Take note of a policy that was taken up, or of why it was not: then `problem` says so."""
        self.reload_problem = problem
        if not problem:
            self.reloaded_at = now

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()


def _log() -> Any:
    # Imported here alone: a command that only looks into the configuration need not wait for it.
    import structlog  # noqa: PLC0415

    return structlog.get_logger()
