"""Bring renewals forward: decide, write down, call, fold the answer in, write that down; until there is nothing to do."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.begin import opened
from renewd.renewal.change import Change
from renewd.renewal.copying import replace
from renewd.renewal.decide import next_step
from renewd.renewal.events import SET_ASIDE_FOR, set_aside
from renewd.renewal.fleet import BEAT_EVERY
from renewd.renewal.fold import folded, written
from renewd.renewal.model import Case, HoldReason, Stage, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.rest import rested
from renewd.renewal.step import Call, Charge, CheckFirst, Close, Drop, Extend, Hold, Rest, Wait
from renewd.service.engine import Engine
from renewd.watching import Kind

log = structlog.get_logger()

_Claimed = tuple[Sequence[Case], int]
RECORD_TRIES, RECORD_PAUSE_SECONDS = 6, 2.0


async def advance(engine: Engine) -> int:
    """Advance every renewal that is due, as many at once as there are slots; say how many were taken up.

    A slot is refilled as it falls free, so that one slow provider stalls nobody else; the next are claimed meanwhile.
    """
    started, backlog, taken, exhausted = engine.clock.elapsed(), deque[Case](), 0, False
    tasks, claims = set[asyncio.Task[None]](), set[asyncio.Task[_Claimed]]()
    try:
        while True:
            if len(backlog) < engine.concurrency and not (claims or exhausted or engine.stopping):
                claims.add(asyncio.create_task(_claim(engine)))
            while backlog and len(tasks) < engine.concurrency and not engine.stopping:
                tasks.add(asyncio.create_task(advance_one(engine, backlog.popleft())))
            if not (tasks or claims):
                return taken
            await asyncio.wait({*tasks, *claims}, return_when=asyncio.FIRST_COMPLETED)
            engine.pulse.beat()
            for claim in {each for each in claims if each.done()}:
                claims.remove(claim)
                cases, looked_at = claim.result()
                backlog.extend(cases)
                late = engine.clock.elapsed() - started > engine.most_per_tick.total_seconds()
                taken, exhausted = taken + looked_at, late or looked_at < engine.concurrency
            for task in {each for each in tasks if each.done()}:
                tasks.remove(task)
                task.result()
    finally:
        # Whatever ends the tick early, no call is left to itself.
        if tasks or claims:
            await asyncio.wait({*tasks, *claims})


async def _claim(engine: Engine) -> _Claimed:
    """Claim the next that are due; say also how many were looked at, for some may have been set aside."""
    with engine.tracing.span("claim", Kind.DATABASE):
        cases, aside = await engine.store.claim(engine.clock.now(), engine.concurrency)
    for event in aside:
        engine.tell(event)
    return cases, len(cases) + len(aside)


async def advance_one(engine: Engine, case: Case) -> None:
    """Advance one renewal until it waits or rests. Whatever goes wrong with it, the others go on."""
    with engine.tracing.span("renewal", Kind.RENEWAL, case):
        try:
            await _advance(engine, case)
        except StoreUnavailableError as error:
            engine.health.unusable(error)
            engine.tracing.failed(type(error).__name__)
        except Exception as error:
            log.exception("renewal set aside after an error in renewd itself", renewal=case.renewal.id)
            engine.tracing.failed(type(error).__name__)
            with contextlib.suppress(StoreUnavailableError):
                await _set_aside(engine, case, error)


async def _advance(engine: Engine, case: Case | None) -> None:
    now = engine.clock.now()
    while case:
        moment = engine.moment(case, now)
        step = next_step(case, moment)
        match step:
            case Rest():
                return
            case Wait(until) if until == case.renewal.next_at:
                return
            case CheckFirst() | Drop() | Hold() | Wait() | Close():
                change = rested(case, step, moment)
                if await _commit(engine, change):
                    case = change.after() if change.goes_on else None
                else:
                    case, now = await engine.store.reload(case, now), engine.clock.now()
            case Charge() if engine.stopping:
                return
            case _:
                case, now = await _attempt(engine, case, step, moment)


async def _attempt(engine: Engine, case: Case, step: Call, moment: Moment) -> tuple[Case | None, datetime]:
    """Make one call, durable before it is made and after it is answered."""
    begun = opened(case, step, moment)
    under_way = begun.after()
    breaker = engine.breaker(open_attempt(under_way))
    if breaker and not breaker.lets_through(moment.now):
        return case, moment.now
    if begun.starts_charge:
        engine.brake.note(moment.now)
    # Under way from before it is written down, so that who waits for what is under way after a halt waits for this.
    with engine.pulse.call(open_attempt(under_way)):
        if not await _commit(engine, begun):
            if begun.starts_charge:
                engine.brake.forget(moment.now)
                engine.refused_until = moment.now + BEAT_EVERY if engine.shared else None
            return await engine.store.reload(case, moment.now), engine.clock.now()
        change, now = await _call(engine, under_way, step, moment)
    while change and change.before_call:
        under_way = change.after()
        with engine.pulse.call(open_attempt(under_way)):
            change, now = await _call(engine, under_way, Extend(), engine.moment(under_way, now))
    return change.after() if change and change.goes_on else None, now


async def _call(engine: Engine, case: Case, step: Call, moment: Moment) -> tuple[Change | None, datetime]:
    """Make the call that is written down, and write down what follows from its answer."""
    attempt, started = open_attempt(case), engine.clock.elapsed()
    if case.renewal.next_at is None or engine.clock.now() >= case.renewal.next_at:
        # We were frozen since: somebody may have settled it by now, so we must not send.
        return None, moment.now
    answer = await engine.ask(attempt, step)
    now, duration_ms = engine.clock.now(), round((engine.clock.elapsed() - started) * 1000)
    breaker = engine.breaker(attempt)
    turned = breaker.heard(answer, now) if breaker else ""
    change = await _record(
        engine, case, lambda case: folded(case, step, answer, replace(moment, now=now), duration_ms)
    )
    if turned:
        provider, detail = attempt.provider, getattr(answer, "reason", "answers again")
        await engine.log([Event(f"breaker.{turned}", now, provider=provider, detail=f"{provider}: {detail}")])
    if turned == "closed":
        await engine.store.wake([HoldReason.BREAKER], now)
    return change, now


async def _record(engine: Engine, case: Case, fold: Callable[[Case], Change]) -> Change | None:
    """Write an answer down, folded into the case as it is by now: an operator may have spoken meanwhile."""
    fresh: Case | None = case
    # Once the attempt itself has moved on, its answer is written: a commit may succeed and still not say so.
    while fresh and fresh.attempt == case.attempt:
        change = _with_extension(engine, fold(fresh))
        if await _commit(engine, change, tries=RECORD_TRIES):
            return change
        fresh = await engine.store.reload(fresh, change.at)
    return None


def _with_extension(engine: Engine, change: Change) -> Change:
    """Make the extension ready in the very commit that writes the payment down: it is what a payment leads to."""
    if not change.goes_on or change.renewal.stage is not Stage.CHARGED:
        return change
    paid = change.after()
    moment = engine.moment(paid, change.at)
    if not isinstance(next_step(paid, moment), Extend):
        return change
    begun = opened(paid, Extend(), moment)
    breaker = engine.breaker(written(begun))
    return change.then(begun) if not breaker or breaker.lets_through(moment.now) else change


async def _commit(engine: Engine, change: Change, tries: int = 1) -> bool:
    """Commit a change and tell its events. An answer is worth more tries: a database comes back."""
    for left in reversed(range(tries)):
        try:
            with engine.tracing.span("commit", Kind.DATABASE):
                held = await engine.store.commit(change)
        except StoreUnavailableError as error:
            if not left:
                raise
            engine.health.unusable(error)
            await asyncio.sleep(RECORD_PAUSE_SECONDS)
            continue
        for event in change.events if held else ():
            engine.tell(event)
        return held
    return False


async def _set_aside(engine: Engine, case: Case, error: Exception) -> None:
    now = engine.clock.now()
    fresh = await engine.store.reload(case, now)
    if fresh is None or fresh.renewal.next_at is None:
        return
    hold = None if fresh.renewal.hold is HoldReason.WINDOW else fresh.renewal.hold
    later = replace(fresh.renewal, next_at=max(fresh.renewal.next_at, now + SET_ASIDE_FOR), hold=hold)
    event = set_aside(error, now, later.next_at, renewal=fresh.renewal.id)
    await _commit(engine, Change(now, fresh, later, events=(event,)))
