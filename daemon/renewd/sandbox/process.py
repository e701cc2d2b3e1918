"""The sandbox as a process of its own, for whoever wants to see it die."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = Path(__file__).parents[2]
_STOP_SECONDS = 10.0


class SandboxProcess:
    """A running sandbox: `url` is where it listens.

    Args:
        ledger: the file it keeps its ledger in; None keeps it in memory only.
        latency_ms: how long each answer takes.
        port: 0 takes a free one; give the port of a killed sandbox to stand in its place.

    Raises:
        RuntimeError: it did not start; its standard error says why.
    """

    def __init__(self, ledger: Path | None = None, latency_ms: int = 0, port: int = 0) -> None:
        options = ["--port", str(port), "--latency-ms", str(latency_ms)]
        if ledger is not None:
            options += ["--ledger", str(ledger)]
        paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "renewd.sandbox", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        announced = self._process.stdout.readline() if self._process.stdout else ""
        if not announced:
            self.kill()
            raise RuntimeError(f"the sandbox did not start: exit status {self._process.returncode}")
        self.url = announced.split()[-1]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to stop (SIGTERM) and wait; returns its exit status."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._ended()

    def kill(self) -> int:
        """Kill it (SIGKILL) and wait; returns its exit status."""
        self._process.kill()
        return self._ended()

    def _ended(self) -> int:
        self._process.communicate()
        return self._process.returncode


@contextmanager
def running(ledger: Path | None = None, latency_ms: int = 0) -> Iterator[str]:
    """A sandbox in a process of its own for the length of a `with`, yielding its address."""
    sandbox = SandboxProcess(ledger, latency_ms)
    try:
        yield sandbox.url
    finally:
        sandbox.stop()
