"""A mail server on loopback that keeps what it takes, and answers as told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping


class MailServer:
    """`replies` gives other answers to some verbs than the usual; `pause` is how long each takes, in seconds."""

    def __init__(self, replies: Mapping[str, str], pause: float, starttls: ssl.SSLContext | None) -> None:
        self.mails: list[bytes] = []
        self.said: list[str] = []
        self.port = 0
        self._replies = replies
        self._pause = pause
        self._starttls = starttls
        self._tasks: set[asyncio.Task[None]] = set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._say(writer, self._replies.get("CONNECT", "220 mail.example"))
            while line := (await reader.readline()).decode().strip():
                self.said.append(line)
                await self._obey(line.split(" ")[0].split(":")[0].upper(), reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _obey(self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if verb in self._replies:
            await self._say(writer, self._replies[verb])
        elif verb == "EHLO":
            await self._say(writer, "250-mail.example\r\n250-AUTH PLAIN\r\n250 STARTTLS")
        elif verb == "STARTTLS" and self._starttls is not None:
            await self._say(writer, "220 go on")
            await writer.start_tls(self._starttls)
        elif verb == "AUTH":
            await self._say(writer, "235 welcome")
        elif verb == "DATA":
            await self._say(writer, "354 go on")
            self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[: -len(b".\r\n")])
            await self._say(writer, self._replies.get("TAKEN", "250 taken"))
        elif verb == "QUIT":
            await self._say(writer, "221 bye")
        else:
            await self._say(writer, "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> None:
        await asyncio.sleep(self._pause)
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()


@contextlib.asynccontextmanager
async def mail_server(
    replies: Mapping[str, str] | None = None,
    pause: float = 0.0,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
) -> AsyncIterator[MailServer]:
    stub = MailServer(replies or {}, pause, starttls)
    server = await asyncio.start_server(stub.converse, "127.0.0.1", 0, ssl=tls)
    stub.port = server.sockets[0].getsockname()[1]
    try:
        yield stub
    finally:
        server.close()
        await stub.stop()
        await server.wait_closed()
