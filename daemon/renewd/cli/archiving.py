"""What is long closed, moved out of the database into files."""

from datetime import datetime, timedelta
from pathlib import Path

import click

from renewd.cli.columns import brief
from renewd.cli.commands import agree
from renewd.cli.door import BAD_CONFIGURATION, configured_without_policy, fail, operator
from renewd.cli.progress import progress_bar
from renewd.cli.times import past, span
from renewd.service.wiring import Configuration, system_clock
from renewd.service.wiring_audit import archiving

# What is younger is still counted: tries per card in 30 days, what came in in 30 days.
YOUNGEST = timedelta(days=60)


@click.command("archive")
@configured_without_policy
@click.option("--before", type=past, metavar="DATE", help="What was closed before this.")
@click.option(
    "--older-than", type=span, metavar="AGE", help="What was closed longer ago than this, e.g. 400d."
)
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the files go; made if need be.",
)
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="The same database for a user who may delete, where the daemon's own may not: '{env NAME}'.",
)
@click.option("--dry-run", is_flag=True, help="Only say how much would be moved.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def archive_command(
    configuration: Configuration,
    before: datetime | None,
    older_than: timedelta | None,
    folder: Path,
    database: str,
    dry_run: bool,
    yes: bool,
) -> None:
    """Move closed renewals with their attempts, and sealed rows of the audit log, into gzipped JSON Lines files.

    Each file is durable and read back before its rows are deleted; broken off, the command can be given again. The newest
    renewal of each subscription stays, and whatever is open or in review. `renewd audit verify --archive DIR` reads both
    as one log. The daemon may be running.
    """
    now = system_clock().now()
    instant = _instant(before, older_than, now)
    try:
        removal = archiving(configuration, database, instant, folder, operator(), now)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    counted = removal.counted
    told = f"{counted.renewals} renewals, {counted.attempts} attempts and {counted.audit_rows} audit rows"
    if dry_run or not (counted.renewals or counted.audit_rows):
        click.echo(f"from before {brief(instant)}: {told} would be moved")
        return
    agree(f"{told} from before {brief(instant)} move to {folder}.", yes=yes)
    with progress_bar("archiving", counted.renewals + counted.audit_rows) as progress:
        done = removal.carry_out(progress)
    click.echo(
        f"moved to {folder}: {done.renewals} renewals, {done.attempts} attempts, {done.audit_rows} audit rows"
    )


def _instant(before: datetime | None, older_than: timedelta | None, now: datetime) -> datetime:
    if (before is None) == (older_than is None):
        raise click.UsageError("say how old: either --before DATE or --older-than AGE")
    instant = before or now - (older_than or timedelta())
    if instant > now - YOUNGEST:
        raise click.UsageError(
            f"too young: card limits and the brake still count it; at least {YOUNGEST.days} days old"
        )
    return instant
