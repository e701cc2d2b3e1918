"""The machine's clock, and one for demonstrations; no other file of renewd reads a clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's time."""

    def __init__(self) -> None:
        """Watch for jumps from here on."""
        self._offset = self._since()

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Give seconds since some fixed moment; they do not jump when the clock is set."""
        return time.monotonic()

    def moved(self) -> timedelta:
        """Give by how much it went otherwise than the seconds that passed; those of a sleep do not pass."""
        before, self._offset = self._offset, self._since()
        return self._offset - before

    def _since(self) -> timedelta:
        return timedelta(seconds=self.now().timestamp() - self.elapsed())

    def alarm(self, instant: datetime) -> datetime:
        """The machine's time is the time."""
        return instant


class DemoClock:
    """Stands still while anything is in flight, and jumps to the next event when nothing is.

    `pace` is how many real seconds a simulated day takes (0: as fast as possible), `moved` is told each new
    instant, `until` is where the clock stops for good.
    """

    def __init__(
        self,
        start: datetime,
        pace: float = 0.0,
        moved: Callable[[datetime], None] | None = None,
        until: datetime | None = None,
    ) -> None:
        self._now = start
        self._pace = pace
        self._moved = moved
        self._until = until

    @property
    def over(self) -> bool:
        """Whether the end has been reached."""
        return self._until is not None and self._now >= self._until

    def now(self) -> datetime:
        """Give the simulated instant, in UTC."""
        return self._now

    def elapsed(self) -> float:
        """Give real seconds since some fixed moment: how long a call took is no matter of the simulation."""
        return time.monotonic()

    def moved(self) -> timedelta:
        """Nobody sets it, and nothing is in flight when it jumps."""
        return timedelta(0)

    def alarm(self, instant: datetime) -> datetime:
        """Move to `instant`, never back and never past the end, and say when to ring on the machine's clock."""
        target = min(instant, self._until) if self._until else instant
        passed = max(target - self._now, timedelta(0))
        self._now += passed
        if passed and self._moved:
            self._moved(self._now)
        return datetime.now(UTC) + passed / timedelta(days=1) * timedelta(seconds=self._pace)
