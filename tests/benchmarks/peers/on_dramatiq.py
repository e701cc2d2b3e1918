"""Dramatiq: messages are in Redis, and its command runs the processes and their threads."""

import os
import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.benchmarks.peers import blocking

dramatiq.set_broker(RedisBroker(url=f"unix://{os.environ['PEER_REDIS']}"))
renew = dramatiq.actor(blocking.renew)

if __name__ == "__main__":
    for number in range(1, int(sys.argv[2]) + 1):
        renew.send(number)
