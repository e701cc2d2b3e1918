"""The operator's side: bringing subscriptions in, and questions to a long audit log."""

import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from renewd.ports import Books
from renewd.renewal.model import Customer, PaymentMethod, Subscription
from renewd.renewal.query import Imported, LogQuery
from renewd.renewal.record import Record
from renewd.service.wiring import open_books
from tests.benchmarks.alone import program
from tests.benchmarks.measure import Row, middle, noise, spending
from tests.benchmarks.population import fill_log, populate
from tests.benchmarks.setting import PLAN, configured, settings_of

START = datetime(2026, 1, 1, tzinfo=UTC)


LIBRARIES = "import sqlalchemy; from pydantic import BaseModel"


@dataclass(frozen=True, slots=True)
class Size:
    """How many subscriptions are imported, how many rows the log has, how often it is asked."""

    imported: int = 10_000
    logged: int = 1_000_000
    questions: int = 5


def books(size: Size) -> Iterator[Row]:
    """Measure what an operator waits for."""
    with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
        yield from _importing(Path(folder), size.imported)
        yield from _reading(Path(folder), size)


def _importing(folder: Path, count: int) -> Iterator[Row]:
    configuration = configured(folder / "imported.db")
    theirs, records = open_books(configuration), [_record(number) for number in range(count)]
    times = []
    for expected in (Imported(count, 0, 0), Imported(0, 0, count)):
        with spending() as importing:
            done = theirs.import_records(records, configuration.policy, "bench", START, lambda _: None)
        if done != expected:
            raise RuntimeError(f"imported {done}, not {expected}")
        times.append(importing.wall)
    theirs.close()
    with spending() as filling:
        populate(folder / "filled.db", count, count, START)
    yield Row(f"Import of {count:,} subscriptions")
    for what, seconds in zip(("all of them new", "the same once more"), times, strict=True):
        beside = f"{count / filling.wall:,.0f}/s, SQLite filling the same tables by itself"
        yield Row(f"  {what}", f"{count / seconds:,.0f}/s", "", beside, f"{filling.wall / seconds:.2f}")


def _record(number: int) -> Record:
    name, end = f"{number:07}", START + timedelta(days=30, seconds=number)
    return Record(
        Subscription(f"S-{name}", f"C-{name}", PLAN, f"extend_ok_{name}", "UTC", end, end),
        Customer(f"C-{name}", "June Barrow", f"june{name}@example.org", f"cus_{name}"),
        (PaymentMethod(f"pm_ok_{name}", f"C-{name}", f"pm_ok_{name}", "card", "Visa 4242", "2099-12"),),
    )


def _reading(folder: Path, size: Size) -> Iterator[Row]:
    path = folder / "log.db"
    fill_log(path, size.logged, START)
    theirs = open_books(configured(path))
    middle_of_it = START + timedelta(seconds=size.logged // 2)
    questions = {
        "one subscription": LogQuery(subscription="S-0000042"),
        "the last 20 declines": LogQuery(event="charge.declined", last=20),
        "the last 20 of charge.*": LogQuery(event="charge.*", last=20),
        "ten minutes of it": LogQuery(since=middle_of_it, until=middle_of_it + timedelta(minutes=10)),
        "what was done in ten minutes": LogQuery(
            since=middle_of_it, until=middle_of_it + timedelta(minutes=10), event="charge.done", last=1000
        ),
        "declines in a day": LogQuery(
            since=middle_of_it, until=middle_of_it + timedelta(days=1), event="charge.declined"
        ),
    }
    whole = _looking_at_all(path)
    yield Row(f"An audit log of {size.logged:,} rows")
    for what, query in questions.items():
        times = [_asked(theirs, query) for _ in range(size.questions)]
        beside = f"{1000 * whole:.0f} ms, looking at every row"
        yield Row(
            f"  {what}",
            f"{1000 * middle(times):.1f} ms",
            noise(times),
            beside,
            f"{middle(times) / whole:.3f}",
        )
    theirs.close()
    yield _command(path, size.questions)


def _command(path: Path, times: int) -> Row:
    """Measure a question as a person asks it: most of it is Python's own start."""
    question = ("log", "--config", str(settings_of(path)), *"--event charge.declined -n 20".split())
    program("-m", "renewd", *question)  # from here on the bytecode is there
    asked = [program("-m", "renewd", *question) for _ in range(times)]
    alone = middle([program("-c", LIBRARIES) for _ in range(times)])
    beside = f"{1000 * alone:.0f} ms, Python and the libraries alone"
    took = middle(asked)
    return Row(
        "  the last 20 declines, as a command",
        f"{1000 * took:.0f} ms",
        noise(asked),
        beside,
        f"{took / alone:.2f}",
    )


def _asked(theirs: Books, query: LogQuery) -> float:
    with spending() as asking:
        rows = list(theirs.log(query))
    if not rows:
        raise RuntimeError(f"the log has nothing for {query}")
    return asking.wall


def _looking_at_all(path: Path) -> float:
    connection = sqlite3.connect(path)
    with spending() as looking:
        connection.execute("SELECT count(*) FROM audit_log WHERE +outcome = ''").fetchone()
    connection.close()
    return looking.wall
