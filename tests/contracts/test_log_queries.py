"""What an operator may ask the audit log: each answer is what a look at every row would find, in the order of the log."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import product
from random import Random

import pytest

from renewd.adapters.store import log_rows
from renewd.adapters.store.audit_rows import tell
from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.connect import connect, migrate
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.query import LogQuery
from tests.contracts.stores import NOW
from tests.postgres import fresh_database

MINUTE = timedelta(minutes=1)
ROWS = 300
NAMES = ("charge.attempted", "charge.declined", "charge.succeeded", "renewal.opened", "renewal.lapsed")
SUBSCRIPTIONS = ("S-1", "S-2", "S-3")

SINCE = (None, NOW + 100 * MINUTE, NOW + 900 * MINUTE)
UNTIL = (None, NOW + 120 * MINUTE, NOW + 280 * MINUTE)
OF = ("", "S-2")
EVENTS = (
    "",
    "charge.declined",
    "charge.*",
    "*.[ol]*",
    "c?arge.d*",
    "charge",
    "*",
    "refund.*",
    "charge_declined",
    "%",
)
LAST = (None, 1, 7, 1000)
QUESTIONS = [LogQuery(*each[:4], last=each[4]) for each in product(SINCE, UNTIL, OF, EVENTS, LAST)]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlBooks]:
    """Hold a log whose writers did not agree on the time."""
    file = f"sqlite:///{tmp_path_factory.mktemp('log') / 'renewd.db'}"
    engine = connect(file if request.param == "sqlite" else fresh_database())
    migrate(engine)
    chance = Random(7)
    with engine.begin() as connection:
        tell(connection, [_event(number, chance) for number in range(ROWS)])
    made = SqlBooks(engine)
    yield made
    made.close()


def _event(number: int, chance: Random) -> Event:
    at = NOW + number * MINUTE + chance.choice((0, 0, -5, 40)) * MINUTE
    return Event(chance.choice(NAMES), at, subscription=chance.choice(SUBSCRIPTIONS), detail=f"{number}")


@pytest.fixture(params=[log_rows.NARROW, 20], ids=["narrow", "wide"])
def _width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask of times that hold few rows, and of those that hold many."""
    monkeypatch.setattr(log_rows, "NARROW", request.param)
    monkeypatch.setattr(log_rows, "PAGE", 50)


@pytest.mark.usefixtures("_width")
def test_every_answer_is_what_a_look_at_every_row_finds(books: SqlBooks) -> None:
    every = list(books.log(LogQuery()))
    assert [row.sequence for row in every] == sorted(row.sequence for row in every)
    assert len(every) == ROWS
    wrong = [query for query in QUESTIONS if list(books.log(query)) != _looked_for(every, query)]
    assert wrong == []


@pytest.mark.usefixtures("_width")
@pytest.mark.parametrize("event", ["", "charge.declined", "charge.*"])
def test_what_is_new_is_given_with_what_was_missing(books: SqlBooks, event: str) -> None:
    every = list(books.log(LogQuery()))
    query = LogQuery(
        event=event, since=NOW, after=every[200].sequence, missing=[each.sequence for each in every[3:80]]
    )
    found = [row for row in every[3:80] + every[201:] if row in _looked_for(every, replace(query, last=None))]
    assert list(books.log(query)) == found


def test_rows_are_told_in_time_before_an_instant_and_in_their_own_order(books: SqlBooks) -> None:
    until = NOW + 150 * MINUTE
    told = list(books.log(LogQuery(until=until, last=5)))
    earlier = [row for row in books.log(LogQuery(until=until)) if row not in told]
    assert max(row.event.at for row in earlier) <= min(row.event.at for row in told)


def _looked_for(every: list[AuditRow], query: LogQuery) -> list[AuditRow]:
    found = [row for row in every if _fits(row.event, query)]
    if query.last is None:
        return found
    if query.until and not (query.event or query.subscription):
        found = sorted(found, key=lambda row: (row.event.at, row.sequence))[-query.last :]
        return sorted(found, key=lambda row: row.sequence)
    return found[-query.last :]


def _fits(event: Event, query: LogQuery) -> bool:
    earliest, latest = query.since or datetime.min.replace(tzinfo=NOW.tzinfo), query.until
    return (
        earliest <= event.at
        and (latest is None or event.at < latest)
        and query.subscription in ("", event.subscription)
        and (not query.event or fnmatchcase(event.name, query.event))
    )
