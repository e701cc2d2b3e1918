"""What drives the tick: APScheduler as a metronome, the signals, and an orderly end."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from renewd import __version__
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import DAEMON, Event
from renewd.renewal.fleet import BEAT_EVERY, GONE_AFTER
from renewd.renewal.model import HoldReason
from renewd.renewal.period import format_duration
from renewd.renewal.policy import Policy
from renewd.service.beside import keep_up, turn
from renewd.service.engine import Engine
from renewd.service.health import UNUSABLE
from renewd.service.planning import replan, replan_all, replan_beside
from renewd.service.seal import keep_sealing
from renewd.service.supervision import NOBODY, Keeper, summary
from renewd.service.tick import tick
from renewd.watching import Supervisor

log = structlog.get_logger()

LEAST_REST = timedelta(seconds=1)
FAILED_FIRST, FAILED_MOST = timedelta(seconds=5), timedelta(minutes=1)
# A new policy may have lifted what these waited for.
POLICY_HOLDS = (
    HoldReason.APPROVAL,
    HoldReason.OPERATOR,
    HoldReason.CONTACT,
    HoldReason.BRAKE,
    HoldReason.WINDOW,
)


async def prepare(engine: Engine) -> None:
    """Make ready for a pass: meet the other daemons, and plan."""
    await engine.meet()
    if engine.leads:
        await replan_all(engine)


class Loop:
    """Ticks at the earliest instant at which something is due, and at least every `scan_every`, until told to stop."""

    def __init__(
        self,
        engine: Engine,
        scan_every: timedelta,
        load_policy: Callable[[], Policy],
        seal_every: timedelta = timedelta(minutes=1),
        supervisor: Supervisor = NOBODY,
    ) -> None:
        """Drive `engine`. `load_policy` reads the policy anew; it raises ValueError with what is wrong with it.

        The `supervisor` is told how the daemon stands.
        """
        self._engine = engine
        self._scan_every = scan_every
        self._load_policy = load_policy
        self._seal_every = seal_every
        self._keeper = Keeper(engine, supervisor)
        self.health = engine.health
        self._failures = 0
        self._beat = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._planned = ""  # the digest of the policy under which all is planned
        self._planning: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    async def run(self) -> None:
        """Run until `stop`; what is in flight then is finished first."""
        engine = self._engine
        await engine.meet()
        if engine.leads:
            await replan(engine, engine.policy)
        begun = f"renewd {__version__}, pid {os.getpid()}, policy {engine.policy.digest}"
        await engine.log([self._event("service.started", begun)])
        if engine.rated and engine.fleet and engine.fleet.others:
            await self._rest(2 * BEAT_EVERY)  # until they have taken note of us, the whole rate is theirs
        touch = (
            asyncio.create_task(keep_up("signs of life", BEAT_EVERY, engine.meet)) if engine.shared else None
        )
        sealing = asyncio.create_task(keep_sealing(engine, self._seal_every))
        self._scheduler.start()
        keeper = asyncio.create_task(self._keeper.run()) if self._keeper.heard else None
        engine.pulse.beat()
        self._keeper.ready()
        self._beat.set()
        while not engine.stopping:
            # A beat is set for an instant; when the clock is set back, that instant may be weeks away.
            await self._rest(self._scan_every)
            self._beat.clear()
            if not engine.stopping:
                self._plan()
                self._ring(engine.clock.alarm(await self._tick()))
        self._scheduler.shutdown(wait=False)
        for each in (touch, sealing, self._planning):
            if each:
                each.cancel()
        try:
            await engine.log([self._event("service.stopped", "nothing is in flight")])
        except StoreUnavailableError as error:
            log.warning("stopped while the database cannot be used", error=str(error))
        if keeper:
            keeper.cancel()

    def _plan(self) -> None:
        """Go on planning under the policy in force, beside the ticks, if it is ours to do and not being done."""
        engine, busy = self._engine, self._planning and not self._planning.done()
        if engine.leads and self._planned != engine.policy.digest and not busy:
            self._planning = asyncio.create_task(
                turn("planning under the policy", partial(self._replan, engine.policy.digest))
            )

    async def _replan(self, digest: str) -> None:
        if await replan_beside(self._engine):
            self._planned = digest
            self._beat.set()  # what opens earlier than it did

    async def _rest(self, most: timedelta) -> None:
        """Wait for the metronome, or to be told to stop."""
        self._engine.pulse.rest(most.total_seconds())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._beat.wait(), most.total_seconds())
        self._engine.pulse.beat()

    def stop(self) -> None:
        """Claim nothing more; finish what is in flight."""
        self._engine.stopping = True
        self._keeper.stopping()
        self._beat.set()

    def wake(self) -> None:
        """Look now whether there is anything to do."""
        self._beat.set()

    def handle_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, reload the policy on SIGHUP."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self.reload()))

    async def reload(self, actor: str = DAEMON, asked: str = "SIGHUP") -> str:
        """Put the policy file in force; a bad one changes nothing. Gives what was wrong with it, or nothing.

        Who wanted it, `actor`, and in which way they `asked`, is for the audit log.
        """
        async with self._reloading:
            self._keeper.reloading()
            try:
                problem = await self._reload(actor, asked)
                self.health.reloaded(self._engine.clock.now(), problem)
                return problem
            finally:
                self._keeper.ready()

    async def _reload(self, actor: str, asked: str) -> str:
        try:
            await self._take_up(await asyncio.to_thread(self._load_policy), actor, asked)
        except ValueError as error:
            log.error("the policy was not reloaded; the old one stays in force", problems=str(error))  # noqa: TRY400
            detail = f"{str(error).partition(chr(10))[0]}; {asked}"
            with suppress(StoreUnavailableError):  # the next tick says so
                await self._engine.log([self._event("config.rejected", detail, actor)])
            return str(error)
        except StoreUnavailableError as error:
            log.error("the policy was not reloaded; the database cannot be used", error=str(error))  # noqa: TRY400
            return f"{UNUSABLE}: {error}"
        return ""

    async def _take_up(self, policy: Policy, actor: str, asked: str) -> None:
        engine, now = self._engine, self._engine.clock.now()
        if self._planning:
            self._planning.cancel()  # else it would go on under the old policy once we have begun under the new one
        if engine.leads:
            await replan(engine, policy)
        old, engine.policy = engine.policy.digest, policy
        await engine.store.wake(POLICY_HOLDS, now)
        await engine.log([self._event("config.reloaded", f"{old} -> {policy.digest}; {asked}", actor)])
        self._beat.set()

    async def _tick(self) -> datetime:
        """Tick, and give the instant at which to tick again."""
        try:
            if self._has_jumped() or self.health.away:
                await self._engine.meet()  # it writes, and so shows whether we can
                self.health.usable()
            worked = await tick(self._engine)
            wake = await self._next(worked)
        except StoreUnavailableError as error:
            self.health.unusable(error)
            return self._after_failure(UNUSABLE)
        except Exception:
            log.exception("a tick failed; the next one goes on")
            return self._after_failure("a tick failed by an error in renewd itself; its log has it")
        if self.health.away:
            return self._after_failure(UNUSABLE)
        self._failures = 0
        self.health.ticked(self._engine.clock.now(), scanned=self._engine.leads)
        return wake

    def _has_jumped(self) -> bool:
        """Say whether the clock was set, or the machine slept, since the last tick; if so, in the log too."""
        moved = self._engine.clock.moved()
        if abs(moved) < GONE_AFTER:
            return False
        by = format_duration(timedelta(seconds=round(abs(moved).total_seconds())))
        detail = (
            f"set back by {by}" if moved < timedelta(0) else f"{by} later: it was set, or the machine slept"
        )
        log.warning("the clock has jumped; what is unpaid is looked up before it is charged", detail=detail)
        self._planned = ""  # what was planned for a time that has not come is planned anew
        return True

    async def _next(self, worked: int) -> datetime:
        now, due = self._engine.clock.now(), await self._engine.store.next_due()
        latest, earliest = now + self._scan_every, now if worked else now + LEAST_REST
        wake = max(min(due, latest) if due else latest, earliest)
        if self._keeper.heard:
            outlook = await self._engine.store.outlook(now)
            self._keeper.stands(summary(outlook, due, now, self._engine.down))
        return wake

    def _after_failure(self, problem: str) -> datetime:
        self.health.missed(problem)
        self._keeper.stands(problem)
        wait: timedelta = min(FAILED_FIRST * 2**self._failures, FAILED_MOST)
        self._failures = min(self._failures + 1, 10)
        return self._engine.clock.now() + wait

    def _ring(self, at: datetime) -> None:
        """Have the metronome beat at the machine's instant `at`, and at no other."""
        if not self._engine.stopping:
            self._scheduler.add_job(self._beat.set, "date", run_date=at, id="beat", replace_existing=True)

    def _event(self, name: str, detail: str, actor: str = DAEMON) -> Event:
        engine = self._engine
        return Event(name, engine.clock.now(), actor, policy_digest=engine.policy.digest, detail=detail)
