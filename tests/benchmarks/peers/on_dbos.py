"""DBOS: a workflow of three durable steps, in a queue of the same PostgreSQL."""

import os
import signal
import sys

from dbos import DBOS, DBOSClient, DBOSConfig

from tests.benchmarks.peers import blocking
from tests.benchmarks.peers.case import AT_ONCE

QUEUE, VERSION = "renewals", "1"
charge, extend, finish = (DBOS.step()(step) for step in (blocking.charge, blocking.extend, blocking.finish))


def renew(number: int) -> None:
    """Renew one subscription; what a step has done is not done again."""
    extend(number, charge(number))
    finish(number)


def main() -> None:
    """Put the numbers up to the one that is given into the queue, or work, looking every so many seconds."""
    DBOS.workflow(name="renew")(renew)
    config: DBOSConfig = {
        "name": "renewals",
        "system_database_url": os.environ["PEER_DATABASE"],
        "application_version": VERSION,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    if sys.argv[1] == "enqueue":
        _enqueue(int(sys.argv[2]))
    else:
        DBOS.register_queue(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=float(sys.argv[2]))
        signal.sigwait({signal.SIGTERM})
    DBOS.destroy()


def _enqueue(total: int) -> None:
    client = DBOSClient(system_database_url=os.environ["PEER_DATABASE"])
    for number in range(1, total + 1):
        client.enqueue({"queue_name": QUEUE, "workflow_name": "renew", "app_version": VERSION}, number)
    client.destroy()


if __name__ == "__main__":
    main()
