"""HTTP as renewd needs it: one answer within one deadline, or a word on whether anything may have arrived."""

import asyncio
import json as _json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from socket import IPPROTO_TCP, TCP_USER_TIMEOUT
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import tenacity
from aiolimiter import AsyncLimiter

from renewd.renewal.outcome import Unknown, Unreached

MAX_BODY = 1024 * 1024  # bytes of an answer that are read
MAX_TRIES = 3  # sends of one request inside one call
MAX_PAUSE = timedelta(seconds=8)  # the longest Retry-After that is waited for inside a call
MAX_RETRY_AFTER = timedelta(hours=1)  # the longest that is believed
MARGIN = timedelta(seconds=5)

_KEEP_ALIVE = 5.0  # seconds; providers hold an idle connection longer, so we are the one to close it
_FIRST_BACKOFF = 0.25  # seconds, doubled at each try
_TOO_MANY = 429
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
# Raised before a byte of the request is written, whatever the trace says.
_UNWRITTEN = (httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
# ssl.SSLError, an OSError, leaves httpcore unmapped when it strikes in the middle of a read.
_FAULTS = (httpx.HTTPError, OSError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are in lower case; the body has at most `MAX_BODY` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON; None when it is not."""
        try:
            return _json.loads(self.body)
        except (ValueError, RecursionError):  # RecursionError: thousands of brackets
            return None


Result = Answer | Unreached | Unknown


@dataclass(frozen=True, slots=True)
class _Tried:
    """One send. `pause` says after how many seconds the same bytes may go out again, None that they must not."""

    result: Result
    pause: float | None = None


class _Flight:
    """What is known of a call under way. `exposed`: the request may have arrived.

    httpcore's trace proves the opposite while a connection is being made; an event we do not know leaves it true.
    """

    def __init__(self) -> None:
        self.exposed = False
        self.latest: Result = Unreached("not sent within the deadline")
        self._stream: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of one of httpcore's events."""
        self.exposed = not event.startswith("connection.")
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "connection.start_tls.failed":
            await self._stream.aclose()  # httpcore forgets the socket of a handshake that was cut off

    def landed(self, tried: _Tried) -> _Tried:
        """Take note that a send has come to an end."""
        self.exposed = False
        self.latest = tried.result
        return tried


class Transport:
    """Speaks to one provider. Requests beyond `max_concurrent` or `rate` (per second) wait inside their deadline.

    Each connection is a pool of its own, for one pool of many spends its time choosing. Environment, cookies and
    redirects play no part. Certificates are always verified (`ca_file`: by these authorities alone), and plain
    HTTP is for loopback only.

    Raises:
        ValueError: `api_base` is no such address.
        OSError: `ca_file` cannot be read.
    """

    def __init__(
        self,
        api_base: str,
        headers: Mapping[str, str],
        *,
        deadline: timedelta,
        max_concurrent: int,
        rate: float | None = None,
        ca_file: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests = 0  # sends begun, repeats included
        self._base = _checked(api_base)
        # Identity: an inflated body would slip past the cap.
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "renewd", **headers}
        self._deadline = deadline.total_seconds()
        self._timeouts = {"connect": self._deadline / 2}  # leaves time for another try
        self._sleep = sleep
        self._slots = asyncio.Semaphore(max_concurrent)
        self._limiter = _limiter(rate) if rate else None
        self._context = _context(self._base, ca_file)
        self._free: list[httpx.AsyncHTTPTransport] = []  # the one used last is the one most surely alive

    @property
    def longest_call(self) -> timedelta:
        """After this no request is on its way: the deadline, and once more what the kernel may go on sending."""
        return 2 * timedelta(seconds=self._deadline) + MARGIN

    async def close(self) -> None:
        """Close the connections that are not in use."""
        while self._free:
            await self._free.pop().aclose()

    async def send(
        self,
        method: str,
        *path: str,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        busy: Collection[int] = (),
    ) -> Result:
        """Send a request and read its answer, all within the deadline; never raises for what the world does.

        `path` is a list of segments, each percent-encoded here. The same bytes are sent up to three times, and only
        when the earlier ones were certainly not carried out: not connected, 429, or a status listed in `busy`.
        A 429 comes back as Unreached with what its Retry-After says, at most an hour.
        """
        url = "/".join((self._base, *(quote(segment, safe="") for segment in path)))
        content, kind = _body(form, json)
        flight = _Flight()
        request = httpx.Request(
            method,
            f"{url}?{urlencode(params)}" if params else url,
            headers={**self._headers, **kind, **(headers or {})},
            content=content,
            extensions={"timeout": self._timeouts, "trace": flight},
        )
        try:
            async with asyncio.timeout(self._deadline):
                tried: _Tried = await self._repeating()(self._try, request, flight, busy)
                return tried.result
        except TimeoutError:
            return Unknown("no whole answer within the deadline") if flight.exposed else flight.latest

    def _repeating(self) -> tenacity.AsyncRetrying:
        return tenacity.AsyncRetrying(
            sleep=self._sleep,
            stop=tenacity.stop_after_attempt(MAX_TRIES) | tenacity.stop_before_delay(self._deadline),
            wait=_pause,
            retry=tenacity.retry_if_result(lambda tried: tried.pause is not None),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )

    async def _try(self, request: httpx.Request, flight: _Flight, busy: Collection[int]) -> _Tried:
        try:
            async with self._connection() as connection:
                self.requests += 1
                flight.exposed = True
                answer = await _exchange(connection, request)
        except _FAULTS as fault:
            return flight.landed(_failed(fault, exposed=flight.exposed))
        return flight.landed(_judged(answer, busy))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """Lend a connection for one exchange. One that was left in the middle of it is closed, never lent again."""
        async with self._slots:
            if self._limiter is not None:
                await self._limiter.acquire()
            connection = self._free.pop() if self._free else self._new_connection()
            try:
                yield connection
            except BaseException:
                await connection.aclose()
                raise
            self._free.append(connection)

    def _new_connection(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._context,
            trust_env=False,
            limits=httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE),
            # Else the kernel may deliver, minutes later, what lay unacknowledged when we gave the call up.
            socket_options=[(IPPROTO_TCP, TCP_USER_TIMEOUT, int(self._deadline * 1000))],
        )


async def _exchange(connection: httpx.AsyncHTTPTransport, request: httpx.Request) -> Answer | Unknown:
    body = bytearray()
    async with aclosing(await connection.handle_async_request(request)) as response:
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_BODY:
                return Unknown("answer over 1 MiB")
    return Answer(response.status_code, dict(response.headers), bytes(body))


def _failed(fault: Exception, *, exposed: bool) -> _Tried:
    """Say what a fault means; only a failure to connect is worth another try."""
    name = type(fault).__name__
    if isinstance(fault, _UNCONNECTED):
        # Its text names the host's fault (a certificate, a refusal); other texts may quote our headers.
        return _Tried(Unreached(f"{name}: {fault}"[:200].rstrip(": ")), 0.0)
    if isinstance(fault, _UNWRITTEN) or not exposed:
        return _Tried(Unreached(name))
    return _Tried(Unknown(name))


def _judged(answer: Answer | Unknown, busy: Collection[int]) -> _Tried:
    """Sort out the answers that say that the request was not looked at."""
    if isinstance(answer, Unknown):
        return _Tried(answer)
    if answer.status == _TOO_MANY:
        wait = _retry_after(answer.headers)
        pause = wait.total_seconds() if wait <= MAX_PAUSE else None
        return _Tried(Unreached("rate limited", retry_after=wait), pause)
    return _Tried(answer, 0.0 if answer.status in busy else None)


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    """Read Retry-After, in seconds or as a date; zero when there is none, or nonsense.

    A date is measured against the answer's own Date, so our clock need not agree with the provider's.
    """
    text = headers.get("retry-after", "").strip()
    try:
        if text.isdecimal():
            return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):  # TypeError: one of the two names no zone
        return timedelta(0)
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def _pause(state: tenacity.RetryCallState) -> float:
    asked: float | None = state.outcome.result().pause if state.outcome else None
    return asked or _FIRST_BACKOFF * 2 ** (state.attempt_number - 1)


def _body(form: Mapping[str, str] | None, json: Mapping[str, Any] | None) -> tuple[bytes, dict[str, str]]:
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if json is not None:
        return _json.dumps(json, separators=(",", ":")).encode(), {"Content-Type": "application/json"}
    return b"", {}


def _checked(api_base: str) -> str:
    try:
        url = httpx.URL(api_base)
    except httpx.InvalidURL as problem:
        raise ValueError(f"not an address: {problem}") from None
    if url.userinfo or url.query or url.fragment:  # not quoted back: it may hold a password
        raise ValueError("an address holds no user, password, query or fragment")
    if not url.host or (url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK)):
        raise ValueError(f"{api_base!r}: write https://host (http:// is for 127.0.0.1 only)")
    return str(url).rstrip("/")


def _limiter(rate: float) -> AsyncLimiter:
    burst = max(1.0, rate / 10)  # a bucket of a whole second would let twice the rate through in its first
    return AsyncLimiter(burst, burst / rate)


def _context(base: str, ca_file: str | None) -> ssl.SSLContext:
    """Make the one context that all connections share: building it takes tens of milliseconds."""
    if base.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and is never used
    if ca_file:
        context = ssl.create_default_context(cafile=ca_file)
    else:
        context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
