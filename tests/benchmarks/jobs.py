"""The work whose cost is compared: all of renewd, renewd without HTTP, HTTP without renewd."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from renewd.renewal.audit import Event
from renewd.renewal.fleet import Daemon, Fleet
from renewd.renewal.model import Attempt, Leg
from renewd.renewal.money import Money
from renewd.renewal.outcome import Done, Finding, Outcome
from renewd.service import logs
from renewd.service.advance import advance
from renewd.service.announce import announce
from renewd.service.engine import Engine
from renewd.service.scan import scan
from renewd.service.wiring import running_engine, system_clock
from tests.benchmarks.measure import peak_rss, spending
from tests.benchmarks.population import populate
from tests.benchmarks.setting import PLAN, configured

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


@dataclass
class Instant:
    """A gateway and a carrier that have always done it already."""

    name: str
    longest_call: timedelta = timedelta(seconds=1)

    async def charge(self, attempt: Attempt) -> Outcome:
        return Done("pi_1")

    async def extend(self, attempt: Attempt) -> Outcome:
        return Done(attempt.key)

    async def find(self, attempt: Attempt) -> Finding:
        return Done("pi_1")

    def share(self, daemons: int) -> None:
        """Nothing is limited."""

    async def close(self) -> None:
        """Nothing is open."""


class Nowhere(io.StringIO):
    """A log that is made, and not kept."""

    def write(self, text: str) -> int:
        return len(text)


def instantly(engine: Engine) -> Engine:
    """Give the engine providers that answer at once: what is left is the engine and the store."""
    instant = Instant("instant")
    return replace(
        engine,
        gateways=dict.fromkeys(engine.gateways, instant),
        carriers=dict.fromkeys(engine.carriers, instant),
    )


async def renew(folder: str, url: str, renewals: int, concurrency: int, server: str = "") -> dict[str, float]:
    """Renew so many subscriptions with the real engine; without a url, with providers that answer at once."""
    completed = Counter[str]()
    path = Path(folder) / "renewd.db"
    populate(path, renewals, renewals, datetime.now(UTC) - HOUR, server)
    async with running(path, url, concurrency, server, counting(completed)) as engine:
        with spending() as opening:
            await scan(engine, engine.clock.now())
        with spending() as renewing:
            while await advance(engine):
                pass
        with spending() as telling:
            if not url:
                await announce(engine, engine.clock.now())
    if completed["renewal.completed"] != renewals:
        raise RuntimeError(f"{completed['renewal.completed']} of {renewals} renewals were completed")
    return {
        "open": opening.wall,
        "open_cpu": opening.cpu,
        "renew": renewing.wall,
        "renew_cpu": renewing.cpu,
        "tell": telling.wall,
        "tell_cpu": telling.cpu,
        "rss": peak_rss(),
    }


def counting(completed: Counter[str]) -> Callable[[Event], None]:
    """Write the service's log, and count its events."""

    def tell(event: Event) -> None:
        completed[event.name] += 1
        logs.tell(event)

    logs.configure("json", "info", Nowhere())
    return tell


@asynccontextmanager
async def running(
    path: Path, url: str, concurrency: int, server: str, tell: Callable[[Event], None], name: str = "bench"
) -> AsyncIterator[Engine]:
    """Run the real engine beside a database; without a url, with providers that answer at once."""
    configuration = configured(path, *([url] if url else []), server=server, concurrency=concurrency)
    async with running_engine(configuration, system_clock(), tell) as engine:
        long_ago = datetime.now(UTC) - WEEK  # before anything was due: nothing is in doubt
        engine.fleet = Fleet(Daemon(name, long_ago, long_ago))
        yield engine if url else instantly(engine)


async def request(folder: str, url: str, renewals: int, concurrency: int) -> dict[str, float]:
    """Make the two requests of so many renewals, and nothing else."""
    configuration = configured(Path(folder) / "unused.db", url, concurrency=concurrency)
    left = iter(range(renewals))
    async with running_engine(configuration, system_clock(), lambda _: None) as engine:

        async def one_after_another() -> None:
            for number in left:
                await engine.gateways["stripe"].charge(charge_of(number))
                await engine.carriers["tello"].extend(extension_of(number))

        with spending() as spent:
            await asyncio.gather(*(one_after_another() for _ in range(concurrency)))
    return {"renew": spent.wall, "renew_cpu": spent.cpu, "rss": peak_rss()}


def charge_of(number: int) -> Attempt:
    """Give a charge as the engine would make it."""
    begun = datetime(2026, 12, 1, tzinfo=UTC)
    return Attempt(
        renewal_id=f"S-{number:07}/20261208T000000Z",
        leg=Leg.CHARGE,
        number=1,
        provider="stripe",
        subscription_id=f"S-{number:07}",
        period_start=begun + timedelta(days=7),
        policy_digest="0123456789abcdef",
        sent_at=begun,
        begun_at=begun,
        amount=Money(2000, "USD"),
        method_token=f"pm_ok_{number:07}",
        method_kind="card",
        gateway_customer=f"cus_{number:07}",
        line=f"extend_ok_{number:07}",
        plan=PLAN,
        extend_to=begun + timedelta(days=37),
    )


def extension_of(number: int) -> Attempt:
    """Give the extension that follows."""
    return replace(charge_of(number), leg=Leg.EXTEND, provider="tello", amount=None)
