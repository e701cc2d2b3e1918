"""`make bench`: print the table. ARGS="--quick" for a small run, ARGS="--only scans" for a part of it."""

import argparse
import os
import platform
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

from tests.benchmarks import books, daemon, databases, growth, renewals, scans
from tests.benchmarks.measure import Row, table

PARTS = ("renewals", "databases", "scans", "daemon", "books", "growth")


def main() -> None:
    """Measure, and print each part as it is done."""
    wanted = _wanted()
    print(machine())
    for part in wanted.only or PARTS:
        rows, plans = _measured(part, wanted)
        print(f"\n{table(rows)}", flush=True)
        if plans:
            print("\nHow SQLite carries out the statements of a tick")
            print("\n".join(f"  {statement}\n      {plan}" for statement, plan in plans.items()), flush=True)


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description="Measure what renewd costs.")
    parser.add_argument("--quick", action="store_true", help="a small run: whether it works, not how fast")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; may be given again")
    parser.add_argument("--subscriptions", type=int, default=1_000_000, help="among how many is scanned")
    parser.add_argument("--renewals", type=int, default=3000, help="how many are renewed in each run")
    parser.add_argument("--repeat", type=int, default=3, help="how often each run is repeated")
    return parser.parse_args()


def machine() -> str:
    """Say what is measured on, and how busy it is."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()}"
    )


def _measured(part: str, wanted: argparse.Namespace) -> tuple[list[Row], scans.Plans]:
    quick = wanted.quick
    match part:
        case "renewals":
            size = renewals.Size(wanted.renewals, repeat=wanted.repeat)
            return list(renewals.renewals(replace(size, renewals=40, repeat=1) if quick else size)), {}
        case "databases":
            size_ = databases.Size(wanted.renewals, repeat=wanted.repeat)
            small = databases.Size(40, (8,), 1)
            return list(databases.databases(small if quick else size_)), {}
        case "scans":
            return scans.scans(
                scans.Size(400, 2000, 50, 2, 3) if quick else scans.Size(many=wanted.subscriptions)
            )
        case "daemon":
            return list(daemon.daemon(daemon.Size(500, 1, 1) if quick else daemon.Size())), {}
        case "growth":
            return list(growth.growth(growth.Size(100 if quick else wanted.renewals))), {}
        case _:
            return list(books.books(books.Size(200, 5000, 1) if quick else books.Size())), {}


if __name__ == "__main__":
    main()
