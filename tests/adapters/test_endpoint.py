"""The small HTTP server: it answers who may ask, turns away who may not, and is held up by nobody."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import pytest

from renewd.adapters import endpoint
from renewd.adapters.endpoint import MOST_AT_ONCE, MOST_BYTES
from renewd.watching import Reply

HERE = "127.0.0.1"


class Door:
    """A server under test: what reached `respond`, and how to knock."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, list[tuple[str, str]]()

    async def respond(self, method: str, path: str) -> Reply:
        self.asked.append((method, path))
        return Reply(HTTPStatus.OK, b"well\n")

    async def knock(self, request: bytes, whence: str = HERE) -> bytes:
        """Send bytes from an address of this machine, and read to the end."""
        reader, writer = await asyncio.open_connection(HERE, self.port, local_addr=(whence, 0))
        try:
            writer.write(request)
            return await reader.read()
        finally:
            writer.close()

    async def status(self, request: bytes, whence: str = HERE) -> int:
        return int((await self.knock(request, whence)).split(b" ")[1])


@asynccontextmanager
async def a_door() -> AsyncIterator[Door]:
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    door = Door(port)
    async with endpoint.serving(HERE, port, door.respond):
        yield door


def a_request(first: str = "GET /metrics HTTP/1.1", **headers: str) -> bytes:
    given = {"Host": HERE} | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [first, *(f"{name}: {value}" for name, value in given.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_client_gets_its_answer_and_the_query_is_left_out() -> None:
    async with a_door() as door, httpx.AsyncClient(trust_env=False) as client:
        found = await client.get(f"http://{HERE}:{door.port}/metrics?name=up")
        assert (found.status_code, found.text) == (200, "well\n")
        assert found.headers["cache-control"] == "no-store"
        posted = await client.post(f"http://localhost:{door.port}/-/reload", content=b"x" * MOST_BYTES)
        assert posted.status_code == 200
    assert door.asked == [("GET", "/metrics"), ("POST", "/-/reload")]


async def test_a_head_is_answered_without_a_body() -> None:
    async with a_door() as door:
        answer = await door.knock(a_request("HEAD /-/ready HTTP/1.1"))
    assert b"Content-Length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert door.asked == [("GET", "/-/ready")]


@pytest.mark.parametrize(
    "host", [HERE, f"{HERE}:9464", "localhost:1", "[::1]:9464", "10.1.2.3", socket.gethostname()]
)
async def test_it_answers_to_its_names_and_to_any_address(host: str) -> None:
    async with a_door() as door:
        assert await door.status(a_request(Host=host)) == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "a@b:c"]
)
async def test_a_page_that_has_its_own_name_point_here_is_turned_away(host: str) -> None:
    async with a_door() as door:
        assert await door.status(a_request(Host=host)) == 421
    assert not door.asked


async def test_a_page_that_posts_here_is_turned_away() -> None:
    async with a_door() as door:
        for origin in ("https://evil.example", "null", f"http://{HERE}:{door.port}"):
            assert await door.status(a_request("POST /-/reload HTTP/1.1", Origin=origin)) == 403
    assert not door.asked


async def test_another_machine_may_look_but_not_command() -> None:
    async with a_door() as door:  # anything but 127.0.0.1 stands for another machine
        assert await door.status(a_request(), whence="127.0.0.2") == 200
        assert await door.status(a_request("POST /-/reload HTTP/1.1"), whence="127.0.0.2") == 403
    assert door.asked == [("GET", "/metrics")]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00 a client that speaks TLS\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (a_request("GET /metrics"), 400),
        (a_request("GET /metrics HTTP/2.0"), 400),
        (a_request("GET / metrics HTTP/1.1"), 400),
        (a_request("POST / HTTP/1.1", Content_Length="-1"), 400),
        (a_request("POST / HTTP/1.1", Content_Length="1" * 5000), 400),
        (a_request("POST / HTTP/1.1", Transfer_Encoding="chunked"), 400),
        (a_request(Cookie="x" * 2 * MOST_BYTES), 431),
    ],
)
async def test_what_is_no_small_request_is_refused(request_: bytes, status: int) -> None:
    async with a_door() as door:
        assert await door.status(request_) == status
    assert not door.asked


async def test_who_sends_too_slowly_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.05)
    async with a_door() as door:
        for part in (b"", b"GET /metrics HTT", a_request("POST / HTTP/1.1", Content_Length="10") + b"half"):
            assert await door.knock(part) == b""
        assert not door.asked


async def test_idle_connections_take_a_bounded_number_of_places() -> None:
    async with a_door() as door:
        idle = [await asyncio.open_connection(HERE, door.port) for _ in range(MOST_AT_ONCE)]
        await asyncio.sleep(0)
        assert await door.knock(b"") == b""
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        answers = [await door.knock(a_request()) for _ in range(20)]
        assert answers[-1].endswith(b"well\n")


async def test_an_address_in_use_is_an_error_at_once() -> None:
    async with a_door() as door:
        with pytest.raises(OSError, match="in use"):
            async with endpoint.serving(HERE, door.port, door.respond):
                pass
