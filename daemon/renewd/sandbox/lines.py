"""The carrier's lines and the extensions asked of them."""

from datetime import datetime
from typing import Any, NamedTuple

from renewd.sandbox.clock import from_text

DATA_MB = 10_240  # what every extension refills
MINUTES = 600


class Extension(NamedTuple):
    """One extension asked for; `expires_at` is the absolute end date, `settles_at` in unix seconds.

    `refusal` is the carrier's error code, None unless it refused.
    """

    line: str
    reference: str
    expires_at: str
    plan: str
    settles_at: int
    refusal: str | None

    def status(self, now: int) -> str:
        """`done`, `pending` or `refused`, at `now`."""
        if self.refusal is not None:
            return "refused"
        return "done" if now >= self.settles_at else "pending"

    def until(self) -> datetime:
        """The end date as a moment."""
        return from_text(self.expires_at)

    def as_object(self, now: int) -> dict[str, Any]:
        """The extension as a line lists it."""
        shown = {
            "reference": self.reference,
            "expires_at": self.expires_at,
            "plan": self.plan,
            "status": self.status(now),
        }
        return shown if self.refusal is None else {**shown, "code": self.refusal}


class Lines:
    """Every line seen, in the order of first sight, and every extension by its reference."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._positions: dict[str, int] = {}
        self._extensions: dict[str, list[Extension]] = {}
        self._by_reference: dict[str, Extension] = {}

    def __contains__(self, line: str) -> bool:
        return line in self._positions

    def add(self, line: str) -> None:
        """Take in a line at first sight; later sights change nothing."""
        if line not in self._positions:
            self._positions[line] = len(self.names)
            self.names.append(line)
            self._extensions[line] = []

    def extend(self, extension: Extension) -> None:
        """Take in an extension."""
        self.add(extension.line)
        self._extensions[extension.line].append(extension)
        self._by_reference[extension.reference] = extension

    def extension(self, reference: str) -> Extension | None:
        """The extension made under a reference."""
        return self._by_reference.get(reference)

    def count(self) -> int:
        """How many extensions were taken in, refused ones included."""
        return len(self._by_reference)

    def in_force(self, line: str, now: int) -> Extension | None:
        """The extension that set the line's end date: of those done, the one that reaches furthest."""
        done = [each for each in self._extensions.get(line, ()) if each.status(now) == "done"]
        return max(done, key=Extension.until, default=None)

    def after(self, line: str | None, limit: int) -> list[str]:
        """Up to `limit` lines seen after a given one.

        Raises:
            KeyError: there is no such line.
        """
        start = 0 if line is None else self._positions[line] + 1
        return self.names[start : start + limit]

    def as_object(self, line: str, now: int) -> dict[str, Any]:
        """The line as the carrier shows it at `now`."""
        current = self.in_force(line, now)
        return {
            "line": line,
            "status": "active",
            "plan": current.plan if current else None,
            "expires_at": current.expires_at if current else None,
            "data_left_mb": DATA_MB if current else None,
            "minutes_left": MINUTES if current else None,
            "extensions": [each.as_object(now) for each in reversed(self._extensions[line])],
        }
