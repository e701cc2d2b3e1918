"""The heartbeat: what a dead man's switch is told. Whatever goes wrong here, money knows nothing of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import structlog

from renewd.ports import Clock
from renewd.service.health import Health
from renewd.watching import Beacon

log = structlog.get_logger()


class Heartbeat:
    """Signals of one run of renewd; each is sent beside the work, and when one is still under way the next is left out."""

    def __init__(self, beacon: Beacon, clock: Clock, every: timedelta) -> None:
        """Signal by `beacon`, the same word no more often than `every`."""
        self._beacon, self._clock, self._every = beacon, clock, every.total_seconds()
        self._run: UUID = uuid4()
        self._last: tuple[str, float] = ("", 0.0)
        self._task: asyncio.Task[None] | None = None
        self._silent = False

    @asynccontextmanager
    async def of(self, health: Health) -> AsyncIterator[None]:
        """Tell of a loop for as long as it runs; that it has ended is told by the silence."""
        self.say("start")
        health.watchers.append(lambda: self.say("fail" if health.problem else "success", health.problem))
        try:
            yield
        finally:
            if self._task:
                self._task.cancel()  # a stop waits for no switch
                await asyncio.wait([self._task])
            await self._beacon.close()

    @asynccontextmanager
    async def over(self) -> AsyncIterator[None]:
        """Tell of one pass: that it begins, and how it ended."""
        try:
            await self._signal("start", "")
            try:
                yield
            except BaseException as error:
                await self._signal("fail", type(error).__name__)
                raise
            await self._signal("success", "")
        finally:
            await self._beacon.close()

    def say(self, word: str, detail: str = "") -> None:
        """Signal a word, unless it was said just now."""
        now, (said, at) = self._clock.elapsed(), self._last
        if (word == said and now - at < self._every) or (self._task and not self._task.done()):
            return
        self._last = (word, now)
        self._task = asyncio.create_task(self._signal(word, detail))

    async def _signal(self, word: str, detail: str) -> None:
        problem = await self._beacon.signal(word, self._run, detail)
        if problem and not self._silent:
            log.warning("the heartbeat is not heard; renewals go on", problem=problem)
        self._silent = bool(problem)
