"""The audit log sealed and verified, and the key for it."""

import os
import sys
from base64 import b64encode
from pathlib import Path
from typing import TextIO

import click

from renewd.cli.door import BAD_CONFIGURATION, FAILED, USAGE, configured_without_policy, fail
from renewd.cli.output import Output, output_option
from renewd.cli.progress import progress_bar
from renewd.seal.keys import PublicKey, SigningKey
from renewd.seal.note import Checkpoint, checkpoints
from renewd.seal.verify import Report
from renewd.service.wiring import Configuration, system_clock
from renewd.service.wiring_audit import seal_now, signing_key, verifying

TOLD = 20


@click.group("audit")
def audit_command() -> None:
    """Seal the audit log, verify it, or make a key for it."""


@audit_command.command("seal")
@configured_without_policy
def seal_command(configuration: Configuration) -> None:
    """Seal what is not sealed yet, as the daemon does every minute, and print the newest checkpoint."""
    try:
        sealed = seal_now(configuration, system_clock().now())
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    if sealed is None:
        click.echo("nothing is new since the last checkpoint", err=True)
    else:
        click.echo(sealed.checkpoint.note, nl=False)


@audit_command.command("keygen")
@click.argument("name")
@click.option(
    "--to",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file for the secret half; it must not be there yet.",
)
def keygen_command(name: str, path: Path) -> None:
    """Make a key that signs checkpoints of the log NAME (e.g. example.com/renewals), and print its public half.

    Give the file to the daemon as `audit: {key: ...}`, and keep the public half where who runs the daemon cannot
    change it.
    """
    try:
        key = SigningKey.generate(name)
    except ValueError as error:
        fail(str(error), USAGE)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fail(f"{path}: {(error.strerror or str(error)).lower()}")
    with os.fdopen(descriptor, "w") as kept:
        kept.write(f"{key.secret}\n")
    click.echo(str(key.public))


@audit_command.command("verify")
@configured_without_policy
@click.option(
    "--against",
    type=click.File(),
    multiple=True,
    metavar="FILE",
    help="Checkpoints that were kept elsewhere; - is standard input.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUBLIC",
    help="A public key, or a file that holds one; else that of the key in renewd.yaml, if it can be read.",
)
@click.option(
    "--archive",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where older rows were moved; they are verified with the others, as one log.",
)
@output_option("text", "json")
def verify_command(
    configuration: Configuration,
    against: tuple[TextIO, ...],
    keys: tuple[str, ...],
    archive: Path | None,
    output: Output,
) -> None:
    """Read every row of the audit log, and say whether any was changed, deleted, inserted or swapped since it was sealed.

    Ends with 0 when all is as it was sealed, and with 1 when it is not. A log that was cut off, or sealed anew by
    somebody who has the signing key, is told only by a checkpoint that was kept elsewhere: give one with --against.
    """
    trusted = [_key(each) for each in keys] or _own_key(configuration)
    outside = [each for file in against for each in _checkpoints(file)]
    try:
        verification = verifying(configuration, trusted, outside, archive)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    with progress_bar("verifying", verification.rows) as progress:
        report = verification.carry_out(progress)
    if output.form == "json":
        output.document("renewd.audit-verify.v1", _document(report))
    else:
        _tell(report, keys=bool(trusted), outside=bool(outside))
    sys.exit(FAILED if report.findings else 0)


def _key(text: str) -> PublicKey:
    path = Path(text)
    try:
        return PublicKey.parse(path.read_text() if path.is_file() else text)
    except (ValueError, OSError) as error:
        raise click.BadParameter(f"{text[:200]}: {error}", param_hint="--key") from None


def _own_key(configuration: Configuration) -> list[PublicKey]:
    try:
        key = signing_key(configuration)
    except ValueError:
        key = None  # who verifies need not be able to sign
    return [key.public] if key else []


def _checkpoints(file: TextIO) -> list[Checkpoint]:
    try:
        found = list(checkpoints(file.read()))
    except ValueError as error:
        raise click.BadParameter(f"{file.name}: {error}", param_hint="--against") from None
    if not found:
        raise click.BadParameter(f"{file.name} holds no checkpoint", param_hint="--against")
    return found


def _document(report: Report) -> dict[str, object]:
    return {
        "intact": not report.findings,
        "rows": report.rows,
        "size": report.size,
        "root": b64encode(report.root).decode(),
        "unsealed": report.unsealed,
        "archived": report.archived,
        "checkpoints": report.checkpoints,
        "signed": report.signed,
        "unsigned_first": report.unsigned_first,
        "held_against": report.held,
        "not_held_against": report.beyond,
        "findings": [{"sequence": each.sequence, "what": each.what} for each in report.findings],
    }


def _tell(report: Report, *, keys: bool, outside: bool) -> None:
    for each in report.findings[:TOLD]:
        click.echo(f"! {each.what}")
    if len(report.findings) > TOLD:
        click.echo(f"! and {len(report.findings) - TOLD} more")
    signed = f", {report.signed:,} of them signed" if keys else ""
    held = f"; held against {report.held:,} from outside" if outside else ""
    click.echo(
        f"{report.rows:,} rows read, {report.unsealed:,} of them not sealed yet; "
        f"{report.checkpoints:,} checkpoint{'' if report.checkpoints == 1 else 's'}{signed}{held}"
    )
    if report.unsigned_first:
        click.echo(
            f"the first {report.unsigned_first:,} rows were sealed before there was a signature: "
            "the first one proves them as they were when it was made"
        )
    if report.archived:
        click.echo(
            f"the first {report.archived:,} rows are in the archive, and were not read: give --archive"
        )
    if report.beyond:
        click.echo(
            f"{report.beyond:,} outside checkpoints are about rows in the archive only, and were not used"
        )
    if report.findings:
        click.echo("the audit log is NOT as it was sealed")
        return
    click.echo("the audit log is as it was sealed")
    if not keys and not outside:
        click.echo(
            "nothing from outside was used (--key, --against): whoever could write the database could have sealed it anew"
        )
