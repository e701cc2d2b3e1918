"""The database itself: its tables, who may do what in it, and all of it carried over to another one."""

import click

from renewd.cli.commands import agree
from renewd.cli.door import BAD_CONFIGURATION, configured_without_policy, fail
from renewd.cli.progress import progress_bar
from renewd.service.wiring import Configuration, moving
from renewd.service.wiring_audit import migrated, roles_sql


@click.group("db")
def db_command() -> None:
    """Bring the tables up to date, say who may do what, or carry the database over to another one."""


@db_command.command("migrate")
@configured_without_policy
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="The same database for the user who owns its tables: '{env NAME}'.",
)
def migrate_command(configuration: Configuration, database: str) -> None:
    """Make the tables, or bring them up to date; every command that writes does it too, if its user may."""
    try:
        place = migrated(configuration, database)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    click.echo(f"{place} is up to date", err=True)


@db_command.command("roles")
def roles_command() -> None:
    """Print SQL that lets the daemon on a PostgreSQL append to the audit log, and not change it."""
    click.echo(roles_sql(), nl=False)


@db_command.command("move")
@configured_without_policy
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="postgresql://..., or where that stands: '{env NAME}'.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def move_command(configuration: Configuration, target: str, yes: bool) -> None:
    """Copy every row of the database to URL, the audit log included, and compare each.

    The daemon must be stopped. URL must hold no rows yet; whatever goes wrong, it holds none afterwards. The old
    database is kept, and marked: no daemon goes on with it.
    """
    try:
        move = moving(configuration, target)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    agree(f"{move.rows} rows move from {move.source} to {move.target}.", yes=yes)
    with progress_bar("moving", move.rows) as progress:
        counts = move.carry_out(progress)
    width = max(map(len, counts))
    for name, count in counts.items():
        click.echo(f"{name:<{width}}  {count:>10}")
    click.echo(
        f"moved to {move.target}; now write it as `database:` in renewd.yaml, and start renewd", err=True
    )
