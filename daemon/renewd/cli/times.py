"""Instants as people give them on the command line: `7d` ago, `yesterday`, a date, or RFC 3339."""

import re
from datetime import UTC, datetime, timedelta

import click

from renewd.renewal.period import format_duration, parse_duration

_WRITTEN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d\d:\d\d))?)?", re.IGNORECASE
)
EXAMPLES = 'write e.g. "7d", "yesterday", "2026-11-23" or "2026-11-23T09:00:00Z"'
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}


def past(text: str) -> datetime:
    """Read an instant for an option: a duration counts back from now. A usage error says what to write."""
    return _given(text, ahead=False)


def coming(text: str) -> datetime:
    """Read an instant for an option: a duration counts ahead from now. A usage error says what to write."""
    return _given(text, ahead=True)


def span(text: str) -> timedelta:
    """Read a duration for an option. A usage error says what to write."""
    try:
        return parse_duration(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(f'"{text}" is not a duration; write e.g. "7d", "45m", "1d12h"') from None


def _given(text: str, *, ahead: bool) -> datetime:
    from renewd.service.wiring import system_clock

    try:
        return instant(text, system_clock().now(), ahead=ahead)
    except (ValueError, OverflowError):
        raise click.BadParameter(f'"{text}" is not a time; {EXAMPLES}') from None


def instant(text: str, now: datetime, *, ahead: bool = False) -> datetime:
    """Read an instant; dates and times are in UTC unless they say more. Raises ValueError, and OverflowError for one beyond all calendars."""
    word = text.strip().lower()
    if word == "now":
        return now
    if word in _DAYS:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=_DAYS[word])
    if _WRITTEN.fullmatch(word):
        found = datetime.fromisoformat(word.upper().replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    length = parse_duration(word.lstrip("+-"))
    back = word.startswith("-") or (not ahead and not word.startswith("+"))
    return now - length if back else now + length


def relative(at: datetime, now: datetime) -> str:
    """Say how far an instant is from now: `in 31 days`, `2 hours ago`."""
    seconds = abs((at - now).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"in {words}" if at > now else f"{words} ago"
    return "now"


def span_text(length: timedelta) -> str:
    """Write a duration for people, no finer than a minute: `1d2h`."""
    return format_duration(timedelta(minutes=round(length.total_seconds() / 60)))
