"""Send the letters that are owed. What goes wrong here never touches money."""

import asyncio
import hashlib
from datetime import datetime, timedelta

from renewd.renewal.audit import Event
from renewd.renewal.copying import replace
from renewd.renewal.notice import Letter, Notice
from renewd.service.engine import Engine
from renewd.watching import Kind

AT_ONCE = 16
FIRST_WAIT, MOST_TRIES = timedelta(minutes=5), 10
FAILURES_PER_ROUND = 3


async def announce(engine: Engine, now: datetime) -> int:
    """Send what is owed by `now`, a few letters at a time, and say how many went out.

    After a few failures, or when it has taken as long as a tick may, the round ends: mail holds nothing up.
    """
    started, count = engine.clock.elapsed(), 0
    while not engine.stopping and engine.clock.elapsed() - started < engine.most_per_tick.total_seconds():
        engine.pulse.beat()
        owed = await engine.store.owed(now, AT_ONCE)
        problems = await asyncio.gather(*(_deliver(engine, notice) for notice in owed))
        after = [_after(notice, problem, now) for notice, problem in zip(owed, problems, strict=True)]
        events = [_event(*each, now) for each in zip(after, problems, strict=True)]
        await engine.store.sent(after, events)
        for event in events:
            engine.tell(event)
        count += problems.count("")
        if len(owed) < AT_ONCE or len(problems) - problems.count("") >= FAILURES_PER_ROUND:
            break
    return count


async def _deliver(engine: Engine, notice: Notice) -> str:
    """Send one letter, and say what went wrong, if anything did. Without anybody to send it to it counts as sent."""
    recipient = notice.recipient or engine.operator_email
    message_id = hashlib.blake2b(notice.id.encode(), digest_size=16).hexdigest()
    letter = Letter(message_id, recipient, notice.subject, notice.body, notice.created_at)
    if not recipient:
        return ""
    try:
        with engine.tracing.span("letter", Kind.CALL, notice):
            await engine.messenger.send(letter)
    except OSError as error:
        return str(error) or type(error).__name__
    return ""


def _after(notice: Notice, problem: str, now: datetime) -> Notice:
    tries = notice.tries + 1
    again = now + FIRST_WAIT * 2**notice.tries if problem and tries < MOST_TRIES else None
    return replace(notice, tries=tries, next_at=again)


def _event(notice: Notice, problem: str, now: datetime) -> Event:
    return Event(
        "notice.failed" if problem else "notice.sent",
        now,
        subscription=notice.subscription_id,
        code=notice.kind,
        reference=notice.id,
        next_action="send" if notice.next_at else "",
        next_at=notice.next_at,
        detail=problem or notice.subject,
    )
