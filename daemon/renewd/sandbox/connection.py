"""One client's connection: requests are answered one at a time, in order, well or badly as asked."""

import asyncio
import secrets
import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from renewd.sandbox.wire import (
    MAX_BODY,
    MAX_HEAD,
    Answer,
    Answered,
    Manner,
    Request,
    Work,
    head_of,
    problem,
    take,
)

HANG_SECONDS = 120.0
DRIP_SECONDS = 0.5
HUGE_BYTES = 64 * 1024 * 1024

_CHUNK = b" " * (64 * 1024)
_LINGER_SECONDS = 2.0

_T = TypeVar("_T")


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive. `latency` (seconds) passes between a request and the work for it."""

    def __init__(self, handle: Callable[[Request], Work], latency: float, live: set["Connection"]) -> None:
        self._handle = handle
        self._latency = latency
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._busy = False
        self._refused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._hanging: asyncio.TimerHandle | None = None
        self._stream: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        self._live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's contract
        """The client went: whatever was still being sent stops; work that has begun does not."""
        self._live.discard(self)
        for pending in (self._hanging, self._stream):
            if pending is not None:
                pending.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._refused:
            return
        self._buffer += data
        if self._busy and len(self._buffer) > MAX_HEAD + MAX_BODY:
            self._transport.pause_reading()
        self._proceed()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client caught up."""
        self._writable.set()
        self._proceed()

    def drop(self) -> None:
        """Close at once, whatever is in flight."""
        self._transport.abort()

    def _proceed(self) -> None:
        while not self._busy and self._writable.is_set() and not self._transport.is_closing():
            try:
                request = take(self._buffer)
            except Answered as refusal:
                self._refuse(refusal.answer)
                return
            if request is None:
                return
            self._busy = True
            self._begin(request)

    def _begin(self, request: Request) -> None:
        work = _guarded(lambda: self._handle(request))
        if self._latency:
            self._loop.call_later(self._latency, self._finish, request, work)
        else:
            self._finish(request, work)

    def _finish(self, request: Request, work: Work | Answer) -> None:
        # The work is done even if the client has gone: a provider does not notice either.
        answer = work if isinstance(work, Answer) else _guarded(work)
        if not self._transport.is_closing():
            self._deliver(answer, keep_alive=request.keep_alive)
        if self._latency:
            self._proceed()

    def _deliver(self, answer: Answer, *, keep_alive: bool) -> None:
        match answer.manner:
            case Manner.PLAIN:
                head = head_of(answer, len(answer.body), _request_id(), keep_alive=keep_alive)
                self._transport.write(head + answer.body)
                self._delivered(keep_alive=keep_alive)
            case Manner.RESET:
                self._reset()
            case Manner.HANG:
                self._hanging = self._loop.call_later(HANG_SECONDS, self._transport.abort)
            case Manner.DRIP | Manner.HUGE:
                self._stream = self._loop.create_task(self._trickle(answer, keep_alive=keep_alive))

    def _delivered(self, *, keep_alive: bool) -> None:
        if not keep_alive:
            self._transport.close()
        self._busy = False
        if not self._transport.is_reading() and not self._transport.is_closing():
            self._transport.resume_reading()

    async def _trickle(self, answer: Answer, *, keep_alive: bool) -> None:
        dripped = answer.manner is Manner.DRIP
        length = len(answer.body) if dripped else HUGE_BYTES
        self._transport.write(head_of(answer, length, _request_id(), keep_alive=keep_alive))
        for part in _bytes_of(answer.body) if dripped else _padded(answer.body):
            await asyncio.sleep(DRIP_SECONDS if dripped else 0)
            await self._writable.wait()
            self._transport.write(part)
        self._delivered(keep_alive=keep_alive)
        self._proceed()

    def _reset(self) -> None:
        # Lingering for zero seconds makes close() send RST instead of FIN.
        client: socket.socket = self._transport.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _refuse(self, answer: Answer) -> None:
        # Closing while the client still sends would turn into a reset and destroy the answer on its way.
        self._refused = True
        self._buffer.clear()
        self._transport.write(
            head_of(answer, len(answer.body), _request_id(), keep_alive=False) + answer.body
        )
        self._transport.write_eof()
        self._hanging = self._loop.call_later(_LINGER_SECONDS, self._transport.abort)


def _guarded(step: Callable[[], _T]) -> _T | Answer:
    try:
        return step()
    except Exception:  # noqa: BLE001 - one bad request must not take the server down
        traceback.print_exc()
        return problem(500, "sandbox_failed", "The sandbox itself failed; see its standard error.")


def _request_id() -> str:
    return f"req_{secrets.token_hex(8)}"


def _bytes_of(body: bytes) -> Iterator[bytes]:
    return (body[at : at + 1] for at in range(len(body)))


def _padded(body: bytes) -> Iterator[bytes]:
    """The body, then white space (which JSON allows there), in all `HUGE_BYTES`."""
    yield body
    missing = HUGE_BYTES - len(body)
    while missing > 0:
        yield _CHUNK[:missing]
        missing -= len(_CHUNK)
