"""Bringing subscriptions in from a file: every row is checked before the first one is written."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from renewd.cli.desk import expect_all, open_desk
from renewd.cli.door import FAILED, configured, operator
from renewd.cli.progress import Progress, progress_bar
from renewd.cli.records import KNOWN, REQUIRED, Reading, records
from renewd.cli.seen import Spool
from renewd.cli.sheet import Complaint, entries
from renewd.ports import Books
from renewd.renewal.record import Record
from renewd.service.wiring import Configuration, system_clock

SHOWN = 100
NOW_AND_THEN = 100
LONG = 1 << 18  # bytes; a shorter file is read before a bar could be seen


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Check, and say what would change; write nothing.")
@configured
def import_command(configuration: Configuration, file: BinaryIO, dry_run: bool) -> None:
    """Insert or update subscriptions by id from FILE: CSV with a heading, or JSON Lines; - is standard input.

    Columns: id, customer, name, email, gateway_customer, plan, line, zone, current_period_end; and, if wanted, anchor,
    state, tags (a;b), payment_methods (token|kind|label|expires;... in the order to try them), price, renew_before,
    charge_window, grace, gateway. In JSON Lines tags and payment_methods may be lists.

    Every row is checked first; if anything is wrong, nothing is written. Only the gateway's tokens are taken: what
    looks like a card number is refused. The same file may be imported again: what renewd has done since stands, and a
    subscription that cannot be read any more is mended; it is paused if nobody can tell whether it was.
    """
    name = str(getattr(file, "name", "stdin")).strip("<>")
    long = _size(file) > LONG
    with closing(Spool()) as spool, _settled():
        with progress_bar("reading", _size(file) if long else 0) as progress:
            complaints = _read(file, configuration, spool, progress)
        with open_desk(configuration, writing=True, must_exist=False) as books:
            complaints = complaints or list(_taken(books, spool))
            if complaints:
                _refuse(name, complaints)
            with progress_bar("writing", spool.count if long else 0) as progress:
                done = books.import_records(
                    records(spool),
                    configuration.policy,
                    operator(),
                    system_clock().now(),
                    progress,
                    rehearse=dry_run,
                )
    if dry_run:
        click.echo("nothing is written; it would be:", err=True)
    has = "has" if done.lapsed == 1 else "have"
    lapsed = f"; {done.lapsed} of the new ones expired too long ago, and {has} lapsed" if done.lapsed else ""
    click.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged{lapsed}")
    for each in done.mended:
        click.echo(f"{each.id} could not be read; it is mended, and {each.state}", err=True)
    expect_all(done.left, "left as they are")


def records_in(path: Path, configuration: Configuration) -> list[Record]:
    """Read a file's records; anything wrong with it ends the program."""
    with path.open("rb") as file, closing(Spool()) as spool:
        complaints = _read(file, configuration, spool, lambda _: None)
        if complaints:
            _refuse(str(path), complaints)
        return list(records(spool))


def _read(file: BinaryIO, configuration: Configuration, spool: Spool, progress: Progress) -> list[Complaint]:
    """Read all rows into the spool; give what is wrong with them."""
    reading = Reading(configuration.policy, configuration.settings.gateways.keys(), spool)
    complaints: list[Complaint] = []
    for number, entry in enumerate(entries(file, KNOWN, REQUIRED)):
        complaints += [entry] if isinstance(entry, Complaint) else reading.take(entry)
        if number % NOW_AND_THEN == 0 and file.seekable():
            progress(file.tell())
    if not spool.count and not complaints:
        complaints.append(Complaint(1, 1, "there is no row below the heading"))
    return complaints


def _taken(books: Books, spool: Spool) -> Iterator[Complaint]:
    """Find payment methods that the database knows as another customer's."""
    for methods in spool.all("payment method"):
        for token, owner in books.method_owners(list(methods)).items():
            row, column, customer = methods[token]
            if owner != customer:
                message = f'payment_methods: "{token}" is customer {owner}\'s; take it from there first'
                yield Complaint(row, column, message)


def _refuse(name: str, complaints: Sequence[Complaint]) -> NoReturn:
    for complaint in complaints[:SHOWN]:
        click.echo(f"{name}:{complaint.row}:{complaint.column}: {complaint.message}", err=True)
    more = f" ({len(complaints) - SHOWN} more are not shown)" if len(complaints) > SHOWN else ""
    count = f"{len(complaints)} problem{'' if len(complaints) == 1 else 's'}"
    click.echo(f"renewd: {count}{more}; nothing is imported", err=True)
    sys.exit(FAILED)


@contextmanager
def _settled() -> Iterator[None]:
    """Have the collector of garbage look at none of what is loaded by now: it would, again and again, for each thousand rows."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _size(file: BinaryIO) -> int:
    if not file.seekable():
        return 0
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    return size
