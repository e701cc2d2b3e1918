"""What one PostgreSQL is given to keep and to write for each renewal: rows, bytes, write-ahead log, commits."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, String, Table, TextClause, text

from renewd.adapters.store.connect import connect
from renewd.adapters.store.seals import SqlSealer
from renewd.adapters.store.tables import metadata
from renewd.service.advance import advance
from renewd.service.announce import announce
from renewd.service.scan import scan
from tests.benchmarks import jobs
from tests.benchmarks.alone import alone
from tests.benchmarks.measure import Row
from tests.benchmarks.population import populate
from tests.benchmarks.stub import Stub
from tests.postgres import empty_database

COPIES, ONE_IN = 9, 100
SETTLED = "customers payment_methods subscriptions".split()  # there before any renewal
KEPT = "renewals attempts audit_log audit_leaves notices".split()  # what a renewal adds to
_WRITTEN = text(
    "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS wal, pg_stat_get_db_xact_commit(oid) AS commits "
    "FROM pg_database WHERE datname = current_database()"
)
_SIZE = text("SELECT pg_table_size(:name) AS heap, pg_indexes_size(:name) AS indexes")
_COPIED = [metadata.tables[name] for name in (*SETTLED, "renewals", "attempts", "notices", "audit_log")]
_SOME_DUE = text(
    "UPDATE subscriptions SET current_period_end = :ends, anchor = :ends, opens_at = :opens "
    "WHERE id IN (SELECT id FROM subscriptions ORDER BY md5(id) LIMIT :count)"
)

Sizes = dict[str, float]


@dataclass(frozen=True, slots=True)
class Size:
    """How many are renewed, and how many at once."""

    renewals: int
    concurrency: int = 64


async def grow(folder: str, url: str, renewals: int, concurrency: int, server: str) -> Sizes:
    """Renew all of so many subscriptions, then one in a hundred of ten times as many: each on pages of its own."""
    path, due = Path(folder) / "renewd.db", datetime.now(UTC) - jobs.HOUR
    populate(path, renewals, renewals, due, server)
    engine = connect(server)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        base = _sizes(connection)
        dense = await _renewed(connection, path, url, concurrency, server)
        while SqlSealer(engine).seal(datetime.now(UTC)):
            pass
        connection.execute(text("VACUUM"))
        after, few = _sizes(connection), renewals // (ONE_IN // (COPIES + 1))
        for table in _COPIED:
            connection.execute(_copies(table))
        connection.execute(text("VACUUM ANALYZE"))
        another = {"ends": due + timedelta(days=6, hours=1), "opens": due, "count": few}
        connection.execute(_SOME_DUE, another)
        sparse = await _renewed(connection, path, url, concurrency, server)
    grown = {name: (after[name] - base[name]) / renewals for name in after if name.split(".")[0] in KEPT}
    settled = {name: base[name] / renewals for name in base if name.split(".")[0] in SETTLED}
    written = {f"{name}.dense": value / renewals for name, value in dense.items()}
    return grown | settled | written | {f"{name}.sparse": value / few for name, value in sparse.items()}


async def _renewed(connection: Connection, path: Path, url: str, concurrency: int, server: str) -> Sizes:
    """Renew what is due and write the letters; give what that wrote."""
    connection.execute(text("CHECKPOINT"))  # after it, the first change of a page writes the whole page
    before, told = _written(connection), Counter[str]()
    async with jobs.running(path, url, concurrency, server, jobs.counting(told)) as engine:
        opened = await scan(engine, engine.clock.now())
        while await advance(engine):
            pass
        await announce(engine, engine.clock.now())
    if not told["renewal.completed"] == told["renewal.opened"] > 0:
        raise RuntimeError(f"not all were renewed of {opened}: {told}")
    return {name: value - before[name] for name, value in _written(connection).items()}


def _copies(table: Table) -> TextClause:
    """Copy all rows of a table under other names."""
    columns = [column for column in table.c if column.name != "sequence"]
    renamed = [
        f"replace(replace(replace({each.name}, 'S-', 'S' || k || '-'), 'C-', 'C' || k || '-'), 'pm_ok_', 'pm_ok_' || k || '_')"
        if isinstance(each.type, String)
        else each.name
        for each in columns
    ]
    names = ", ".join(each.name for each in columns)
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {', '.join(renamed)} FROM {table.name}, generate_series(1, {COPIES}) AS k"  # noqa: S608
    )


def _written(connection: Connection) -> Sizes:
    return {name: float(value) for name, value in connection.execute(_WRITTEN).mappings().one().items()}


def _sizes(connection: Connection) -> Sizes:
    sizes: Sizes = {}
    for name in (*SETTLED, *KEPT):
        rows = connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608
        kept = connection.execute(_SIZE, {"name": name}).mappings().one()
        sizes |= {f"{name}.rows": float(rows)} | {
            f"{name}.{what}": float(each) for what, each in kept.items()
        }
    return sizes


def growth(size: Size) -> Iterator[Row]:
    """Measure it once: bytes are not noisy."""
    stub = Stub(0)
    try:
        with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
            options = {"renewals": size.renewals, "concurrency": size.concurrency}
            got = alone(grow, folder=folder, url=stub.url, server=empty_database(durable=True), **options)
    finally:
        stub.stop()
    yield Row(f"What PostgreSQL keeps and writes for a renewal, of {size.renewals:,} paid at once")
    for names, each in ((KEPT, "a renewal"), (SETTLED, "a subscription")):
        for name in names:
            heap, indexes = got[f"{name}.heap"], got[f"{name}.indexes"]
            rows = f"{got[f'{name}.rows']:.1f} rows of {each}"
            yield Row(f"  {name}", f"{heap + indexes:,.0f} B", "", f"{indexes:,.0f} B of it indexes; {rows}")
        whole = sum(got[f"{name}.{what}"] for name in names for what in ("heap", "indexes"))
        yield Row(f"  together, {each}", f"{whole:,.0f} B")
    for which, what in (
        ("dense", "all of a small database"),
        ("sparse", f"one in {ONE_IN} of ten times as many"),
    ):
        commits = f"{got[f'commits.{which}']:.2f} commits; {what}"
        yield Row("  write-ahead log", f"{got[f'wal.{which}']:,.0f} B", "", commits)
