"""A daemon with nothing to do does nothing: no statement, no request, hardly a wake-up."""

import os
import time
from datetime import timedelta
from pathlib import Path

from tests.service.conftest import Build
from tests.service.daemon import finished, running, until
from tests.service.town import Town, due

WATCHED_SECONDS = 3.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wake_ups(pid: int) -> int:
    """Count how often any thread of a process has been put to sleep; one that sleeps on adds nothing."""
    statuses = (task / "status" for task in Path(f"/proc/{pid}/task").iterdir())
    lines = (line for status in statuses for line in status.read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def sleeps(pid: int) -> bool:
    before = wake_ups(pid)
    time.sleep(0.5)
    return wake_ups(pid) == before


def traces(town: Town) -> list[object]:
    """Give all that its statements and requests leave behind."""
    files = sorted(town.database.parent.glob("renewd.db*"))
    return [(path.name, path.stat().st_mtime_ns) for path in files] + [len(town.requests())]


def test_an_idle_daemon_does_nothing(build: Build) -> None:
    town = build(schedule__scan_every="1h")
    town.subscribe([due(n) for n in range(20)])
    with running(town.path) as daemon:
        until(lambda: town.count("renewals", "stage = 'extended'") == 20, "the work")
        until(lambda: town.count("notices", "next_at IS NOT NULL") == 0, "the letters")
        until(lambda: sleeps(daemon.pid), "the rest after the work")
        before, switches, used = traces(town), wake_ups(daemon.pid), cpu_seconds(daemon.pid)
        time.sleep(WATCHED_SECONDS)
        assert traces(town) == before
        assert wake_ups(daemon.pid) - switches <= 3
        assert cpu_seconds(daemon.pid) - used < 0.5
        assert daemon.stop() == 0


def test_it_wakes_by_itself_when_something_is_due(build: Build) -> None:
    town = build(schedule__scan_every="1h")
    town.subscribe([due(1, "pm_insufficient_funds_x2")])
    assert finished(town.path, "once").returncode == 0
    assert town.stages() == {"due": 1}
    # The next try is six hours after the first; two seconds before it the daemon starts, and has to wait for it.
    with running(town.path, ahead=timedelta(hours=6, seconds=-2)):
        until(lambda: town.count("audit_log", "name = 'charge.declined'") == 2, "the second try")
