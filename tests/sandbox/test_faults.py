"""Answers that come wrong, late or not at all, and what was charged all the same."""

import asyncio
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from tests.sandbox.asking import Asking, form


async def _post(url: str, payment_method: str, key: str) -> bytes:
    """The raw answer to one charge; raises what the socket raises."""
    body = urlencode(form(payment_method)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    try:
        writer.write(
            b"POST /v1/payment_intents HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer sk_test_1\r\n"
            b"Connection: close\r\nIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (key.encode(), len(body), body)
        )
        return await asyncio.wait_for(reader.read(), 2)
    finally:
        writer.close()


async def test_a_reset_before_the_charge_is_a_real_reset_and_stores_nothing(ask: Asking, url: str) -> None:
    with pytest.raises(ConnectionResetError):
        await _post(url, "pm_reset_before", "k")
    assert await ask.intents() == []
    assert (await _post(url, "pm_reset_before", "k")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert await ask.statuses() == ["reset", 200]


async def test_a_reset_after_the_charge_is_a_real_reset_and_a_repeat_tells(ask: Asking, url: str) -> None:
    with pytest.raises(ConnectionResetError):
        await _post(url, "pm_reset_after_charge", "k")
    charged = await ask.intents()
    repeat = await ask.charge("pm_reset_after_charge", key="k")
    assert (repeat.status_code, repeat.json()) == (200, charged[0])
    assert [(row["status"], row["charged"]) for row in await ask.seen()] == [("reset", True), (200, False)]


async def test_a_client_library_sees_a_reset_as_a_read_error(ask: Asking) -> None:
    with pytest.raises(httpx.ReadError):
        await ask.charge("pm_reset_after_charge", key="k")


async def test_a_timeout_after_the_charge_stays_silent_and_a_repeat_tells(ask: Asking) -> None:
    ask.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        await ask.charge("pm_timeout_after_charge", key="k")
    repeat = await ask.charge("pm_timeout_after_charge", key="k")
    assert (repeat.status_code, repeat.json()["status"]) == (200, "succeeded")
    assert await ask.statuses() == ["hang", 200]
    assert len(await ask.intents()) == 1


async def test_garbage_after_the_charge_is_html_with_status_200(ask: Asking) -> None:
    answer = await ask.charge("pm_garbage_after_charge", key="k")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert answer.text.startswith("<html>")
    assert (await ask.intents())[0]["status"] == "succeeded"


async def test_a_slow_drip_defeats_a_timeout_per_read_but_not_a_total_deadline(ask: Asking) -> None:
    ask.http.timeout = httpx.Timeout(0.8)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.8):
            await ask.charge("pm_slow_drip", key="k")
    assert (await ask.charge("pm_slow_drip", key="k")).json() == (await ask.intents())[0]


async def test_a_slow_drip_sends_one_byte_per_half_second(ask: Asking) -> None:
    async with ask.http.stream("POST", "/v1/payment_intents", data=form("pm_slow_drip")) as answer:
        parts = answer.aiter_raw()
        assert [await anext(parts), await anext(parts)] == [b"{", b'"']


async def test_a_huge_body_is_64_mib_of_json_the_first_time_only(ask: Asking) -> None:
    length = 0
    async with ask.http.stream(
        "POST", "/v1/payment_intents", data=form("pm_huge_body"), headers={"Idempotency-Key": "k"}
    ) as answer:
        async for part in answer.aiter_raw():
            length += len(part)
    assert (answer.status_code, length) == (200, 64 * 1024 * 1024)
    repeat = await ask.charge("pm_huge_body", key="k")
    assert repeat.json() == (await ask.intents())[0]


async def test_a_connection_serves_again_after_a_huge_body(ask: Asking) -> None:
    assert (await ask.charge("pm_huge_body", key="k")).json()["status"] == "succeeded"
    assert (await ask.charge()).status_code == 200


async def test_a_client_that_leaves_a_huge_body_harms_nobody(ask: Asking) -> None:
    async with ask.http.stream("POST", "/v1/payment_intents", data=form("pm_huge_body")) as answer:
        await anext(answer.aiter_raw())
    assert (await ask.charge()).status_code == 200
