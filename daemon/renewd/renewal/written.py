"""Values as people write them in a file: exact text such as `7d`, read once and shown again as it was written."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow, Period, format_duration, parse_duration

LONGEST_DURATION = timedelta(days=3650)
LONGEST_TEXT = 64  # characters of a written value; none needs half as many
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
PERCENT_PATTERN = r"^[0-9]{1,2}%$"


@dataclass(frozen=True)
class Written:
    """A way to write values: `read` makes the value of a text and raises ValueError, `write` the text of a value.

    `pattern` is a regular expression for editors; `example` is shown to whoever wrote something else; `most` is
    how many characters a text may have; `noun` says what kind of value it is.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    example: str
    pattern: str
    most: int = LONGEST_TEXT
    noun: str = "text"

    def parsed(self, value: object) -> object:
        """Read a value of a file: text only. A value that can come from no file is passed on as it is."""
        if isinstance(value, int | float | list | dict) or value is None:
            raise ValueError(f'must be written as text; write e.g. "{self.example}"')
        if isinstance(value, str) and len(value) > self.most:
            raise ValueError(f'too long; write e.g. "{self.example}"')
        return self.read(value) if isinstance(value, str) else value


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
    except OverflowError:
        duration = timedelta.max
    if duration > LONGEST_DURATION:
        raise ValueError(f"must be at most {format_duration(LONGEST_DURATION)}")
    return duration


def _period(text: str) -> Period:
    period = Period.parse(text)
    if period.count > (LONGEST_DURATION.days if period.unit == "day" else 120):
        raise ValueError("must be at most 10 years")
    return period


def a_name(text: str) -> str:
    """Check the name of something in a file: a plan, a tag, a gateway. Raises ValueError."""
    if not re.fullmatch(NAME_PATTERN, text) or text.endswith("\n"):
        raise ValueError('must be a name: letters, digits, ".", "_" and "-", 64 at most')
    return text


def a_percentage(text: str) -> str:
    """Check a percentage such as `10%`. Raises ValueError."""
    if not re.fullmatch(PERCENT_PATTERN, text) or text.endswith("\n"):
        raise ValueError('not a percentage; write e.g. "10%"')
    return text


def one_or_many(value: object) -> object:
    """Take a single name for a list of one. Raises ValueError."""
    if not isinstance(value, str | list):
        raise ValueError("must be a name, or a list of names")  # noqa: TRY004 pydantic reports ValueError
    return [value] if isinstance(value, str) else value


DURATION = Written(
    _duration, format_duration, "7d", r"^(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", noun="duration"
)
MONEY = Written(Money.parse, str, "70.00 USD", r"^\d{1,12}(\.\d{1,3})? [A-Z]{3}$", noun="amount")
PERIOD = Written(_period, str, "1 month", r"^\d{1,4} ?(d|days?|months?|years?)$", noun="period")
WINDOW = Written(ChargeWindow.parse, str, "09:00-18:00", r"^\d\d:\d\d-\d\d:\d\d$", noun="hours")
