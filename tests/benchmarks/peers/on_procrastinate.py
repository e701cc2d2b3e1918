"""Procrastinate: jobs are rows of the same PostgreSQL, and an asynchronous worker runs them."""

import asyncio
import os
import sys

import procrastinate

from tests.benchmarks.peers.case import AT_ONCE
from tests.benchmarks.peers.coroutines import renewing

CONNECTIONS = 16  # Procrastinate's own, to fetch and finish jobs


async def main() -> None:
    """Put the numbers up to the one that is given into the queue, or work."""
    connector = procrastinate.PsycopgConnector(
        conninfo=os.environ["PEER_DATABASE"], min_size=1, max_size=CONNECTIONS
    )
    async with procrastinate.App(connector=connector).open_async() as app:
        await (_enqueue(app, int(sys.argv[2])) if sys.argv[1] == "enqueue" else _work(app))


async def _enqueue(app: procrastinate.App, total: int) -> None:
    await app.schema_manager.apply_schema_async()
    deferrer = app.configure_task("renew")
    await deferrer.batch_defer_async(*({"number": number} for number in range(1, total + 1)))


async def _work(app: procrastinate.App) -> None:
    async with renewing() as ready:
        app.task(ready.renew, name="renew")
        await app.run_worker_async(concurrency=AT_ONCE)


if __name__ == "__main__":
    asyncio.run(main())
