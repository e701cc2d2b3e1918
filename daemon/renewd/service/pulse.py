"""Whether the work goes on: what is being waited for, and since when nothing has moved."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pulse:
    """Kept by the work itself. A thing that hangs shows here, although the event loop turns and all else goes on."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        """Measure by `elapsed`, in seconds; see `Clock.elapsed`."""
        self._elapsed = elapsed
        self._since = elapsed()
        self._calls: dict[asyncio.Event, tuple[str, float]] = {}

    def beat(self) -> None:
        """Say that the work has moved on."""
        self._since = self._elapsed()

    def rest(self, seconds: float) -> None:
        """Say that nothing is expected to move for so long."""
        self._since = self._elapsed() + seconds

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Say that a provider is asked, for as long as this lasts; `what` names the call to a person."""
        self.beat()
        answered = asyncio.Event()
        self._calls[answered] = (what, self._since)
        try:
            yield
        finally:
            del self._calls[answered]
            answered.set()
            self.beat()

    @property
    def in_flight(self) -> int:
        """How many calls are under way."""
        return len(self._calls)

    async def answered(self) -> None:
        """Wait until the calls that are under way now have been answered, whatever is begun meanwhile."""
        await asyncio.gather(*(each.wait() for each in self._calls))

    def standing(self) -> tuple[float, str]:
        """Give for how many seconds what has stood still the longest has done so, and what that is."""
        now = self._elapsed()
        known = ((now - since, what) for what, since in self._calls.values())
        return max([(now - self._since, "the work"), *known])
