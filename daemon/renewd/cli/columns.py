"""What output is made of: the columns of a listing, values as text, and lines on standard output."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a listing. Without a title it is in no table, without `data` in nothing that programs read.

    `show` writes a row's cell for people, `style` says how it looks. Where there is little room, a `spare` column is
    left out and a `flexible` one is cut.
    """

    key: str
    title: str = ""
    kind: Literal["text", "money", "instant", "number"] = "text"
    show: Callable[[Row], str] | None = None
    style: Callable[[Row], str] | None = None
    flexible: bool = False
    spare: bool = False
    data: bool = True

    def cell(self, row: Row) -> str:
        """Write the row's cell for people."""
        if self.show:
            return visible(self.show(row))
        value = row[self.key]
        return brief(value) if isinstance(value, datetime) else visible(plain(value))


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows of one kind; `schema` names their form, `empty` is said to people when there are none."""

    schema: str
    columns: Sequence[Column]
    empty: str = "nothing matches"


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output; what its encoding does not have becomes a question mark."""
    for line in lines:
        try:
            sys.stdout.write(line + "\n")
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding
            sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")


def rfc3339(instant: datetime) -> str:
    """Write an instant for programs: `2026-11-23T09:00:00Z`."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def brief(instant: datetime) -> str:
    """Write an instant for people: `2026-11-23 09:00Z`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def plain(value: Any) -> str:
    """Write a value as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def visible(text: str) -> str:
    """Replace what a terminal would act on, a line break included: data must not move the cursor."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)
