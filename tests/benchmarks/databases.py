"""Renewals a second on each database, beside a bare gateway and carrier that cost as little as they can."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.benchmarks import fleet, jobs, peer
from tests.benchmarks.measure import Row, middle, noise
from tests.benchmarks.renewals import REQUESTS
from tests.benchmarks.stub import Stub
from tests.benchmarks.work import Figures, Work, measured

DATABASES = ("SQLite", "PostgreSQL")
LATENCIES = (0, 50)
TWO = 2


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured, how many at once, and how often."""

    renewals: int = 3000
    concurrencies: tuple[int, ...] = (64, 16, 256)
    repeat: int = 3


def databases(size: Size) -> Iterator[Row]:
    """Measure everything."""
    figures = measured(_works(size), size.repeat)
    for latency in LATENCIES:
        yield from _at_latency(figures, latency, size)


def _works(size: Size) -> dict[str, Work]:
    works = {}
    for latency in LATENCIES:
        stub = partial(Stub, latency)
        for at_once in size.concurrencies:
            options = {"concurrency": at_once}
            works[f"http {latency} {at_once}"] = Work(jobs.request, size.renewals, stub, options=options)
            for database in DATABASES:
                work = Work(jobs.renew, size.renewals, stub, database, options)
                works[f"{database} {latency} {at_once}"] = work
        two = {"concurrency": size.concurrencies[0], "daemons": TWO}
        works[f"fleet {latency}"] = Work(fleet.renew, size.renewals, stub, "PostgreSQL", two)
        for database in DATABASES:
            # A loop needs no long run to show its pace.
            count = size.renewals // (60 if latency else 5) + 1
            works[f"loop {database} {latency}"] = Work(peer.loop, count, stub, database)
    return works


def _at_latency(figures: dict[str, Figures], latency: int, size: Size) -> Iterator[Row]:
    yield Row(f"Renewals over HTTP, a bare stub at {latency} ms: {REQUESTS} requests and three commits each")
    for database in DATABASES:
        for at_once in size.concurrencies:
            ours = figures[f"{database} {latency} {at_once}"]
            yield from _beside(
                f"  {database}, {at_once} at once", ours, list(_others(figures, database, latency, at_once))
            )
    both = figures[f"fleet {latency}"]
    one = figures[f"PostgreSQL {latency} {size.concurrencies[0]}"].rate()
    yield from _beside(
        f"  PostgreSQL, {TWO} daemons, {size.concurrencies[0]} at once each", both, [(one, "one daemon")]
    )
    for database in DATABASES:
        ours, http = (figures[f"{name} {latency} {size.concurrencies[0]}"] for name in (database, "http"))
        beside = f"{middle(http.cpu()):.2f} s, the same requests and nothing else"
        ratio = f"{middle(ours.cpu()) / middle(http.cpu()):.2f}"
        what = f"  processor for 1,000, {database}"
        yield Row(what, f"{middle(ours.cpu()):.2f} s", noise(ours.cpu()), beside, ratio)


def _others(
    figures: dict[str, Figures], database: str, latency: int, at_once: int
) -> Iterator[tuple[float, str]]:
    if latency:
        yield (
            1000 * at_once / (REQUESTS * latency),
            f"what {at_once} at once can do in {REQUESTS} x {latency} ms",
        )
    yield figures[f"http {latency} {at_once}"].rate(), "the same requests and nothing else"
    yield figures[f"loop {database} {latency}"].rate(), "a plain loop on the same database"


def _beside(what: str, ours: Figures, others: list[tuple[float, str]]) -> Iterator[Row]:
    first = (what, f"{ours.rate():.0f}/s", noise(ours.rates()))
    for other, name in others:
        yield Row(*first, f"{other:.0f}/s, {name}", f"{ours.rate() / other:.2f}")
        first = ("", "", "")
