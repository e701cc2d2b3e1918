"""What is handed over in one flight is what psycopg's own way writes, and a fault in the middle is told as the driver tells it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, MetaData, Table, bindparam, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from renewd.adapters.store.connect import connect
from renewd.adapters.store.postgres_cursor import MOST_PREPARED, Flight
from renewd.adapters.store.statements import Question, Work, ask_together, run_together
from tests.postgres import empty_database

NOW = datetime(2026, 12, 1, 9, 30, 0, 123456, tzinfo=UTC)
TABLE = """
CREATE TABLE things (id bigint PRIMARY KEY, name text, at timestamptz, data json, raw bytea, share numeric, good boolean)
"""
INSERT = "INSERT INTO things (id, name, at, data, raw, share, good) VALUES (%s, %s, %s, %s::json, %s, %s, %s)"
ROWS: list[tuple[Any, ...]] = [
    (1, "plain", NOW, "[]", b"\x00\xff", Decimal("1.5"), True),
    (2, None, None, None, None, None, None),
    (2**40, "100 % of 'it' \\ é 中", NOW - timedelta(days=9999), '{"a": [1]}', b"", Decimal(-7), False),
    (70_000, "", NOW, "null", b"x" * 10_000, Decimal(0), None),
]


@pytest.fixture
def database() -> str:
    url = empty_database()
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
    return url


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    engine = connect(database)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def kept(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT * FROM things ORDER BY id").fetchall()


def test_the_store_writes_in_flights(connection: Connection) -> None:
    assert isinstance(connection.connection.cursor(), Flight)


def test_what_is_written_is_what_psycopg_writes(connection: Connection, database: str) -> None:
    assert connection.exec_driver_sql(INSERT, ROWS).rowcount == len(ROWS)
    connection.commit()
    flown = kept(database)
    with psycopg.connect(database) as plain:
        plain.execute("DELETE FROM things")
        plain.cursor().executemany(INSERT, ROWS)
    assert flown == kept(database)
    assert len(flown) == len(ROWS)


def test_rows_that_match_nothing_are_not_counted(connection: Connection) -> None:
    connection.exec_driver_sql(INSERT, ROWS)
    update = "UPDATE things SET name = %s || ' 10 %%' WHERE id = %s"
    assert connection.exec_driver_sql(update, [("new", 1), ("new", 5), ("new", 2)]).rowcount == 2
    assert connection.execute(text("SELECT name FROM things WHERE id = 2")).scalar() == "new 10 %"


def test_a_flight_begins_the_transaction_that_it_is_written_in(connection: Connection, database: str) -> None:
    connection.exec_driver_sql(INSERT, ROWS)
    assert not kept(database)
    connection.rollback()
    assert not kept(database)


def test_a_fault_in_the_middle_is_told_and_nothing_is_kept(connection: Connection, database: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        connection.exec_driver_sql(INSERT, [*ROWS, ROWS[0], (9, *ROWS[1][1:])])
    assert getattr(caught.value.orig, "sqlstate", "") == "23505"
    assert not caught.value.connection_invalidated
    connection.rollback()
    assert connection.exec_driver_sql(INSERT, ROWS).rowcount == len(ROWS)
    connection.commit()
    assert len(kept(database)) == len(ROWS)


def test_what_could_not_be_prepared_is_prepared_again(connection: Connection) -> None:
    late = "INSERT INTO later (id) VALUES (%s)"
    with pytest.raises(ProgrammingError, match="later"):
        connection.exec_driver_sql(late, [(1,), (2,)])
    connection.rollback()
    connection.exec_driver_sql("CREATE TABLE later (id bigint)")
    assert connection.exec_driver_sql(late, [(1,), (2,)]).rowcount == 2


def test_a_server_that_must_get_rid_of_its_answers_is_listened_to(connection: Connection) -> None:
    many = [(number, "x" * 1000, NOW, None, b"y" * 1000, None, True) for number in range(20_000)]
    assert connection.exec_driver_sql(INSERT, many).rowcount == len(many)


def test_more_statements_than_are_kept_ready(connection: Connection) -> None:
    for number in range(MOST_PREPARED + 5):
        statement = f"INSERT INTO things (id, name) VALUES (%s, 'n{number}')"  # noqa: S608
        assert connection.exec_driver_sql(statement, [(2 * number,), (2 * number + 1,)]).rowcount == 2
    prepared = connection.execute(
        text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'renewd%'")
    )
    assert prepared.scalar() == MOST_PREPARED


def test_nothing_is_kept_by_name_where_the_connection_is_handed_to_others(connection: Connection) -> None:
    raw: Any = connection.connection.dbapi_connection
    raw.prepare_threshold = None
    assert connection.exec_driver_sql(INSERT, ROWS).rowcount == len(ROWS)
    assert connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar() == 0


def test_a_connection_that_was_cut_off_is_known_to_be_lost(connection: Connection, database: str) -> None:
    connection.exec_driver_sql(INSERT, ROWS[:1])
    pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql(INSERT, ROWS[1:])
    assert caught.value.connection_invalidated
    assert not kept(database)


@pytest.mark.parametrize("unfit", [object(), "nul \0"])
def test_what_cannot_be_sent_is_refused_and_the_connection_stays(
    connection: Connection, unfit: object
) -> None:
    with pytest.raises(DBAPIError) as caught:
        connection.exec_driver_sql(INSERT, [ROWS[0], (3, unfit, None, None, None, None, None)])
    assert not caught.value.connection_invalidated
    connection.rollback()
    assert connection.exec_driver_sql(INSERT, ROWS).rowcount == len(ROWS)


def test_several_statements_share_a_flight_and_each_is_counted(connection: Connection) -> None:
    cursor: Any = connection.connection.cursor()
    update = "UPDATE things SET name = %s WHERE id = %s"
    delete = "DELETE FROM things WHERE id = %s"
    works = [
        (INSERT, ROWS),
        (update, [("x", 1), ("x", 5)]),
        (update, [("y", 5)]),
        (delete, [(1,), (2,), (9,)]),
    ]
    assert cursor.fly(works) == [len(ROWS), 1, 0, 2]
    assert cursor.fly([]) == []


def test_a_fault_of_what_is_run_together_is_told_as_sqlalchemy_tells_it(
    connection: Connection, database: str
) -> None:
    things = Table("things", MetaData(), autoload_with=connection)
    add: Work = (insert(things), [{"id": number} for number in (1, 2)])
    assert run_together(connection, [add, (insert(things), [])]) == [2, 0]
    with pytest.raises(DBAPIError, match="duplicate key") as caught:
        run_together(connection, [add])
    assert not caught.value.connection_invalidated
    connection.rollback()
    pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with pytest.raises(DBAPIError) as caught:
        run_together(connection, [add])
    assert caught.value.connection_invalidated


def test_what_is_asked_together_is_answered_as_if_asked_one_by_one(connection: Connection) -> None:
    connection.exec_driver_sql(INSERT, ROWS)
    things = Table("things", MetaData(), autoload_with=connection)
    some = [column for column in things.c if column.name != "share"]
    questions: list[Question] = [
        (text("LOCK TABLE things IN SHARE MODE"), {}),
        (select(*some).where(things.c.id == bindparam("number")), {"number": 2**40}),
        (select(*some).where(things.c.id < 0), {}),
        (select(things.c.at, things.c.data, things.c.raw).order_by(things.c.id), {}),
    ]
    locked, *told = ask_together(connection, questions)
    assert locked == []
    assert told == [list(map(tuple, connection.execute(*each).all())) for each in questions[1:]]
    assert [len(rows) for rows in told] == [1, 0, len(ROWS)]


def test_a_question_that_fails_is_told_and_the_transaction_is_undone(connection: Connection) -> None:
    connection.exec_driver_sql(INSERT, ROWS)
    with pytest.raises(DBAPIError, match="division by zero"):
        ask_together(connection, [(text("SELECT 1"), {}), (text("SELECT 1 / 0"), {}), (text("SELECT 2"), {})])
    connection.rollback()
    assert connection.execute(text("SELECT count(*) FROM things")).scalar() == 0
