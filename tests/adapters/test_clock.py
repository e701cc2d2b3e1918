"""The machine's clock tells its time; the demonstration's jumps, never back and never past its end."""

from datetime import UTC, datetime, timedelta

import pytest

from renewd.adapters.clock import DemoClock, SystemClock
from renewd.ports import Clock
from tests.fakes import FakeClock

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "clock", [SystemClock(), DemoClock(START), FakeClock(START)], ids=lambda it: type(it).__name__
)
def test_every_clock_speaks_utc_and_never_goes_back(clock: Clock) -> None:
    before, ticks = clock.now(), clock.elapsed()
    clock.alarm(before - DAY)
    assert clock.now() >= before
    assert clock.elapsed() >= ticks
    assert clock.now().utcoffset() == timedelta(0)


def test_the_machine_rings_at_the_instant_itself() -> None:
    assert SystemClock().alarm(START) == START


def test_the_demonstration_stands_still_until_an_alarm_is_asked_for() -> None:
    moved: list[datetime] = []
    clock = DemoClock(START, moved=moved.append)
    assert clock.now() == clock.now() == START
    clock.alarm(START + DAY)
    clock.alarm(START + DAY)
    clock.alarm(START)
    assert clock.now() == START + DAY
    assert moved == [START + DAY]


@pytest.mark.parametrize(("pace", "seconds"), [(0.0, 0.0), (2.0, 6.0)])
def test_the_demonstration_rings_after_the_pace_of_its_days(pace: float, seconds: float) -> None:
    clock = DemoClock(START, pace)
    before = datetime.now(UTC)
    rings = clock.alarm(START + 3 * DAY)
    assert timedelta(0) <= rings - before - timedelta(seconds=seconds) < timedelta(seconds=1)


def test_the_demonstration_ends_where_it_was_told_to() -> None:
    clock = DemoClock(START, until=START + DAY)
    assert not clock.over
    clock.alarm(START + 30 * DAY)
    assert clock.now() == START + DAY
    assert clock.over
