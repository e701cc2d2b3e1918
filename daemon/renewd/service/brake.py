"""The brake: how many charges were begun in the last hour, and when the next may be."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


class Brake:
    """Counts the charges that are begun, over a sliding hour."""

    def __init__(self) -> None:
        """Start with none."""
        self._begun: deque[datetime] = deque()

    def remember(self, begun: Sequence[datetime], since: datetime) -> None:
        """Take over what was begun after `since`, by whomever, oldest first: a restart is no way round the brake."""
        while self._begun and self._begun[-1] > since:
            self._begun.pop()
        self._begun.extend(begun)

    def note(self, now: datetime) -> None:
        """Count a charge that is about to be begun."""
        self._begun.append(now)

    def forget(self, now: datetime) -> None:
        """Take a charge back that was counted at `now` and then not begun, if it was."""
        with suppress(ValueError):
            self._begun.remove(now)

    def until(self, now: datetime, most: int) -> datetime | None:
        """Give when the next charge may be begun if `most` are allowed in an hour, or None for: now."""
        self._forget_old(now)
        if len(self._begun) < most:
            return None
        return min(self._begun[len(self._begun) - most], now) + HOUR

    def _forget_old(self, now: datetime) -> None:
        while self._begun and not now - HOUR < self._begun[0] <= now + HOUR:
            self._begun.popleft()
