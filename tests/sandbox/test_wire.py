"""The server against clients that do not keep to HTTP, or use all of it."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from tests.sandbox.asking import Asking

BALANCE = b"GET /v1/balance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_1\r\n\r\n"
LAST = BALANCE.replace(b"Host: x", b"Host: x\r\nConnection: close")


async def _send(url: str, *parts: bytes) -> bytes:
    """Everything a raw connection answers before the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /v1/balance HTTP/2.0\r\n\r\n", 400),
        (b"GET  /v1/balance HTTP/1.1\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" + b"x" * 1048577, 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000, 431),
    ],
)
async def test_a_malformed_request_gets_a_json_answer_and_the_end_of_its_connection(
    ask: Asking, url: str, sent: bytes, status: int
) -> None:
    head, _, body = (await _send(url, sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert (await ask.charge()).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/lines/a/b", "/v1/lines/a/extend/x", "//v1/balance"]
)
async def test_an_unknown_path_is_a_404(ask: Asking, path: str) -> None:
    answer = await ask.http.get(f"{ask.http.base_url}{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_path")


async def test_a_wrong_method_is_a_405_that_names_the_right_ones(ask: Asking) -> None:
    answer = await ask.http.delete("/v1/payment_intents")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_requests_sent_together_are_answered_in_order(url: str) -> None:
    answer = await _send(url, b"GET /sandbox/clock HTTP/1.1\r\n\r\n" + BALANCE + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b'"now"') < answer.index(b'"balance"')


async def test_requests_sent_together_are_answered_in_order_under_latency(slow: Asking) -> None:
    answer = await _send(str(slow.http.base_url), BALANCE + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_request_may_arrive_a_piece_at_a_time(url: str) -> None:
    pieces = (b"\r\n" + LAST[:5], LAST[5:40], LAST[40:-1], LAST[-1:])
    assert (await _send(url, *pieces)).startswith(b"HTTP/1.1 200 OK")


async def test_http_1_0_is_answered_and_closed(url: str) -> None:
    assert b"Connection: close" in await _send(url, BALANCE.replace(b"HTTP/1.1", b"HTTP/1.0"))


async def test_many_clients_are_served_at_once(slow: Asking) -> None:
    answers = await asyncio.gather(*(slow.charge(customer=f"cus_{each}") for each in range(90)))
    assert {answer.status_code for answer in answers} == {200}
