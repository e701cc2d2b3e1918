"""The heartbeat of a run: what it says, how often, and that nothing waits for it."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from renewd.service.health import Health
from renewd.service.heartbeat import Heartbeat
from tests.scenarios.world import FrozenClock
from tests.service.conftest import Build
from tests.service.daemon import environment, finished, running, until

NOW = datetime(2026, 11, 23, tzinfo=UTC)
BROKEN = "the database cannot be used"


@dataclass
class Switch:
    """Keeps what it hears; while `deaf`, no signal comes to its end."""

    heard: list[str] = field(default_factory=list)
    runs: set[UUID] = field(default_factory=set)
    problem: str = ""
    deaf: asyncio.Event | None = None
    closed: bool = False

    async def signal(self, word: str, run: UUID, detail: str) -> str:
        self.heard.append(f"{word} {detail}".strip())
        self.runs.add(run)
        if self.deaf:
            await self.deaf.wait()
        return self.problem

    async def close(self) -> None:
        self.closed = True


@dataclass
class Watch(FrozenClock):
    """A clock whose stopwatch is set by hand."""

    seconds: float = 0.0

    def elapsed(self) -> float:
        return self.seconds


class Run:
    """A heartbeat and what it is told."""

    def __init__(self) -> None:
        self.switch, self.clock, self.health = Switch(), Watch(NOW), Health()
        self.heartbeat = Heartbeat(self.switch, self.clock, timedelta(minutes=1))

    async def ticks(self, after: float = 1.0, problem: str = "") -> None:
        self.clock.seconds += after
        if problem:
            self.health.missed(problem)
        else:
            self.health.ticked(NOW, scanned=True)
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
def run() -> Run:
    return Run()


async def test_a_success_is_said_once_a_minute_however_often_it_ticks(run: Run) -> None:
    async with run.heartbeat.of(run.health):
        await asyncio.sleep(0)
        for _ in range(150):
            await run.ticks()
    assert run.switch.heard == ["start", "success", "success", "success"]
    assert len(run.switch.runs) == 1
    assert run.switch.closed


async def test_a_failure_is_said_at_once_and_so_is_its_end(run: Run) -> None:
    async with run.heartbeat.of(run.health):
        await asyncio.sleep(0)
        await run.ticks()
        await run.ticks(problem=BROKEN)
        await run.ticks(problem=BROKEN)
        await run.ticks()
    assert run.switch.heard == ["start", "success", f"fail {BROKEN}", "success"]


async def test_a_switch_that_does_not_answer_holds_nothing_up(run: Run) -> None:
    run.switch.deaf = asyncio.Event()
    async with asyncio.timeout(30), run.heartbeat.of(run.health):
        await asyncio.sleep(0)
        for _ in range(5):
            await run.ticks(after=100)
        assert run.switch.heard == ["start"]
    assert run.switch.closed


async def test_a_switch_that_is_gone_is_told_once_until_it_is_back(run: Run) -> None:
    run.switch.problem = "hc-ping.com answers 503"
    with capture_logs() as lines:
        async with run.heartbeat.of(run.health):
            await asyncio.sleep(0)
            for problem in ("gone", "gone", "", "gone"):
                run.switch.problem = problem
                await run.ticks(after=100)
    assert [line["problem"] for line in lines] == ["hc-ping.com answers 503", "gone"]


async def test_one_pass_says_when_it_begins_and_how_it_ended(run: Run) -> None:
    async with run.heartbeat.over():
        assert run.switch.heard == ["start"]
    assert run.switch.heard == ["start", "success"]
    assert run.switch.closed


async def test_a_pass_that_breaks_says_so_and_only_by_the_kind_of_the_error(run: Run) -> None:
    with pytest.raises(ValueError, match="pm_secret"):
        async with run.heartbeat.over():
            raise ValueError("pm_secret")
    assert run.switch.heard == ["start", "fail ValueError"]
    assert run.switch.closed


class Listener(BaseHTTPRequestHandler):
    """A dead man's switch that keeps what it hears."""

    heard: ClassVar[list[str]]

    def do_POST(self) -> None:
        self.heard.append(self.path)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Listener,), {"heard": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("command", ["run", "once"])
def test_an_address_that_is_none_is_refused_and_not_told(build: Build, command: str) -> None:
    town = build(heartbeat__url="{env RENEWD_TEST_HEARTBEAT}")
    given = environment(RENEWD_TEST_HEARTBEAT="http://evil.example/canary")
    refused = finished(town.path, command, environ=given)
    assert refused.returncode == 78
    assert refused.stderr == "renewd: the heartbeat's url is not one; it is like https://hc-ping.com/UUID\n"


def test_a_daemon_and_a_single_pass_are_heard(build: Build, listener: ThreadingHTTPServer) -> None:
    town = build(heartbeat__url=f"http://127.0.0.1:{listener.server_port}/ping/canary")
    heard: list[str] = listener.RequestHandlerClass.heard  # type: ignore[attr-defined]
    with running(town.path) as daemon:
        until(lambda: len(heard) == 2, "its first success")
        assert daemon.stop() == 0
    assert finished(town.path, "once").returncode == 0
    paths, runs = zip(*(each.split("?rid=") for each in heard), strict=True)
    assert list(paths) == ["/ping/canary/start", "/ping/canary"] * 2
    assert (runs[0], runs[2]) == (runs[1], runs[3])
    assert len(set(runs)) == 2
    assert "canary" not in daemon.out.read_text() + daemon.err.read_text()
