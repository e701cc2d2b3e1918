"""That docs/scale.md speaks of the statements that a daemon really runs, and of each that other engines may not know."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from renewd.service.advance import advance
from renewd.service.announce import announce
from renewd.service.scan import scan
from tests.benchmarks import jobs
from tests.benchmarks.population import populate
from tests.postgres import empty_database
from tests.statements import noting

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
# What a server that only speaks PostgreSQL's protocol may lack.
PARTICULAR = re.compile(
    r"FOR UPDATE|LOCK TABLE|ON CONFLICT|ANY \(|COLLATE|CREATE TRIGGER|CREATE FUNCTION|CREATE UNIQUE INDEX|BIGSERIAL|audit_log_horizon"
)


async def _a_tick(folder: Path) -> None:
    server, path = empty_database(), folder / "renewd.db"
    populate(path, 4, 4, datetime.now(UTC) - jobs.HOUR, server)  # makes the tables first
    async with jobs.running(path, "", 4, server, lambda _: None) as engine:
        await engine.store.beat(engine.clock.now())
        await scan(engine, engine.clock.now())
        while await advance(engine):
            pass
        await announce(engine, engine.clock.now())
        await engine.store.next_due()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    with noting("") as noted:
        asyncio.run(_a_tick(tmp_path_factory.mktemp("scale")))
    return {" ".join(statement.split()) for statement in noted}


@pytest.fixture(scope="module")
def named() -> list[re.Pattern[str]]:
    """Give the statements in the first column of the page's table; `...` there stands for anything."""
    table = PAGE.read_text(encoding="utf-8").partition("| statement |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    return [re.compile(".*".join(map(re.escape, cell.split(" ... ")))) for cell in cells]


def test_each_statement_in_the_table_is_one_that_a_daemon_runs(
    run: set[str], named: list[re.Pattern[str]]
) -> None:
    assert len(named) > 9
    assert [each.pattern for each in named if not any(map(each.search, run))] == []


def test_each_statement_that_other_engines_may_not_know_is_in_the_table(
    run: set[str], named: list[re.Pattern[str]]
) -> None:
    ours = [each for each in run if PARTICULAR.search(each) and "pg_catalog" not in each]
    assert len(ours) > 9
    assert [each for each in ours if not any(known.search(each) for known in named)] == []
