"""Whether the work goes on: what is being waited for, and since when nothing has moved."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from renewd.renewal.model import Attempt, Leg


class Pulse:
    """Kept by the work itself. A thing that hangs shows here, although the event loop turns and all else goes on."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        """Measure by `elapsed`, in seconds; see `Clock.elapsed`."""
        self._elapsed = elapsed
        self._since = elapsed()
        self._calls: dict[asyncio.Event, tuple[Attempt, float]] = {}

    def beat(self) -> None:
        """Say that the work has moved on."""
        self._since = self._elapsed()

    def rest(self, seconds: float) -> None:
        """Say that nothing is expected to move for so long."""
        self._since = self._elapsed() + seconds

    @contextmanager
    def call(self, attempt: Attempt) -> Iterator[None]:
        """Say that a provider is asked for an attempt, for as long as this lasts."""
        self.beat()
        answered = asyncio.Event()
        self._calls[answered] = (attempt, self._since)
        try:
            yield
        finally:
            del self._calls[answered]
            answered.set()
            self.beat()

    @property
    def in_flight(self) -> Counter[tuple[Leg, str]]:
        """How many calls are under way, by leg and provider."""
        return Counter((attempt.leg, attempt.provider) for attempt, _ in self._calls.values())

    async def answered(self) -> None:
        """Wait until the calls that are under way now have been answered, whatever is begun meanwhile."""
        await asyncio.gather(*(each.wait() for each in self._calls))

    def standing(self) -> tuple[float, str]:
        """Give for how many seconds what has stood still the longest has done so, and what that is."""
        now = self._elapsed()
        calls = (
            (now - since, f"{attempt.provider} is asked for {attempt.key}")
            for attempt, since in self._calls.values()
        )
        return max([(now - self._since, "the work"), *calls])
