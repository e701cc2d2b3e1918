"""A word to the daemon that is running: each waits for its answer."""

import json
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from renewd.cli.commands import reason_option
from renewd.cli.door import FAILED, TRY_LATER, UNAVAILABLE, config_path, fail, operator
from renewd.cli.output import Output, output_option
from renewd.service.control import USUAL, socket_path
from renewd.service.wiring import ConfigurationError, find_configuration
from renewd.state import state_directory

F = TypeVar("F", bound=Callable[..., Any])
PATIENCE_SECONDS = 300.0


@click.group("ctl")
def ctl_command() -> None:
    """Tell the running daemon something, and wait for its answer.

    It listens in $RUNTIME_DIRECTORY, for the service in /run/renewd, or else beside its database. Who is in the
    daemon's group may speak to it. Ends with 69 when no daemon answers.
    """


def _addressed(command: F) -> F:
    command = click.option(
        "--socket", "at", type=click.Path(path_type=Path), help="Of which daemon, if several run here."
    )(command)
    return config_path(command)


@ctl_command.command("status")
@_addressed
@output_option("text", "json")
def status_command(config: Path | None, at: Path | None, output: Output) -> None:
    """Say what the daemon is doing. How everything stands in the database is said by `renewd status`."""
    told = _told({"do": "status"}, config, at)
    del told["ok"]
    if output.form == "json":
        output.document("renewd.ctl.status.v1", told)
        return
    for name, value in told.items():
        shown = ("no", "yes")[value] if isinstance(value, bool) else value if value != "" else "nothing"
        click.echo(f"{name.replace('_', ' '):<16}{shown}")


@ctl_command.command("reload")
@_addressed
def reload_command(config: Path | None, at: Path | None) -> None:
    """Put the policy file in force, and say whether it was taken.

    A policy that is wrong changes nothing: all that is wrong with it is said, as `renewd check` says it, and the old
    one stays in force.
    """
    told = _told({"do": "reload"}, config, at)
    click.echo(f"the policy is in force: {told['policy']}")
    if told["needs_restart"]:
        click.echo("renewd: renewd.yaml was changed too; that needs: systemctl restart renewd", err=True)


@ctl_command.command("halt")
@_addressed
@reason_option
def halt_command(config: Path | None, at: Path | None, reason: str) -> None:
    """Stop all charging, and wait until what is in flight is answered.

    From then on nothing is being charged. `renewd halt` does the same where no daemon runs.
    """
    _told({"do": "halt", "reason": reason}, config, at)
    click.echo(
        "all charging is halted, and nothing is in flight; let it go on with: renewd unhalt --reason ..."
    )


@ctl_command.command("unhalt")
@_addressed
@reason_option
def unhalt_command(config: Path | None, at: Path | None, reason: str) -> None:
    """Let charging go on: what was held back is due now."""
    _told({"do": "unhalt", "reason": reason}, config, at)
    click.echo("charging goes on")


def _told(request: Mapping[str, object], config: Path | None, at: Path | None) -> dict[str, Any]:
    """Ask the daemon; gives its answer if it did as it was asked."""
    places = [at] if at else _places(config)
    asked = json.dumps({**request, "by": operator()}).encode() + b"\n"
    with _reached(places) as line:
        try:
            line.settimeout(PATIENCE_SECONDS)
            line.sendall(asked)
            with line.makefile("rb") as answer:
                told = json.loads(answer.readline())
        except TimeoutError:
            fail(f"no answer within {PATIENCE_SECONDS:.0f} s; it may still be done", TRY_LATER)
        except (OSError, ValueError):
            fail("the daemon hung up without an answer; see its log", UNAVAILABLE)
    if not told["ok"]:
        fail(str(told["error"]), FAILED)
    return dict(told)


def _places(config: Path | None) -> list[Path]:
    """Give where a daemon may listen: that of this environment, that of this configuration, and the service."""
    places = [socket_path(Path(), os.environ)] if os.environ.get("RUNTIME_DIRECTORY") else []
    with suppress(ConfigurationError):
        places.append(socket_path(state_directory(find_configuration(config).parent, os.environ), {}))
    return [*places, USUAL]


def _reached(places: list[Path]) -> socket.socket:
    """Give a line to the first daemon that answers."""
    problems = []
    for place in places:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(place))
        except OSError as error:
            line.close()
            problems.append(f"{place}: {(error.strerror or str(error)).lower()}")
            continue
        return line
    return fail(f"no running daemon answers ({'; '.join(problems)})", UNAVAILABLE)
