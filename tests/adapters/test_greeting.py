"""Reaching a provider without asking it for anything."""

from datetime import UTC, datetime, timedelta
from typing import Any

from renewd.adapters.greeting import greeted
from tests.adapters.stub import answer, serving
from tests.fakes import FakeClock

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


async def greet(base: str) -> Any:
    return await greeted("stripe", base, timedelta(seconds=3), FakeClock(NOW))


async def test_any_answer_will_do_and_its_date_is_compared() -> None:
    async with serving(answer(404, Date="Tue, 01 Dec 2026 12:00:07 GMT")) as stub:
        found = await greet(f"http://127.0.0.1:{stub.port}")
    assert (found.trouble, found.ahead) == ("", timedelta(seconds=7))
    assert stub.requests[0].startswith(b"GET / HTTP/1.1\r\n")
    assert b"authorization" not in stub.requests[0].lower()


async def test_an_answer_without_a_date_says_nothing_of_the_clock() -> None:
    async with serving(answer(200, Date="yesterday")) as stub:
        assert (await greet(f"http://127.0.0.1:{stub.port}")).ahead is None


async def test_nobody_there_is_said(closed_port: int) -> None:
    assert "ConnectError" in (await greet(f"http://127.0.0.1:{closed_port}")).trouble
