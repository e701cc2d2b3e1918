"""renewd as a process of its own, as systemd would start it: its lines are read from files, its signals are real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

PATIENCE = 60.0  # seconds; reached only when something is broken, however slow the machine
OURS = ("RENEWD", "STATE_DIR", "RUNTIME_DIR", "NOTIFY_SOCKET", "WATCHDOG")
SECRETS = {"RENEWD_TEST_KEY": "sk_test_canary_4eC39Hq", "RENEWD_TEST_TOKEN": "carrier_canary_7TyBn2"}


def until(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.01)


def environment(**changes: str) -> dict[str, str]:
    """Give the environment of a daemon: with its secrets, and with nothing of the tester's own renewd."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, **SECRETS, **changes}


class MachineClock:
    """The clock of a machine, which can be set while daemons run on it."""

    def __init__(self, file: Path) -> None:
        """Be right at first; `file` is how they learn of it."""
        self.file = file
        self.set(timedelta(0))

    def set(self, ahead: timedelta) -> None:
        """Put it so far ahead of the true time, at one blow."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(ahead.total_seconds()))
        fresh.rename(self.file)


Ahead = timedelta | MachineClock


def command_line(configuration: Path, command: str, ahead: Ahead = timedelta(0)) -> list[str]:
    """Give the command line of `renewd COMMAND`, if wanted on a machine whose clock is ahead."""
    where = ahead.file if isinstance(ahead, MachineClock) else ahead.total_seconds()
    module = ["tests.service.ahead", str(where)] if ahead else ["renewd"]
    return [sys.executable, "-m", *module, command, "-c", str(configuration)]


def finished(
    configuration: Path,
    command: str = "run",
    ahead: Ahead = timedelta(0),
    environ: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    line = command_line(configuration, command, ahead)
    given = environ or environment()
    return subprocess.run(
        line, env=given, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


class Daemon:
    """A running `renewd run`."""

    def __init__(
        self,
        configuration: Path,
        ahead: Ahead = timedelta(0),
        output: int | None = None,
        name: str = "daemon",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. Its standard output goes to a file of that name, or to `output`."""
        self.out, self.err = (configuration.parent / f"{name}.{end}" for end in ("out", "err"))
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._process = subprocess.Popen(
                command_line(configuration, "run", ahead),
                env=environ or environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._target(out, output),
                stderr=err,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status if it has ended."""
        return self._process.poll()

    def lines(self) -> list[dict[str, Any]]:
        """Give what it has logged so far; a line it is just writing is left out."""
        whole, _, _ = self.out.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of one event."""
        return [line for line in self.lines() if line["event"] == event]

    def ready(self) -> "Daemon":
        """Wait until it is at work."""
        until(lambda: self.said("service.started") or self._process.poll() is not None, "the daemon to start")
        assert self._process.poll() is None, self.err.read_text()
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end, and give its exit status."""
        return self._process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop, and wait."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """Kill it, and wait."""
        self._process.kill()
        self._process.wait()

    @staticmethod
    def _target(out: IO[bytes], output: int | None) -> IO[bytes] | int:
        return out if output is None else output


@contextmanager
def running(
    configuration: Path, ahead: Ahead = timedelta(0), environ: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    """A daemon that is at work, for the length of a `with`; it is killed at the end if it still runs."""
    daemon = Daemon(configuration, ahead, environ=environ)
    try:
        yield daemon.ready()
    finally:
        daemon.kill()
