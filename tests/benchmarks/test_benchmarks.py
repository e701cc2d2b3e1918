"""That the benchmarks run and print their table. What they measure is nowhere a condition: machines are noisy."""

import subprocess
import sys

from tests.benchmarks import scans
from tests.benchmarks.alone import MOST_SECONDS, ROOT
from tests.benchmarks.measure import Row, noise, table

HEADINGS = (
    "Renewals over HTTP, sandbox at 0 ms",
    "Renewals over HTTP, sandbox at 50 ms",
    "Renewals without HTTP",
    "Renewals over HTTP, a bare stub at 0 ms",
    "Processor seconds for 1,000 renewals",
    "Peak memory",
    "50 newly due among 2,000 subscriptions",
    "The daemon, 500 subscriptions and nothing due",
    "Import of 200 subscriptions",
    "An audit log of 5,000 rows",
    "What PostgreSQL keeps and writes for a renewal, of 100 paid at once",
)
SMALL = {"service_state"}  # every other table grows


def test_a_quick_run_prints_every_part_of_the_table() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--quick"]
    printed = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=MOST_SECONDS
    ).stdout
    assert [heading for heading in HEADINGS if heading not in printed] == []


def test_no_statement_of_a_tick_looks_at_a_whole_table() -> None:
    _, plans = scans.scans(scans.Size(few=100, many=200, due=50, hours=2, backlog=2))
    steps = [step.split() for plan in plans.values() for step in plan.split("; ")]
    # A list of ids is a parameter, which SQLite reads as a virtual table.
    tables = [step for step in steps if step[0] in {"SCAN", "SEARCH"} and "VIRTUAL" not in step]
    reads = [step for step in tables if step[1] not in SMALL]
    # SQLite says SEARCH of a minimum, even one that is sought in the whole table.
    assert [step for step in reads if step[0] == "SCAN" or "USING" not in step] == []
    assert {step[1] for step in reads} >= {"subscriptions", "renewals", "attempts", "notices"}


def test_the_table_is_aligned() -> None:
    rows = [Row("A heading"), Row("  short", "1/s", "3%", "2/s, a peer", "0.50"), Row("  longer", "10/s")]
    heading, _, first, second = table(rows).splitlines()
    assert first.index("1/s") + 3 == second.index("10/s") + 4 == heading.index("measured") + 8
    assert first.endswith("2/s, a peer")


def test_noise_is_how_far_the_repetitions_lie_apart() -> None:
    assert [noise([1.0]), noise([1.0, 2.0, 3.0]), noise([0.0, 0.0])] == ["", "100%", ""]
