"""`renewd log -f` beside several writers, on a PostgreSQL: each row once, also one that is committed after a later one."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, insert

from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.connect import connect
from renewd.adapters.store.rows import event_row
from renewd.adapters.store.tables import audit_log
from renewd.cli import journal
from renewd.cli.columns import Row
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.query import LogQuery
from tests.contracts.stores import NOW
from tests.postgres import fresh_database


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = connect(fresh_database())
    yield engine
    engine.dispose()


def write(connection: Connection, *names: str, subscription: str = "S-1") -> None:
    connection.execute(
        insert(audit_log), [event_row(Event(name, NOW, subscription=subscription)) for name in names]
    )


def test_a_row_that_is_committed_after_a_later_one_is_shown_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_closed_within", lambda _: False)
    with engine.begin() as connection:
        write(connection, "first")
    with engine.connect() as slow, engine.connect() as never:
        transaction, in_vain = slow.begin(), never.begin()
        write(slow, "slow", "slow too")
        write(never, "never")
        with engine.begin() as connection:
            write(connection, "quick")
            write(connection, "of another", subscription="S-2")
        batches = journal._batches(SqlBooks(engine), LogQuery(subscription="S-1", last=10))
        shown = [names(next(batches)), names(next(batches))]
        transaction.commit()
        in_vain.rollback()
        with engine.begin() as connection:
            write(connection, "last")
        shown += [names(next(batches)), names(next(batches))]
    assert shown == [["first", "quick"], [], ["slow", "slow too", "last"], []]


def test_what_is_written_between_two_looks_is_shown_by_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_closed_within", lambda _: False)
    books = SqlBooks(engine)

    class Interrupted(SqlBooks):
        def log(self, query: LogQuery) -> Iterator[AuditRow]:
            with engine.begin() as connection:
                write(connection, "meanwhile")
            return books.log(query)

    batches = journal._batches(Interrupted(engine), LogQuery(last=10))
    assert [names(next(batches)) for _ in range(4)] == [[], *([["meanwhile"]] * 3)]


def names(rows: list[Row]) -> list[object]:
    return [row["event"] for row in rows]
