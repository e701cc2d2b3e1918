"""One measurement of one tool: servers of its own, a worker under a deadline, and the count at the end."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import psycopg

from tests.benchmarks.alone import ROOT, surroundings
from tests.benchmarks.peers.case import ENDS, FILLED, NEXT, RENEWED, TABLES
from tests.benchmarks.peers.report import Failed, Tally, pace
from tests.benchmarks.peers.tools import Tool
from tests.benchmarks.stub import Stub
from tests.postgres import empty_database

FILL_SECONDS, START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 300, 20, 20, 0.2
IDLE_SECONDS = 60  # a worker that renews nothing for so long hangs
REDIS_SOCKET = "redis.sock"
LEAST_PACE = 5  # renewals a second: so does one that does fewer


@dataclass(frozen=True, slots=True)
class Queue:
    """A tool where it can be run: its Python, and its Redis."""

    tool: Tool
    python: str
    redis: str | None

    def measured(self, renewals: int, latency: int) -> tuple[float, Tally]:
        """Give the renewals a second, and what the stub and the database say was done.

        Raises:
            Failed: it ended by itself, or was killed at its deadline; with what is lost or repeated.
        """
        stub, server = Stub(latency), empty_database(durable=True)
        settings = {"PEER_DATABASE": server, "PEER_GATEWAY": stub.url}
        try:
            with (
                tempfile.TemporaryDirectory(prefix="renewd-peers-") as folder,
                psycopg.connect(server, autocommit=True) as books,
            ):
                books.execute(TABLES)
                books.execute(FILLED, (ENDS, renewals))
                failure = self._work(Path(folder), settings, books, renewals)
                instants = [row[0] for row in books.execute("SELECT at FROM audit")]
                counted = tally(stub, renewals, _renewed(books), len(instants))
            if failure:
                raise Failed("; ".join([failure, *counted.complaints()]))
            return pace(instants), counted
        finally:
            stub.stop()

    def _work(self, folder: Path, settings: dict[str, str], books: psycopg.Connection, renewals: int) -> str:
        """Give why it failed; nothing when it came to its end."""
        tool, command = self.tool, [self.python, "-m"]
        settings |= {"PEER_REDIS": str(folder / REDIS_SOCKET), "PEER_CONNECTIONS": str(tool.connections)}
        with (
            (folder / "output").open("a+") as output,
            _redis(self.redis if tool.redis else None, folder),
        ):
            if failure := _enqueue([*command, tool.queue, "enqueue", str(renewals)], settings, output):
                return failure
            with _running([*command, *tool.worker], settings, output) as worker:
                return _watch(worker, partial(_renewed, books), renewals, output)


def tally(stub: Stub, asked: int, renewed: int, logged: int) -> Tally:
    """Ask the stub what came, and lay it beside what the database has."""
    came = httpx.get(f"{stub.url}/tally", trust_env=False).json()
    return Tally(asked, tuple(came["charge"]), tuple(came["extend"]), renewed, logged)


def _enqueue(command: list[str], settings: dict[str, str], output: IO[str]) -> str:
    with _running(command, settings, output) as process:
        try:
            code = process.wait(FILL_SECONDS)
        except subprocess.TimeoutExpired:
            return f"its queue was not filled in {FILL_SECONDS} s; killed"
    return f"its queue could not be filled: {_last_words(output)}" if code else ""


def _watch(worker: subprocess.Popen[str], renewed: Callable[[], int], renewals: int, output: IO[str]) -> str:
    done, moved = 0, time.monotonic()
    deadline = moved + IDLE_SECONDS + renewals / LEAST_PACE
    while (now_done := renewed()) < renewals:
        now = time.monotonic()
        done, moved = now_done, (now if now_done > done else moved)
        if worker.poll() is not None:
            return f"its worker ended after {done} of {renewals}: {_last_words(output)}"
        if now > min(deadline, moved + IDLE_SECONDS):
            return f"its worker hung after {done} of {renewals}; killed: {_last_words(output)}"
        time.sleep(LOOK_SECONDS)
    return ""


@contextmanager
def _redis(server: str | None, folder: Path) -> Iterator[None]:
    """Run a Redis that keeps nothing on disk, the quickest it can be; none without a server."""
    if server is None:
        yield
        return
    socket = folder / REDIS_SOCKET
    command = [server, "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    with (folder / "redis").open("a+") as output, _running(command, {}, output) as process:
        deadline = time.monotonic() + START_SECONDS
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"its Redis did not start: {_last_words(output)}")
            time.sleep(LOOK_SECONDS)
        yield


@contextmanager
def _running(
    command: list[str], settings: dict[str, str], output: IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a command in a session of its own; at the end it is asked to stop, and killed with all its children."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=surroundings() | settings,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):  # as a rule nothing is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _renewed(books: psycopg.Connection) -> int:
    row = books.execute(RENEWED, (NEXT,)).fetchone()
    return int(row[0]) if row else 0


def _last_words(output: IO[str]) -> str:
    output.seek(0)
    lines = [line.strip() for line in output if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
