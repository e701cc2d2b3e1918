"""One life from a seed: weeks of faults, then healing until nothing is due, then the books are compared.

The daemon's engine and decisions are the real ones. Everything around them, time included, comes from the seed.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

from renewd.renewal import fleet
from renewd.renewal.model import Subscription
from renewd.service import advance
from tests.simulation import rules, storage
from tests.simulation.carrier import CarrierBooks
from tests.simulation.daemon import Daemon, Ear
from tests.simulation.gateway import GatewayBooks
from tests.simulation.operator import Operator
from tests.simulation.policies import POLICIES
from tests.simulation.population import people
from tests.simulation.world import Odds, World

START = datetime(2026, 1, 8, 6, tzinfo=UTC)
MOST_TICKS = 3000
FOR_EVER = timedelta(days=1000)


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of life a seed leads."""

    days: float
    storage: str
    twins: bool
    odds: Odds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a life: the rules it broke, and its diary."""

    seed: int
    kind: Kind
    violations: list[str]
    errors: list[str]
    diary: list[tuple[datetime, str, str]]
    charges: int
    crashes: int


def kind_of(seed: int) -> Kind:
    """Draw a kind of life: how long, on which database, with which faults how often."""
    rng = Random(f"{seed}/kind")
    storage_of = {49: "postgres", 99: "sqlite"}.get(seed % 100, "memory")
    worst = {
        "crash": 0.008,
        "freeze": 0.01,
        "suspend": 0.002,
        "operator": 0.01,
        "database": 0.01,
        "unsure": 0.01,
        "mail": 0.5,
        "unreached": 0.2,
        "lost": 0.15,
        "late": 0.12,
        "saved_500": 0.1,
        "stale": 0.3,
        "unreadable": 0.2,
        "declined": 0.6,
        "pending": 0.15,
        "mismatch": 0.03,
        "restore": 0.05 if storage_of == "memory" else 0.3,  # those lives are short
    }
    # Each life has some of the faults only: what is rare everywhere would never meet what is frequent somewhere.
    drawn = {name: most * rng.random() if rng.random() < 0.6 else 0.0 for name, most in worst.items()}
    days = rng.uniform(40, 90) if storage_of == "memory" else rng.uniform(20, 30)
    twins = rng.random() < 0.2
    kept = {"restore": 0.0} if twins else {}
    return Kind(days, storage_of, twins, Odds(**drawn | kept))


class Life:
    """Everything that one seed brings about."""

    def __init__(self, seed: int, kind: Kind) -> None:
        self.kind = kind
        self.world = world = World(seed, kind.odds, START, twins=kind.twins)
        self.desk, new_store = storage.STORAGES[kind.storage]()
        self.gateway, self.carrier = GatewayBooks(world), CarrierBooks(world)
        self.operator = Operator(world, self.desk, (self.gateway, self.carrier), world.rng.choice(POLICIES))
        self.people = people(world.rng, START)
        self.daemons = [
            Daemon(world, name, (self.gateway, self.carrier), new_store)
            for name in ("A", "B")[: 1 + kind.twins]
        ]
        self._thaw_at: datetime | None = None
        self._backup: Callable[[], datetime] | None = None
        self._ticks = 0

    @property
    def began(self) -> list[Subscription]:
        return [each for each in self.people if isinstance(each, Subscription)]

    async def live(self) -> None:
        """Lead the life: the troubled weeks, the healing, the end."""
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        world, end = self.world, START + timedelta(days=self.kind.days)
        self.desk.put(*self.people)
        for each in self.began:
            self.carrier.good_until[each.line] = each.current_period_end
        for daemon in self.daemons:
            await daemon.start(self.operator.policy)
        world.meddle = self._meddle
        while world.now < end and not self._over:
            self._trouble()
            await self._lose_the_database()
            await self._next_ticks()
        await self._heal()
        for daemon in self.daemons:
            await daemon.store.close()

    def _meddle(self) -> None:
        if self.world.chance(self.world.odds.restore):
            self._back_up()
        self.operator.meddle()
        for daemon in self.daemons:
            daemon.engine.policy = self.operator.policy

    def _trouble(self) -> None:
        """Let things happen between two ticks."""
        world, dice = self.world, self.world.rng.random()
        if dice < 2 * world.odds.operator:
            self._meddle()
        elif dice < 2 * world.odds.operator + 5 * world.odds.suspend:
            world.suspend()
        elif dice < 2 * world.odds.operator + 10 * world.odds.suspend and not world.odds.restore:
            # A backup in the place of a database whose clock was wrong: no daemon could know what it has missed.
            world.clock_off = timedelta(hours=-world.rng.uniform(0, 48))
            world.note("the clock is set; it is off by", str(world.clock_off))

    def _back_up(self) -> None:
        """Copy the database, and what the operator knows of it, as they are now."""
        desk, operator, world, taken_at = self.desk, self.operator, self.world, self.world.now
        copy, memory = desk.back_up(), operator.remember()

        def put_back() -> datetime:
            desk.restore(copy)
            operator.recall(memory)
            world.belief.renewals = {each.id: each for each in desk.renewals()}
            return taken_at

        world.note("the database is backed up")
        self._backup = put_back

    async def _lose_the_database(self) -> None:
        """Now and then, take a backup, or put the last one in the place of the database."""
        world, (daemon, *_) = self.world, self.daemons
        if not world.chance(world.odds.restore):
            return
        if self._backup is None or world.rng.random() < 0.3:
            self._back_up()
            return
        daemon.process.dead = True
        await daemon.store.close()
        world.lost.append((self._backup(), world.now))
        world.note("a backup takes the place of the database", f"as it was {world.lost[-1][0]}")
        await daemon.start(self.operator.policy)

    async def _next_ticks(self) -> None:
        """Sleep until something is due, then tick."""
        self._ticks += 1
        for daemon in self.daemons:
            await daemon.reload(self.operator.policy)
        await self._sleep()
        frozen = [daemon for daemon in self.daemons if daemon.is_frozen]
        if frozen and self._thaw_at is None:
            self._thaw_at = self.world.now + timedelta(hours=self.world.rng.choice((0.1, 1, 12, 20)))
        if frozen and self._thaw_at and self.world.now >= self._thaw_at:
            self.world.note(f"{frozen[0].process.name} thaws")
            frozen[0].process.thaw()
        running = [daemon for daemon in self.daemons if not daemon.is_frozen]
        ticks = [daemon.tick(lambda: self.operator.policy) for daemon in running]
        await (asyncio.gather(*ticks) if self.kind.twins else ticks[0])

    async def _sleep(self) -> None:
        world = self.world
        due = await self.daemons[0].store.next_due()
        ahead = due - world.daemon_now if due else timedelta(days=1)
        least = timedelta(seconds=world.rng.uniform(1, 90))
        world.passes(min(max(ahead + timedelta(seconds=world.rng.uniform(0, 5)), least), timedelta(days=1)))

    async def _heal(self) -> None:
        """Take all faults away, let three days pass, then open no more renewals and wait until nothing is due."""
        world = self.world
        for daemon in self.daemons:
            daemon.process.thaw()
        world.calm_down()
        for _ in range(world.rng.randrange(6)):
            self.operator.settle()
        self.operator.unhalt()
        until = world.now + timedelta(days=3)
        while world.now < until and not self._over:
            await self._next_ticks()
        rules.nobody_is_forgotten(self)
        while not self._over:
            self.operator.close_shop()
            if await self.daemons[0].store.next_due() is None:
                rules.check(self)
                break
            await self._next_ticks()

    @property
    def _over(self) -> bool:
        if self._ticks > MOST_TICKS and not self.world.violations:
            self.world.violated(2, "it never comes to rest")
        return bool(self.world.violations)


def lead(seed: int, kind: Kind | None = None) -> Verdict:
    """Lead the life of a seed to its end, and judge it."""
    kind = kind or kind_of(seed)
    life = Life(seed, kind)
    with ExitStack() as patches:
        patches.enter_context(patch.object(advance, "RECORD_PAUSE_SECONDS", 0))
        # Nobody beats here while time passes: who has not died lives.
        patches.enter_context(patch.object(fleet, "GONE_AFTER", FOR_EVER))
        patches.enter_context(patch.object(advance, "log", Ear(life.world)))
        asyncio.run(life.live())
    world = life.world
    crashes = sum(" crashes " in what for _, what, _ in world.diary)
    return Verdict(
        seed, kind, world.violations, world.errors, world.diary, len(life.gateway.requests), crashes
    )
