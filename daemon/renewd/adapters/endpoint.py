"""A small HTTP/1.1 server for whoever asks how the daemon is: one request a connection, and nothing that could hold the loop up.

A web page that somebody on this machine has open can send requests here too, but not freely: a browser names its page
in Origin, and a page that has its own name point at us names that in Host. Both are turned away.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from renewd.addresses import is_loopback
from renewd.watching import Reply, Respond

MOST_BYTES = 8192  # of a request's head, and of its body, which means nothing here
MOST_AT_ONCE = 32  # connections
PATIENCE = 5.0  # seconds for a request to come in, and for an answer to be taken


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    headers: Mapping[str, str]
    from_here: bool


class _RefusedError(Exception):
    """A request that is not looked at any further."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.reply = Reply(status, f"{why}\n".encode())


@asynccontextmanager
async def serving(host: str, port: int, respond: Respond) -> AsyncIterator[None]:
    """Answer requests at this address by `respond`. Raises OSError when the address cannot be had."""
    server = await asyncio.start_server(_Door(host, respond).open, host, port, limit=MOST_BYTES)
    try:
        yield
    finally:
        server.close()


class _Door:
    def __init__(self, host: str, respond: Respond) -> None:
        self._names = {host.lower(), "localhost", socket.gethostname().lower()}
        self._respond = respond
        self._inside = 0

    async def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._inside += 1
        try:
            # Who comes when all are busy, or who is too slow, gets no answer.
            if self._inside <= MOST_AT_ONCE:
                await self._serve(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._inside -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = ""
        try:
            async with asyncio.timeout(PATIENCE):
                request = await _read(reader, writer)
            method = request.method
            self._admit(request)
            reply = await self._respond("GET" if method == "HEAD" else method, request.path)
        except _RefusedError as refused:
            reply = refused.reply
        writer.write(_head(reply) + (b"" if method == "HEAD" else reply.body))
        async with asyncio.timeout(PATIENCE):
            await writer.drain()

    def _admit(self, request: _Request) -> None:
        """Turn away what a web page may have sent, and a command from another machine. Raises _RefusedError."""
        host = _host(request.headers.get("host", ""))
        if not (host in self._names or _is_address(host)):
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "renewd is not called by that name")
        if "origin" in request.headers:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "not for web pages")
        if request.method not in ("GET", "HEAD") and not request.from_here:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "only from this machine")


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too long") from None
    first, *lines = head.decode("latin-1").split("\r\n")
    match first.split(" "):
        case [method, target, "HTTP/1.0" | "HTTP/1.1"] if method.isalpha():
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
        case _:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "not a request of HTTP/1.1")
    await reader.readexactly(_length(headers))  # what is left unread may cost the sender our answer
    peer = writer.get_extra_info("peername")
    return _Request(method, target.partition("?")[0], headers, from_here=bool(peer) and is_loopback(peer[0]))


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not text.isdecimal() or len(text) > len(str(MOST_BYTES)):
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "no body is asked for")
    return min(int(text), MOST_BYTES)


def _host(text: str) -> str:
    with suppress(ValueError):
        return (urlsplit(f"//{text}").hostname or "").lower()
    return ""


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ip_address(host)
        return True
    return False


def _head(reply: Reply) -> bytes:
    lines = (
        f"HTTP/1.1 {reply.status.value} {reply.status.phrase}",
        f"Content-Type: {reply.kind}",
        f"Content-Length: {len(reply.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1")
