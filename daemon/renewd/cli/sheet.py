"""Rows of an imported file, CSV or JSON Lines, and what is wrong with the file itself; what the cells mean is in `records`."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from renewd.cli.wording import did_you_mean, quoted

LONGEST_LINE = 1 << 20  # bytes
_BOM, _UTF_16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
SAVE_AS = "save the file as UTF-8"
CARD = "looks like a card number; give the gateway's token (pm_...) and its last four digits at most"


class Complaint(NamedTuple):
    """What is wrong, and where: the line on which the row begins and the column, both from 1."""

    row: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: its values by the name of their column, and where each stands. What is empty is left out."""

    row: int
    values: Mapping[str, Any]
    places: Mapping[str, int]

    def complaint(self, name: str, message: str) -> Complaint:
        """Complain about a column."""
        return Complaint(self.row, self.places.get(name, 1), f"{name}: {message}")


class UnreadableError(Exception):
    """The file cannot be read on from here."""

    def __init__(self, row: int, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.complaint = Complaint(row, column, message)


def entries(stream: BinaryIO, known: Iterable[str], required: Iterable[str]) -> Iterator[Entry | Complaint]:
    """Read a file's rows. It is JSON Lines when its first character is a brace, else CSV with a heading."""
    lines = _lines(stream)
    try:
        first = next((line for line in lines if line[1].strip()), None)
        if first is None:
            yield Complaint(1, 1, "the file is empty")
        elif first[1].lstrip().startswith("{"):
            yield from _jsonl(first, lines, set(known))
        else:
            yield from _csv(first, lines, list(known), required)
    except UnreadableError as error:
        yield error.complaint


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    number = 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        if number == 1 and raw.startswith(_UTF_16):
            raise UnreadableError(1, f"this is UTF-16; {SAVE_AS}")
        if len(raw) == LONGEST_LINE:
            raise UnreadableError(number, f"a line of more than {LONGEST_LINE} bytes")
        try:
            yield number, (raw.removeprefix(_BOM) if number == 1 else raw).decode()
        except UnicodeDecodeError as error:
            byte = f"0x{raw[error.start]:02X}"
            raise UnreadableError(number, f"not UTF-8 ({byte}); {SAVE_AS}", error.start + 1) from None


def _csv(
    first: tuple[int, str], lines: Iterator[tuple[int, str]], known: list[str], required: Iterable[str]
) -> Iterator[Entry | Complaint]:
    at = first[0]

    def texts() -> Iterator[str]:
        nonlocal at
        yield first[1]
        for at, text in lines:  # noqa: B007  # how far the reader has come
            yield text

    reader = csv.reader(texts(), strict=True)
    row = at
    try:
        heading = [cell.strip() for cell in next(reader)]
        wrong = list(_wrong_heading(row, heading, known, required))
        yield from wrong
        if wrong:
            return
        places = {name: place for place, name in enumerate(heading, 1)}
        while True:
            row = at + 1
            cells = next(reader, None)
            if cells is None:
                return
            if any(map(str.strip, cells)):
                yield _entry(row, places, cells)
    except csv.Error as error:
        yield Complaint(row, 1, f"not CSV as RFC 4180 has it: {error}")


def _entry(row: int, places: Mapping[str, int], cells: list[str]) -> Entry | Complaint:
    if len(cells) != len(places):
        return Complaint(row, len(cells), f"{len(cells)} cells, but the heading has {len(places)}")
    return Entry(row, {name: cell for name, cell in zip(places, cells, strict=True) if cell.strip()}, places)


def _wrong_heading(
    row: int, heading: list[str], known: list[str], required: Iterable[str]
) -> Iterator[Complaint]:
    if len(heading) == 1 and heading[0] not in known:
        yield Complaint(
            row, 1, "only one column; columns are separated by commas, and the first line names them"
        )
        return
    for place, name in enumerate(heading, 1):
        if name not in known:
            advice = did_you_mean(name, known)
            yield Complaint(row, place, f"unknown column {quoted(name)}{advice}")
        elif name in heading[: place - 1]:
            yield Complaint(row, place, f'a second column "{name}"')
    for name in required:
        if name not in heading:
            yield Complaint(row, len(heading), f'the column "{name}" is missing')


def _jsonl(
    first: tuple[int, str], lines: Iterator[tuple[int, str]], known: set[str]
) -> Iterator[Entry | Complaint]:
    for row, text in chain([first], lines):
        if text.strip():
            yield from _object(row, text, known)


def _object(row: int, text: str, known: set[str]) -> Iterator[Entry | Complaint]:
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        yield Complaint(row, error.colno, f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}")
        return
    except (ValueError, RecursionError) as error:
        yield Complaint(row, 1, "nested too deep" if isinstance(error, RecursionError) else str(error))
        return
    if not isinstance(data, dict):
        yield Complaint(row, 1, "not an object; write one a line")
        return
    for name in data:
        if name not in known:
            advice = did_you_mean(name, known)
            yield Complaint(row, _place(text, name), f"unknown key {quoted(name)}{advice}")
    values = {name: data[name] for name in data if name in known and data[name] not in (None, "", [])}
    yield Entry(row, values, {name: _place(text, name) for name in known})


def _place(text: str, name: str) -> int:
    """Give the column of a key; 1 for one that is not there."""
    return max(text.find(json.dumps(name)) + 1, 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return data
