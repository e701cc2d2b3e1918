"""The audit log, read and followed."""

import select
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

import click

from renewd.cli.columns import Column, Listing, Row
from renewd.cli.desk import expect_logged, open_desk
from renewd.cli.door import configured_without_policy
from renewd.cli.output import LISTING_FORMATS, Output, output_option
from renewd.cli.times import past
from renewd.cli.wording import event_style, next_of, what_of
from renewd.ports import Books
from renewd.renewal.audit import AuditRow
from renewd.renewal.query import MOST_MISSING, LogQuery, Seen
from renewd.service.wiring import Configuration

SHOWN, FOLLOWED = 50, 10
POLL_MS = 1000
INTERRUPTED = 130

LOG = Listing(
    "renewd.log.v1",
    [
        Column("sequence", kind="number"),
        Column("at", "time", kind="instant", show=lambda row: f"{row['at']:%m-%d %H:%M:%SZ}"),
        Column("subscription", "subscr."),
        Column("event", "event", style=lambda row: event_style(row["event"])),
        Column("amount", "amount", kind="money"),
        Column("what", "what", data=False, show=lambda row: row["what"], flexible=True),
        Column(
            "next",
            "next",
            data=False,
            show=lambda row: row["next"],
            flexible=True,
            spare=True,
            style=lambda _: "dim",
        ),
        *(
            Column(key)
            for key in (
                "actor renewal leg provider attempt method key outcome decline_class code reference next_action next_at "
                "policy_digest duration_ms detail"
            ).split()
        ),
    ],
    "the audit log has nothing like that",
)


@click.command("log")
@configured_without_policy
@click.option("--since", type=past, metavar="TIME", help="7d, yesterday, 2026-11-23, 2026-11-23T09:00:00Z.")
@click.option("--until", type=past, metavar="TIME", help="Before this.")
@click.option("--subscription", default="", metavar="SUB", help="Of this subscription.")
@click.option("--event", default="", metavar="NAME", help="Of this name; 'charge.*' for all that begin so.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1),
    metavar="N",
    help=f"The latest N. A table without --since or --until has {SHOWN}.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@output_option(*LISTING_FORMATS)
def log_command(
    configuration: Configuration,
    since: datetime | None,
    until: datetime | None,
    subscription: str,
    event: str,
    lines: int | None,
    follow: bool,
    output: Output,
) -> None:
    """Read the audit log: every attempt, every answer, every command, in order."""
    if follow and output.form == "json":
        raise click.UsageError("what is followed has no end, and so is no JSON object; use -o jsonl")
    if lines is None and since is None and until is None:
        lines = FOLLOWED if follow else SHOWN if output.form == "table" else None
    query = LogQuery(since, until, subscription, event, last=lines)
    with open_desk(configuration) as books:
        expect_logged(books, query)
        if follow:
            _follow(books, query, output)
        else:
            output.listing(LOG, map(_logged, books.log(query)))


def _logged(row: AuditRow) -> Row:
    event = row.event
    fields = {name: None if value == "" else value for name, value in vars(event).items() if name != "name"}
    return fields | {
        "sequence": row.sequence,
        "event": event.name,
        "what": what_of(event),
        "next": next_of(event),
    }


def _follow(books: Books, query: LogQuery, output: Output) -> None:
    """Write what there is and then what comes, until Ctrl-C or until nobody reads any more."""
    try:
        batches = _batches(books, query)
        if output.form == "table":
            _follow_in_table(batches, output)
        else:
            output.listing(LOG, chain.from_iterable(batches))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _follow_in_table(batches: Iterator[list[Row]], output: Output) -> None:
    from renewd.cli.terminal import Screen

    screen, widths = Screen(output.colour), None
    for rows in batches:
        if rows:
            widths = screen.table(LOG, rows, widths, heading=widths is None)


def _batches(books: Books, query: LogQuery) -> Iterator[list[Row]]:
    """Give what there is, then what comes, each row once; what other writers were still to commit is given when they have."""
    latest = books.numbers(LogQuery(last=MOST_MISSING))
    seen = Seen(min(latest, default=1) - 1).and_now(latest)
    while True:
        yield [_logged(row) for row in books.log(query) if row.sequence in seen]
        sys.stdout.flush()
        if _closed_within(POLL_MS):
            return
        query = replace(query, after=seen.highest, missing=seen.missing.keys(), last=None)
        seen = seen.and_now(books.numbers(query))


def _closed_within(milliseconds: int) -> bool:
    """Wait, but no longer than somebody reads our output; say whether that has ended."""
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)
    return bool(waiting.poll(milliseconds))
