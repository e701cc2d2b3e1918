"""Billing periods from an anchor, and the instant of the day at which a charge may start.

Everything that needs a calendar is here. Instants are aware `datetime`s in UTC; the subscriber's zone is
an argument. Local times that a clock change skips move forward, repeated ones mean the first of the two.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, Self

from whenever import Date, Instant, Time, TimeZoneNotFoundError, ZonedDateTime

_WRITTEN_PERIOD = re.compile(r"(\d{1,4}) ?(d|days?|months?|years?)")
_WRITTEN_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_WRITTEN_WINDOW = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `7d`, `45m` or `1d12h` (units w d h m s). Raises ValueError."""
    found = _WRITTEN_DURATION.fullmatch(text.strip())
    if found is None or not text.strip():
        raise ValueError('not a duration; write e.g. "7d", "45m", "1d12h"')
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it; the fraction of a second is dropped."""
    left = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def known_zone(name: str) -> bool:
    """Say whether `name` is a time zone of the IANA database."""
    try:
        ZonedDateTime(2026, 1, 1, tz=name)
    except (TimeZoneNotFoundError, ValueError):
        return False
    return True


@dataclass(frozen=True)
class Period:
    """A billing period: so many calendar days, or so many calendar months (a year is twelve)."""

    count: int
    unit: Literal["day", "month"]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1 month`, `30d` or `1 year`. Raises ValueError with what to write instead."""
        found = _WRITTEN_PERIOD.fullmatch(text.strip())
        if found is None or int(found[1]) == 0:
            raise ValueError('not a period; write e.g. "1 month", "30d", "1 year"')
        count, unit = int(found[1]), found[2]
        if unit.startswith("year"):
            return cls(count * 12, "month")
        return cls(count, "month" if unit.startswith("month") else "day")

    def __str__(self) -> str:
        """Write the period as `parse` reads it."""
        if self.unit == "day":
            return f"{self.count}d"
        count, name = (self.count // 12, "year") if self.count % 12 == 0 else (self.count, "month")
        return f"{count} {name}{'s' if count > 1 else ''}"


SHORTENED = timedelta(days=3)


def next_end(end: datetime, anchor: datetime, period: Period, zone: str) -> datetime:
    """Give the end of the period that starts at `end`: exactly one period later, on the anchor's day and time.

    `anchor` is the billing anchor, the instant whose local day of the month and time of day every period end
    keeps, so that 31 Jan goes to 28 Feb and back to 31 Mar, and a time inside a clock change comes back too.
    """
    local, start = _local(end, zone), _local(anchor, zone)
    if period.unit == "day":
        return _instant(local.date().add(days=period.count), start.time(), zone)
    # A move to another zone may put the end and the anchor on different sides of a month's end; a period never
    # falls short of its months by more than the days that a short month takes.
    least = _instant(local.date().add(months=period.count), local.time(), zone) - SHORTENED
    first = local.date().replace(day=1)
    months = (first.add(months=period.count + shift) for shift in (-1, 0, 1))
    ends = (
        _instant(each.replace(day=min(start.day, each.days_in_month())), start.time(), zone)
        for each in months
    )
    return next(each for each in ends if each >= least)


@dataclass(frozen=True)
class ChargeWindow:
    """The hours of the subscriber's day in which charges may start: from `start`, until before the next `end`."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `09:00-18:00`; `22:00-06:00` runs over midnight, `00:00-24:00` is the whole day. Raises ValueError."""
        found = _WRITTEN_WINDOW.fullmatch(text.strip())
        try:
            hours = [int(part) for part in found.groups()] if found else []
            till_midnight = hours[2:] == [24, 0]
            window = cls(time(hours[0], hours[1]), time() if till_midnight else time(hours[2], hours[3]))
        except (IndexError, ValueError):
            raise ValueError('not a charge window; write e.g. "09:00-18:00"') from None
        if window.start == window.end and not till_midnight:
            raise ValueError('an empty charge window; for the whole day write "00:00-24:00"')
        return window

    def __str__(self) -> str:
        """Write the window as `parse` reads it."""
        end = f"{self.end:%H:%M}" if self.end > time() else "24:00"
        return f"{self.start:%H:%M}-{end}"

    def on(self, date: Date, zone: str) -> tuple[datetime, datetime]:
        """Give the first instant of the window that opens on `date`, and the first one after it."""
        return _hours(self, date, zone)


@lru_cache(maxsize=4096)
def _hours(window: ChargeWindow, date: Date, zone: str) -> tuple[datetime, datetime]:
    closing = date if window.start < window.end else date.add(days=1)
    return _instant(date, _time(window.start), zone), _instant(closing, _time(window.end), zone)


def charge_instant(
    period_start: datetime, renew_before: timedelta, window: ChargeWindow, zone: str, seed: str
) -> datetime:
    """Give the instant at which the renewal of the period starting at `period_start` is to be charged.

    It lies in the charge window of the local day `renew_before` ahead of expiry, at a place in the window that
    only `seed` decides, so that subscriptions expiring at one midnight are charged as a flow. It is always
    before `period_start`: a window too late for that gives way to the one of the day before.
    """
    day = _local(period_start - renew_before, zone).date()
    while True:
        opens, closes = window.on(day, zone)
        instant = opens + (closes - opens) * stable_fraction(seed)
        if instant < period_start and opens < closes:
            return instant.replace(microsecond=0)
        day = day.add(days=-1)


def into_window(instant: datetime, window: ChargeWindow, zone: str, seed: str) -> datetime:
    """Give `instant` itself when it lies in the charge window, else its place in the next window to open."""
    day = _local(instant, zone).date().add(days=-1)
    for ahead in range(4):
        opens, closes = window.on(day.add(days=ahead), zone)
        if opens <= instant < closes:
            return instant
        if instant < opens < closes:
            return (opens + (closes - opens) * stable_fraction(seed)).replace(microsecond=0)
    return instant


def stable_fraction(seed: str) -> float:
    """Give a number in [0, 1) that depends on nothing but `seed`, on every machine and in every release."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=6).digest()) / 2**48


def local_text(instant: datetime, zone: str) -> str:
    """Write an instant as the subscriber's clock shows it, with its offset: `2026-11-23 09:00 -05:00`."""
    text = _local(instant, zone).to_stdlib().isoformat(sep=" ", timespec="minutes")
    return f"{text[:-6]} {text[-6:]}"


def _local(instant: datetime, zone: str) -> ZonedDateTime:
    return Instant(instant).to_tz(zone)


def _time(clock: time) -> Time:
    return Time(clock.hour, clock.minute)


def _instant(date: Date, clock: Time, zone: str) -> datetime:
    local = date.at(clock).assume_tz(zone, disambiguation="compatible")
    return local.to_stdlib().astimezone(UTC)
