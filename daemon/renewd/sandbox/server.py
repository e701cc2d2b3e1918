"""The sandbox as a whole: which path leads where, and how it starts and stops."""

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from renewd.sandbox.carrier import Carrier
from renewd.sandbox.clock import SandboxClock, system_time
from renewd.sandbox.connection import Connection
from renewd.sandbox.gateway import Gateway
from renewd.sandbox.inspection import Inspection
from renewd.sandbox.ledger import Ledger
from renewd.sandbox.wire import Answer, Answered, Request, Work, problem

HOST = "127.0.0.1"

_BACKLOG = 1024
_NAMED = 2  # the segment of a path that names an object

_Handler = Callable[[Request, str], Work]


class Sandbox:
    """A gateway and a carrier on one port of 127.0.0.1.

    Args:
        ledger: the file the ledger is kept in and read back from; None keeps it in memory only.
        latency: seconds between a request's arrival and its effect and answer.
        clock: where the sandbox's clock takes its time from until it is set.
    """

    def __init__(
        self, ledger: Path | None = None, latency: float = 0.0, clock: Callable[[], datetime] = system_time
    ) -> None:
        self._path = ledger
        self._latency = latency
        self._clock = SandboxClock(clock)
        self._live: set[Connection] = set()
        self._ledger: Ledger | None = None
        self._server: asyncio.Server | None = None
        self._routes: dict[tuple[str, ...], dict[str, _Handler]] = {}

    async def start(self, port: int = 0) -> str:
        """Read the ledger and listen; port 0 takes a free one.

        Returns:
            The address, `http://127.0.0.1:PORT`.

        Raises:
            ValueError: the ledger is damaged.
            OSError: the port or the ledger is in use.
        """
        self._ledger = Ledger(self._path, self._clock)
        self._routes = _routes(self._ledger, self._clock)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._handle, self._latency, self._live), HOST, port, backlog=_BACKLOG
            )
        except OSError:
            self._ledger.close()
            raise
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close the port, drop open connections and let the ledger go."""
        if self._server is None or self._ledger is None:
            return
        self._server.close()
        for connection in tuple(self._live):
            connection.drop()
        await self._server.wait_closed()
        self._ledger.close()
        self._server = self._ledger = None

    def _handle(self, request: Request) -> Work:
        segments = request.segments
        named = segments[_NAMED] if len(segments) > _NAMED else ""
        methods = self._routes.get(segments) or self._routes.get((*segments[:_NAMED], "*", *segments[3:]))
        if methods is None:
            return partial(problem, 404, "no_such_path", f"There is nothing at {request.path}.")
        handler = methods.get(request.method)
        if handler is None:
            allowed = ("Allow", ", ".join(methods))
            return partial(problem, 405, "method_not_allowed", "That method is not served here.", allowed)
        return handler(request, named)


def _routes(ledger: Ledger, clock: SandboxClock) -> dict[tuple[str, ...], dict[str, _Handler]]:
    gateway, carrier, judge = Gateway(ledger, clock), Carrier(ledger, clock), Inspection(ledger, clock)
    return {
        ("v1", "payment_intents"): {"GET": _plain(gateway.list), "POST": gateway.charge},
        ("v1", "payment_intents", "*"): {"GET": _plain(gateway.retrieve)},
        ("v1", "balance"): {"GET": _plain(gateway.balance)},
        ("v1", "lines"): {"GET": _plain(carrier.list)},
        ("v1", "lines", "*"): {"GET": _plain(carrier.show)},
        ("v1", "lines", "*", "extend"): {"POST": carrier.extend},
        ("sandbox", "clock"): {"GET": _plain(judge.show_clock), "POST": _plain(judge.set_clock)},
        ("sandbox", "requests"): {"GET": _plain(judge.requests)},
        ("sandbox", "summary"): {"GET": _plain(judge.summary)},
    }


def _plain(answering: Callable[[Request, str], Answer]) -> _Handler:
    """A handler that leaves no trace of its own in the list of requests."""

    def work(request: Request, name: str) -> Answer:
        try:
            return answering(request, name)
        except Answered as refusal:
            return refusal.answer

    return lambda request, name: partial(work, request, name)


async def serve(port: int, ledger: Path | None, latency_ms: int) -> None:
    """Serve until SIGTERM or SIGINT; one line on standard output says where, once the port is open."""
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    sandbox = Sandbox(ledger, latency=latency_ms / 1000)
    url = await sandbox.start(port)
    print(f"sandbox listening on {url}", flush=True)
    await stopped.wait()
    await sandbox.stop()
