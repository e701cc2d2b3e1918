"""HTTP as renewd needs it: one answer within one deadline, or a word on whether anything may have arrived."""

import asyncio
import json as _json
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, quote_plus, urlencode

import httpx
import tenacity
from aiolimiter import AsyncLimiter

from renewd.adapters.wire import TooLong, Wire
from renewd.renewal.outcome import Unknown, Unreached

MAX_BODY = 1024 * 1024  # bytes of an answer that are read
MAX_TRIES = 3  # sends of one request inside one call
MAX_PAUSE = timedelta(seconds=8)  # the longest Retry-After that is waited for inside a call
MAX_RETRY_AFTER = timedelta(hours=1)  # the longest that is believed
MARGIN = timedelta(seconds=5)

_KEEP_ALIVE = 5.0  # seconds; providers hold an idle connection longer, so we are the one to close it
_FIRST_BACKOFF = 0.25  # seconds, doubled at each try
_TOO_MANY = 429
_PORTS = 65536
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# Most of what a form says is the same each time.
_quoted = lru_cache(maxsize=1024)(quote_plus)
_UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names may be asked for in any case; the body has at most `MAX_BODY` bytes."""

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
    """What is known of a call under way. `exposed`: the request may have arrived."""

    def __init__(self) -> None:
        self.exposed = False
        self.latest: Result = Unreached("not sent within the deadline")

    def expose(self) -> None:
        """Take note that the first byte is about to leave."""
        self.exposed = True

    def landed(self, tried: _Tried) -> _Tried:
        """Take note that a send has come to an end."""
        self.exposed = False
        self.latest = tried.result
        return tried


class Transport:
    """Speaks to one provider. Requests beyond `max_concurrent` or `rate` (per second) wait inside their deadline.

    Environment, cookies and redirects play no part. Certificates are always verified (`ca_file`: by these
    authorities alone), and plain HTTP is for loopback only.

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
        self._url = _checked(api_base)
        self._path = self._url.raw_path.decode("ascii").partition("?")[0].rstrip("/")
        # Identity: an inflated body would slip past the cap.
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "renewd", **headers}
        self._deadline = deadline.total_seconds()
        self._sleep = sleep
        self._slots = asyncio.Semaphore(max_concurrent)
        self._rate = rate
        self._limiter = _limiter(rate) if rate else None
        self._context = _context(ca_file) if self._url.scheme == "https" else None
        self._free: list[Wire] = []  # the one used last is the one most surely alive

    @property
    def longest_call(self) -> timedelta:
        """After this no request is on its way: the deadline, and once more what the kernel may go on sending."""
        return 2 * timedelta(seconds=self._deadline) + MARGIN

    def share(self, daemons: int) -> None:
        """Keep to one part in so many of the rate."""
        if self._rate:
            self._limiter = _limiter(self._rate / daemons)

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
    ) -> Result:
        """Send a request and read its answer, all within the deadline; never raises for what the world does.

        `path` is a list of segments, each percent-encoded here. The same bytes are sent up to three times, and only
        when the earlier ones were certainly not carried out: not connected, or 429. So the last send speaks for all.
        A 429 comes back as Unreached with what its Retry-After says, at most an hour.
        """
        flight = _Flight()
        try:
            content, kind = _body(form, json)
            request = httpx.Request(
                method,
                self._url,
                headers={**self._headers, **kind, **(headers or {})},
                stream=httpx.ByteStream(content),  # given as content, it would be looked at once more
                extensions={"target": self._target(path, params), "exposed": flight.expose},
            )
        except UnicodeEncodeError as fault:  # a header that is not ASCII, half a character anywhere
            return Unreached(type(fault).__name__)
        try:
            async with asyncio.timeout(self._deadline) as limit:
                tried = await self._try(request, flight)
                if tried.pause is not None:
                    tried = await self._repeated(tried, request, flight, ends=cast("float", limit.when()))
                return tried.result
        except TimeoutError:
            return Unknown("no whole answer within the deadline") if flight.exposed else flight.latest

    def _target(self, path: Iterable[str], params: Mapping[str, str] | None) -> bytes:
        target = "/".join((self._path, *(quote(segment, safe="") for segment in path)))
        return (f"{target}?{urlencode(params)}" if params else target).encode("ascii")

    async def _repeated(
        self, first: _Tried, request: httpx.Request, flight: _Flight, *, ends: float
    ) -> _Tried:
        """Go on from a first try after which the same bytes may go out again, with no pause that would pass `ends`."""
        known = [first]

        async def attempt() -> _Tried:
            return known.pop() if known else await self._try(request, flight)

        def enough(state: tenacity.RetryCallState) -> bool:
            # tenacity and the loop read the same clock, the monotonic one.
            late = (state.outcome_timestamp or 0.0) + state.upcoming_sleep >= ends
            return late or state.attempt_number == MAX_TRIES

        repeating = tenacity.AsyncRetrying(
            sleep=self._sleep,
            stop=enough,
            wait=_pause,
            retry=tenacity.retry_if_result(lambda tried: tried.pause is not None),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        tried: _Tried = await repeating(attempt)
        return tried

    async def _try(self, request: httpx.Request, flight: _Flight) -> _Tried:
        async with self._slots:
            if self._limiter is not None:
                await self._limiter.acquire()
            wire = self._free.pop() if self._free else self._new_wire()
            self.requests += 1
            try:
                response = await wire.handle_async_request(request)
                body = b"".join([part async for part in response.aiter_raw()])
            except httpx.HTTPError as fault:
                return flight.landed(_failed(fault, exposed=flight.exposed))
            finally:
                self._free.append(wire)
        return flight.landed(_judged(Answer(response.status_code, response.headers, body)))

    def _new_wire(self) -> Wire:
        return Wire(
            self._url,
            self._context,
            connect=self._deadline / 2,  # leaves time for another try
            user_timeout=self._deadline,
            keep_alive=_KEEP_ALIVE,
            max_body=MAX_BODY,
        )


def _failed(fault: httpx.HTTPError, *, exposed: bool) -> _Tried:
    """Say what a fault means; only a failure to connect is worth another try."""
    name = type(fault).__name__
    if isinstance(fault, _UNCONNECTED):
        # Its text names the host's fault (a certificate, a refusal).
        return _Tried(Unreached(f"{name}: {fault}"[:200].rstrip(": ")), 0.0)
    if isinstance(fault, TooLong):
        return _Tried(Unknown("answer over 1 MiB"))
    return _Tried(Unknown(name) if exposed else Unreached(name))


def _judged(answer: Answer) -> _Tried:
    """Sort out the answer that says that the request was not looked at."""
    if answer.status == _TOO_MANY:
        wait = _retry_after(answer.headers)
        pause = wait.total_seconds() if wait <= MAX_PAUSE else None
        return _Tried(Unreached("rate limited", retry_after=wait), pause)
    return _Tried(answer)


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
        return urlencode(form, quote_via=_quoted).encode(), {
            "Content-Type": "application/x-www-form-urlencoded"
        }
    if json is not None:
        return _json.dumps(json, separators=(",", ":")).encode(), {"Content-Type": "application/json"}
    return b"", {}


def _checked(api_base: str) -> httpx.URL:
    try:
        url = httpx.URL(api_base)
    except httpx.InvalidURL as problem:
        raise ValueError(f"not an address: {problem}") from None
    if url.userinfo or url.query or url.fragment:  # not quoted back: it may hold a password
        raise ValueError("an address holds no user, password, query or fragment")
    if url.port is not None and not 0 < url.port < _PORTS:
        raise ValueError(f"{api_base!r}: there is no such port")
    if not url.host or (url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK)):
        raise ValueError(f"{api_base!r}: write https://host (http:// is for 127.0.0.1 only)")
    return url


def _limiter(rate: float) -> AsyncLimiter:
    burst = max(1.0, rate / 10)  # a bucket of a whole second would let twice the rate through in its first
    return AsyncLimiter(burst, burst / rate)


def _context(ca_file: str | None) -> ssl.SSLContext:
    """Make the one context that all connections share: building it takes tens of milliseconds."""
    if ca_file:
        context = ssl.create_default_context(cafile=ca_file)
    else:
        context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
