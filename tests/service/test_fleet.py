"""Two daemons on one PostgreSQL: each renewal once, whichever of them is killed, and what is limited is limited for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.postgres import fresh_database
from tests.service.conftest import Build
from tests.service.daemon import Daemon, finished, until
from tests.service.town import Town, due

COUNT = 300
FEW_MINUTES = timedelta(minutes=8)
DUE = "opens_at < now()"


@contextmanager
def two_daemons(town: Town) -> Iterator[tuple[Daemon, Daemon]]:
    """Start them on a database without a subscription; what they are given then is for both."""
    town.subscribe([])
    both = Daemon(town.path), Daemon(town.path)
    try:
        until(lambda: town.count("daemons") == len(both), "both of them")
        yield both
    finally:
        for each in both:
            each.kill()


def test_two_daemons_share_the_work_and_renew_each_once(build: Build) -> None:
    town = build(latency_ms=20, database=fresh_database(), schedule__concurrency=8)
    with two_daemons(town) as (first, second):
        town.subscribe([due(n) for n in range(COUNT)])
        until(lambda: town.count("renewals", "stage = 'extended'") == COUNT, "all to be renewed")
        assert first.stop() == second.stop() == 0
    assert town.count("(SELECT DISTINCT lease_owner FROM renewals) AS owners") == 2
    assert town.summary()["payment_intents"] == {"succeeded": COUNT}
    assert town.summary()["double_charges"] == []
    assert town.count("daemons") == 0


def test_what_a_killed_daemon_has_left_is_finished_by_another(build: Build) -> None:
    town = build(latency_ms=50, database=fresh_database(), schedule__concurrency=8)
    with two_daemons(town) as (doomed, other):
        town.subscribe([due(n) for n in range(COUNT)])
        until(lambda: town.count("renewals", "stage = 'extended'") > COUNT / 4, "a quarter")
        doomed.kill()
        left = "next_at IS NOT NULL AND lease_until IS NULL"
        until(lambda: not town.count("renewals", left) and not town.count("subscriptions", DUE), "the rest")
        assert other.stop() == 0
    for times in range(1, 4):
        finished(town.path, "once", ahead=times * FEW_MINUTES)
    assert town.stages() == {"extended": COUNT}
    assert town.summary()["payment_intents"] == {"succeeded": COUNT}
    assert town.summary()["double_charges"] == []


def test_the_brake_holds_for_both_together(build: Build) -> None:
    town = build(database=fresh_database(), schedule__concurrency=8)
    town.set_brake(30)
    with two_daemons(town) as (first, second):
        town.subscribe([due(n) for n in range(COUNT)])
        until(lambda: town.count("renewals", "hold = 'brake'") > COUNT - 40, "the brake")
        assert first.stop() == second.stop() == 0
    assert sum(town.summary()["payment_intents"].values()) <= 30
