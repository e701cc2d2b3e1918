"""The transport in fair weather, and what it does to spare a provider."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from renewd.adapters.transport import MAX_RETRY_AFTER, Answer, Transport
from renewd.renewal.outcome import Unreached
from tests.adapters.stub import after, answer, raw, reset, serving


class Sleeps(list[float]):
    """Remembers how long it was asked to sleep, and does not."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def transport(
    url: str, *, deadline: float = 5.0, most: int = 4, rate: float | None = None, sleeps: Sleeps | None = None
) -> Transport:
    return Transport(
        url,
        {"X-Ours": "yes"},
        deadline=timedelta(seconds=deadline),
        max_concurrent=most,
        rate=rate,
        sleep=Sleeps() if sleeps is None else sleeps,
    )


async def test_an_answer_comes_back_whole() -> None:
    async with serving(answer(201, b'{"a": 1}', Request_Id="req_1")) as stub:
        ours = transport(stub.url)
        result = await ours.send("GET", "v1", "things")
        await ours.close()
    assert isinstance(result, Answer)
    assert (result.status, result.headers["request-id"], result.json()) == (201, "req_1", {"a": 1})


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 200_000])
async def test_a_body_that_is_not_json_reads_as_none(body: bytes) -> None:
    assert Answer(200, {}, body).json() is None


async def test_a_request_is_written_as_asked() -> None:
    async with serving(answer()) as stub:
        ours = transport(stub.url + "/base/")
        await ours.send(
            "POST", "v1", "pay", form={"a b": "ü&", "c[d]": "1"}, headers={"Idempotency-Key": "k/1"}
        )
        await ours.send("POST", "v1", "pay", json={"b": 1, "a": "ü"})
        await ours.send("GET", "lines", "a/b ?#%..é", params={"created[gte]": "5", "limit": "1"})
        await ours.close()
    form, json, get = stub.requests
    assert form.startswith(b"POST /base/v1/pay HTTP/1.1\r\n")
    assert form.endswith(b"\r\n\r\na+b=%C3%BC%26&c%5Bd%5D=1")
    assert b"idempotency-key: k/1\r\n" in form.lower()
    assert b"x-ours: yes\r\n" in form.lower()
    assert b"accept-encoding: identity\r\n" in form.lower()
    assert b"application/x-www-form-urlencoded" in form
    assert json.endswith(b'\r\n\r\n{"b":1,"a":"\\u00fc"}')
    assert get.startswith(
        b"GET /base/lines/a%2Fb%20%3F%23%25..%C3%A9?created%5Bgte%5D=5&limit=1 HTTP/1.1\r\n"
    )


async def test_connections_are_kept_and_shared() -> None:
    async with serving(after(0.02, answer())) as stub:
        ours = transport(stub.url, most=3)
        for _ in range(2):
            await asyncio.gather(*(ours.send("GET", "x") for _ in range(9)))
        await ours.close()
    assert (stub.connections, stub.at_once, ours.requests) == (3, 3, 18)


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async with serving(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", close=True)) as stub:
        ours = transport(stub.url)
        for _ in range(3):
            assert isinstance(await ours.send("POST", "x", form={}), Answer)
            await asyncio.sleep(0.02)
        await ours.close()
    assert stub.connections == 3


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with serving(answer(307, Location="http://127.0.0.1:1/elsewhere")) as stub:
        ours = transport(stub.url)
        result = await ours.send("POST", "x", form={"a": "1"})
        await ours.close()
    assert isinstance(result, Answer)
    assert (result.status, len(stub.requests)) == (307, 1)


async def test_a_proxy_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(answer()) as stub:
        ours = transport(stub.url)
        assert isinstance(await ours.send("GET", "x"), Answer)
        await ours.close()


async def test_cookies_are_not_kept() -> None:
    async with serving(answer(Set_Cookie="a=1; Path=/")) as stub:
        ours = transport(stub.url)
        await ours.send("GET", "x")
        await ours.send("GET", "x")
        await ours.close()
    assert not any(b"cookie" in request.lower() for request in stub.requests)


DAY = "Mon, 23 Nov 2026 09:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"Retry_After": "2"}, 2.0),
        ({"Retry_After": "8"}, 8.0),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:03 GMT", "Date": DAY}, 3.0),
        ({"Retry_After": "Mon, 23 Nov 2026 08:00:00 GMT", "Date": DAY}, 0.25),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:03 GMT"}, 0.25),
        ({"Retry_After": "soon"}, 0.25),
        ({"Retry_After": "-5"}, 0.25),
        ({}, 0.25),
    ],
)
async def test_a_short_retry_after_is_waited_for(headers: dict[str, Any], slept: float) -> None:
    sleeps = Sleeps()
    async with serving(answer(429, **headers), answer()) as stub:
        ours = transport(stub.url, deadline=20, sleeps=sleeps)
        assert isinstance(await ours.send("POST", "x", form={"a": "1"}), Answer)
        await ours.close()
    assert sleeps == [slept]
    assert stub.requests[0] == stub.requests[1]


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "9"}, timedelta(seconds=9)),
        ({"Retry_After": "1000000000"}, MAX_RETRY_AFTER),
        ({"Retry_After": "9" * 5000}, MAX_RETRY_AFTER),
        ({"Retry_After": "Tue, 24 Nov 2026 09:00:00 GMT", "Date": DAY}, MAX_RETRY_AFTER),
    ],
)
async def test_a_long_retry_after_is_handed_back_capped(headers: dict[str, Any], wait: timedelta) -> None:
    async with serving(answer(429, **headers)) as stub:
        ours = transport(stub.url, deadline=20)
        result = await ours.send("POST", "x", form={})
        await ours.close()
    assert result == Unreached("rate limited", retry_after=wait)
    assert len(stub.requests) == 1


async def test_a_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    sleeps = Sleeps()
    async with serving(answer(429, Retry_After="5")) as stub:
        ours = transport(stub.url, deadline=2, sleeps=sleeps)
        result = await ours.send("POST", "x", form={})
        await ours.close()
    assert result == Unreached("rate limited", retry_after=timedelta(seconds=5))
    assert sleeps == []


async def test_a_pause_begins_only_if_the_deadline_leaves_time_for_it_after_the_first_try() -> None:
    sleeps = Sleeps()
    async with serving(after(0.6, answer(429, Retry_After="1"))) as stub:
        ours = transport(stub.url, deadline=1.5, sleeps=sleeps)
        result = await ours.send("POST", "x", form={})
        await ours.close()
    assert result == Unreached("rate limited", retry_after=timedelta(seconds=1))
    assert sleeps == []


async def test_a_provider_that_turns_us_away_for_a_moment_is_asked_three_times() -> None:
    sleeps = Sleeps()
    async with serving(answer(429)) as stub:
        ours = transport(stub.url, deadline=20, sleeps=sleeps)
        result = await ours.send("POST", "x", form={})
        await ours.close()
    assert result == Unreached("rate limited")
    assert (len(stub.requests), sleeps) == (3, [0.25, 0.5])


@pytest.mark.parametrize("status", [200, 302, 400, 402, 409, 500, 502, 503])
async def test_nothing_that_may_have_been_carried_out_is_repeated(status: int) -> None:
    async with serving(answer(status, Retry_After="0")) as stub:
        ours = transport(stub.url)
        result = await ours.send("POST", "x", form={})
        await ours.close()
    assert isinstance(result, Answer)
    assert (result.status, len(stub.requests)) == (status, 1)


async def test_a_fault_after_a_turning_away_is_told_as_the_fault() -> None:
    async with serving(answer(429), reset) as stub:
        ours = transport(stub.url)
        assert not isinstance(await ours.send("POST", "x", form={}), Answer | Unreached)
        await ours.close()


async def test_requests_go_out_no_faster_than_the_rate() -> None:
    loop = asyncio.get_running_loop()
    async with serving(answer()) as stub:
        ours = transport(stub.url, rate=20)
        start = loop.time()
        await asyncio.gather(*(ours.send("GET", "x") for _ in range(8)))
        await ours.close()
    # Two at once, a twentieth of a second for each further one.
    assert loop.time() - start >= 0.28


async def test_a_request_that_waits_too_long_for_its_turn_is_never_sent() -> None:
    async with serving(after(0.4, answer())) as stub:
        ours = transport(stub.url, deadline=0.6, most=1)
        results = await asyncio.gather(*(ours.send("POST", "x", form={}) for _ in range(4)))
        await ours.close()
    assert isinstance(results[0], Answer)
    assert results[2:] == [Unreached("not sent within the deadline")] * 2
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://pay.example",
        "http://127.0.0.2",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
        "https://",
        "pay.example",
        "https://user:secret@pay.example",
        "http://127.0.0.1@pay.example",
        "https://pay.example?x=1",
        "https://pay.example#x",
        "https://pay.example:port",
        "https://pay.example:0",
        "https://pay.example:65979",
    ],
)
def test_an_address_that_is_not_private_or_not_plain_is_refused(address: str) -> None:
    with pytest.raises(ValueError) as refusal:
        transport(address)
    assert "secret" not in str(refusal.value)


def test_no_request_is_on_its_way_after_the_longest_call() -> None:
    ours = transport("http://127.0.0.1:1", deadline=30)
    assert ours.longest_call >= 2 * timedelta(seconds=30)
