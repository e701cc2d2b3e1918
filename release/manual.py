"""The manual pages and the completions, made from the command line and the schemas themselves: `manual.py FOLDER`."""

import gzip
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from release.files import page_of
from release.roff import bold, header, item, prose, section
from renewd import __version__
from renewd.cli import cli

ROOT = Path(__file__).parents[1]
EXITS = (
    (0, "all is well"),
    (1, "it failed; standard error says why"),
    (2, "the command line is wrong"),
    (3, "a person should look"),
    (4, "there is no such subscription"),
    (64, "the command line is wrong, as service managers know it"),
    (69, "the database, or the daemon that is spoken to, cannot be reached"),
    (74, "the output cannot be written"),
    (75, "try later: another renewd runs, a provider could not be reached, or something is in doubt"),
    (78, "the configuration is invalid; a restart does not mend it"),
    (130, "interrupted"),
    (141, "nobody reads the output any more"),
)
FILES = (
    ("/etc/renewd/renewd.yaml", "the service: its database, gateways, carriers and mail; see renewd.yaml(5)"),
    ("/etc/renewd/policy.yaml", "when and how subscriptions renew, and the plans; see policy.yaml(5)"),
    (
        "/etc/credstore/renewd.NAME",
        "a secret, which the unit hands over as the credential NAME; root's alone",
    ),
    ("/var/lib/renewd", "the database, where it is a file"),
)
ENVIRONMENT = (
    ("RENEWD_CONFIG", "the path of renewd.yaml, where --config does not name one"),
    ("CONFIGURATION_DIRECTORY", "the folder of renewd.yaml; systemd sets it"),
    ("STATE_DIRECTORY", "where relative paths of state lie; systemd sets it"),
    ("CREDENTIALS_DIRECTORY", "where `{credential NAME}` is read; systemd sets it"),
    ("NO_COLOR", "no colours"),
)
SHELLS = ("bash", "zsh", "fish")


def commands(
    command: click.Command = cli, context: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """Give every command with its context, each before those below it."""
    context = context or click.Context(command, info_name="renewd")
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below, name
            yield from commands(below, click.Context(below, info_name=name, parent=context))


def renewd_1(date: str) -> str:
    """Write renewd(1)."""
    lines = [
        header("renewd", 1, date, __version__),
        *section("name", "renewd - renews prepaid mobile plans before they expire"),
        *section("synopsis"),
        f"{bold('renewd')} \\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
        *section("description", *cleandoc(cli.help or "").split("\n\n")),
        *section("commands"),
    ]
    for command, context in commands():
        if command is not cli:
            lines += _command(command, context)
    lines += section("exit status", "Take any other for a failure.")
    lines += [line for code, meaning in EXITS for line in item(bold(str(code)), meaning)]
    lines += section("files")
    lines += [line for name, meaning in FILES for line in item(f"\\fI{name}\\fR", meaning)]
    lines += section("environment")
    lines += [line for name, meaning in ENVIRONMENT for line in item(bold(name), meaning)]
    lines += section("see also", "renewd.yaml(5), policy.yaml(5), systemctl(1), journalctl(1)")
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f'.SS "{context.command_path}"'
    yield f"{bold(context.command_path)} {prose(usage)}"
    for paragraph in cleandoc(command.help or "").replace("\b\n", "").split("\n\n"):
        yield ".PP"
        yield prose(" ".join(paragraph.split()))
    for option in command.get_params(context):
        record = option.get_help_record(context)
        if record and "--help" not in option.opts:
            yield from item(bold(record[0]), record[1])


def completion(shell: str) -> str:
    """Write what a shell is to load: it asks renewd itself, at each Tab."""
    kind = get_completion_class(shell)
    assert kind, shell
    return kind(cli, {}, "renewd", "_RENEWD_COMPLETE").source()


def write(folder: Path) -> None:
    """Write everything into a folder; the date is that of $SOURCE_DATE_EPOCH."""
    date = f"{datetime.fromtimestamp(int(os.environ.get('SOURCE_DATE_EPOCH', '0')), UTC):%Y-%m-%d}"
    man = folder / "man"
    man.mkdir(parents=True, exist_ok=True)
    pages = {"renewd.1": renewd_1(date)} | {
        f"{name}.yaml.5": page_of(name, date) for name in ("renewd", "policy")
    }
    for name, page in pages.items():
        _compressed(man / f"{name}.gz", page)
    for shell in SHELLS:
        (folder / f"renewd.{shell}").write_text(completion(shell), encoding="utf-8")
    _compressed(folder / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def _compressed(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
