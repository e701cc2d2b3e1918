"""A database carried over to a PostgreSQL: all of it, exactly, and by one daemon alone from then on."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from renewd.adapters.store.connect import connect, connect_to_read, migrate, owned
from renewd.adapters.store.moving import move, rows_in
from renewd.adapters.store.sql_store import SqlStore
from renewd.adapters.store.tables import audit_log, metadata, service_state
from renewd.ports import AlreadyRunningError, StoreUnavailableError
from renewd.renewal.audit import Event
from tests.contracts.stores import LEASE, NOW, declined, renewed, sqlite
from tests.postgres import empty_database, fresh_database


@pytest.fixture
async def source(tmp_path: Path) -> Engine:
    """A database in which something of everything has happened."""
    home = sqlite(tmp_path)
    store = home.store()
    done, refused, _ = await home.claimed(store, 3)
    await declined(store, refused)
    await renewed(store, done)
    await store.close()
    return connect(f"sqlite:///{tmp_path / 'renewd.db'}")


def rows(engine: Engine, table: str) -> list[dict[str, object]]:
    there = metadata.tables[table]
    (key,) = there.primary_key.columns
    with engine.begin() as connection:
        return [dict(row) for row in connection.execute(select(there).order_by(key)).mappings()]


def test_every_row_arrives_as_it_was(source: Engine) -> None:
    before = {name: rows(source, name) for name in metadata.tables}
    target, told = connect(empty_database()), list[int]()
    expected = rows_in(source)
    counts = move(source, target, told.append)
    assert {name: rows(target, name) for name in metadata.tables} == before
    assert counts == {name: len(each) for name, each in before.items()}
    assert all(counts[name] for name in ("customers", "subscriptions", "renewals", "attempts", "audit_log"))
    assert told[-1] == expected == sum(counts.values())


async def test_the_audit_log_goes_on_where_it_was(source: Engine) -> None:
    target = connect(empty_database())
    count = move(source, target, lambda _: None)["audit_log"]
    store = SqlStore(target, "one", LEASE)
    await store.log([Event("service.started", NOW)])
    await store.close()
    with target.begin() as connection:
        assert connection.execute(select(func.max(audit_log.c.sequence))).scalar() == count + 1


def test_the_old_database_can_be_read_and_no_longer_used(source: Engine) -> None:
    move(source, connect(empty_database()), lambda _: None)
    with pytest.raises(StoreUnavailableError, match="was moved to postgresql://"):
        migrate(source)
    assert rows(connect_to_read(str(source.url)), "audit_log")
    with pytest.raises(StoreUnavailableError, match="was moved to"):
        move(source, connect(empty_database()), lambda _: None)


def test_nothing_moves_while_a_daemon_runs(source: Engine) -> None:
    with owned(source), pytest.raises(AlreadyRunningError):
        move(source, connect(fresh_database()), lambda _: None)
    migrate(source)


def test_nothing_moves_to_where_something_is(source: Engine) -> None:
    target = connect(fresh_database())
    with target.begin() as connection:
        connection.execute(service_state.insert(), [{"key": "halted", "value": "by somebody"}])
    with pytest.raises(StoreUnavailableError, match="holds service_state already"):
        move(source, target, lambda _: None)
    migrate(source)


CHANGED = "BEGIN NEW.{0} = '?'; RETURN NEW; END"
LOST = "BEGIN RETURN NULL; END"


@pytest.mark.parametrize(
    ("table", "body", "complaint"),
    [
        ("customers", CHANGED.format("name"), "customers c-s0 did not arrive"),
        ("audit_log", CHANGED.format("detail"), "audit_log 1 did not arrive"),
        ("notices", LOST, "did not arrive"),
    ],
)
def test_what_does_not_arrive_as_it_was_is_noticed_and_nothing_is_left(
    source: Engine, table: str, body: str, complaint: str
) -> None:
    target = connect(fresh_database())
    with target.begin() as connection:
        connection.execute(text(f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
        connection.execute(
            text(f"CREATE TRIGGER spoils BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION spoil()")
        )
    with pytest.raises(StoreUnavailableError, match=complaint):
        move(source, target, lambda _: None)
    assert not any(rows(target, name) for name in metadata.tables)
    migrate(source)
