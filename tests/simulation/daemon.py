"""One process of renewd in the world: the real engine behind doors, rebuilt after each crash."""

import asyncio
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from renewd.ports import Store, StoreUnavailableError
from renewd.renewal.decide import replanned_at
from renewd.renewal.model import Leg
from renewd.renewal.policy import Policy
from renewd.service.breaker import Breaker
from renewd.service.engine import Engine
from renewd.service.loop import POLICY_HOLDS, prepare
from renewd.service.tick import tick
from tests.simulation.carrier import CarrierBooks
from tests.simulation.doors import CarrierDoor, GatewayDoor, Postbox, StoreDoor
from tests.simulation.gateway import GatewayBooks
from tests.simulation.world import SETTLE_AFTER, Crash, DaemonClock, Process, World

YIELDS_OF_A_FROZEN_LOOP = 50


class OwnStore(Store, Protocol):
    """A store that its process can close."""

    async def close(self) -> None: ...


class Daemon:
    """A daemon that is started again whenever it crashes."""

    def __init__(
        self,
        world: World,
        name: str,
        books: tuple[GatewayBooks, CarrierBooks],
        new_store: Callable[[str, bool], OwnStore],
    ) -> None:
        self._world, self._name, self._books, self._new_store = world, name, books, new_store
        self._lives = 0
        self.store: OwnStore
        self._tick: asyncio.Task[int] | None = None

    async def start(self, policy: Policy) -> None:
        """Begin a new life. The only daemon of its database voids what leases the last life has left."""
        self._lives += 1
        world = self._world
        if self._lives > 1:
            await self.store.leave()  # as after half a minute of silence
        self.process = process = Process(f"{self._name}{self._lives}")
        self.store = self._new_store(process.name, not world.twins)
        self.door = StoreDoor(world, process, self.store)
        gateway, carrier = self._books
        self.engine = Engine(
            store=self.door,
            gateways={"gateway": GatewayDoor(world, process, gateway)},
            carriers={"carrier": CarrierDoor(world, process, carrier)},
            messenger=Postbox(world, process),
            clock=DaemonClock(world),
            policy=policy,
            breakers={
                at: Breaker(5, timedelta(seconds=30), timedelta(minutes=5))
                for at in ((Leg.CHARGE, "gateway"), (Leg.EXTEND, "carrier"))
            },
            tell=lambda event: None,
            operator_email="operator@example.com",
            concurrency=world.rng.choice((1, 3, 8)),
            settle_after=SETTLE_AFTER,
        )
        await prepare(self.engine)
        world.note(f"{process.name} starts")

    async def reload(self, policy: Policy) -> None:
        """Meet the other daemon and take a new policy up between two ticks, as the loop does."""
        self.engine.policy = policy
        if not self.is_frozen:
            await self.engine.meet()
        now, moved, more = self._world.daemon_now, 0, True
        while more:
            done = await self.store.replan(policy.digest, now, lambda each: replanned_at(each, policy, now))
            moved, more = moved + done.moved, done.more
        if moved:
            await self.store.wake(POLICY_HOLDS, now)

    @property
    def is_frozen(self) -> bool:
        return self.process.gate is not None

    async def tick(self, policy: Callable[[], Policy]) -> None:
        """Run one tick to its end, or until the process freezes in it."""
        self._tick = self._tick or asyncio.create_task(tick(self.engine))
        if not self._world.twins:
            await asyncio.wait({self._tick})
        else:
            froze = asyncio.create_task(self.process.froze.wait())
            await asyncio.wait({self._tick, froze}, return_when=asyncio.FIRST_COMPLETED)
            froze.cancel()
        if self.is_frozen:
            await _yields(YIELDS_OF_A_FROZEN_LOOP)
            return
        ended, self._tick = self._tick, None
        self._mail_has_changed_nothing()
        try:
            ended.result()
        except StoreUnavailableError:
            self._world.note(f"{self.process.name} could not finish its tick")
        except Crash:
            pass
        await self._lets_go_of_its_tasks()
        if self.process.dead:
            await self.start(policy())

    def _mail_has_changed_nothing(self) -> None:
        world, before = self._world, self.door.commits_before_mail
        if before is not None and before != world.belief.commits and not world.twins:
            world.violated(12, "renewals were changed while letters were sent")
        self.door.commits_before_mail = None

    async def _lets_go_of_its_tasks(self) -> None:
        """Let whatever the tick has left behind end too."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others and not self._world.twins:
            await asyncio.wait(others)


class Ear:
    """Stands in for the log: hears what went wrong inside renewd itself."""

    def __init__(self, world: World) -> None:
        self._world = world

    def warning(self, text: str, **_: Any) -> None:
        self._world.note(text)

    def exception(self, text: str, **about: Any) -> None:
        self._world.note(text, str(about))
        self._world.errors.append(traceback.format_exc())


async def _yields(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
