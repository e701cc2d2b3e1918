"""Sealing beside others: those who write the log, and those who seal it too."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from renewd.adapters.store import audit_rows, seals, verifying
from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.moving import move
from renewd.adapters.store.roles import APP, OWNER, READER, roles
from renewd.adapters.store.rows import event_row
from renewd.adapters.store.seals import SqlSealer
from renewd.adapters.store.sql_store import SqlStore
from renewd.adapters.store.tables import audit_checkpoints, audit_leaves, audit_log
from renewd.adapters.store.verifying import Trust, verify
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.money import Money
from renewd.seal.note import Checkpoint, Sealed
from tests.contracts.stores import LEASE, NOW, Home, declined, postgres, renewed, sqlite
from tests.postgres import empty_database, fresh_database
from tests.simulation.desk import SqlDesk


@pytest.fixture(params=[sqlite, postgres])
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    made: Home = request.param(tmp_path)
    yield made
    for each in made.stores:
        await each.close()


def engine_of(home: Home) -> Engine:
    assert isinstance(home.desk, SqlDesk)
    return home.desk._engine


def events(count: int) -> list[Event]:
    return [
        Event("charge.succeeded", NOW, detail=f"ü\n{n}", amount=Money(n + 1, "USD"), next_at=NOW)
        for n in range(count)
    ]


async def test_many_who_seal_at_once_make_one_chain(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "BATCH", 7)
    await home.store().log(events(60))
    kept: list[Checkpoint] = []

    def work() -> None:
        sealer = SqlSealer(engine_of(home), None, kept.append)
        while not sealed_all(engine_of(home)):
            sealer.seal(NOW)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    report = verify(engine_of(home), Trust((), kept), lambda _: None)
    assert (report.findings, report.size, report.held) == ((), 60, len(kept))
    assert report.checkpoints == len(kept) == 9


def sealed_all(engine: Engine) -> bool:
    with engine.connect() as connection:
        newest = connection.execute(
            select(audit_checkpoints.c.last).order_by(audit_checkpoints.c.last.desc())
        ).scalar()
        return (
            newest
            == connection.execute(select(audit_log.c.sequence).order_by(audit_log.c.sequence.desc())).scalar()
        )


async def test_an_edge_that_was_spoilt_is_not_built_upon(home: Home) -> None:
    sealer = SqlSealer(engine_of(home))
    await home.store().log(events(3))
    sealer.seal(NOW)
    with engine_of(home).begin() as connection:
        spoilt = Sealed(Checkpoint("renewd", 9, b"\0" * 32), 3, NOW, b"")
        connection.execute(audit_checkpoints.insert(), [seals.sealed_row(spoilt)])
    await home.store().log(events(1))
    with pytest.raises(StoreUnavailableError, match="see renewd audit verify"):
        sealer.seal(NOW)


async def test_hashes_without_a_checkpoint_are_not_built_upon(home: Home) -> None:
    await home.store().log(events(3))
    with engine_of(home).begin() as connection:
        connection.execute(audit_leaves.insert(), [{"sequence": 2, "hash": b"x"}])
    with pytest.raises(StoreUnavailableError, match="there are hashes that no checkpoint covers"):
        SqlSealer(engine_of(home)).seal(NOW)


async def test_what_is_written_and_sealed_while_it_is_verified_is_no_finding(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sealer = home.store(), SqlSealer(engine_of(home))
    await store.log(events(3))
    sealer.seal(NOW)
    lines = audit_rows.audit_lines

    def meanwhile(*args: Any) -> dict[int, bytes]:
        found = lines(*args)
        with engine_of(home).begin() as connection:
            connection.execute(audit_log.insert(), [event_row(each) for each in events(2)])
        sealer.seal(NOW)
        return found

    monkeypatch.setattr(verifying, "audit_lines", meanwhile)
    report = verify(engine_of(home), Trust(), lambda _: None)
    assert (report.findings, report.rows, report.size) == ((), 3, 3)


async def test_a_row_that_becomes_visible_late_is_waited_for() -> None:
    engine = connect(fresh_database())
    sealer = SqlSealer(engine)
    insert = audit_log.insert().values(
        {each.name: "" for each in audit_log.c if not each.nullable} | {"at": NOW}
    )
    with engine.connect() as slow, slow.begin() as open_transaction:
        slow.execute(insert.values(sequence=text("nextval('audit_log_sequence_seq')")))
        with engine.begin() as quick:
            quick.execute(insert.values(sequence=text("nextval('audit_log_sequence_seq')")))
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            sealer.seal(NOW)
        open_transaction.commit()
    sealed = sealer.seal(NOW)
    assert sealed
    assert (sealed.checkpoint.size, sealed.last) == (2, 2)
    assert not verify(engine, Trust(), lambda _: None).findings


async def test_a_seal_holds_in_the_database_that_the_log_was_moved_to(tmp_path: Path) -> None:
    home, kept = sqlite(tmp_path), list[Checkpoint]()
    store = home.store()
    done, refused, _ = await home.claimed(store, 3)
    await declined(store, refused)
    await renewed(store, done)
    await store.log(events(5))
    SqlSealer(engine_of(home), None, kept.append).seal(NOW)
    await store.log(events(1))
    await store.close()
    target = connect(empty_database())
    move(engine_of(home), target, lambda _: None)
    SqlSealer(target, None, kept.append).seal(NOW)
    report = verify(target, Trust((), kept), lambda _: None)
    assert (report.findings, report.unsealed, report.held) == ((), 0, 2)


class TestTheRolesOfPostgres:
    @pytest.fixture(scope="class")
    @staticmethod
    def url() -> str:
        url = fresh_database()
        admin = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
        for _ in range(2):  # once more changes nothing
            with admin.begin() as connection:
                connection.exec_driver_sql(roles())
                for role in (OWNER, APP, READER):
                    connection.exec_driver_sql(f"ALTER ROLE {role} LOGIN")
        return url

    @staticmethod
    def as_role(url: str, role: str) -> Engine:
        return connect(url.replace("postgres@", f"{role}@"))

    async def test_the_daemon_renews_seals_and_verifies(self, url: str) -> None:
        engine = self.as_role(url, APP)
        migrate(engine)
        home = Home(SqlDesk(engine), lambda owner: SqlStore(engine, owner, LEASE), DBAPIError)
        store = home.store()
        await store.beat(NOW)
        done, refused = await home.claimed(store, 2)
        await declined(store, refused)
        await renewed(store, done)
        await store.leave()
        await store.close()
        assert "renewal.completed" in home.names()
        assert SqlSealer(engine).seal(NOW)
        assert not verify(self.as_role(url, READER), Trust(), lambda _: None).findings

    @pytest.mark.parametrize("table", ["audit_log", "audit_leaves", "audit_checkpoints"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {} SET at = at",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "DROP TABLE {}",
        ],
    )
    def test_the_daemon_can_change_nothing_of_the_log(self, url: str, statement: str, table: str) -> None:
        refuse(
            self.as_role(url, APP),
            statement.format(table).replace("leaves SET at = at", "leaves SET hash = hash"),
        )

    @pytest.mark.parametrize("statement", ["INSERT INTO service_state VALUES ('x', 'y')", "DELETE FROM renewals", "SELECT audit_log_horizon()"])  # fmt: skip
    def test_a_reader_only_reads(self, url: str, statement: str) -> None:
        refuse(self.as_role(url, READER), statement)


def refuse(engine: Engine, statement: str) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert refused.value.orig.sqlstate == "42501", refused.value  # type: ignore[union-attr]
