"""Bringing subscriptions in from a file: every row is checked before the first one is written."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from renewd.cli.desk import expect_all, open_desk
from renewd.cli.door import FAILED, configured, operator
from renewd.cli.progress import Progress, progress_bar
from renewd.cli.records import KNOWN, REQUIRED, Reading
from renewd.cli.sheet import Complaint, Entry, entries
from renewd.ports import Books
from renewd.renewal.record import Record
from renewd.service.wiring import Configuration, system_clock

SHOWN = 100
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
    with progress_bar("reading", _size(file) if long else 0) as progress:
        records, complaints = _read(file, configuration, progress)
    with open_desk(configuration, writing=True, must_exist=False) as books:
        complaints = complaints or _taken(books, records)
        if complaints:
            _refuse(name, complaints)
        with progress_bar("writing", len(records) if long else 0) as progress:
            done = books.import_records(
                [record for record, _ in records],
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
    with path.open("rb") as file:
        records, complaints = _read(file, configuration, lambda _: None)
    if complaints:
        _refuse(str(path), complaints)
    return [record for record, _ in records]


def _read(
    file: BinaryIO, configuration: Configuration, progress: Progress
) -> tuple[list[tuple[Record, Entry]], list[Complaint]]:
    reading = Reading(configuration.policy, configuration.settings.gateways.keys())
    records, complaints = [], list[Complaint]()
    for entry in entries(file, KNOWN, REQUIRED):
        if isinstance(entry, Complaint):
            complaints.append(entry)
            continue
        record, wrong = reading.record(entry)
        complaints += wrong
        if record:
            records.append((record, entry))
        if file.seekable():
            progress(file.tell())
    if not records and not complaints:
        complaints.append(Complaint(1, 1, "there is no row below the heading"))
    return records, complaints


def _taken(books: Books, records: Sequence[tuple[Record, Entry]]) -> list[Complaint]:
    """Find payment methods that the database knows as another customer's."""
    owners = books.method_owners([method.id for record, _ in records for method in record.methods])
    return [
        entry.complaint("payment_methods", f'"{method.id}" is customer {owner}\'s; take it from there first')
        for record, entry in records
        for method in record.methods
        if (owner := owners.get(method.id, record.customer.id)) != record.customer.id
    ]


def _refuse(name: str, complaints: Sequence[Complaint]) -> NoReturn:
    for complaint in complaints[:SHOWN]:
        click.echo(f"{name}:{complaint.row}:{complaint.column}: {complaint.message}", err=True)
    more = f" ({len(complaints) - SHOWN} more are not shown)" if len(complaints) > SHOWN else ""
    count = f"{len(complaints)} problem{'' if len(complaints) == 1 else 's'}"
    click.echo(f"renewd: {count}{more}; nothing is imported", err=True)
    sys.exit(FAILED)


def _size(file: BinaryIO) -> int:
    if not file.seekable():
        return 0
    place = file.tell()
    size = file.seek(0, 2)
    file.seek(place)
    return size
