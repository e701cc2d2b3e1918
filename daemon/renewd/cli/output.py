"""Output, in one place: data on standard output, as a table for people or in a form for programs.

On a terminal a listing is a table; in a pipe it is tab-separated values without a heading, one row a line, so that
`cut` and `awk` need no options. `-o` chooses another form: `json` is one object with `schema` and `items`, `jsonl`
one object a line, `csv` has a heading. Instants are RFC 3339 in UTC, money is in minor units in JSON.
"""

import csv
import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click

from renewd.cli.columns import Column, Listing, Row, plain, rfc3339, visible, write_lines
from renewd.renewal.money import Money

F = TypeVar("F", bound=Callable[..., Any])

LISTING_FORMATS = ("table", "tsv", "json", "jsonl", "csv")
# A cell that begins with one of these is a formula to a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


@dataclass(frozen=True, slots=True)
class Output:
    """What the command line says about output."""

    form: str
    colour: bool

    def listing(self, listing: Listing, rows: Iterable[Row]) -> None:
        """Write rows, each as soon as it is there; only a table waits for the last one."""
        if self.form == "table":
            self._table(listing, list(rows))
        elif self.form == "tsv":
            columns = [column for column in listing.columns if column.title]
            write_lines("\t".join(_raw(column, row) for column in columns) for row in rows)
        elif self.form == "csv":
            write_lines(_csv(listing, rows))
        elif self.form == "jsonl":
            write_lines(_json(_data(listing, row)) for row in rows)
        else:
            write_lines(_items(listing, rows))

    def document(self, schema: str, data: Row) -> None:
        """Write one JSON object."""
        write_lines([json.dumps({"schema": schema} | jsonable(data), indent=2, ensure_ascii=False)])

    def _table(self, listing: Listing, rows: Sequence[Row]) -> None:

        from renewd.cli.terminal import Screen

        if rows:
            Screen(self.colour).table(listing, rows)
        else:
            click.echo(listing.empty, err=True)


def output_option(*forms: str) -> Callable[[F], F]:
    """Give a command `-o`, `--json` and `--no-color`, as one `Output`; the first form is the one for a terminal."""
    listing = "tsv" in forms
    otherwise = "; in a pipe tsv, without a heading" if listing else ""

    def with_option(command: F) -> F:
        @click.option("-o", "--output", type=click.Choice(forms), help=f"[default: {forms[0]}{otherwise}]")
        @click.option("--json", "as_json", is_flag=True, help="The same as -o json.")
        @click.option("--no-color", is_flag=True, help="No colours; so does $NO_COLOR.")
        @functools.wraps(command)
        def found(*args: Any, output: str | None, as_json: bool, no_color: bool, **options: Any) -> Any:
            piped = "tsv" if listing and not sys.stdout.isatty() else forms[0]
            form = "json" if as_json and output is None else output or piped
            return command(*args, output=Output(form, wants_colour(no_color)), **options)

        return found  # type: ignore[return-value]

    return with_option


def wants_colour(no_color: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether to write in colour: never against the reader's word, else on a terminal that can."""
    if no_color or environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and environ.get("TERM") != "dumb")


def jsonable(value: Any) -> Any:
    """Give a value as JSON has it."""
    if isinstance(value, Money):
        return {"amount_minor": value.minor, "currency": value.currency}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    return [jsonable(each) for each in value] if isinstance(value, list | tuple) else value


def _json(value: Row) -> str:
    return json.dumps(jsonable(value), ensure_ascii=False)


def _data(listing: Listing, row: Row) -> Row:
    return {column.key: row[column.key] for column in listing.columns if column.data}


def _items(listing: Listing, rows: Iterable[Row]) -> Iterator[str]:
    yield f'{{"schema": "{listing.schema}", "items": ['
    before = ""
    for row in rows:
        if before:
            yield f"{before},"
        before = f"  {_json(_data(listing, row))}"
    if before:
        yield before
    yield "]}"


def _raw(column: Column, row: Row) -> str:
    return visible(column.show(row) if column.show and not column.data else plain(row[column.key]))


class _Line:
    """Keeps the last line that the CSV writer wrote."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _csv(listing: Listing, rows: Iterable[Row]) -> Iterator[str]:
    """Write RFC 4180; money is two columns, the decimal amount and the currency."""
    line, columns = _Line(), [column for column in listing.columns if column.data]
    writer = csv.writer(line, lineterminator="\r\n")
    heads = [[each.key, f"{each.key}_currency"] if each.kind == "money" else [each.key] for each in columns]
    writer.writerow([head for each in heads for head in each])
    yield line.text.removesuffix("\n")
    for row in rows:
        writer.writerow([cell for each in columns for cell in _cells(each, row[each.key])])
        yield line.text.removesuffix("\n")


def _cells(column: Column, value: Any) -> list[str]:
    if column.kind != "money":
        return [_harmless(plain(value))]
    return [str(value).partition(" ")[0], value.currency] if isinstance(value, Money) else ["", ""]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
