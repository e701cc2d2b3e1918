"""The wire before odd servers: what each plays, what our sends come to, and on how many connections."""

import asyncio

import httpx
import pytest

from renewd.adapters.transport import MAX_BODY, Answer, Result
from renewd.adapters.wire import MAX_HEAD
from renewd.renewal.outcome import Unreached
from tests.adapters.exchange import Exchange, then
from tests.adapters.stub import Play, answer, hang_up, raw, reset, serving
from tests.adapters.test_transport import transport

HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = HEAD + b"Content-Length: 2\r\n\r\n{}"
OTHER = GOOD.replace(b"{}", b"[]")
HALF = HEAD + b'Content-Length: 100\r\n\r\n{"a'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
SPACES = b" " * (MAX_BODY + 1)

OK, LONG, READ, BAD = b"{}", "answer over 1 MiB", "ReadError", "RemoteProtocolError"

#: A name, and: the play for each of as many requests, what each send comes to, how many connections that takes.
ODD: dict[str, tuple[list[bytes | Play], list[bytes | str], int]] = {
    "closed unanswered": ([hang_up], [BAD], 1),
    "reset unanswered": ([reset], [READ], 1),
    "used again, then closed": ([GOOD, hang_up], [OK, BAD], 1),
    "used again, then reset": ([GOOD, reset], [OK, READ], 1),
    "half an answer, closed": ([then(HALF, hang_up)], [BAD], 1),
    "half an answer, reset": ([then(HALF, reset)], [READ], 1),
    "silence": ([b""], ["no whole answer within the deadline"], 1),
    "100, then 200": ([then(b"HTTP/1.1 100 Continue\r\n\r\n", GOOD), GOOD], [OK, OK], 1),
    "103 with a length, then 200 without": ([then(HINTS + HEAD + b"\r\n{}", hang_up)], [OK], 1),
    "1xx without end": ([b"HTTP/1.1 102 Processing\r\n\r\n" * 40_000], [LONG], 1),
    "101 unasked": ([UPGRADE + GOOD], [BAD], 1),
    "chunks": ([CHUNKED + b"1\r\n{\r\n1;x=y\r\n}\r\n0\r\nX: t\r\n\r\n", GOOD], [OK, OK], 1),
    "chunks, cut off": ([then(CHUNKED + b"2\r\n{}\r\n", hang_up)], [BAD], 1),
    "chunks without end": ([CHUNKED + b"8000\r\n%b\r\n" % SPACES[:0x8000] * 33], [LONG], 1),
    "a chunk's extension without end": ([CHUNKED + b"1;" + b"a" * 3 * MAX_BODY], [LONG], 1),
    "trailers without end": ([CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * (MAX_BODY // 2)], [LONG], 1),
    "a body without end": ([GOOD.replace(b": 2\r\n\r\n{}", b": 9999999\r\n\r\n" + SPACES)], [LONG], 1),
    "two lengths": ([HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"], [BAD], 1),
    "a length and chunks": (
        [HEAD + b"Content-Length: 9\r\n" + CHUNKED[len(HEAD) :] + b"0\r\n\r\n"],
        [BAD],
        1,
    ),
    "a negative length": ([GOOD.replace(b": 2", b": -2")], [BAD], 1),
    "two answers at once": ([GOOD + OTHER, GOOD], [OK, OK], 2),
    "an answer and a half": ([GOOD + HALF, GOOD], [OK, OK], 2),
    "a byte too many": ([GOOD + b"x", GOOD], [OK, OK], 2),
    "a body longer than its length": ([GOOD + b"{}", GOOD], [OK, OK], 2),
    "another answer later": ([then(GOOD, OTHER), GOOD], [OK, OK], 2),
    "408 while idle": ([then(GOOD, TIMEOUT), GOOD], [OK, OK], 2),
    "closed while idle": ([then(GOOD, hang_up), GOOD], [OK, OK], 2),
    "reset while idle": ([then(GOOD, reset), GOOD], [OK, OK], 2),
    "Connection: close, kept open": ([answer(Connection="close"), GOOD], [OK, OK], 2),
    "HTTP/1.0 to its end": ([then(b"HTTP/1.0 200 OK\r\n\r\n{}", hang_up), GOOD], [OK, OK], 2),
    "HTTP/1.1 to its end": ([then(HEAD + b"\r\n{}", hang_up), GOOD], [OK, OK], 2),
    "HTTP/1.1 to a reset": ([then(HEAD + b"\r\n{}", reset)], [READ], 1),
    "204": ([b"HTTP/1.1 204 No Content\r\n\r\n", GOOD], [b"", OK], 1),
    "no reason": ([GOOD.replace(b" OK", b"")], [OK], 1),
    "bare line feeds": ([GOOD.replace(b"\r\n", b"\n")], [BAD], 1),
    "a folded header": ([GOOD.replace(HEAD, HEAD + b"X: a\r\n b\r\n")], [BAD], 1),
    "NUL in a header": ([GOOD.replace(HEAD, HEAD + b"X: a\0b\r\n")], [BAD], 1),
    "a space before the colon": ([GOOD.replace(b":", b" :")], [BAD], 1),
    "a long header": ([GOOD.replace(HEAD, HEAD + b"X: %b\r\n" % (b"y" * (MAX_HEAD - 100)))], [OK], 1),
    "headers without end": ([HEAD + b"X: y\r\n" * 100_000], [LONG], 1),
    "HTTP/0.9": ([then(b"{}", hang_up)], [BAD], 1),
    "SSH": ([b"SSH-2.0-OpenSSH_9.2\r\n"], [BAD], 1),
}


def told(result: Result) -> bytes | str:
    return result.body if isinstance(result, Answer) else result.reason


@pytest.mark.parametrize(("plays", "said", "connections"), ODD.values(), ids=ODD)
async def test_an_odd_server(plays: list[bytes | Play], said: list[bytes | str], connections: int) -> None:
    async with serving(*(then(play) for play in plays)) as stub:
        ours = transport(stub.url, deadline=0.5, most=1)
        results = []
        for _ in plays:
            results.append(told(await ours.send("POST", "x", form={"a": "1"})))
            await asyncio.sleep(0.05)
        await ours.close()
    assert (results, len(stub.requests), stub.connections) == (said, len(plays), connections)


@pytest.mark.parametrize(
    ("said", "headers"),
    [
        (HINTS + GOOD, {"content-length": "2"}),
        (GOOD + TIMEOUT.replace(b"\r\n", b"\r\nRetry-After: 1\r\n", 1), {"content-length": "2"}),
        (CHUNKED + b"2\r\n{}\r\n0\r\nRetry-After: 1\r\n\r\n", {"transfer-encoding": "chunked"}),
    ],
)
async def test_an_answer_has_the_status_and_headers_of_its_own_head(
    said: bytes, headers: dict[str, str]
) -> None:
    async with serving(raw(said)) as stub:
        one = Exchange(stub.url)
        response = await one.ask()
        await one.wire.aclose()
    assert (response.status_code, dict(response.headers), await response.aread()) == (200, headers, b"{}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("Idempotency-Key", value)
            for value in ["a\r\nX: y", "a\nb", "a\0b", " a", "", "\xe9", "€", "\udc80"]
        ),
        ("A b", "c"),
        ("A:", "c"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "0"),
        ("Connection", "close"),
        ("Host", "elsewhere.example"),
    ],
)
async def test_a_header_that_might_end_the_request_elsewhere_is_unreached(name: str, value: str) -> None:
    async with serving(answer()) as stub:
        ours = transport(stub.url)
        assert isinstance(await ours.send("GET", "x"), Answer)
        assert isinstance(await ours.send("POST", "x", form={"a": "1"}, headers={name: value}), Unreached)
        assert isinstance(await ours.send("GET", "x"), Answer)
        await ours.close()
    assert (len(stub.requests), stub.connections) == (2, 1)


async def test_what_is_no_text_is_unreached() -> None:
    ours = transport("http://127.0.0.1:1")
    for result in (await ours.send("POST", "x", form={"a": "\udc80"}), await ours.send("GET", "\udc80")):
        assert result == Unreached("UnicodeEncodeError")


@pytest.mark.parametrize(
    ("method", "target"), [("HEAD", b"/"), ("GET", b"x"), ("GET", b"/ HTTP/1.1\r\nX: y")]
)
async def test_only_a_known_method_and_a_target_are_written(method: str, target: bytes) -> None:
    async with serving(answer()) as stub:
        with pytest.raises(httpx.LocalProtocolError):
            await Exchange(stub.url).ask(method, target)
    assert stub.connections == 0


async def test_a_request_is_what_was_asked_for_and_where_it_ends() -> None:
    async with serving(answer()) as stub:
        one = Exchange(stub.url)
        await one.ask("GET", b"/a?b=c")
        await one.ask("POST", b"/")
        await one.wire.aclose()
    host = f"Host: 127.0.0.1:{stub.port}\r\n".encode()
    assert stub.requests == [
        b"GET /a?b=c HTTP/1.1\r\n" + host + b"\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n",
    ]
