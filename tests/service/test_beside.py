"""What is done beside the ticks goes on whatever happens to it, and never without a word."""

import asyncio
import io
import json
from datetime import timedelta

from renewd.ports import StoreUnavailableError
from renewd.service.beside import keep_up

MOMENT = timedelta(milliseconds=1)


async def test_a_turn_that_fails_is_told_and_the_next_one_comes(said: io.StringIO) -> None:
    turns, over = iter([KeyError("what?"), StoreUnavailableError("away")]), asyncio.Event()

    async def work() -> None:
        if error := next(turns, None):
            raise error
        over.set()

    task = asyncio.create_task(keep_up("signs of life", MOMENT, work))
    await asyncio.wait_for(over.wait(), 60)
    task.cancel()
    (line,) = map(json.loads, said.getvalue().splitlines())  # of a database that is away the ticks tell
    assert (line["level"], line["detail"]) == ("error", "signs of life")
    assert "KeyError" in line["exception"]
