"""The screen: tables and laid-out text that fit the terminal, in few colours, through rich."""

import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from renewd.cli.output import Column, Listing, Row

GAP = 2
NARROWEST = 8  # what a flexible column keeps
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
        """Write a table, its columns as wide as they need or as given; gives how wide they are."""
        columns = [column for column in listing.columns if column.title]
        cells = [[column.cell(row) for column in columns] for row in rows]
        widths = widths or fitted(columns, cells, self.width)
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
        self._console.print(table, crop=False)
        return widths

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """Write one line of parts, each with or without a style; a long one goes on below, `indent` further in."""
        text = Text.assemble(*parts)
        if not indent or text.cell_len <= self.width:
            self._console.print(text, soft_wrap=True)
            return
        first, *more = text.wrap(self._console, self.width - indent)
        self._console.print(first, soft_wrap=True)
        for each in more:
            self._console.print(Text(" " * indent) + each, soft_wrap=True)


def fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """Give each column the width that it needs; when all together are too wide, flexible ones give way."""
    widths = [
        max([cell_len(column.title), *(cell_len(row[place]) for row in cells)])
        for place, column in enumerate(columns)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    while excess > 0:
        places = [
            place for place, column in enumerate(columns) if column.flexible and widths[place] > NARROWEST
        ]
        if not places:
            break
        widest = max(places, key=lambda place: widths[place])
        widths[widest] -= 1
        excess -= 1
    return widths
