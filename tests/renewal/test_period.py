"""Billing periods keep the anchor's day and time of day, through short months, leap days and clock changes."""

from datetime import datetime, timedelta

import pytest

from renewd.renewal.period import (
    Period,
    format_duration,
    known_zone,
    local_text,
    next_end,
    parse_duration,
)
from tests.renewal.building import NEW_YORK, at

MONTH = Period(1, "month")


def ends(anchor: str, period: str, count: int, zone: str = NEW_YORK) -> list[str]:
    """The first `count` ends that follow from an anchor, as the zone's clocks show them."""
    instant = start = at(anchor, zone)
    shown = []
    for _ in range(count):
        instant = next_end(instant, start, Period.parse(period), zone)
        shown.append(local_text(instant, zone).removesuffix(" +00:00"))
    return shown


def test_a_31_january_anchor_comes_back_to_31_march() -> None:
    assert ends("2026-01-31 00:00", "1 month", 4, "UTC") == [
        "2026-02-28 00:00",
        "2026-03-31 00:00",
        "2026-04-30 00:00",
        "2026-05-31 00:00",
    ]


def test_in_a_leap_year_it_visits_29_february() -> None:
    assert ends("2028-01-31 00:00", "1 month", 2, "UTC") == ["2028-02-29 00:00", "2028-03-31 00:00"]


def test_a_30th_is_cut_short_only_in_february() -> None:
    assert ends("2026-12-30 00:00", "1 month", 3, "UTC") == [
        "2027-01-30 00:00",
        "2027-02-28 00:00",
        "2027-03-30 00:00",
    ]


def test_a_yearly_leap_day_comes_back_every_fourth_year() -> None:
    assert ends("2024-02-29 12:00", "1 year", 4, "UTC") == [
        "2025-02-28 12:00",
        "2026-02-28 12:00",
        "2027-02-28 12:00",
        "2028-02-29 12:00",
    ]


def test_a_quarter_keeps_its_anchor_day() -> None:
    assert ends("2026-11-30 00:00", "3 months", 3, "UTC") == [
        "2027-02-28 00:00",
        "2027-05-30 00:00",
        "2027-08-30 00:00",
    ]


def test_thirty_days_are_thirty_days_whatever_the_month() -> None:
    assert ends("2026-01-31 00:00", "30d", 3, "UTC") == [
        "2026-03-02 00:00",
        "2026-04-01 00:00",
        "2026-05-01 00:00",
    ]


CLOCK_CHANGES = {
    "midnight stays midnight when New York springs forward": (
        "2026-02-15 00:00",
        NEW_YORK,
        ["2026-03-15 00:00 -04:00", "2026-04-15 00:00 -04:00"],
    ),
    "a time that a clock change skips moves forward and comes back": (
        "2026-02-08 02:30",
        NEW_YORK,
        ["2026-03-08 03:30 -04:00", "2026-04-08 02:30 -04:00"],
    ),
    "a repeated time means the first of the two": (
        "2026-10-01 01:30",
        NEW_YORK,
        ["2026-11-01 01:30 -04:00", "2026-12-01 01:30 -05:00"],
    ),
    "a midnight that Santiago skips is one o'clock, for that day only": (
        "2026-08-06 00:00",
        "America/Santiago",
        ["2026-09-06 01:00 -03:00", "2026-10-06 00:00 -03:00"],
    ),
    "a midnight that Beirut skips is one o'clock, for that day only": (
        "2026-02-28 00:00",
        "Asia/Beirut",
        ["2026-03-28 00:00 +02:00", "2026-04-28 00:00 +03:00"],
    ),
    "a midnight that Havana repeats is the first": (
        "2026-10-01 00:30",
        "America/Havana",
        ["2026-11-01 00:30 -04:00", "2026-12-01 00:30 -05:00"],
    ),
    "half an hour of Lord Howe is skipped as well": (
        "2026-09-04 02:15",
        "Australia/Lord_Howe",
        ["2026-10-04 02:45 +11:00", "2026-11-04 02:15 +11:00"],
    ),
}


@pytest.mark.parametrize(("anchor", "zone", "expected"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES)
def test_a_clock_change_moves_no_later_period(anchor: str, zone: str, expected: list[str]) -> None:
    assert ends(anchor, "1 month", len(expected), zone) == expected


def test_daily_periods_pass_over_a_clock_change_one_date_at_a_time() -> None:
    assert ends("2026-03-07 02:30", "1d", 3) == [
        "2026-03-08 03:30 -04:00",
        "2026-03-09 02:30 -04:00",
        "2026-03-10 02:30 -04:00",
    ]


def test_a_line_that_moves_to_another_zone_keeps_its_instant_and_not_its_date() -> None:
    anchor, end = at("2026-01-31 00:00"), at("2026-03-31 00:00")
    moved = next_end(end, anchor, MONTH, "America/Los_Angeles")
    assert local_text(moved, "America/Los_Angeles") == "2026-04-30 21:00 -07:00"
    assert local_text(moved, NEW_YORK) == "2026-05-01 00:00 -04:00"


@pytest.mark.parametrize(
    ("text", "period", "written"),
    [
        ("1 month", Period(1, "month"), "1 month"),
        ("3 months", Period(3, "month"), "3 months"),
        ("1 year", Period(12, "month"), "1 year"),
        ("2 years", Period(24, "month"), "2 years"),
        ("12 months", Period(12, "month"), "1 year"),
        ("30d", Period(30, "day"), "30d"),
        ("1 day", Period(1, "day"), "1d"),
    ],
)
def test_a_period_is_read_and_written(text: str, period: Period, written: str) -> None:
    assert Period.parse(text) == period
    assert str(period) == written


@pytest.mark.parametrize(
    "text", ["0 months", "0d", "month", "1 week", "-1 month", "1.5 months", "", "1 fortnight"]
)
def test_what_is_no_period_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r'write e.g. "1 month", "30d", "1 year"'):
        Period.parse(text)


@pytest.mark.parametrize(
    ("text", "duration", "written"),
    [
        ("7d", timedelta(days=7), "7d"),
        ("1w", timedelta(days=7), "7d"),
        ("1d12h", timedelta(hours=36), "1d12h"),
        ("90m", timedelta(minutes=90), "1h30m"),
        ("61s", timedelta(seconds=61), "1m1s"),
        ("0s", timedelta(0), "0s"),
    ],
)
def test_a_duration_is_read_and_written(text: str, duration: timedelta, written: str) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == written


@pytest.mark.parametrize("text", ["", " ", "7", "7 days", "12h1d", "-1d", "1.5h", "d"])
def test_what_is_no_duration_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r'write e.g. "7d", "45m", "1d12h"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("name", "known"), [("Europe/Rome", True), ("UTC", True), ("Mars/Base", False), ("", False)]
)
def test_a_zone_is_one_of_the_iana_database(name: str, known: bool) -> None:
    assert known_zone(name) is known


def test_an_instant_is_shown_as_the_subscribers_clock_shows_it() -> None:
    instant: datetime = at("2026-11-23 14:00", "UTC")
    assert local_text(instant, NEW_YORK) == "2026-11-23 09:00 -05:00"
    assert local_text(instant, "Asia/Kolkata") == "2026-11-23 19:30 +05:30"
