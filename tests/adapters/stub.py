"""A server on loopback that plays a part: one play for each request, the last one for all that follow."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Stub:
    """What was seen: `requests` as they came, and how many connections."""

    def __init__(self, plays: tuple[Play, ...]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.at_once = 0
        self.url = ""
        self.leave: Callable[[], None]  # listen no more: whoever comes from now on is refused
        self._plays = list(plays)
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while not writer.is_closing():
                self.requests.append(await _request(reader))
                self._open += 1
                self.at_once = max(self.at_once, self._open)
                try:
                    await self._next()(writer)
                    await writer.drain()
                finally:
                    self._open -= 1
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _next(self) -> Play:
        return self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]


@contextlib.asynccontextmanager
async def serving(*plays: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stub]:
    stub = Stub(plays)
    server = await asyncio.start_server(stub.converse, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    stub.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stub.leave = server.close
    try:
        yield stub
    finally:
        server.close()
        await stub.stop()
        await server.wait_closed()


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Play:
    """An ordinary answer; `retry_after="1"` stands for the header Retry-After."""
    lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + body)


def raw(data: bytes, *, close: bool = False) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            writer.close()

    return play


def after(seconds: float, play: Play) -> Play:
    async def later(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await play(writer)

    return later


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    # Lingering for zero seconds makes close() send RST instead of FIN.
    client: socket.socket = writer.get_extra_info("socket")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


def flood(length: int) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        for _ in range(length // 65536):
            writer.write(b" " * 65536)
            await writer.drain()

    return play


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.partition(b":")[2]))
    return head
