"""What needs no other environment: renewd, and the plain loop that many begin with."""

import subprocess
import tempfile
from dataclasses import dataclass, field, replace

import psycopg

from tests.benchmarks import fleet, jobs, peer
from tests.benchmarks.alone import Job, alone
from tests.benchmarks.peers.case import AT_ONCE
from tests.benchmarks.peers.report import OURS, Failed, Tally
from tests.benchmarks.peers.running import tally
from tests.benchmarks.stub import Stub
from tests.postgres import empty_database


@dataclass(frozen=True, slots=True)
class Alone:
    """A job of the benchmarks, and where its database says what was renewed and what was logged."""

    name: str
    setting: str
    job: Job
    renewed: str
    logged: str
    shares: tuple[int, int] = (1, 1)
    options: dict[str, int] = field(default_factory=dict)

    def measured(self, renewals: int, latency: int) -> tuple[float, Tally]:
        """Give the renewals a second, and what the stub and the database say was done.

        Raises:
            Failed: it did not come to its end in time, or not well.
        """
        stub, server = Stub(latency), empty_database(durable=True)
        try:
            with tempfile.TemporaryDirectory(prefix="renewd-peers-") as folder:
                spent = alone(
                    self.job, folder=folder, url=stub.url, renewals=renewals, server=server, **self.options
                )
            with psycopg.connect(server) as books:
                counts = books.execute(f"SELECT ({self.renewed}), ({self.logged})".encode()).fetchone()
            return renewals / spent["renew"], tally(stub, renewals, *(counts or (0, 0)))
        except subprocess.SubprocessError as error:
            raise Failed(f"it failed: {error}") from error
        finally:
            stub.stop()


RENEWD = Alone(
    OURS,
    "PostgreSQL; one daemon, concurrency 64",
    jobs.renew,
    "SELECT count(*) FROM renewals WHERE stage = 'extended'",
    "SELECT count(*) FROM audit_log WHERE name = 'renewal.completed'",
    options={"concurrency": AT_ONCE},
)
TWO = replace(
    RENEWD,
    name="renewd, two daemons",
    setting="PostgreSQL; concurrency 64 each",
    job=fleet.renew,
    options={"concurrency": AT_ONCE, "daemons": 2},
)
LOOP = Alone(
    "plain loop",
    "PostgreSQL; one after the other, unguarded",
    peer.loop,
    "SELECT count(*) FROM subscriptions WHERE ends >= '2027-01-07'",
    "SELECT count(*) FROM attempts WHERE state = 'done' AND key LIKE '%/extend'",  # it keeps no log
    shares=(5, 60),
)
