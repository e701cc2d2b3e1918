"""The daemon by itself: how soon it is ready, and what it costs while there is nothing to do."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from renewd.service.wiring import load_configuration, read_books
from tests.benchmarks.alone import ROOT, program, surroundings
from tests.benchmarks.measure import Row, middle, noise, spending
from tests.benchmarks.population import populate
from tests.benchmarks.setting import configured, settings_of

STOP_SECONDS, PLAN_SECONDS = 30, 120
READY = "service.started"
LIBRARIES = "import sqlalchemy, httpx, structlog, apscheduler; from pydantic import BaseModel"


@dataclass(frozen=True, slots=True)
class Size:
    """How many subscriptions it has, how often it is started, how long it is left alone."""

    subscriptions: int = 100_000
    starts: int = 5
    idle_seconds: float = 10


def daemon(size: Size) -> Iterator[Row]:
    """Start it over and over, and let it rest."""
    with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
        path = Path(folder) / "renewd.db"
        populate(path, size.subscriptions, size.subscriptions, datetime.now(UTC) + timedelta(days=2))
        configured(path)
        program("-c", LIBRARIES)  # from here on the bytecode is there
        first = _started(path)
        starts = [_started(path) for _ in range(size.starts)]
        imports = [program("-c", LIBRARIES) for _ in range(size.starts)]
        configured(path, scan_every="1s")
        share, memory = _resting(path, size.idle_seconds)
    yield Row(f"The daemon, {size.subscriptions:,} subscriptions and nothing due")
    beside = f"{middle(imports):.2f} s, Python and the libraries alone"
    ratio = f"{middle(starts) / middle(imports):.2f}"
    yield Row("  start to ready", f"{middle(starts):.2f} s", noise(starts), beside, ratio)
    beside = f"{middle(starts):.2f} s under the same policy"
    ratio = f"{first / middle(starts):.1f}"
    yield Row("  start under a new policy: all is planned anew", f"{first:.2f} s", "", beside, ratio)
    yield Row("  processor while idle, a look every second", f"{share:.2%}", "", "of one core")
    yield Row(
        "  the same, a look every minute (the default)", f"{share / 60:.3%}", "", "reckoned from it", "0.02"
    )
    yield Row("  memory while idle", f"{memory:.0f} MB")


def _started(path: Path) -> float:
    begun = time.perf_counter()
    with _daemon(path):
        return time.perf_counter() - begun


@contextmanager
def _daemon(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; what is inside begins when it is ready."""
    command = [sys.executable, "-m", "renewd", "run", "--config", str(settings_of(path))]
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, text=True)
    try:
        if not any(READY in line for line in process.stdout or ()):
            raise RuntimeError("the daemon did not start")
        yield process
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


def _resting(path: Path, seconds: float) -> tuple[float, float]:
    """Give the share of a core that the daemon takes while there is nothing to do, and its memory in MB."""
    with _daemon(path) as process:
        _wait_for_plans(path)
        time.sleep(1)  # the first tick is over
        before = _cpu(process.pid)
        with spending() as resting:
            time.sleep(seconds)
        used = _cpu(process.pid) - before
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    memory = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
    return used / resting.wall, memory


def _wait_for_plans(path: Path) -> None:
    """Wait until all is planned under the policy: that goes on beside the ticks, and is no rest."""
    books = read_books(load_configuration(settings_of(path)))
    until = time.monotonic() + PLAN_SECONDS
    while books.planning().done is not None:
        if time.monotonic() > until:
            raise RuntimeError(f"not all is planned after {PLAN_SECONDS} seconds")
        time.sleep(0.1)
    books.close()


def _cpu(pid: int) -> float:
    """Give the seconds on the processor of all threads; a count of ticks would be too coarse."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text(encoding="ascii").split()[0]) for each in threads) / 1e9
