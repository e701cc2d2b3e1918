"""A database that cannot be written, whatever the reason: nobody is charged meanwhile, and the daemon goes on by itself."""

import json
import socket
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from renewd.seal.note import checkpoints
from tests.postgres import fresh_database
from tests.service import troubles
from tests.service.conftest import Build
from tests.service.daemon import Daemon, MachineClock, running, until
from tests.service.town import Town, due

COUNT = 40
CANNOT = "the database cannot be used; nothing is charged until it can"
FEW_AT_ONCE = {
    "schedule__concurrency": 4,
    "gateways__stripe__max_concurrent": 4,
    "carriers__tello__max_concurrent": 4,
}
PAGE = 4096
NO_FILE = "the audit file cannot be written; charging goes on, and the file catches up when it can"
NO_CHECKPOINT = "the audit log is sealed, and its checkpoint could not be kept"
NEXT_TRY = timedelta(hours=6)


def any_disk(_: Path) -> AbstractContextManager[None]:
    return nullcontext()


@pytest.mark.parametrize(
    ("trouble", "disk", "words"),
    [
        pytest.param(troubles.disk_full, troubles.small_disk, "database or disk is full", id="full disk"),
        pytest.param(troubles.database_locked, any_disk, "database is locked", id="lock"),
    ],
)
def test_what_is_in_flight_is_written_down_when_it_can_be_and_nothing_new_is_charged(
    build: Build, tmp_path: Path, trouble: troubles.Trouble, disk: troubles.Disk, words: str
) -> None:
    with disk(tmp_path / "var"):
        town = build(latency_ms=50, **FEW_AT_ONCE)
        town.subscribe([due(n) for n in range(COUNT)])
        with running(town.path) as daemon:
            until(lambda: paid(town) >= 5, "some renewals")
            with trouble(town, daemon):
                until(lambda: daemon.said(CANNOT), "the line of the log")
                assert {each["key"] for each in town.requests()} <= town.written()
            until(lambda: paid(town) == COUNT, "all of them")
            assert daemon.stop() == 0
        assert f"{town.database}: {words}" in told(daemon)
        assert town.summary()["payment_intents"] == {"succeeded": COUNT}
        assert town.summary()["double_charges"] == []


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("trouble", "disk", "words"),
    [
        pytest.param(troubles.disk_full, troubles.small_disk, "database or disk is full", id="full disk"),
        pytest.param(troubles.disk_broken, any_disk, "disk I/O error", id="broken disk"),
        pytest.param(
            troubles.disk_read_only, any_disk, "attempt to write a readonly database", id="read-only disk"
        ),
        pytest.param(troubles.standby, None, "cannot execute", id="standby"),
    ],
)
def test_what_comes_due_meanwhile_waits_and_who_asks_is_told(
    build: Build, tmp_path: Path, port: int, trouble: troubles.Trouble, disk: troubles.Disk | None, words: str
) -> None:
    with disk(tmp_path / "var") if disk else nullcontext():
        changes = {} if disk else {"database": fresh_database()}
        town = build(metrics=f"127.0.0.1:{port}", **changes)
        town.subscribe([due(n, "pm_do_not_honor_x1") for n in range(COUNT)])
        clock = MachineClock(tmp_path / "clock")
        with running(town.path, clock) as daemon:
            until(lambda: town.count("renewals", "ladder_step = 1") == COUNT, "the first try")
            until(lambda: ready(port) == (200, "renewd renews\n"), "the rest")
            with trouble(town, daemon):
                clock.set(NEXT_TRY + timedelta(minutes=1))
                until(lambda: ready(port) == (503, "the database cannot be used\n"), "it to be told")
                until(lambda: f"{town.url.rpartition('/')[2]}: {words}" in told(daemon), "the reason")
            until(lambda: paid(town) == COUNT, "the second try")
            until(lambda: ready(port)[0] == HTTPStatus.OK, "it to be ready again")
            assert daemon.stop() == 0
        assert len(daemon.said("the database can be used again; renewals go on")) == 1
        assert town.summary()["payment_intents"] == {"requires_payment_method": COUNT, "succeeded": COUNT}
        assert town.summary()["double_charges"] == []


def test_no_room_for_the_audit_file_and_its_checkpoints_stops_no_money(
    build: Build, tmp_path: Path, port: int
) -> None:
    kept = tmp_path / "logs"
    with troubles.small_disk(kept):
        (kept / "kept.txt").write_text(
            "\n" * (PAGE - 10)
        )  # the end of a page, where a checkpoint has room for its beginning
        files = {"audit__file": str(kept / "audit.jsonl"), "audit__checkpoints": str(kept / "kept.txt")}
        town = build(metrics=f"127.0.0.1:{port}", audit__seal_every="1s", **files)
        town.subscribe([due(n) for n in range(COUNT)])
        with ExitStack() as trouble:
            trouble.enter_context(troubles.full(kept))
            with running(town.path) as daemon:
                until(lambda: paid(town) == COUNT, "the renewals")
                until(lambda: daemon.said(NO_FILE) and daemon.said(NO_CHECKPOINT), "the lines of the log")
                assert ready(port) == (200, "renewd renews\n")
                trouble.close()
                until(lambda: daemon.said("the audit file is written again"), "the file")
                until(lambda: newest(kept / "kept.txt") == town.count("audit_log"), "the newest checkpoint")
                assert daemon.stop() == 0
        lines = (kept / "audit.jsonl").read_text().splitlines()
        assert [json.loads(line)["sequence"] for line in lines] == [*range(1, town.count("audit_log") + 1)]
        assert len(daemon.said(NO_FILE)) == 1
        assert "No space left on device" in daemon.said(NO_CHECKPOINT)[0]["error"]


def newest(file: Path) -> int:
    """Give how many rows the newest checkpoint in a file covers; nothing while one is cut short by a full disk."""
    try:
        return max((each.size for each in checkpoints(file.read_text())), default=0)
    except ValueError:
        return 0


def told(daemon: Daemon) -> str:
    return "\n".join(line["error"] for line in daemon.said(CANNOT))


def paid(town: Town) -> int:
    return town.count("renewals", "stage = 'extended'")


def ready(port: int) -> tuple[int, str]:
    answer = httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False)
    return answer.status_code, answer.text
