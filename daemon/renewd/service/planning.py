"""Plan anew under a new policy, a batch at a time: there may be millions, and nothing else waits for them."""

import asyncio

from renewd.renewal.decide import replanned_at
from renewd.renewal.policy import Policy
from renewd.service.engine import Engine


async def replan(engine: Engine, policy: Policy) -> bool:
    """Plan the next batch of subscriptions under this policy, and say whether there are more."""
    now = engine.clock.now()
    done = await engine.store.replan(policy.digest, now, lambda each: replanned_at(each, policy, now))
    for event in done.aside:
        engine.tell(event)
    return done.more


async def replan_all(engine: Engine) -> None:
    """Plan all subscriptions under the policy in force."""
    while not engine.stopping and await replan(engine, engine.policy):
        pass


async def replan_beside(engine: Engine) -> bool:
    """Plan all of them, half of the time left to what else there is to do; say whether it came to its end."""
    more = True
    while more and engine.leads and not engine.stopping:
        begun = engine.clock.elapsed()
        more = await replan(engine, engine.policy)
        await asyncio.sleep(engine.clock.elapsed() - begun)
    return not more
