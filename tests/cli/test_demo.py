"""The demo, as a person runs it: in a pipe, on a terminal, over an old folder, and when the books do not balance."""

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result
from rich.console import Console

from renewd.cli import demo
from renewd.cli.demo_view import SHOWN, Live
from renewd.cli.sample import START, shipped
from renewd.renewal.audit import Event
from renewd.renewal.money import Money

DAY_LINE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d\d) Dec 2026  +(.+)")
BOX, UP = "\u256d", "\x1b[1A"
PATIENCE = 120.0  # seconds


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "renewd", "demo", "--dir", str(folder), *options]


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(folder, *options), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def row(summary: str, name: str) -> int:
    found = re.search(rf"^  {name} +(\d+)$", summary, re.MULTILINE)
    assert found, summary
    return int(found[1])


def test_in_a_pipe_it_prints_a_line_for_each_day_and_a_summary_that_agrees(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--days", "8")
    assert done.returncode == 0, done.stderr
    days, _, summary = done.stdout.partition("\n\n")
    lines = [DAY_LINE.fullmatch(line) for line in days.splitlines()]
    assert all(lines), days
    assert [int(line[1]) for line in lines if line] == list(range(1, 9))
    renewed = sum(int(each) for each in re.findall(r"(\d+) renewed", days))
    assert renewed == row(summary, "renewals paid") > 0
    assert (row(summary, "charged twice"), row(summary, "lost")) == (0, 0)
    assert "The ledger and the log agree." in summary
    assert "\x1b" not in done.stdout
    assert re.fullmatch(r"\d+ subscriptions imported; from 01 Dec 2026 on:\n+", done.stderr)


def test_what_it_leaves_behind_can_be_read_on(tmp_path: Path) -> None:
    done = run(tmp_path / "demo", "--days", "2")
    assert done.returncode == 0
    (given,) = re.findall(r"export RENEWD_CONFIG=(\S+)", done.stdout)
    listed = subprocess.run(
        [sys.executable, "-m", "renewd", "log", "--event", "charge.*", "-n", "20"],
        env={**os.environ, "RENEWD_CONFIG": given},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("charge.") >= 20
    assert "forecast --at 2026-12-03 " in done.stdout, "as of its own end, whenever it is read"


def test_on_a_terminal_it_draws_and_then_gives_the_summary(tmp_path: Path) -> None:
    status, screen = on_terminal(command(tmp_path / "demo", "--days", "3", "--pace", "0.1"))
    assert status == 0, screen[-2000:]
    drawn, _, rest = screen.rpartition(BOX)
    assert screen.count(BOX) >= 3
    assert UP in screen
    assert re.search(r"renewd demo +\w{3} \d\d Dec 2026 \d\d:\d\d UTC", screen)
    assert "renewal completed" in drawn
    assert "After 3 days" not in drawn
    assert "The ledger and the log agree." in rest
    assert "\x1b[?25h" in rest  # the cursor is back


def test_on_a_narrow_terminal_no_line_is_too_long(tmp_path: Path) -> None:
    status, screen = on_terminal(command(tmp_path / "demo", "--days", "1", "--pace", "0.1"), width=60)
    assert status == 0, screen[-2000:]
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    boxed = [line for line in re.split(r"[\r\n]+", plain) if line.startswith("\u2502")]
    assert boxed
    assert {len(line) for line in boxed} == {60}


def test_a_screen_of_80_by_24_has_room_for_a_busy_year() -> None:
    view = Live(START, START + timedelta(days=400))
    try:
        for name in SHOWN:
            for _ in range(900):
                view.tell(Event(name, START, subscription="S-1001", amount=Money(7000, "USD")))
        console = Console(width=80, height=24, file=io.StringIO())
        with console.capture() as captured:
            console.print(view._drawn())
    finally:
        view.close()
    lines = captured.get().splitlines()
    assert len(lines) <= 22, "two more stand above it"
    (counts,) = (line for line in lines if "in doubt" in line and "renewed" in line)
    assert counts.strip("\u2502 ").split() == (
        "900 renewed 900 declined 1800 in doubt 900 held 900 lapsed 900 review".split()
    )


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run(tmp_path, "--days", "1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"renewd: {tmp_path} is not empty and not of an earlier demo")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_second_run_begins_anew_in_its_own_folder(tmp_path: Path) -> None:
    first, second = (run(tmp_path / "demo", "--days", "1") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    counts = [row(each.stdout.partition("\n\n")[2], "attempts in the audit log") for each in (first, second)]
    assert counts[0] == counts[1] > 0


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Result]]:
    """Give a function that runs the demo here, where its parts can be doctored, with the well-behaved alone."""
    shutil.copytree(shipped(), tmp_path / "shipped")
    sample = tmp_path / "shipped" / "sample" / "subscriptions.csv"
    heading, *rows = sample.read_text().splitlines(keepends=True)
    sample.write_text(heading + "".join(each for each in rows if "pm_ok" in each and "extend_ok" in each))
    monkeypatch.setattr(demo, "shipped", lambda: tmp_path / "shipped")
    yield lambda: CliRunner().invoke(demo.demo_command, ["--days", "1", "--dir", str(tmp_path / "demo")])
    structlog.reset_defaults()


def doctored(source: Any, change: Callable[[list[dict[str, Any]]], object]) -> Callable[[str], Iterator[Any]]:
    def told(url: str) -> Iterator[Any]:
        entries = list(source(url))
        change(entries)
        return iter(entries)

    return told


def paid(intents: list[dict[str, Any]]) -> dict[str, Any]:
    return next(each for each in intents if each["status"] == "succeeded")


DOCTORED: dict[str, tuple[str, Callable[[list[dict[str, Any]]], object], str]] = {
    "a charge more": ("_intents", lambda each: each.append(paid(each)), r"charged twice +1\n"),
    "a charge less": ("_intents", lambda each: each.remove(paid(each)), "the gateway knows of no charge"),
    "another amount": (
        "_intents",
        lambda each: paid(each).update(amount_received=1),
        r"was charged 0\.01 USD, not",
    ),
    "a request more": (
        "_requests",
        lambda each: each.append({"seq": 0, "key": "S-1/x/charge/1"}),
        r"request 0 \(S-1/x/charge/1\) has no row in the audit log",
    ),
}


@pytest.mark.parametrize(("source", "change", "said"), DOCTORED.values(), ids=DOCTORED)
def test_a_ledger_that_does_not_agree_is_told_and_ends_with_1(
    in_process: Callable[[], Result],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    change: Callable[[list[dict[str, Any]]], object],
    said: str,
) -> None:
    monkeypatch.setattr(demo, source, doctored(getattr(demo, source), change))
    done = in_process()
    assert done.exit_code == 1, done.output
    assert "THE LEDGER AND THE LOG DO NOT AGREE" in done.output
    assert re.search(said, done.output)


def test_what_is_lost_is_told_and_ends_with_1(
    in_process: Callable[[], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_lost", lambda books, until: 2)
    done = in_process()
    assert done.exit_code == 1
    assert row(done.output, "lost") == 2


def on_terminal(line: list[str], width: int = 110) -> tuple[int, str]:
    """Run a command on a terminal of its own, and give its exit status and all that it wrote there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 32, width, 0, 0))
    environ = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    with subprocess.Popen(
        line, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env={**environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        parts = list(iter(lambda: _read(ours), b""))
        os.close(ours)
        return process.wait(PATIENCE), b"".join(parts).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the last to write there has gone
        return b""
