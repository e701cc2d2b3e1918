"""A moody server and a caller who walks away: what holds whatever happens."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from renewd.adapters.wire import Wire

EXCHANGES = 2000
AT_ONCE = 16


class Moody(asyncio.Protocol):
    """Answers with the path it was asked for, and seldom as one would wish."""

    def __init__(self, dice: random.Random, arrived: set[str]) -> None:
        self.dice = dice
        self.arrived = arrived
        self.data = b""
        self.transport: asyncio.Transport
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while b"\r\n\r\n" in self.data:
            head, _, self.data = self.data.partition(b"\r\n\r\n")
            path = head.split(b" ")[1]
            self.arrived.add(path.decode())
            task = asyncio.get_running_loop().create_task(self.answer(path))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self, path: bytes) -> None:
        if self.dice.random() < 0.3:
            await asyncio.sleep(self.dice.random() * 0.01)
        plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path)
        chunks = b"".join(b"1\r\n%c\r\n" % each for each in path)
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nT: x\r\n\r\n" % chunks
        cut = self.dice.randrange(1, len(plain))
        mood = self.dice.choice(
            ["", "", "", "chunks", "pieces", "reset", "half", "to the end", "twice", "blank"]
        )
        if mood == "reset":
            self.transport.abort()
        elif mood == "half":
            self.say(plain[:cut], close=True)
        elif mood == "to the end":
            self.say(b"HTTP/1.1 200 OK\r\n\r\n" + path, close=True)
        elif mood == "twice":
            self.say(plain + plain.replace(path, b"#" * len(path)))
        elif mood == "pieces":
            self.say(plain[:cut])
            await asyncio.sleep(0)
            self.say(plain[cut:])
        else:
            self.say({"chunks": chunked, "blank": plain + b"\r\n"}.get(mood, plain))
        if self.dice.random() < 0.2:
            await asyncio.sleep(self.dice.random() * 0.004)
            self.transport.close()  # just as it is used again

    def say(self, data: bytes, *, close: bool = False) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)
        if close:
            self.transport.close()


class Caller:
    """Lends its wires to one exchange after another, and remembers what became of each."""

    def __init__(self, dice: random.Random, url: httpx.URL) -> None:
        self.dice = dice
        self.url = url
        self.free: list[Wire] = []
        self.ends: Counter[str] = Counter()
        self.answers: dict[str, str] = {}
        self.unexposed: set[str] = set()

    async def exchange(self, path: str) -> None:
        wire = self.free.pop() if self.free else self.wire()
        self.unexposed.add(path)
        extensions = {"target": path.encode(), "exposed": lambda: self.unexposed.discard(path)}
        request = httpx.Request("GET", self.url, stream=httpx.ByteStream(b""), extensions=extensions)
        try:
            async with asyncio.timeout(self.dice.choice([0.0, 0.003, 1, 1, 1, 1, 1, 1])):
                response = await wire.handle_async_request(request)
                self.answers[path] = (await response.aread()).decode()
                self.ends["answer"] += 1
        except (httpx.TransportError, TimeoutError) as fault:
            self.ends[type(fault).__name__] += 1
        finally:
            self.free.append(wire)

    def wire(self) -> Wire:
        return Wire(
            self.url, None, connect=1, user_timeout=5, keep_alive=self.dice.choice([0.003, 5]), max_body=1000
        )


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("seed", [7, 11])
async def test_whatever_happens_an_answer_is_to_its_own_request(seed: int) -> None:
    dice, arrived = random.Random(seed), set[str]()
    before = descriptors()
    server = await asyncio.get_running_loop().create_server(lambda: Moody(dice, arrived), "127.0.0.1", 0)
    caller = Caller(dice, httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    paths = iter([f"/{number}" for number in range(EXCHANGES)])

    async def work() -> None:
        for path in paths:
            await caller.exchange(path)
            if dice.random() < 0.3:
                await asyncio.sleep(dice.random() * 0.004)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    for wire in caller.free:
        await wire.aclose()
    server.close()
    for _ in range(200):
        if descriptors() > before:
            await asyncio.sleep(0.01)
    assert [path for path, body in caller.answers.items() if body != path] == []
    assert caller.unexposed & arrived == set()
    assert descriptors() == before
    assert len(caller.unexposed) > EXCHANGES / 50, "the caller never walked away in time"
    assert caller.ends["answer"] > EXCHANGES / 2, caller.ends
