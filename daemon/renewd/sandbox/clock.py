"""The sandbox's own clock, and the one way it writes a moment."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

_RFC3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


def system_time() -> datetime:
    """The system's time, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """A UTC moment as RFC 3339: `2026-11-23T00:00:00Z`, with a fraction only if there is one."""
    return moment.isoformat().replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment an RFC 3339 text in UTC (with `Z`) names.

    Raises:
        ValueError: the text is no such moment.
    """
    if not _RFC3339_UTC.fullmatch(text):
        raise ValueError(f"not an RFC 3339 moment in UTC: {text!r}")
    return datetime.fromisoformat(text)


class SandboxClock:
    """Follows its source until it is set; then it stands still until it is set again."""

    def __init__(self, source: Callable[[], datetime] = system_time) -> None:
        self._source = source
        self._set: datetime | None = None

    def now(self) -> datetime:
        """The moment in force, in UTC."""
        return self._set or self._source()

    def timestamp(self) -> int:
        """The moment in force, in whole unix seconds."""
        return int(self.now().timestamp())

    def set(self, moment: datetime | None) -> None:
        """Stand still at a moment; None follows the source again."""
        self._set = moment
