"""Opening and claiming what is newly due among many subscriptions: what it costs must not grow with their number."""

import asyncio
import re
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from renewd.adapters.store.connect import connect
from renewd.adapters.store.sql_store import SqlStore
from renewd.renewal.change import Opening
from renewd.renewal.decide import planned
from renewd.renewal.model import Subscription
from renewd.renewal.moment import Moment
from renewd.renewal.policy import Policy
from renewd.service import logs
from renewd.service.tick import tick
from renewd.service.wiring import running_engine, system_clock
from tests.benchmarks.alone import alone
from tests.benchmarks.jobs import Nowhere, instantly
from tests.benchmarks.measure import Row, middle, noise, peak_rss, spending
from tests.benchmarks.population import populate
from tests.benchmarks.setting import configured
from tests.statements import noting

HOUR, LEASE = timedelta(hours=1), timedelta(minutes=5)
LOOKS = 5
BATCH = 500  # as the service scans
CLAIM = 64  # as the service claims
_COLUMNS = re.compile(r"(?<=SELECT )(?!min|max|count).*?(?= FROM)|(?<= SET ).*?(?= WHERE)", re.DOTALL)
_VALUES = re.compile(r"(?<=IN )\((?:\?, )*\?\)")

Plans = dict[str, str]


@dataclass(frozen=True, slots=True)
class Size:
    """How many subscriptions there are, the fewer and the more; how many open in one hour, and for how many hours."""

    few: int = 100_000
    many: int = 1_000_000
    due: int = 1000
    hours: int = 7
    backlog: int = 100  # hours of which everything comes due at once


def scans(size: Size) -> tuple[list[Row], Plans]:
    """Measure the two sizes in turns; give the rows, and how each statement of a tick is carried out."""
    return asyncio.run(_scans(size))


async def _scans(size: Size) -> tuple[list[Row], Plans]:
    start = datetime.now(UTC).replace(microsecond=0) - 2 * size.hours * HOUR
    times: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
        paths = {total: Path(folder) / str(total) / "renewd.db" for total in (size.few, size.many)}
        for total, path in paths.items():
            path.parent.mkdir()
            populate(path, total, size.due, start)
        for hour in range(size.hours):
            for total, path in paths.items():
                for what, seconds in (await _an_hour(path, start + hour * HOUR, size.due)).items():
                    times[total, what].append(seconds)
        for column in ("opens_at", "+opens_at"):
            found = _finding(paths[size.many], start + size.hours * HOUR, column)
            times[size.many, column] = list(found)
        late = start + (size.hours + size.backlog - 1) * HOUR
        child = alone(taken_up, path=str(paths[size.many]), now=f"{late}")
        if not child["opened"] == child["claimed"] == size.backlog * size.due:
            raise RuntimeError(f"{child['opened']} opened and {child['claimed']} claimed")
        times[size.many, "peak"] = [child["peak"]]
        plans = await _a_tick(paths[size.many])
    return list(_rows(size, times)), plans


async def taken_up(path: str, now: str) -> dict[str, float]:
    """Open and claim whatever has come due by `now`, and say how many that were and how much memory it took."""
    async with _store(Path(path)) as store:
        opening, claiming = await _taken_up(store, datetime.fromisoformat(now), configured(Path(path)).policy)
    return {"opened": opening.done, "claimed": claiming.done, "peak": peak_rss()}


async def _an_hour(path: Path, now: datetime, due: int) -> dict[str, float]:
    """Open and claim what has come due by `now`, as the service does."""
    policy = configured(path).policy
    async with _store(path) as store:
        with spending() as finding:
            await store.newly_due(now, due, _plan(now, policy))
        opening, claiming = await _taken_up(store, now, policy)
        with spending() as asking:
            await store.next_due()
    _set_aside(path)
    if not opening.done == claiming.done == due:
        raise RuntimeError(f"{opening.done} opened and {claiming.done} claimed of {due}")
    return {"find": finding.wall, "open": opening.wall, "claim": claiming.wall, "next": asking.wall}


@dataclass(frozen=True, slots=True)
class _Took:
    """How many were done, and in how many seconds."""

    done: int
    wall: float


async def _taken_up(store: SqlStore, now: datetime, policy: Policy) -> tuple[_Took, _Took]:
    """Open what is due, then claim it: both a batch at a time."""
    opened, claimed = 0, 0
    with spending() as opening:
        while openings := (await store.newly_due(now, BATCH, _plan(now, policy)))[0]:
            opened += len(await store.open(openings))
    with spending() as claiming:
        while cases := (await store.claim(now, CLAIM))[0]:
            claimed += len(cases)
    return _Took(opened, opening.wall), _Took(claimed, claiming.wall)


def _plan(now: datetime, policy: Policy) -> Callable[[Subscription], Opening | datetime | None]:
    return partial(planned, moment=Moment(now, policy, timedelta(0)))


@asynccontextmanager
async def _store(path: Path) -> AsyncIterator[SqlStore]:
    store = SqlStore(connect(f"sqlite:///{path}"), "bench", LEASE)
    yield store
    await store.close()


def _set_aside(path: Path) -> None:
    """Let what was claimed rest, so that the next hour finds only its own."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE renewals SET next_at = NULL, lease_until = NULL WHERE next_at IS NOT NULL")


def _finding(path: Path, now: datetime, column: str) -> Iterator[float]:
    """Find what is newly due with SQLite alone; `+opens_at` forbids it the index."""
    query = f"SELECT * FROM subscriptions WHERE {column} <= ? ORDER BY {column}"  # noqa: S608
    connection = sqlite3.connect(path)
    for _ in range(LOOKS):
        with spending() as looking:
            connection.execute(query, (f"{now:%Y-%m-%d %H:%M:%S}.000000",)).fetchall()
        yield looking.wall
    connection.close()


def _rows(size: Size, times: dict[tuple[int, str], list[float]]) -> Iterator[Row]:
    yield Row(f"{size.due:,} newly due among {size.many:,} subscriptions, and among {size.few:,}")
    names = {
        "find": "finding them",
        "open": "finding and opening them",
        "claim": "claiming them",
        "next": "when to wake next",
    }
    for name, what in names.items():
        few, many = times[size.few, name], times[size.many, name]
        beside = f"{_ms(middle(few))} among {size.few:,}"
        yield Row(f"  {what}", _ms(middle(many)), noise(many), beside, f"{middle(many) / middle(few):.2f}")
    index, table = middle(times[size.many, "opens_at"]), middle(times[size.many, "+opens_at"])
    beside = f"{_ms(table)}, SQLite looking at every subscription"
    yield Row("  finding them, SQLite alone and by the index", _ms(index), "", beside, f"{index / table:.3f}")
    (peak,) = times[size.many, "peak"]
    yield Row(f"  peak memory where {size.backlog * size.due:,} come due at once", f"{peak:.0f} MB")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


async def _a_tick(path: Path) -> Plans:
    """Note every statement of a tick, and ask SQLite how it carries each of them out."""
    logs.configure("json", "error", Nowhere())
    async with running_engine(configured(path), system_clock(), lambda _: None) as running:
        engine = instantly(running)
        with noting() as noted:
            await tick(engine)
            await engine.store.next_due()
    connection = sqlite3.connect(path)
    plans: Plans = {}
    for statement, values in noted.items():
        steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        if steps:
            plans[_short(statement)] = "; ".join(step[3] for step in steps)
    connection.close()
    return plans


def _short(statement: str) -> str:
    return _VALUES.sub("(?, ...)", _COLUMNS.sub("...", " ".join(statement.split())))
