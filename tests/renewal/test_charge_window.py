"""The hour of the day at which a charge starts: inside the window, before expiry, spread out, always the same."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from renewd.renewal.period import ChargeWindow, charge_instant, into_window, stable_fraction
from tests.renewal.building import DAY, HOUR, NEW_YORK, at

WINDOW = ChargeWindow.parse("09:00-18:00")
NIGHT = ChargeWindow.parse("22:00-06:00")
MIDNIGHT = at("2026-11-30 00:00")


def charged(renew_before: timedelta, window: str = "09:00-18:00", seed: str = "sub1") -> datetime:
    """When a plan that is good until midnight before 30 November is charged, on New York's clocks."""
    instant = charge_instant(MIDNIGHT, renew_before, ChargeWindow.parse(window), NEW_YORK, seed)
    return instant.astimezone(ZoneInfo(NEW_YORK)).replace(tzinfo=None)


WINDOWS = {
    "a week ahead, in the window of that day": (7 * DAY, "09:00-18:00", "2026-11-23 09", "2026-11-23 18"),
    "a week and half a day: the day before": (
        7 * DAY + 12 * HOUR,
        "09:00-18:00",
        "2026-11-22 09",
        "2026-11-22 18",
    ),
    "at expiry itself: the last window that opens before it": (
        0 * DAY,
        "09:00-18:00",
        "2026-11-29 09",
        "2026-11-29 18",
    ),
    "an hour ahead: the last day of the plan": (HOUR, "09:00-18:00", "2026-11-29 09", "2026-11-29 18"),
    "a window over midnight belongs to the day on which it opens": (
        7 * DAY,
        "22:00-06:00",
        "2026-11-23 22",
        "2026-11-24 06",
    ),
    "a window that runs past expiry gives way to the one before": (
        HOUR,
        "23:59-23:58",
        "2026-11-28 23:59",
        "2026-11-29 23:58",
    ),
    "until midnight": (7 * DAY, "20:00-24:00", "2026-11-23 20", "2026-11-24 00"),
    "the whole day": (7 * DAY, "00:00-24:00", "2026-11-23 00", "2026-11-24 00"),
    "the whole day but its last minute": (7 * DAY, "00:00-23:59", "2026-11-23 00", "2026-11-23 23:59"),
}


@pytest.mark.parametrize(("ahead", "window", "opens", "closes"), WINDOWS.values(), ids=WINDOWS)
def test_a_charge_starts_in_the_window_of_its_day(
    ahead: timedelta, window: str, opens: str, closes: str
) -> None:
    first, last = (datetime.fromisoformat(text) for text in (opens, closes))
    assert all(first <= charged(ahead, window, f"sub{n}") < last for n in range(200))


def test_the_instant_is_the_same_on_every_machine_and_in_every_release() -> None:
    assert charged(7 * DAY) == datetime.fromisoformat("2026-11-23 13:30:13")
    assert stable_fraction("sub1") == pytest.approx(0.5004075, abs=1e-6)


def test_a_midnight_herd_is_spread_evenly_over_the_window() -> None:
    hours = Counter(charged(7 * DAY, seed=f"sub{n}").hour for n in range(9_000))
    assert sorted(hours) == list(range(9, 18))
    assert all(900 < count < 1_100 for count in hours.values())


def test_no_instant_takes_more_than_its_share_of_the_herd() -> None:
    seconds = Counter(charged(7 * DAY, seed=f"sub{n}") for n in range(9_000))
    assert max(seconds.values()) < 8


def test_a_window_that_a_clock_change_swallows_gives_way_to_the_day_before() -> None:
    window = ChargeWindow.parse("02:30-03:15")  # on 8 March 2026 its opening moves past its closing
    instant = charge_instant(at("2026-03-08 23:00"), 6 * HOUR, window, NEW_YORK, "sub1")
    assert at("2026-03-07 02:30") <= instant < at("2026-03-07 03:15")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23 09:00", "2026-11-23 09:00"),
        ("2026-11-23 12:34", "2026-11-23 12:34"),
        ("2026-11-23 17:59", "2026-11-23 17:59"),
    ],
)
def test_what_falls_into_the_window_stays_where_it_is(now: str, expected: str) -> None:
    assert into_window(at(now), WINDOW, NEW_YORK, "sub1") == at(expected)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-23 08:59", "2026-11-23"),
        ("2026-11-23 18:00", "2026-11-24"),
        ("2026-11-23 23:30", "2026-11-24"),
        ("2026-10-31 20:00", "2026-11-01"),
    ],
)
def test_what_falls_outside_moves_into_the_next_window(now: str, day: str) -> None:
    moved = into_window(at(now), WINDOW, NEW_YORK, "sub1")
    assert at(f"{day} 09:00") <= moved < at(f"{day} 18:00")
    assert moved > at(now)


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        ("2026-11-23 22:00", True),
        ("2026-11-24 05:59", True),
        ("2026-11-24 06:00", False),
        ("2026-11-24 21:59", False),
    ],
)
def test_a_window_over_midnight_is_open_on_both_sides_of_it(now: str, inside: bool) -> None:
    assert (into_window(at(now), NIGHT, NEW_YORK, "sub1") == at(now)) is inside


def test_the_whole_day_has_no_gap_not_even_where_a_clock_change_takes_midnight_away() -> None:
    whole, beirut = ChargeWindow.parse("00:00-24:00"), "Asia/Beirut"
    midnight = at("2026-03-29 00:00", beirut)
    for minutes in range(-180, 180):
        instant = midnight + minutes * HOUR / 60
        assert into_window(instant, whole, beirut, "sub1") == instant


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("9-18", "not a charge window"),
        ("09:00", "not a charge window"),
        ("25:00-26:00", "not a charge window"),
        ("09:60-18:00", "not a charge window"),
        ("", "not a charge window"),
        ("09:00-24:01", "not a charge window"),
        ("24:00-06:00", "not a charge window"),
        ("09:00-09:00", 'for the whole day write "00:00-24:00"'),
        ("00:00-00:00", 'for the whole day write "00:00-24:00"'),
    ],
)
def test_what_is_no_window_is_refused_with_what_to_write(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ChargeWindow.parse(text)


def test_a_window_reads_back_as_it_was_written() -> None:
    for text in ("09:00-18:00", "22:00-06:00", "20:00-24:00", "00:00-24:00"):
        assert str(ChargeWindow.parse(text)) == text
    assert ChargeWindow.parse("20:00-00:00") == ChargeWindow.parse("20:00-24:00")


def test_an_instant_has_no_fraction_of_a_second() -> None:
    instants = [charge_instant(MIDNIGHT, DAY, WINDOW, NEW_YORK, f"sub{n}") for n in range(50)]
    assert all(instant.microsecond == 0 and instant.tzinfo is UTC for instant in instants)
