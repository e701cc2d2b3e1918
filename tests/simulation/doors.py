"""The doors between a daemon and the world: each crossing is a seam at which the process may end."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from renewd.ports import Store, StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.change import Change, Opening, Replanned
from renewd.renewal.fleet import Fleet
from renewd.renewal.model import Attempt, Case, HoldReason, Subscription
from renewd.renewal.notice import Letter, Notice
from renewd.renewal.outcome import Finding, Outcome
from renewd.renewal.query import Outlook
from tests.simulation.carrier import CarrierBooks
from tests.simulation.gateway import GatewayBooks
from tests.simulation.world import Process, World

MOST_REFUSALS = 200


class StoreDoor:
    """A store behind a line that can be cut before and after each of its transactions."""

    def __init__(self, world: World, process: Process, inner: Store) -> None:
        self._world, self._process, self._inner = world, process, inner
        self.commits_before_mail: int | None = None

    async def _before(self, where: str, about: str = "") -> None:
        world = self._world
        await world.seam(self._process, f"before {where}", about)
        if world.broken_calls or world.chance(world.odds.database):
            world.broken_calls = world.broken_calls - 1 if world.broken_calls else world.rng.randrange(9)
            raise StoreUnavailableError("the database is away")

    async def _after(self, where: str, about: str = "") -> None:
        await self._world.seam(self._process, f"after {where}", about)

    async def newly_due(
        self,
        now: datetime,
        limit: int,
        plan: Callable[[Subscription], Opening | datetime | None],
        plans: Collection[str] | None = None,
    ) -> tuple[Sequence[Opening], Sequence[Event]]:
        await self._before("scan")
        return await self._inner.newly_due(now, limit, plan, plans)

    async def open(self, openings: Sequence[Opening]) -> Sequence[Opening]:
        await self._before("open")
        new = await self._inner.open(openings)
        for opening in openings:
            self._world.note("opened", opening.renewal.id)
        await self._after("open")
        return new

    async def beat(self, now: datetime) -> Fleet:
        return await self._inner.beat(now)

    async def leave(self) -> None:
        await self._inner.leave()

    async def replan(
        self, digest: str, now: datetime, opens_at: Callable[[Subscription], datetime | None]
    ) -> Replanned:
        return await self._inner.replan(digest, now, opens_at)

    async def claim(self, now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        await self._before("claim")
        cases, aside = await self._inner.claim(now, limit)
        self._world.belief.owners |= {case.renewal.id: self._process.name for case in cases}
        await self._after("claim")
        return cases, aside

    async def commit(self, change: Change) -> bool:
        names = " ".join(event.name for event in change.events)
        where, about = f"commit [{names}]", change.renewal.id
        await self._before(where, about)
        held = await self._inner.commit(change)
        world = self._world
        world.note(f"{self._process.name} {'wrote' if held else 'could not write'} [{names}]", about)
        if held:
            self._believe(change)
        elif world.refused_again() > MOST_REFUSALS:
            world.violated(2, f"{about} is decided again and again, and never written")
            self._process.dead = True
        await self._after(where, about)
        if world.chance(world.odds.unsure):
            raise StoreUnavailableError("the answer to a commit was lost")
        return held

    def _believe(self, change: Change) -> None:
        belief, renewal_id = self._world.belief, change.renewal.id
        belief.commits += 1
        belief.renewals[renewal_id] = change.renewal
        for event in change.events:
            belief.attempted[event.key] += event.name.endswith(".attempted")
        if belief.owners[renewal_id] != self._process.name:
            self._world.violated(8, f"{self._process.name} wrote to {renewal_id}, which is no longer its own")

    async def reload(self, case: Case, now: datetime) -> Case | None:
        await self._before("reload")
        return await self._inner.reload(case, now)

    async def wake(self, holds: Sequence[HoldReason], now: datetime) -> None:
        await self._inner.wake(holds, now)

    async def next_due(self) -> datetime | None:
        return await self._inner.next_due()

    async def outlook(self, now: datetime) -> Outlook:
        return await self._inner.outlook(now)

    async def charges_since(self, instant: datetime) -> Sequence[datetime]:
        return await self._inner.charges_since(instant)

    async def owed(self, now: datetime, limit: int) -> Sequence[Notice]:
        await self._before("announce")
        self.commits_before_mail = self._world.belief.commits
        return await self._inner.owed(now, limit)

    async def sent(self, sent: Sequence[Notice], events: Sequence[Event]) -> None:
        await self._before("sent")
        await self._inner.sent(sent, events)
        await self._after("sent")

    async def log(self, events: Sequence[Event]) -> None:
        await self._before("log")
        await self._inner.log(events)


class ProviderDoor:
    """A gateway or a carrier at the end of a line; a call takes time, and the operator may act meanwhile."""

    longest_call = timedelta(seconds=20)

    def __init__(self, world: World, process: Process, name: str) -> None:
        self.name = name
        self._world, self._process = world, process

    async def _takes(self, where: str, about: str) -> None:
        world = self._world
        # A twin that is frozen with its request half sent could only be stopped by the provider itself.
        await world.seam(self._process, where, about, freezes=where.startswith("after"))
        world.passes(timedelta(seconds=world.rng.uniform(0.05, 8)))
        if world.chance(world.odds.operator * 8):
            world.meddle()

    def _heard(self, about: str, asked: str, answer: Finding) -> None:
        self._world.note(f"{self._process.name} {asked}: {answer}", about)

    def share(self, daemons: int) -> None:
        pass

    async def close(self) -> None:
        pass


class GatewayDoor(ProviderDoor):
    """The gateway as one daemon reaches it."""

    def __init__(self, world: World, process: Process, books: GatewayBooks) -> None:
        super().__init__(world, process, "gateway")
        self._books = books

    async def charge(self, attempt: Attempt) -> Outcome:
        await self._takes("before the charge", attempt.key)
        answer = self._books.charge(attempt)
        self._heard(attempt.key, "charges", answer)
        await self._takes("after the charge", attempt.key)
        return answer

    async def find(self, attempt: Attempt) -> Finding:
        await self._takes("before the look-up", attempt.key)
        finding = self._books.find(attempt)
        self._heard(attempt.key, "looks up", finding)
        await self._takes("after the look-up", attempt.key)
        return finding


class CarrierDoor(ProviderDoor):
    """The carrier as one daemon reaches it."""

    def __init__(self, world: World, process: Process, books: CarrierBooks) -> None:
        super().__init__(world, process, "carrier")
        self._books = books

    async def extend(self, attempt: Attempt) -> Outcome:
        await self._takes("before the extension", attempt.key)
        answer = self._books.extend(attempt)
        self._heard(attempt.key, "extends", answer)
        await self._takes("after the extension", attempt.key)
        return answer

    async def find(self, attempt: Attempt) -> Finding:
        await self._takes("before the look-up", attempt.key)
        finding = self._books.find(attempt)
        self._heard(attempt.key, "looks up", finding)
        await self._takes("after the look-up", attempt.key)
        return finding


class Postbox:
    """A messenger that fails; what it does must never be seen in the renewals."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    async def send(self, letter: Letter) -> None:
        world = self._world
        await world.seam(self._process, "at the postbox")
        if world.odds.mail and world.mail_rng.random() < world.odds.mail:
            raise OSError("the mail server is away")
