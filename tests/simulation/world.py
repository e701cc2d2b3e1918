"""The world of one simulated life: its time, its chance, its diary, and what has gone wrong in it.

True time passes for everybody alike. The daemon's clock may be off by `clock_off`, as after somebody set it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from renewd.renewal.model import Renewal

SETTLE_AFTER, LEASE = timedelta(minutes=10), timedelta(minutes=5)


class Crash(BaseException):
    """The process ends here, between two instructions."""


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely each fault is, at each point where it can strike."""

    crash: float = 0.0
    freeze: float = 0.0
    suspend: float = 0.0
    operator: float = 0.0
    restore: float = 0.0
    database: float = 0.0
    unsure: float = 0.0
    mail: float = 0.0
    yields: float = 0.3
    unreached: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    saved_500: float = 0.0
    stale: float = 0.0
    unreadable: float = 0.0
    declined: float = 0.0
    pending: float = 0.0
    mismatch: float = 0.0


CALM = Odds()


@dataclass(slots=True)
class Process:
    """One life of one daemon: dead after a crash, frozen while `gate` is there and closed."""

    name: str
    dead: bool = False
    gate: asyncio.Event | None = None
    froze: asyncio.Event = field(default_factory=asyncio.Event)

    async def alive(self) -> None:
        """Go on only if the process does: wait while it is frozen, end when it is dead."""
        if self.gate:
            await self.gate.wait()
        if self.dead:
            raise Crash(self.name)

    def freeze(self) -> None:
        self.gate = asyncio.Event()
        self.froze.set()

    def thaw(self) -> None:
        if self.gate:
            self.gate.set()
        self.gate = None
        self.froze = asyncio.Event()


@dataclass(slots=True)
class Belief:
    """What the database is known to hold: only what a commit has confirmed."""

    attempted: Counter[str] = field(default_factory=Counter)
    renewals: dict[str, Renewal] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    commits: int = 0


class World:
    """Everything that one history shares."""

    def __init__(self, seed: int, odds: Odds, now: datetime, *, twins: bool) -> None:
        self.seed, self.rng, self.odds = seed, Random(seed), odds
        self.mail_rng = Random(f"{seed}/mail")
        self.now, self.clock_off = now, timedelta(0)
        self.twins, self.someone_froze = twins, False
        self.belief = Belief()
        self.diary: list[tuple[datetime, str, str]] = []
        self.violations: list[str] = []
        self.errors: list[str] = []
        self.broken_calls = 0
        self.lost: list[tuple[datetime, datetime]] = []
        self.meddle: Callable[[], None] = lambda: None
        self._refusals = (now, 0)
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []

    def note(self, what: str, about: str = "") -> None:
        self.diary.append((self.now, what, about))

    def violated(self, rule: int, text: str) -> None:
        self.note(f"VIOLATION of rule {rule}", text)
        self.violations.append(f"rule {rule}: {text}")

    def chance(self, odds: float) -> bool:
        return odds > 0 and self.rng.random() < odds

    def forgotten(self, at: datetime) -> bool:
        """Say whether what the daemon did then is in no database: a backup of before was put in its place."""
        return any(taken <= at <= restored for taken, restored in self.lost)

    @property
    def daemon_now(self) -> datetime:
        return self.now + self.clock_off

    def refused_again(self) -> int:
        """Count the refused commits since time last passed."""
        self._refusals = (self.now, self._refusals[1] + 1 if self._refusals[0] == self.now else 1)
        return self._refusals[1]

    def later(self, delay: timedelta, deed: Callable[[], None]) -> None:
        """Let something happen by itself once `delay` has passed."""
        self._later.append((self.now + delay, len(self._later), deed))

    def passes(self, time: timedelta) -> None:
        """Let time pass, and with it whatever was on its way."""
        end = self.now + time
        while due := [each for each in self._later if each[0] <= end]:
            first = min(due, key=lambda each: each[:2])
            self._later.remove(first)
            self.now = max(self.now, first[0])
            first[2]()
        self.now = end

    def suspend(self, most_days: float = 21) -> None:
        """Close the lid: everything stands still but time."""
        time = timedelta(days=self.rng.uniform(0, most_days))
        self.note("suspended for", str(time))
        self.passes(time)

    def calm_down(self) -> None:
        """End all faults: the healing begins."""
        self.odds = replace(CALM, yields=0.0)
        self.broken_calls = 0
        self.note("healing begins")

    async def seam(self, process: Process, where: str, about: str = "", *, freezes: bool = True) -> None:
        """Pass a point at which the process may be cut off, frozen, suspended, or overtaken by the operator."""
        await process.alive()
        odds = self.odds
        dice = self.rng.random() if odds is not CALM else 1.0
        if (dice := dice - odds.crash) < 0:
            process.dead = True
            self.note(f"{process.name} crashes {where}", about)
        elif (dice := dice - odds.freeze) < 0:
            if self.twins and freezes and not self.someone_froze:
                self.someone_froze = True
                self.note(f"{process.name} freezes {where}", about)
                process.freeze()
        elif (dice := dice - odds.suspend) < 0:
            self.suspend()
        elif (dice := dice - odds.operator) < 0:
            self.meddle()
        elif dice - odds.yields < 0:
            await asyncio.sleep(0)
        await process.alive()


class DaemonClock:
    """The clock of a daemon in the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.daemon_now

    def elapsed(self) -> float:
        return self._world.now.timestamp()

    def moved(self) -> timedelta:
        return timedelta(0)

    def alarm(self, instant: datetime) -> datetime:
        return instant
