"""A machine that sleeps for weeks, and a clock that is set, under a daemon that runs: nobody is charged twice, nobody forgotten."""

import signal
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest

from tests.postgres import fresh_database
from tests.service.conftest import Build
from tests.service.daemon import Daemon, MachineClock, running, until
from tests.service.test_troubles import paid
from tests.service.town import POLICY, Town, due, now

COUNT = 8
WEEKS = timedelta(weeks=3)
ONE_AT_ONCE = {
    "schedule__concurrency": 1,
    "gateways__stripe__max_concurrent": 1,
    "carriers__tello__max_concurrent": 1,
}
JUMPED = "the clock has jumped; what is unpaid is looked up before it is charged"


def by_the_fortnight(town: Town) -> None:
    """Have periods so short that two of them come due in one sleep."""
    town.write_policy(plans={"basic": {**POLICY["plans"]["basic"], "period": "15 days"}})


def said_of_the_clock(daemon: Daemon) -> list[str]:
    return [line["detail"] for line in daemon.said(JUMPED)]


def test_after_a_sleep_of_three_weeks_each_is_charged_once_the_longest_due_first(build: Build) -> None:
    town = build(latency_ms=50, **ONE_AT_ONCE)
    by_the_fortnight(town)
    awake, asleep = range(COUNT), range(COUNT, 2 * COUNT)
    town.subscribe([due(n, ends_in=timedelta(days=6, hours=12)) for n in awake])
    # The higher its number, the longer it is due when the machine wakes up.
    town.subscribe([due(n, ends_in=timedelta(days=25 - n)) for n in asleep])
    clock, woken = MachineClock(town.folder / "clock"), now() + WEEKS
    with running(town.path, clock) as daemon:
        until(lambda: paid(town) >= 2, "some renewals")
        daemon.signal(signal.SIGSTOP)
        clock.set(WEEKS)
        daemon.signal(signal.SIGCONT)
        until(lambda: len(since(woken, town, "renewal.completed")) == 2 * COUNT, "all of them")
        assert daemon.stop() == 0
    assert said_of_the_clock(daemon) == ["21d later: it was set, or the machine slept"]
    charged = since(woken, town, "charge.succeeded")
    assert max(Counter(charged).values()) == 1
    assert [each for each in charged if int(each[2:]) in asleep] == [f"S-{n:05}" for n in reversed(asleep)]
    assert town.summary()["payment_intents"] == {"succeeded": len(town.events("charge.succeeded"))}
    assert town.summary()["double_charges"] == []


def since(instant: datetime, town: Town, event: str) -> list[str]:
    """Give whose events have happened since then."""
    return [each.subscription for each in town.events(event) if each.at >= instant]


@pytest.mark.parametrize(
    ("on_server", "killed"), [(False, False), (True, True)], ids=["sqlite", "postgres, killed meanwhile"]
)
def test_a_clock_that_was_weeks_ahead_and_is_set_back_leaves_nobody_waiting_for_that_time(
    build: Build, on_server: bool, killed: bool
) -> None:
    database = {"database": fresh_database()} if on_server else {}
    town = build(schedule__settle_after="62s", breaker__failures=2 * COUNT, **database)
    declined, doubted = range(COUNT), range(COUNT, 2 * COUNT)
    town.subscribe([due(n, "pm_do_not_honor_x1") for n in declined])
    town.subscribe([due(n, "pm_timeout_after_charge") for n in doubted])
    clock = MachineClock(town.folder / "clock")
    clock.set(WEEKS)
    with ExitStack() as ends:
        daemon = ends.enter_context(running(town.path, clock))
        until(lambda: town.count("renewals", "ladder_step = 1") == COUNT, "the declines")
        until(lambda: town.count("audit_log", "name = 'charge.unknown'") == COUNT, "the doubts")
        if killed:
            daemon.kill()
        clock.set(timedelta(0))
        if killed:
            daemon = ends.enter_context(running(town.path, clock))
        else:
            until(lambda: said_of_the_clock(daemon) == ["set back by 21d"], "the line of the log")
        town.subscribe([due(2 * COUNT)])
        until(lambda: paid(town) == 1, "one that is due now")
        clock.set(timedelta(minutes=5))
        until(lambda: paid(town) == 1 + COUNT, "the doubts to be settled")
        assert town.count("renewals", "ladder_step = 1") == COUNT  # and no declined card was tried at once
        clock.set(timedelta(hours=7))
        until(lambda: paid(town) == 1 + 2 * COUNT, "the next try")
        assert daemon.stop() == 0
    assert town.summary()["payment_intents"]["succeeded"] == 1 + 2 * COUNT
    assert town.summary()["double_charges"] == []
