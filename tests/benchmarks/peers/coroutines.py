"""The task for an event loop: one pool and one client for all coroutines."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import psycopg_pool

from tests.benchmarks.peers.case import AT_ONCE, Case, Request, Statements


@dataclass(frozen=True, slots=True)
class Renewing:
    """A pool and a client that are open."""

    pool: psycopg_pool.AsyncConnectionPool
    client: aiohttp.ClientSession

    async def renew(self, number: int) -> None:
        """Renew one subscription."""
        case = Case(number)
        await self._commit(case.intended())
        paid = await self._post(case.charge(), form=True)
        await self._commit(case.charged(str(paid["id"])))
        await self._post(case.extension())
        await self._commit(case.extended())

    async def _commit(self, statements: Statements) -> None:
        async with self.pool.connection() as connection:
            for statement, values in statements:
                await connection.execute(statement, values)

    async def _post(self, request: Request, *, form: bool = False) -> dict[str, object]:
        body = {"data" if form else "json": request.fields}
        async with self.client.post(request.path, headers=request.headers, **body) as answer:
            answer.raise_for_status()
            return dict(await answer.json())


@asynccontextmanager
async def renewing() -> AsyncIterator[Renewing]:
    """Open what the task needs, for as long as the worker runs."""
    size = int(os.environ["PEER_CONNECTIONS"])
    pool = psycopg_pool.AsyncConnectionPool(
        os.environ["PEER_DATABASE"], min_size=size, max_size=size, open=False
    )
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with pool, aiohttp.ClientSession(os.environ["PEER_GATEWAY"], connector=connector) as client:
        yield Renewing(pool, client)
