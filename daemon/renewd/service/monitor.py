"""How the daemon is, for whoever asks over HTTP: Prometheus, a load balancer, an operator with curl."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.model import Leg, UnreadableError
from renewd.renewal.query import Status
from renewd.service.beside import turn
from renewd.service.counters import Counters
from renewd.service.engine import Engine
from renewd.service.gauges import Gauges, Glance
from renewd.service.loop import Loop
from renewd.watching import Reply

ANSWERED = (("GET", "/metrics"), ("GET", "/-/healthy"), ("GET", "/-/ready"), ("POST", "/-/reload"))
UNMET = timedelta(seconds=1)  # until it has met the other daemons, and knows whether it leads
GLANCE_EVERY = timedelta(seconds=15)
GLANCE_SHARE = 20  # a glance at a big database takes long; it is given one part in so many of the time

disable_created_metrics()  # type: ignore[no-untyped-call]


class Monitor:
    """Counts from the first event on; answers once it is told what to watch."""

    def __init__(self, providers: Iterable[tuple[Leg, str]]) -> None:
        """Count what these providers answer."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters = Counters(self._registry, providers)

    def tell(self, event: Event) -> None:
        """Count an event that is in the audit log."""
        self._counters.tell(event)

    def watch(
        self, engine: Engine, loop: Loop, scan_every: timedelta, look: Callable[[datetime], Status]
    ) -> "Watch":
        """Tell of this daemon; `look` reads the books. Raises ValueError when it is told of one already."""
        gauges = Gauges(engine, loop.health, scan_every)
        self._registry.register(gauges)
        self._counters.expect({plan.price.currency for plan in engine.policy.plans.values()})
        return Watch(self._registry, gauges, engine, loop, look)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of a running daemon, and the answers made of it."""

    registry: CollectorRegistry
    gauges: Gauges
    engine: Engine
    loop: Loop
    look: Callable[[datetime], Status]

    async def respond(self, method: str, path: str) -> Reply:
        """Answer a request."""
        match method, path:
            case "GET", "/metrics":
                return Reply(HTTPStatus.OK, generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4)
            case "GET", "/-/healthy":
                return _said(HTTPStatus.OK, "renewd runs")
            case "GET", "/-/ready":
                return self._ready()
            case "POST", "/-/reload":
                return await self._reload()
        known = any(path == each for _, each in ANSWERED)
        told = ", ".join(f"{method} {path}" for method, path in ANSWERED)
        return _said(
            HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND, f"there is only: {told}"
        )

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look at the books from time to time, for as long as this lasts."""
        task = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def glance(self) -> timedelta:
        """Look at the books once, if this daemon leads; say how long to leave them alone then."""
        engine, gauges = self.engine, self.gauges
        if engine.fleet is None or not engine.leads:
            gauges.glance = None
            return GLANCE_EVERY if engine.fleet else UNMET
        now, started = engine.clock.now(), engine.clock.elapsed()
        # When it fails the tick says so; these figures just grow old.
        with suppress(StoreUnavailableError, UnreadableError):
            status = await asyncio.to_thread(self.look, now)
            gauges.glance = Glance(status, now, engine.clock.elapsed() - started)
        return max(GLANCE_EVERY, GLANCE_SHARE * timedelta(seconds=engine.clock.elapsed() - started))

    async def _keep_looking(self) -> None:
        rest = GLANCE_EVERY

        async def look() -> None:
            nonlocal rest
            rest = await self.glance()

        while not self.engine.stopping:
            await turn("a look at the books", look)
            await asyncio.sleep(rest.total_seconds())

    def _ready(self) -> Reply:
        problem = "it is being stopped" if self.engine.stopping else self.loop.health.problem
        if problem:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, problem)
        return _said(HTTPStatus.OK, "renewd renews")

    async def _reload(self) -> Reply:
        problem = await self.loop.reload(asked="asked over HTTP")
        if problem:
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, f"the policy was not reloaded\n{problem}")
        return _said(HTTPStatus.OK, f"policy {self.engine.policy.digest} is in force")


def _said(status: HTTPStatus, text: str) -> Reply:
    return Reply(status, f"{text}\n".encode())
