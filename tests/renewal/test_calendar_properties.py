"""What holds for every anchor, every zone and every window: searched by hypothesis, judged by the standard library."""

from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from renewd.renewal.period import (
    ChargeWindow,
    Period,
    charge_instant,
    format_duration,
    into_window,
    known_zone,
    next_end,
    parse_duration,
)
from renewd.renewal.terms import Ladder

MONTHS_OF_FOUR_YEARS = 48

zones = st.sampled_from(sorted(name for name in available_timezones() if "/" in name and known_zone(name)))
clocks = st.times().map(lambda clock: clock.replace(microsecond=0))
hours = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
dates = st.dates(datetime(2025, 1, 1).date(), datetime(2035, 12, 31).date())  # noqa: DTZ001 a calendar day
instants = st.builds(datetime.combine, dates, clocks, st.just(UTC))
windows = (
    st.tuples(hours, hours).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: ChargeWindow(*pair))
)
durations = st.integers(0, 45 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
seeds = st.text(max_size=8)
periods = st.builds(Period, st.integers(1, 400), st.just("day")) | st.builds(
    Period, st.integers(1, 48), st.just("month")
)


def instant_of(local: datetime, zone: str) -> datetime:
    """What the standard library makes of a local time: forward out of a gap, the first of a repeated hour."""
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def local_of(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def hold(window: ChargeWindow, day: datetime, zone: str, instant: datetime) -> bool:
    """Whether an instant lies in the window that opens on a local day."""
    closing = day if window.start < window.end else day + timedelta(days=1)
    opens, closes = datetime.combine(day, window.start), datetime.combine(closing, window.end)
    return instant_of(opens, zone) <= instant < instant_of(closes, zone)


def days_around(instant: datetime, zone: str) -> list[datetime]:
    day = datetime.combine(local_of(instant, zone), time())
    return [day + timedelta(days=shift) for shift in (-1, 0, 1)]


@given(instants, zones)
def test_no_anchor_drifts_or_skips_a_month_in_four_years(anchor: datetime, zone: str) -> None:
    end, start = anchor, local_of(anchor, zone)
    for count in range(1, MONTHS_OF_FOUR_YEARS + 1):
        end = next_end(end, anchor, Period(1, "month"), zone)
        year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
        day = min(start.day, monthrange(year, month + 1)[1])
        assert end == instant_of(start.replace(year=year, month=month + 1, day=day), zone)


@given(instants, instants, periods, zones)
def test_a_period_always_ends_after_it_starts(
    start: datetime, anchor: datetime, period: Period, zone: str
) -> None:
    assert next_end(start, anchor, period, zone) > start


@given(instants, durations, windows, zones, seeds)
def test_a_charge_is_planned_in_a_window_and_before_expiry(
    expiry: datetime, ahead: timedelta, window: ChargeWindow, zone: str, seed: str
) -> None:
    instant = charge_instant(expiry, ahead, window, zone, seed)
    assert instant < expiry
    assert any(hold(window, day, zone, instant) for day in days_around(instant, zone))
    assert instant == charge_instant(expiry, ahead, window, zone, seed)


@given(instants, durations.filter(lambda ahead: ahead > timedelta(days=2)), windows, zones, seeds)
def test_a_charge_is_planned_on_the_very_day_that_is_asked_for(
    expiry: datetime, ahead: timedelta, window: ChargeWindow, zone: str, seed: str
) -> None:
    instant = charge_instant(expiry, ahead, window, zone, seed)
    day = datetime.combine(local_of(expiry - ahead, zone), time())
    swallowed = not hold(window, day, zone, instant_of(datetime.combine(day, window.start), zone))
    assert swallowed or hold(window, day, zone, instant)


@given(instants, windows, zones, seeds)
def test_a_late_try_waits_for_the_next_window_and_no_longer(
    now: datetime, window: ChargeWindow, zone: str, seed: str
) -> None:
    instant = into_window(now, window, zone, seed)
    assert any(hold(window, day, zone, instant) for day in days_around(instant, zone))
    assert now <= instant < now + timedelta(days=3)
    if any(hold(window, day, zone, now) for day in days_around(now, zone)):
        assert instant == now


@given(periods)
def test_every_period_reads_back_as_it_was_written(period: Period) -> None:
    assert Period.parse(str(period)) == period


@given(windows)
def test_every_window_reads_back_as_it_was_written(window: ChargeWindow) -> None:
    assert ChargeWindow.parse(str(window)) == window


@given(st.integers(0, 10**9).map(lambda seconds: timedelta(seconds=seconds)))
def test_every_duration_reads_back_as_it_was_written(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(st.lists(durations, max_size=6).map(tuple), st.integers(0, 99), seeds)
def test_a_ladder_lengthens_its_waits_by_its_jitter_at_most(
    waits: tuple[timedelta, ...], jitter: int, seed: str
) -> None:
    ladder = Ladder(waits, jitter)
    for step, rung in enumerate(waits):
        wait = ladder.wait(step, seed)
        assert wait is not None
        assert rung <= wait <= rung * (100 + jitter) / 100 + timedelta(microseconds=1)
        assert wait == ladder.wait(step, seed)
    assert ladder.wait(len(waits), seed) is None
