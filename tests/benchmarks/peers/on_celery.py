"""Celery: messages are in Redis, and its command runs the pool of processes or threads."""

import os
import sys

from celery import Celery

from tests.benchmarks.peers import blocking

app = Celery("renewals", broker=f"redis+socket://{os.environ['PEER_REDIS']}")
# Acknowledged when it is done, as its manual has it for tasks that may be repeated but not lost; nobody asks for results.
app.conf.update(task_acks_late=True, task_ignore_result=True)
renew = app.task(blocking.renew, name="renew")

if __name__ == "__main__":
    for number in range(1, int(sys.argv[2]) + 1):
        renew.delay(number)
