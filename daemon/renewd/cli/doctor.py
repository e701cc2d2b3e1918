"""The doctor: all that renewd stands on, looked at, and what to do about what is wrong."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import click

from renewd.checkup.facts import Facts
from renewd.checkup.judgement import Finding, Level, findings
from renewd.cli.desk import open_desk
from renewd.cli.door import FAILED, FailedError, config_option
from renewd.cli.output import Output, output_option
from renewd.cli.sample import shipped
from renewd.cli.status import findings_of
from renewd.ports import StoreUnavailableError
from renewd.service.wiring import Configuration, system_clock

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
STALE = timedelta(minutes=5)


@click.command("doctor")
@config_option
@output_option("text", "json")
def doctor_command(config: Path, output: Output) -> None:
    """Look at all that renewd stands on, and say what to do about what is wrong.

    The installation, units, configuration and who may change it, credentials, database and room for it, the clock,
    whether each provider and the mail server can be reached (nothing is asked of them, and no key is sent), the
    daemon, and what `renewd status` finds. Best run as root, who may see everything. Ends with 1 when there is a problem.
    """
    from renewd.service.wiring_doctor import examine

    facts, configuration = examine(config, shipped("systemd"))
    if configuration and facts.database and not facts.database.trouble and not facts.database.hidden:
        facts = _with_status(facts, configuration)
    found = findings(facts)
    problems = [each for each in found if each.level is Level.PROBLEM]
    if output.form == "json":
        output.document(
            "renewd.doctor.v1", {"healthy": not problems, "findings": [asdict(each) for each in found]}
        )
    else:
        _write(found, output)
    if problems:
        sys.exit(FAILED)


def _with_status(facts: Facts, configuration: Configuration) -> Facts:
    now = system_clock().now()
    with suppress(StoreUnavailableError, FailedError), open_desk(configuration) as books:
        status = books.status(now)
        return replace(facts, running=status.running, attention=tuple(findings_of(status, now, STALE)))
    return facts


def _write(found: Sequence[Finding], output: Output) -> None:
    from renewd.cli.terminal import Screen

    screen = Screen(output.colour)
    for each in found:
        screen.line(
            (f"{each.level:<9}", STYLES[each.level]), (f"{each.about:<15}", "dim"), each.what, indent=24
        )
        if each.advice:
            screen.line((" " * 24, ""), (f"-> {each.advice}", ""), indent=27)
