"""Daemons that share one PostgreSQL: the same work as one daemon does, divided by whoever claims first."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from renewd.service.advance import advance
from renewd.service.scan import scan
from tests.benchmarks import jobs
from tests.benchmarks.alone import alone
from tests.benchmarks.measure import peak_rss, spending
from tests.benchmarks.population import populate

READY, GO, POLL_SECONDS, MOST_SECONDS = "ready", "go", 0.01, 60.0


async def renew(
    folder: str, url: str, renewals: int, concurrency: int, daemons: int, server: str
) -> dict[str, float]:
    """Renew so many subscriptions with so many daemons, each a process of its own; they start together."""
    path, nobody = Path(folder) / "renewd.db", Counter[str]()
    populate(path, renewals, renewals, datetime.now(UTC) - jobs.HOUR, server)
    async with jobs.running(path, url, concurrency, server, jobs.counting(nobody)) as engine:
        await scan(engine, engine.clock.now())
    homes = [Path(folder) / f"daemon-{number}" for number in range(daemons)]
    for home in homes:
        home.mkdir()
    theirs = {"url": url, "concurrency": concurrency, "server": server}
    sharing = asyncio.gather(*(asyncio.to_thread(alone, share, folder=str(home), **theirs) for home in homes))
    await _there([home / READY for home in homes], sharing)
    started = time.monotonic()
    for home in homes:
        (home / GO).touch()
    each = await sharing
    completed = sum(one["completed"] for one in each)
    if completed != renewals:
        raise RuntimeError(f"{completed:.0f} of {renewals} renewals were completed")
    return {
        "renew": max(one["ended"] for one in each) - started,
        "renew_cpu": sum(one["cpu"] for one in each),
        "rss": max(one["rss"] for one in each),
    }


async def share(folder: str, url: str, concurrency: int, server: str) -> dict[str, float]:
    """Renew what can be claimed, from the word to go until nothing is left."""
    home, completed = Path(folder), Counter[str]()
    tell = jobs.counting(completed)
    async with jobs.running(home / "renewd.db", url, concurrency, server, tell, home.name) as engine:
        (home / READY).touch()
        await _there([home / GO])
        with spending() as renewing:
            while await advance(engine):
                pass
        ended = time.monotonic()
    return {
        "completed": completed["renewal.completed"],
        "ended": ended,
        "cpu": renewing.cpu,
        "rss": peak_rss(),
    }


async def _there(files: list[Path], sharing: asyncio.Future[list[dict[str, float]]] | None = None) -> None:
    """Wait for files to be there; who fails before that is heard."""
    until = time.monotonic() + MOST_SECONDS
    while not all(file.exists() for file in files):
        if sharing and sharing.done():
            sharing.result()
        if time.monotonic() > until:
            raise TimeoutError(f"not all were ready within {MOST_SECONDS:.0f} seconds")
        await asyncio.sleep(POLL_SECONDS)
