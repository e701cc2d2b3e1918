"""What only a server can show: that daemons which share it are kept apart, and together stay below what is allowed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import IntegrityError

from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.indexes import metadata
from renewd.adapters.store.tables import renewals, subscriptions
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.change import Change
from renewd.renewal.model import Case
from tests.contracts.stores import NOW, Home, begun, claim, postgres
from tests.postgres import empty_database
from tests.simulation.daemon import OwnStore
from tests.simulation.desk import Command, SqlDesk

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MOST = 3
LOSE_ALL_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    made = postgres(tmp_path)
    yield made
    for each in made.stores:
        await each.close()


def server(home: Home) -> SqlDesk:
    assert isinstance(home.desk, SqlDesk)
    return home.desk


def starting(case: Case) -> Change:
    return replace(begun(case), most_per_hour=MOST)


@contextmanager
def unheard(engine: Engine) -> Iterator[None]:
    """Let commits be carried out, but the connection be lost before they are answered."""

    def commit_and_lose(connection: Any) -> None:
        connection.commit()
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with patch.object(engine.dialect, "do_commit", commit_and_lose):
        yield


async def halves(home: Home, count: int) -> tuple[OwnStore, list[Case], OwnStore, list[Case]]:
    """Give two stores, with half of the cases claimed by each."""
    one, two = home.store("one"), home.store("two")
    await home.claimed(one, 0)
    cases = await home.claimed(one, count)
    for case in cases[count // 2 :]:
        home.desk.put(replace(case.renewal, next_at=NOW))
    with server(home)._engine.begin() as connection:
        theirs = [case.renewal.id for case in cases[count // 2 :]]
        connection.execute(renewals.update().where(renewals.c.id.in_(theirs)).values(lease_until=None))
    return one, cases[: count // 2], two, await claim(two, NOW)


async def test_all_daemons_together_begin_no_more_than_the_brake_allows(home: Home) -> None:
    one, ours, two, theirs = await halves(home, 8)
    asked = [*(one.commit(starting(each)) for each in ours), *(two.commit(starting(each)) for each in theirs)]
    assert sorted(await asyncio.gather(*asked)) == [False] * 5 + [True] * MOST
    assert len(home.desk.attempts()) == MOST


async def test_the_brake_lets_go_when_the_hour_is_over(home: Home) -> None:
    one, ours, two, theirs = await halves(home, 8)
    assert [await one.commit(starting(each)) for each in ours] == [True] * MOST + [False]
    assert not await two.commit(starting(theirs[0]))
    later = replace(starting(theirs[0]), at=NOW + HOUR + 2 * MINUTE)
    assert await two.commit(later)


async def test_a_halt_waits_for_the_charges_that_are_being_begun_and_stops_all_others(home: Home) -> None:
    one, ours, two, theirs = await halves(home, 4)
    assert await one.commit(begun(ours[0]))
    home.desk.act(Command(Event("operator.halted", NOW, "ada"), halted="complaints"))
    assert [await one.commit(begun(ours[1])), await two.commit(begun(theirs[0]))] == [False, False]


async def test_two_daemons_do_not_try_one_card_at_once(home: Home) -> None:
    one = home.store("one")
    first, second = await home.claimed(one, 2, "ada")
    two = home.store("two")
    with server(home)._engine.begin() as connection:
        theirs = renewals.c.id == second.renewal.id
        connection.execute(renewals.update().where(theirs).values(lease_until=None))
    (taken,) = await claim(two, NOW)
    assert sorted(await asyncio.gather(one.commit(begun(first)), two.commit(begun(taken)))) == [False, True]


async def test_transactions_that_cross_each_other_are_both_carried_out(home: Home) -> None:
    one = home.store("one")
    await home.claimed(one, 2)
    two = home.store("two")

    def touching(*order: str) -> Callable[[Connection], None]:
        def touch(connection: Connection) -> None:
            for each in order:
                theirs = subscriptions.c.id == each
                connection.execute(
                    subscriptions.update().where(theirs).values(line=subscriptions.c.line + "!")
                )
                connection.execute(text("SELECT pg_sleep(0.2)"))

        return touch

    await asyncio.gather(one._writer.call(touching("s0", "s1")), two._writer.call(touching("s1", "s0")))  # type: ignore[attr-defined]
    assert [each.line for each in home.desk.subscriptions()] == ["line-s0!!", "line-s1!!"]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET detail = '?'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
async def test_the_audit_log_can_only_be_appended_to(home: Home, statement: str) -> None:
    await home.store().log([Event("charge.attempted", NOW)])
    with (
        server(home)._engine.begin() as connection,
        pytest.raises(IntegrityError, match="append-only"),
    ):
        connection.execute(text(statement))
    assert home.names() == ["charge.attempted"]


def test_the_migrated_tables_are_the_ones_the_code_knows(home: Home) -> None:
    with server(home)._engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_of_daemons_that_start_at_once_one_makes_the_tables_and_the_others_wait() -> None:
    engines = [connect(url) for url in [empty_database()] * 6]
    together = Barrier(len(engines))

    def start(engine: Engine) -> None:
        together.wait()
        migrate(engine)

    with ThreadPoolExecutor(len(engines)) as pool:
        assert list(pool.map(start, engines)) == [None] * len(engines)


def test_another_machine_must_prove_who_it_is() -> None:
    assert connect("postgresql://renewd@db.example.com/renewd").url.query["sslmode"] == "verify-full"
    assert "sslmode" not in connect("postgresql://renewd@localhost/renewd").url.query
    assert connect("postgresql://u@h.example/d?sslmode=require").url.query["sslmode"] == "require"


async def test_what_another_daemon_is_just_claiming_is_left_to_it(home: Home) -> None:
    one = home.store("one")
    cases = await home.claimed(one, 3)
    home.desk.put(*(replace(each.renewal, next_at=NOW) for each in cases))
    with server(home)._engine.begin() as connection:
        connection.execute(renewals.update().values(lease_until=None))
    with server(home)._engine.begin() as connection:
        mine = select(renewals.c.id).where(renewals.c.id == cases[0].renewal.id).with_for_update()
        connection.execute(mine)
        theirs = await claim(home.store("two"), NOW)
    assert {each.renewal.id for each in theirs} == {each.renewal.id for each in cases[1:]}


async def test_a_connection_that_was_lost_while_nobody_asked_is_made_anew(home: Home) -> None:
    store = home.store()
    await store.log([Event("service.started", NOW)])
    with server(home)._engine.begin() as connection:
        connection.execute(LOSE_ALL_OTHERS)
    await store.log([Event("service.stopped", NOW)])
    assert home.names() == ["service.started", "service.stopped"]


async def test_a_commit_whose_answer_is_lost_is_not_made_again(home: Home) -> None:
    store, engine = home.store(), server(home)._engine

    await store.log([Event("service.started", NOW)])
    with (
        unheard(engine),
        pytest.raises(StoreUnavailableError, match="server closed"),
    ):
        await store.log([Event("operator.halted", NOW)])
    await store.log([Event("service.stopped", NOW)])
    assert home.names() == ["service.started", "operator.halted", "service.stopped"]


async def test_a_change_that_was_committed_unheard_no_longer_holds(home: Home) -> None:
    store, engine = home.store(), server(home)._engine
    (case,) = await home.claimed(store)

    with unheard(engine), pytest.raises(StoreUnavailableError):
        await store.commit(begun(case))
    assert not await store.commit(begun(case))
    fresh = await store.reload(case, NOW)
    assert fresh
    assert fresh.attempt
    assert len(home.desk.attempts()) == 1


async def test_a_server_that_lets_nobody_write_is_away(home: Home) -> None:
    engine = server(home)._engine
    (case,) = await home.claimed(home.store())
    with engine.begin() as connection:
        connection.execute(
            text(f"ALTER DATABASE {engine.url.database} SET default_transaction_read_only = on")
        )
    store = home.store()
    with pytest.raises(StoreUnavailableError, match="read-only transaction"):
        await store.commit(begun(case))


def test_what_is_committed_is_durable_whatever_the_server_does_for_others(home: Home) -> None:
    engine = server(home)._engine
    with engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off"))
    with engine.begin() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


async def test_who_has_a_clock_that_is_behind_the_server_does_not_take_the_log_for_being_ahead(
    home: Home,
) -> None:
    ahead, store = NOW + timedelta(weeks=3), home.store()
    (case,) = await home.claimed(store)
    home.desk.put(replace(case.renewal, next_at=ahead))
    await store.log([Event("renewal.opened", ahead)])
    await home.store("two").beat(NOW)
    assert [each.next_at for each in home.desk.renewals()] == [ahead]
