"""What every command shares: where the configuration is, who the operator is, and how a failure ends."""

import errno
import functools
import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from renewd.cli import UNREAD
from renewd.ports import AlreadyRunningError, StoreUnavailableError
from renewd.renewal.model import UnreadableError
from renewd.renewal.standing import RefusedError
from renewd.service import journald
from renewd.service.wiring import Configuration, ConfigurationError, find_configuration, load_configuration

F = TypeVar("F", bound=Callable[..., Any])

FAILED, USAGE, FINDINGS, NOT_FOUND = 1, 2, 3, 4
UNAVAILABLE, UNWRITABLE, TRY_LATER, BAD_CONFIGURATION = 69, 74, 75, 78

_ENDINGS: dict[type[Exception], tuple[int, str]] = {
    ConfigurationError: (BAD_CONFIGURATION, ""),
    StoreUnavailableError: (UNAVAILABLE, "the database cannot be used: "),
    AlreadyRunningError: (TRY_LATER, ""),
    RefusedError: (FAILED, ""),
    UnreadableError: (FAILED, "something in the database is wrong: "),
    click.Abort: (FAILED, "nothing is done"),
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AS_JSON = re.compile(r"(?:^|\0)(?:--json|(?:-o|--output)[=\0]?jsonl?)(?:\0|$)")


class FailedError(Exception):
    """What a command itself found out to be wrong, and the exit code that says its kind."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command: it says what went wrong, on standard error, and ends with an exit code."""
    raise FailedError(message, code)


def ending(error: Exception, words: Sequence[str] = ()) -> int:
    """Say on standard error what a failure that we know means, and give its exit code; 0 for one we do not know.

    `words` are those of the command line: who asks for JSON is told in JSON.
    """
    if isinstance(error, OSError) and error.errno in (errno.EPIPE, *_FULL):
        # What is left of the output goes nowhere, lest the interpreter complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            return UNREAD
        error = FailedError(f"the output cannot be written: {error.strerror}", UNWRITABLE)
    code, message = meaning(error)
    if code and _AS_JSON.search("\0".join(words)):
        told = {"schema": "renewd.error.v1", "error": message, "exit_code": code}
        click.echo(json.dumps(told, ensure_ascii=False), err=True)
    elif isinstance(error, click.ClickException):
        error.show()
    elif code:
        text = message if isinstance(error, ConfigurationError) else f"renewd: {message}"
        click.echo(journald.as_errors(text) if journald.is_stderr() else text, err=True)
    return code


def meaning(error: Exception) -> tuple[int, str]:
    """Give the exit code of a failure and what it means; 0 for one we do not know."""
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    if isinstance(error, FailedError):
        return error.code, str(error)
    known = (
        (code, f"{meaning}{error}") for kind, (code, meaning) in _ENDINGS.items() if isinstance(error, kind)
    )
    return next(known, (0, ""))


config_path = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="renewd.yaml; else $RENEWD_CONFIG, $CONFIGURATION_DIRECTORY, /etc/renewd, config/.",
)


def config_option(command: F) -> F:
    """Give a command the option `--config`, as the path of `renewd.yaml`."""

    @functools.wraps(command)
    def found(*args: Any, config: Path | None, **options: Any) -> Any:
        return command(*args, config=find_configuration(config), **options)

    return config_path(found)  # type: ignore[return-value]


def configured(command: F) -> F:
    """Give a command the option `--config`, and what is read from there as its first argument."""

    @config_option
    @functools.wraps(command)
    def loaded(*args: Any, config: Path, **options: Any) -> Any:
        configuration: Configuration = load_configuration(config)
        return command(configuration, *args, **options)

    return loaded  # type: ignore[return-value]


def configured_without_policy(command: F) -> F:
    """As `configured`, for a command that must work although the policy file is wrong: above all the one that halts."""

    @config_option
    @functools.wraps(command)
    def loaded(*args: Any, config: Path, **options: Any) -> Any:
        configuration = load_configuration(config, without_policy=True)
        if not configuration.policy.plans:
            click.echo("renewd: the policy cannot be read; going on without it (see: renewd check)", err=True)
        return command(configuration, *args, **options)

    return loaded  # type: ignore[return-value]


def operator() -> str:
    """Name the person at the terminal, for the audit log."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
