"""A store to put to the test, a few rows for it, and the changes that a daemon would write."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from renewd.adapters.store.connect import connect
from renewd.adapters.store.sql_store import SqlStore
from renewd.renewal.begin import opened
from renewd.renewal.change import Change, Opening
from renewd.renewal.decide import planned
from renewd.renewal.decline import DeclineClass
from renewd.renewal.fold import folded
from renewd.renewal.model import Case, Customer, PaymentMethod, Subscription
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import Declined, Done, Finding
from renewd.renewal.step import Call, Charge, Extend
from tests.memory_store import ConstraintError, MemoryStore, Tables
from tests.postgres import fresh_database
from tests.simulation.daemon import OwnStore
from tests.simulation.desk import Desk, MemoryDesk, SqlDesk
from tests.simulation.policies import ORDINARY
from tests.simulation.storage import empty_database

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
LEASE, SETTLE = timedelta(minutes=5), timedelta(minutes=10)
ENDS = NOW + timedelta(days=1)


@dataclass
class Home:
    """One database, and all the stores that were opened on it."""

    desk: Desk
    open_store: Callable[[str], OwnStore]
    refusal: type[Exception]
    stores: list[OwnStore] = field(default_factory=list)

    def store(self, owner: str = "one") -> OwnStore:
        self.stores.append(self.open_store(owner))
        return self.stores[-1]

    def settle_in(self, *subscriptions: Subscription) -> None:
        """Put in subscriptions and whose they are, each customer with one card."""
        for each in subscriptions:
            who = each.customer_id
            customer = Customer(who, "Ada", "ada@example.com", f"cus_{who}")
            self.desk.put(each, customer, PaymentMethod(f"m-{who}", who, f"pm_{who}"))

    async def claimed(self, store: OwnStore, count: int = 1, customer: str = "") -> list[Case]:
        """Open and claim the renewals of so many subscriptions, each of another customer or all of one."""
        due = [subscription(f"s{n}", customer=customer) for n in range(count)]
        self.settle_in(*due)
        await store.open([planned(each, moment()) for each in due])
        return await claim(store, NOW, count)

    async def due(self, store: OwnStore, count: int = 9, now: datetime = NOW) -> list[Opening]:
        """Plan the openings that are newly due."""
        openings, _ = await store.newly_due(now, count, partial(planned, moment=moment()))
        return list(openings)

    def names(self) -> list[str]:
        return [event.name for event in self.desk.events()]


class StoreContract:
    """The base of every class of tests that both stores must pass."""

    @pytest.fixture(params=["memory", "sqlite", "postgres"])
    async def home(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
        made = {"memory": memory, "sqlite": sqlite, "postgres": postgres}[request.param](tmp_path)
        yield made
        for each in made.stores:
            await each.close()

    @pytest.fixture
    def store(self, home: Home) -> OwnStore:
        return home.store()


def memory(_: Path) -> Home:
    tables = Tables()
    return Home(MemoryDesk(tables), lambda owner: MemoryStore(tables, owner, LEASE), ConstraintError)


def sqlite(folder: Path) -> Home:
    path = folder / "renewd.db"
    shutil.copy(empty_database(), path)
    engine = connect(f"sqlite:///{path}")
    return Home(SqlDesk(engine), lambda owner: SqlStore(engine, owner, LEASE), IntegrityError)


def postgres(_: Path) -> Home:
    engine = connect(fresh_database())
    return Home(SqlDesk(engine), lambda owner: SqlStore(engine, owner, LEASE), IntegrityError)


def subscription(name: str, opens_at: datetime | None = NOW, customer: str = "") -> Subscription:
    whose = customer or f"c-{name}"
    return Subscription(name, whose, "week", f"line-{name}", "UTC", ENDS, ENDS, opens_at=opens_at)


def moment(now: datetime = NOW) -> Moment:
    return Moment(now, ORDINARY, SETTLE, running_since=NOW - timedelta(days=30))


def begun(case: Case, step: Call | None = None, now: datetime = NOW) -> Change:
    """Give what must be written before a call; before a charge if no other step is named."""
    return opened(case, step or Charge(case.methods[0]), moment(now))


def answered(change: Change, answer: Finding, step: Call | None = None, now: datetime = NOW) -> Change:
    """Give what must be written after the answer to a call."""
    return folded(change.after(), step or Charge(change.before.methods[0]), answer, moment(now), 1)


async def claim(store: OwnStore, now: datetime, limit: int = 9) -> list[Case]:
    """Claim what is due, every row of which can be read."""
    cases, aside = await store.claim(now, limit)
    assert not aside
    return list(cases)


async def paid(store: OwnStore, case: Case, reference: str = "pi_1") -> Case:
    """Charge a case and write it all down; give the case as it then is."""
    start = begun(case)
    end = answered(start, Done(reference))
    assert await store.commit(start)
    assert await store.commit(end)
    return end.after()


async def declined(store: OwnStore, case: Case, why: DeclineClass = DeclineClass.LATER) -> None:
    """Have a charge of a case declined, and write it all down."""
    start = begun(case)
    assert await store.commit(start)
    assert await store.commit(answered(start, Declined(why, "do_not_honor")))


async def renewed(store: OwnStore, case: Case) -> None:
    """Take a case to its end."""
    start = begun(await paid(store, case), Extend())
    assert await store.commit(start)
    assert await store.commit(answered(start, Done("extension"), Extend()))


async def together(store: OwnStore, changes: Sequence[Change]) -> list[bool | BaseException]:
    """Commit changes at once, as concurrent renewals do."""
    return list(await asyncio.gather(*map(store.commit, changes), return_exceptions=True))


def amiss(change: Change) -> Change:
    """Spoil a change so that the database itself must refuse it: an attempt with an amount of nothing."""
    attempt = change.attempt
    assert attempt
    assert attempt.amount
    return replace(change, attempt=replace(attempt, amount=replace(attempt.amount, minor=0)))
