"""Open a renewal for each subscription that is newly due."""

from datetime import datetime, timedelta

from renewd.renewal.decide import planned
from renewd.renewal.moment import Moment
from renewd.service.engine import Engine

BATCH = 500


async def scan(engine: Engine, now: datetime) -> int:
    """Open every renewal that is due by `now`, the longest due first, and say how many are new."""
    moment = Moment(now, engine.policy, timedelta(0), running_since=engine.running_since)
    count = 0
    while not engine.stopping:
        due = await engine.store.newly_due(now, BATCH, engine.policy.plans.keys())
        openings = [planned(subscription, moment) for subscription in due]
        opened = await engine.store.open(openings)
        for opening in opened:
            for event in opening.events:
                engine.tell(event)
        count += len(opened)
        if len(due) < BATCH or not opened:
            break
    return count
