"""How PostgreSQL carries out what is asked of it all day: by an index, never by looking at a whole table.

`tests/benchmarks` shows the same of SQLite, which plans without knowing what is in its tables.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from psycopg import ClientCursor
from sqlalchemy import Connection, Engine

from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.indexes import metadata
from renewd.adapters.store.sql_store import SqlStore
from renewd.renewal.begin import opened
from renewd.renewal.command import Verb
from renewd.renewal.decide import planned, replanned_at
from renewd.renewal.fold import folded
from renewd.renewal.model import Customer, HoldReason, Subscription
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import Done
from renewd.renewal.query import ListQuery, LogQuery
from renewd.renewal.record import Record
from renewd.renewal.step import Charge
from tests.benchmarks.setting import PLAN, configured
from tests.contracts.plenty import plenty
from tests.contracts.stores import ENDS, LEASE, NOW, SETTLE, together
from tests.statements import noting

SMALL = {"service_state", "daemons", "charge_counts"}
KNOWN = "S-0000042"
MINUTE = timedelta(minutes=1)
# Whoever counts everything looks at everything, and so does who asks for what is rare and has no index.
LOOKS_AT_ALL = ("GROUP BY subscriptions.state", "GROUP BY renewals.stage", "LEFT OUTER JOIN renewals")

Statements = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A database with plenty in it, and what the daemon and an operator had it do."""

    engine: Engine
    hot: Statements
    books: Statements


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    engine = plenty(NOW)
    policy = configured(tmp_path_factory.mktemp("plans") / "unused.db").policy
    moment = Moment(NOW, policy, SETTLE, running_since=NOW - timedelta(days=400))
    with noting() as hot:
        asyncio.run(_a_day(SqlStore(engine, "one", LEASE), moment))
    with noting() as books:
        _questions(SqlBooks(engine), moment)
    return Asked(engine, hot, books)


async def _a_day(store: SqlStore, moment: Moment) -> None:
    """Have the store do once what it does all day."""
    plan = partial(planned, moment=moment)
    openings, _ = await store.newly_due(NOW, 50, plan, moment.policy.plans.keys())
    assert len(await store.open(openings)) == 50
    cases = [each for each in (await store.claim(NOW, 64))[0] if not each.attempt]
    starts = [opened(each, Charge(each.methods[0]), moment) for each in cases]
    assert any(await together(store, starts))
    ends = [folded(each.after(), Charge(each.before.methods[0]), Done("pi"), moment, 1) for each in starts]
    assert any(await together(store, ends))
    await store.reload(cases[0], NOW)
    assert await store.next_due()
    await store.charges_since(NOW - 61 * MINUTE)
    owed = await store.owed(NOW, 50)
    await store.sent(owed, [])
    await store.wake([HoldReason.PAYMENT_METHOD], NOW)
    await store.replan("another", NOW, lambda each: replanned_at(each, moment.policy, NOW))
    await store.beat(NOW)
    await store.close()


def _questions(books: SqlBooks, moment: Moment) -> None:
    """Ask what an operator asks."""
    assert books.dossier(KNOWN)
    books.neighbours(f"{KNOWN}x")
    books.method_owners(["pm_ok_0000001"])
    books.command(Verb.PAUSE, KNOWN, moment, "ada", "")
    (reviewed,) = books.subscriptions(ListQuery(stages=("review",), limit=1))
    books.command(Verb.SETTLE_REFUNDED, reviewed.subscription.id, moment, "ada", "")
    books.import_records([_record()], moment.policy, "ada", NOW, lambda _: None)
    books.status(NOW)
    for listing in (
        ListQuery(limit=5),
        ListQuery(stages=("review",), limit=5),
        ListQuery(holds=("payment_method",), limit=5),
    ):
        assert list(books.subscriptions(listing))
    for log in (
        LogQuery(last=5),
        LogQuery(after=100),
        LogQuery(subscription=KNOWN, last=5),
        LogQuery(event="renewal.set_aside", last=5),
        LogQuery(event="renewal.*", last=5),
        LogQuery(since=NOW - 10 * MINUTE),
        LogQuery(since=NOW - 10 * MINUTE, event="renewal.*"),
        LogQuery(until=NOW + 10 * MINUTE, last=5),
    ):
        assert list(books.log(log))


def _record() -> Record:
    subscription = Subscription("S-0000043", "C-0000043", PLAN, "line", "UTC", ENDS, ENDS)
    return Record(subscription, Customer("C-0000043", "June Barrow", "new@example.org", "cus_43"), ())


def test_nothing_that_a_daemon_asks_for_is_looked_for_in_a_whole_table(asked: Asked) -> None:
    with asked.engine.connect() as connection:
        assert list(_offences(connection, asked.hot)) == []


def test_nor_once_a_statement_is_planned_for_all_values(asked: Asked) -> None:
    with asked.engine.connect() as connection:
        assert list(_offences(connection, asked.hot, generic=True)) == []


def test_nor_what_an_operator_asks_for(asked: Asked) -> None:
    with asked.engine.connect() as connection:
        found = list(_offences(connection, asked.books))
    assert [each for each in found if not any(some in each for some in LOOKS_AT_ALL)] == []


def test_a_missing_index_is_noticed(asked: Asked) -> None:
    with asked.engine.connect() as connection:
        connection.exec_driver_sql("DROP INDEX renewals_due")
        assert {each.partition(":")[0] for each in _offences(connection, asked.hot)} == {"renewals"}


def test_no_index_can_be_done_without(asked: Asked) -> None:
    # Those that are unique enforce a rule, and need no other use; what is sealed is asked for by `renewd audit` alone.
    tables = [table for table in metadata.sorted_tables if table.name != "audit_checkpoints"]
    indexes = [each.name for table in tables for each in table.indexes if not each.unique]
    statements = asked.hot | asked.books
    with asked.engine.connect() as connection:
        before = _costs(connection, statements)
        idle = []
        for index in indexes:
            with connection.begin_nested() as savepoint:
                connection.exec_driver_sql(f"DROP INDEX {index}")
                after = _costs(connection, statements)
                savepoint.rollback()
            if all(after[each] < 3 * before[each] for each in statements):
                idle.append(index)
    assert idle == []


def _costs(connection: Connection, statements: Mapping[str, Any]) -> dict[str, float]:
    return {each: _plan_of(connection, each, values)["Total Cost"] for each, values in statements.items()}


def _offences(
    connection: Connection, statements: Mapping[str, Any], *, generic: bool = False
) -> Iterator[str]:
    """Give the statements that read a whole table; `generic`: as they are planned for whatever values."""
    for statement, values in statements.items():
        plan = _plan_of_any(connection, statement) if generic else _plan_of(connection, statement, values)
        if tables := [each for each in _read_whole(plan) if each not in SMALL]:
            yield f"{', '.join(tables)}: {statement}"


def _plan_of(connection: Connection, statement: str, values: Any) -> Any:
    return connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()[0]["Plan"]


def _plan_of_any(connection: Connection, statement: str) -> Any:
    names = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement))
    places: Any = {name: f"${number}" for number, name in enumerate(names, 1)}
    if not names:  # what is run for each row has its values by place
        places = tuple(f"${number + 1}" for number in range(statement.count("%s")))
    cursor: ClientCursor[Any] = ClientCursor(cast("Any", connection.connection.driver_connection))
    cursor.execute(f"EXPLAIN (FORMAT JSON, GENERIC_PLAN) {statement % places}")
    row = cursor.fetchone()
    return row and row[0][0]["Plan"]


def _read_whole(plan: Any) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for each in plan.get("Plans", ()):
        yield from _read_whole(each)
