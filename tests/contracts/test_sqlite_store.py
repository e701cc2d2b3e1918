"""What only a real database can show: that it is durable, ours alone, append-only where it must be, and shared well."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from renewd.adapters.store.connect import connect, migrate, owned
from renewd.adapters.store.indexes import metadata
from renewd.adapters.store.sql_store import SqlStore
from renewd.ports import AlreadyRunningError, StoreUnavailableError
from renewd.renewal.audit import Event
from tests.contracts.stores import LEASE, NOW, Home, amiss, begun, sqlite, together


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    made = sqlite(tmp_path)
    yield made
    for each in made.stores:
        await each.close()


async def test_what_was_tried_by_the_right_time_keeps_its_wait_when_a_clock_is_set_back(home: Home) -> None:
    store = home.store()
    first, second = await home.claimed(store, 2)
    change = begun(first)
    assert await store.commit(change)
    home.desk.put(replace(second.renewal, next_at=NOW + timedelta(weeks=3)))
    await store.log([Event("renewal.opened", NOW + timedelta(weeks=3))])
    await home.store("two").beat(NOW)
    assert [each.next_at for each in home.desk.renewals()] == [change.renewal.next_at, NOW]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "renewd.db"


class TestTheFile:
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
    def test_root_makes_it_and_its_lock_for_whoever_owns_the_folder(self, path: Path) -> None:
        os.chown(path.parent, 4321, 4322)
        with owned(connect(f"sqlite:///{path}")):
            made = [path, Path(f"{path}.lock")]
            assert {(each.stat().st_uid, each.stat().st_gid) for each in made} == {(4321, 4322)}

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_nobody_is_given_a_file_elsewhere_by_a_link_in_its_place(
        self, path: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "theirs").write_text("x")
        Path(f"{path}.lock").symlink_to(tmp_path / "theirs")
        os.chown(path.parent, 4321, 4322)
        with pytest.raises(StoreUnavailableError), owned(connect(f"sqlite:///{path}")):
            pass
        assert (tmp_path / "theirs").stat().st_uid == 0

    @pytest.mark.parametrize(
        "statement", ["UPDATE audit_log SET detail = 'nothing happened'", "DELETE FROM audit_log"]
    )
    async def test_the_audit_log_can_only_be_appended_to(
        self, home: Home, path: Path, statement: str
    ) -> None:
        await home.store().log([Event("charge.attempted", NOW)])
        with (
            connect(f"sqlite:///{path}").begin() as connection,
            pytest.raises(IntegrityError, match="append-only"),
        ):
            connection.execute(text(statement))
        assert home.names() == ["charge.attempted"]

    def test_the_migrated_tables_are_the_ones_the_code_knows(self, home: Home, path: Path) -> None:
        with connect(f"sqlite:///{path}").begin() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_every_index_of_the_code_is_in_the_file_with_its_condition(self, home: Home, path: Path) -> None:
        made = _indexes(connect(f"sqlite:///{path}").connect())
        fresh = connect(f"sqlite:///{path.with_name('fresh.db')}")
        with fresh.begin() as connection:
            metadata.create_all(connection)
            assert made == _indexes(connection)

    def test_migrating_again_changes_nothing(self, home: Home, path: Path) -> None:
        before = path.read_bytes()
        migrate(connect(f"sqlite:///{path}"))
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
    )
    def test_every_connection_is_set_to_lose_nothing(
        self, home: Home, path: Path, pragma: str, value: object
    ) -> None:
        with connect(f"sqlite:///{path}").connect() as connection:
            assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value

    def test_the_database_has_one_owner(self, path: Path) -> None:
        engine = connect(f"sqlite:///{path}")
        with owned(engine), pytest.raises(AlreadyRunningError), owned(engine):
            pass
        with owned(engine):
            pass

    def test_another_name_for_the_file_leads_to_the_same_owner(self, path: Path) -> None:
        path.with_name("other.db").symlink_to(path)
        same = connect(f"sqlite:///{path.with_name('other.db')}")
        with owned(connect(f"sqlite:///{path}")), pytest.raises(AlreadyRunningError), owned(same):
            pass


class TestWhenItCannotBeUsed:
    async def test_a_locked_database_is_unavailable_and_comes_back(self, home: Home, path: Path) -> None:
        store = _impatient(home, path)
        (case,) = await home.claimed(store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            await store.commit(begun(case))
        other.execute("ROLLBACK")
        other.close()
        assert await store.commit(begun(case))

    async def test_a_database_that_turns_read_only_is_unavailable_and_comes_back(
        self, home: Home, path: Path
    ) -> None:
        store = home.store()
        (case,) = await home.claimed(store)
        await _set_query_only(store, on=True)
        with pytest.raises(StoreUnavailableError):
            await store.commit(begun(case))
        # The failed connection was given up; a new one is not read-only any more.
        assert await store.commit(begun(case))

    async def test_a_store_that_is_closed_says_so(self, home: Home) -> None:
        store = home.open_store("one")
        await store.close()
        with pytest.raises(StoreUnavailableError, match="closed"):
            await store.next_due()

    async def test_whoever_waits_is_served_before_the_store_closes(self, home: Home) -> None:
        store = home.open_store("one")
        (case,) = await home.claimed(store)
        commit = asyncio.create_task(store.commit(begun(case)))
        await asyncio.sleep(0)
        await store.close()
        assert await commit


class TestSharingTransactions:
    async def test_concurrent_changes_share_transactions(self, home: Home, path: Path) -> None:
        engine = connect(f"sqlite:///{path}")
        store = SqlStore(engine, "one", LEASE)
        home.stores.append(store)
        cases = await home.claimed(store, 100)
        commits: list[object] = []
        event.listen(engine, "commit", commits.append)
        assert all(await together(store, [begun(case) for case in cases]))
        assert len(home.desk.attempts()) == 100
        assert len(commits) <= 10

    async def test_many_poisonous_changes_stop_none_of_the_others(self, home: Home) -> None:
        store = home.store()
        changes = [begun(case) for case in await home.claimed(store, 40)]
        poisoned = {3, 4, 17, 39}
        answers = await together(
            store, [amiss(each) if n in poisoned else each for n, each in enumerate(changes)]
        )
        assert {n for n, answer in enumerate(answers) if isinstance(answer, IntegrityError)} == poisoned
        assert len(home.desk.attempts()) == 36


class TestDurability:
    async def test_what_was_committed_outlives_the_process(self, home: Home, path: Path) -> None:
        await home.claimed(home.store())
        program = (sys.executable, "-c", COMMIT_AND_DIE, str(path))
        killed = await asyncio.create_subprocess_exec(*program, cwd=Path(__file__).parents[2])
        assert await asyncio.wait_for(killed.wait(), timeout=60) == 9
        assert home.names() == ["renewal.opened", "charge.attempted"]
        assert [each.number for each in home.desk.attempts()] == [1]


COMMIT_AND_DIE = """
import asyncio, os, sys
from datetime import timedelta
from renewd.adapters.store.connect import connect
from renewd.adapters.store.sql_store import SqlStore
from tests.contracts.stores import LEASE, NOW, begun, claim

async def main():
    store = SqlStore(connect(f"sqlite:///{sys.argv[1]}"), "two", LEASE)
    (case,) = await claim(store, NOW + LEASE)
    assert await store.commit(begun(case))
    os._exit(9)

asyncio.run(main())
"""


def _impatient(home: Home, path: Path) -> SqlStore:
    engine = connect(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    store = SqlStore(engine, "one", LEASE)
    home.stores.append(store)
    return store


async def _set_query_only(store: object, *, on: bool) -> None:
    def set_it(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if on else 'OFF'}")

    assert isinstance(store, SqlStore)
    await store._writer.call(set_it)


def _indexes(connection: Connection) -> set[tuple[str, str]]:
    rows = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    )
    return {(name, " ".join(sql.split())) for name, sql in rows}
