"""A bare gateway and carrier: it answers as they do, keeps nothing but a tally, and costs as little as it can."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections import Counter
from urllib.parse import parse_qsl

import httptools

from tests.benchmarks.alone import ROOT, surroundings


class Stub:
    """A running stub; `url` is where it listens."""

    def __init__(self, latency_ms: int) -> None:
        command = [sys.executable, "-m", __name__, "--latency-ms", str(latency_ms)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, text=True
        )
        announced = self._process.stdout.readline() if self._process.stdout else ""
        self.url = announced.strip()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


# The bodies that came; `/tally` tells for each leg how many there were, and how many of them were not repetitions.
_CAME: dict[str, Counter[bytes]] = {"charge": Counter(), "extend": Counter()}


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._body = b"", b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._url == b"/tally":
            answer = json.dumps({leg: [came.total(), len(came)] for leg, came in _CAME.items()}).encode()
        elif self._url.endswith(b"/extend"):
            _CAME["extend"][self._body] += 1
            answer = _extended(self._url, self._body)
        else:
            _CAME["charge"][self._body] += 1
            answer = _paid(self._body)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        whole = head % len(answer) + answer
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, whole)
        else:
            self._transport.write(whole)


def _paid(body: bytes) -> bytes:
    form = dict(parse_qsl(body.decode()))
    marks = {
        name[len("metadata[") : -1]: value for name, value in form.items() if name.startswith("metadata[")
    }
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": int(form["amount"]),
        "amount_received": int(form["amount"]),
        "currency": form["currency"],
        "customer": form["customer"],
        "livemode": False,
        "metadata": marks,
        "payment_method": form["payment_method"],
        "status": "succeeded",
    }
    return json.dumps(intent).encode()


def _extended(url: bytes, body: bytes) -> bytes:
    asked = json.loads(body)
    line = url.split(b"/")[-2].decode()
    return json.dumps({"line": line, "status": "done", **asked}).encode()


async def _serve(latency_ms: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(latency_ms / 1000), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--latency-ms", type=int, default=0)
    asyncio.run(_serve(options.parse_args().latency_ms))
