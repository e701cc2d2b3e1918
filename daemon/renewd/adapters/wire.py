"""One HTTP/1.1 connection under httpx, which tells just when the first byte of a request leaves us.

An answer is only ever the one to the request before it: a connection on which more has come in than was asked for is
never used again. Where a request ends is said by us alone, and what might end it early is refused before a byte leaves.
"""

import asyncio
import contextlib
import re
import select
import ssl
from socket import IPPROTO_TCP, SOCK_STREAM, TCP_USER_TIMEOUT, socket
from typing import Any, cast

import httptools
import httpx

MAX_HEAD = 64 * 1024  # bytes of status lines and headers, those of 1xx included

# Seconds for each of a host's addresses but the last; a lost packet is repeated after one.
_NEXT_ADDRESS = 2.0
_FINAL = 200  # the first status that is not a 1xx

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_VALUE = re.compile(rb"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?").fullmatch
_TARGET = re.compile(rb"/[\x21-\x7e]*").fullmatch
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})  # answers to HEAD and CONNECT end otherwise
_OURS = frozenset(b"connection content-length expect host te trailer transfer-encoding upgrade".split())
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})


class TooLong(httpx.RemoteProtocolError):
    """The answer is longer than was allowed."""


class Wire(httpx.AsyncBaseTransport):
    """A connection to the host of `url`, made when needed and kept while it is good. A `tls` context should verify.

    `connect`: within so many seconds a connection is made. `user_timeout`: after so many the kernel gives up what the
    other side does not acknowledge. `keep_alive`: an idle connection is closed after so many. `max_body`, in bytes.
    """

    def __init__(
        self,
        url: httpx.URL,
        tls: ssl.SSLContext | None,
        *,
        connect: float,
        user_timeout: float,
        keep_alive: float,
        max_body: int,
    ) -> None:
        self._host, self._netloc = url.raw_host.decode("ascii"), url.netloc
        self._port = url.port or (443 if tls else 80)
        self._tls = tls
        self._connect = connect
        self._user_timeout = int(user_timeout * 1000)
        self._keep_alive = keep_alive
        self._max_body = max_body
        self._channel: _Channel | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its whole answer; the caller ends what takes too long, by cancelling.

        Two extensions must be there: `target`, the path and query as they go out, and `exposed`, called just before
        the first byte is handed over: until then nothing can have arrived. An exchange that is cut off takes the
        connection with it.

        Raises:
            httpx.LocalProtocolError: it cannot be written, and nothing was.
            httpx.ConnectError: no connection was made. httpx.ConnectTimeout: nor in time.
            httpx.ReadError: the connection broke.
            httpx.RemoteProtocolError: what came was no whole HTTP answer; `TooLong` when it went on and on.
        """
        data = _written(request, self._netloc, await request.aread())
        channel, self._channel = self._channel, None
        if channel is None or not channel.good():
            channel = await self._connected()
        try:
            request.extensions["exposed"]()
            response = await channel.ask(data)
        except BaseException:
            channel.abort()
            raise
        if channel.rest(self._keep_alive):
            self._channel = channel
        return response

    async def aclose(self) -> None:
        """Close the connection, unless it is in use, and wait until it is closed."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.abort()
            await channel.lost.wait()

    async def _connected(self) -> "_Channel":
        loop = asyncio.get_running_loop()
        name = self._host if self._tls else None
        try:
            async with asyncio.timeout(self._connect):
                sock = await self._dialled(loop)
                _, channel = await loop.create_connection(
                    lambda: _Channel(loop, self._max_body), sock=sock, ssl=self._tls, server_hostname=name
                )
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except (OSError, ValueError) as fault:  # ValueError: no such name of a host
            raise httpx.ConnectError(str(fault)) from fault
        if not channel.open:
            raise httpx.ConnectError("closed at once")
        return channel

    async def _dialled(self, loop: asyncio.AbstractEventLoop) -> socket:
        """Try the host's addresses in turn."""
        *others, last = await loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)
        share = min(_NEXT_ADDRESS, self._connect / (len(others) + 1))
        for each in others:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(share):
                    return await self._dial(loop, *each)
        return await self._dial(loop, *last)

    async def _dial(
        self, loop: asyncio.AbstractEventLoop, family: int, kind: int, proto: int, _: str, address: Any
    ) -> socket:
        sock = socket(family, kind, proto)
        try:
            sock.setblocking(False)
            # Else the kernel may deliver, minutes later, what lay unacknowledged when we gave the call up.
            sock.setsockopt(IPPROTO_TCP, TCP_USER_TIMEOUT, self._user_timeout)
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock


class _Channel(asyncio.Protocol):
    """A live connection. asyncio calls `connection_made` to `connection_lost`, the parser `on_...`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_body: int) -> None:
        self.lost = asyncio.Event()
        self._loop = loop
        self._max_body = max_body
        self._parser = httptools.HttpResponseParser(self)
        self._poll = select.poll()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._begin()

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def good(self) -> bool:
        """Whether another request may go out: nothing has come in since the last answer, not even an end."""
        if self._expiry is not None:
            self._expiry.cancel()
        if self.open and not self._poll.poll(0):  # the loop may not have looked yet: ask the kernel
            return True
        self.abort()
        return False

    def ask(self, request: bytes) -> asyncio.Future[httpx.Response]:
        """Hand a request over to a channel that is open."""
        self._begin()
        self._answer = self._loop.create_future()
        cast("asyncio.Transport", self._transport).write(request)
        return self._answer

    def rest(self, seconds: float) -> bool:
        """Stay open for so long after an answer, or be closed if no other may follow it; says which."""
        if self._whole and self._lasting and not self._surplus:
            self._expiry = self._loop.call_later(seconds, self.abort)
            return True
        self.abort()
        return False

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        descriptor = transport.get_extra_info("socket").fileno()
        self._poll.register(descriptor, select.POLLIN | select.POLLRDHUP)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked, or nobody waits any more
            return
        fault: httpx.TransportError | None = None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            self._surplus = True  # matters after a whole answer only
            fault = httpx.RemoteProtocolError(type(problem).__name__)
        self._received += len(data)
        # Twice the body leaves room for what chunks are wrapped in.
        most = MAX_HEAD + (2 * self._max_body if self._status >= _FINAL else 0)
        if len(self._body) > self._max_body or (self._received > most and not self._whole):
            self._end(TooLong("an answer without end"))
        elif self._whole:
            self._end(None)
        elif fault is not None:
            self._end(fault)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.lost.set()
        if exc is not None:
            self._end(httpx.ReadError(type(exc).__name__))
        # Only an answer that named no length is whole by ending. If it was cut off it will be no JSON.
        elif self._status < _FINAL or any(name.lower() in _LENGTHS for name, _ in self._headers):
            self._end(httpx.RemoteProtocolError("ended early"))
        else:
            self._end(None)

    def _begin(self) -> None:
        self._status = self._received = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._whole = self._lasting = self._surplus = False

    def _end(self, fault: httpx.TransportError | None) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        if fault is None:
            stream = httpx.ByteStream(bytes(self._body))
            answer.set_result(httpx.Response(self._status, headers=self._headers, stream=stream))
            self._body.clear()
        else:
            answer.set_exception(fault)

    def on_message_begin(self) -> None:
        self._surplus = self._whole

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._status < _FINAL:  # else a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if not self._whole:
            self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if not self._whole:
            self._body += body

    def on_message_complete(self) -> None:
        if self._status < _FINAL:
            self._status, self._headers = 0, []  # a 1xx: the answer is still to come
        elif not self._whole:
            self._whole, self._lasting = True, self._parser.should_keep_alive()


def _written(request: httpx.Request, host: bytes, body: bytes) -> bytes:
    """Write a request out; the text of the fault quotes none of it, for it may hold a key."""
    target: bytes = request.extensions["target"]
    pairs = request.headers.raw
    if request.method not in _METHODS or not _TARGET(target):
        raise httpx.LocalProtocolError("not a method or target")
    if not all(_NAME(name) and _VALUE(value) and name.lower() not in _OURS for name, value in pairs):
        raise httpx.LocalProtocolError("not a header")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target), b"Host: " + host]
    lines += [b"%b: %b" % pair for pair in pairs]
    if body or request.method != "GET":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])
