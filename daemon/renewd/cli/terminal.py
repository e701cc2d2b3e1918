"""The screen: tables and laid-out text that fit the terminal, in few colours, through rich."""

import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from renewd.cli.columns import Column, Listing, Row, write_lines

GAP = 2
NARROWEST = 8  # what a flexible column keeps at the least
READABLE = 16  # before it is cut below this, spare columns go
ENDLESS = 10_000  # in a pipe nothing is cut


class Screen:
    """Writes to standard output."""

    def __init__(self, colour: bool) -> None:
        self.width = shutil.get_terminal_size().columns if sys.stdout.isatty() else ENDLESS
        self._console = Console(
            file=sys.stdout,
            width=self.width,
            color_system="standard" if colour else None,
            force_terminal=colour,
            no_color=False,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def table(
        self,
        listing: Listing,
        rows: Sequence[Row],
        widths: Sequence[int] | None = None,
        *,
        heading: bool = True,
    ) -> Sequence[int]:
        """Write a table, its columns as wide as they need or as given; give how wide they are."""
        widths = widths or fitted(listing, rows, self.width)
        columns = [column for column in listing.columns if column.title][: len(widths)]
        cells = [[column.cell(row) for column in columns] for row in rows]
        table = Table(
            box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=heading, header_style="dim"
        )
        for column, width in zip(columns, widths, strict=True):
            right = column.kind in ("money", "number")
            table.add_column(
                column.title.upper(),
                width=width,
                no_wrap=True,
                overflow="ellipsis",
                justify="right" if right else "left",
            )
        for row, texts in zip(rows, cells, strict=True):
            styles = [column.style(row) if column.style else "" for column in columns]
            table.add_row(*(Text(text, style) for text, style in zip(texts, styles, strict=True)))
        with self._console.capture() as captured:
            self._console.print(table, crop=False)
        write_lines(line.rstrip() for line in captured.get().splitlines())
        return widths

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """Write one line of parts, each with or without a style; a long one goes on below, `indent` further in."""
        rest, before = Text.assemble(*parts), 0
        while True:
            line, rest = self._broken(rest, self.width - before)
            with self._console.capture() as captured:
                self._console.print(line, soft_wrap=True)
            write_lines([" " * before + captured.get().rstrip()])
            if not rest:
                return
            before = indent

    def _broken(self, text: Text, width: int) -> tuple[Text, Text]:
        """Break a text where it reaches the width: what fits on the line, and the rest."""
        if text.cell_len <= width:
            return text, Text()
        line = text.wrap(self._console, max(width, NARROWEST))[0]
        line.rstrip()
        rest = text[len(line) :]
        return line, rest[len(rest.plain) - len(rest.plain.lstrip()) :]


def fitted(listing: Listing, rows: Sequence[Row], width: int) -> list[int]:
    """Give each column the width that it needs; when all together are too wide, some give way. See `Column`."""
    columns = [column for column in listing.columns if column.title]
    lengths = [[cell_len(column.cell(row)) for row in rows] for column in columns]
    while columns[-1].spare and not any(lengths[-1]):
        columns.pop()
        lengths.pop()
    widths = [max([cell_len(column.title), *each]) for column, each in zip(columns, lengths, strict=True)]
    while _excess(_cut(columns, widths, READABLE, width), width) > 0 and columns[-1].spare:
        columns.pop()
        widths.pop()
    return _cut(columns, widths, NARROWEST, width)


def _cut(columns: Sequence[Column], widths: Sequence[int], least: int, most: int) -> list[int]:
    """Take what is too much from the widest flexible columns, down to `least`."""
    cut = list(widths)
    for _ in range(_excess(cut, most)):
        places = [place for place, column in enumerate(columns) if column.flexible and cut[place] > least]
        if not places:
            break
        cut[max(places, key=lambda place: cut[place])] -= 1
    return cut


def _excess(widths: Sequence[int], most: int) -> int:
    return sum(widths) + GAP * (len(widths) - 1) - most
