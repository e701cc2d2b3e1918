"""What is done beside the ticks: nothing of it dies silently, and none of it takes the ticks down with it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from renewd.ports import StoreUnavailableError

log = structlog.get_logger()

Work = Callable[[], Awaitable[object]]


async def turn(what: str, work: Work) -> None:
    """Do it once. What goes wrong is told under the name of `what`; of a database that is away the ticks tell."""
    try:
        await work()
    except StoreUnavailableError:
        pass
    except Exception:
        log.exception("something beside the renewals failed; its next turn goes on", detail=what)


async def keep_up(what: str, every: timedelta, work: Work) -> None:
    """Do it every so often, until cancelled."""
    while True:
        await asyncio.sleep(every.total_seconds())
        await turn(what, work)
