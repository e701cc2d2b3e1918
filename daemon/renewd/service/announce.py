"""Send the letters that are owed. What goes wrong here never touches money."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from renewd.renewal.audit import Event
from renewd.renewal.notice import Letter, Notice
from renewd.service.engine import Engine

BATCH = 100
FIRST_WAIT, MOST_TRIES = timedelta(minutes=5), 10
FAILURES_PER_ROUND = 3


async def announce(engine: Engine, now: datetime) -> int:
    """Send what is owed by `now`, and say how many letters went out.

    After a few failures the round ends: a mail server that is down holds nothing up.
    """
    sent = failures = 0
    while failures < FAILURES_PER_ROUND and not engine.stopping:
        owed = await engine.store.owed(now, BATCH)
        for notice in owed:
            delivered = await _deliver(engine, notice, now)
            sent, failures = sent + delivered, failures + (not delivered)
            if failures >= FAILURES_PER_ROUND or engine.stopping:
                break
        if len(owed) < BATCH:
            break
    return sent


async def _deliver(engine: Engine, notice: Notice, now: datetime) -> bool:
    problem = ""
    recipient = notice.recipient or engine.operator_email
    if recipient:
        message_id = hashlib.blake2b(notice.id.encode(), digest_size=16).hexdigest()
        try:
            await engine.messenger.send(
                Letter(message_id, recipient, notice.subject, notice.body, notice.created_at)
            )
        except OSError as error:
            problem = str(error) or type(error).__name__
    tries = notice.tries + 1
    again = now + FIRST_WAIT * 2**notice.tries if problem and tries < MOST_TRIES else None
    name = "notice.failed" if problem else "notice.sent"
    event = Event(
        name,
        now,
        subscription=notice.subscription_id,
        code=notice.kind,
        reference=notice.id,
        next_action="send" if again else "",
        next_at=again,
        detail=problem or notice.subject,
    )
    await engine.store.sent(replace(notice, tries=tries, next_at=again), [event])
    engine.tell(event)
    return not problem
