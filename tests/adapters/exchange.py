"""One wire without a transport around it, and plays in several parts."""

import asyncio
import ssl

import httpx

from renewd.adapters.wire import Wire
from tests.adapters.stub import Play, raw


class Exchange:
    """A wire, and whether it has said that a byte is about to leave."""

    def __init__(
        self, url: str, *, tls: ssl.SSLContext | None = None, connect: float = 1, keep_alive: float = 5
    ) -> None:
        self.exposed = False
        base = httpx.URL(url)
        self.wire = Wire(base, tls, connect=connect, user_timeout=7, keep_alive=keep_alive, max_body=1000)

    async def ask(self, method: str = "GET", target: bytes = b"/") -> httpx.Response:
        extensions = {"target": target, "exposed": self.expose}
        request = httpx.Request(method, "http://x", stream=httpx.ByteStream(b""), extensions=extensions)
        return await self.wire.handle_async_request(request)

    def expose(self) -> None:
        self.exposed = True


def then(*parts: bytes | Play) -> Play:
    """One part (bytes are said as they are), a moment, the next part."""

    async def play(writer: asyncio.StreamWriter) -> None:
        for number, part in enumerate(parts):
            await asyncio.sleep(0.02 if number else 0)
            await (raw(part) if isinstance(part, bytes) else part)(writer)
            if not writer.is_closing():
                await writer.drain()

    return play
