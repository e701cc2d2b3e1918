"""Open a renewal for each subscription that is newly due."""

from datetime import datetime, timedelta

from renewd.renewal.decide import due
from renewd.renewal.moment import Moment
from renewd.service.engine import Engine
from renewd.watching import Kind

BATCH = 500


async def scan(engine: Engine, now: datetime) -> int:
    """Open every renewal that is due by `now`, the longest due first, and say how many are new."""
    moment = Moment(now, engine.policy, timedelta(0), running_since=engine.running_since)
    count = 0
    while not engine.stopping:
        engine.pulse.beat()
        with engine.tracing.span("scan", Kind.DATABASE):
            openings, aside = await engine.store.newly_due(
                now, BATCH, lambda each: due(each, moment), moment.policy.plans.keys()
            )
            opened = await engine.store.open(openings)
        for event in (*aside, *(event for opening in opened for event in opening.events)):
            engine.tell(event)
        count += len(opened)
        # A batch of which some open later by the policy in force is not the last one, however few it opens.
        if not (opened or aside):
            break
    return count
