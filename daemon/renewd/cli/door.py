"""What every command shares: where the configuration is, who the operator is, and how a failure ends."""

import functools
import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from renewd.ports import AlreadyRunningError, StoreUnavailableError
from renewd.renewal.command import RefusedError
from renewd.service.wiring import Configuration, ConfigurationError, find_configuration, load_configuration

F = TypeVar("F", bound=Callable[..., Any])

FAILED, USAGE, FINDINGS, NOT_FOUND, UNAVAILABLE, TRY_LATER, BAD_CONFIGURATION = 1, 2, 3, 4, 69, 75, 78

_ENDINGS: dict[type[Exception], int] = {
    ConfigurationError: BAD_CONFIGURATION,
    StoreUnavailableError: UNAVAILABLE,
    AlreadyRunningError: TRY_LATER,
    RefusedError: FAILED,
}
_MEANING: dict[type[Exception], str] = {StoreUnavailableError: "the database cannot be used: "}


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say what went wrong, on standard error, and end with an exit code."""
    click.echo(f"renewd: {message}", err=True)
    sys.exit(code)


def ending(error: Exception) -> int:
    """Say on standard error what a failure that we know means, and give its exit code; 0 for one we do not know."""
    for kind, code in _ENDINGS.items():
        if isinstance(error, kind):
            told = error if kind is ConfigurationError else f"renewd: {_MEANING.get(kind, '')}{error}"
            click.echo(str(told), err=True)
            return code
    return 0


def config_option(command: F) -> F:
    """Give a command the option `--config`, as the path of `renewd.yaml`."""
    option = click.option(
        "-c",
        "--config",
        "config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="renewd.yaml; else $RENEWD_CONFIG, $CONFIGURATION_DIRECTORY, /etc/renewd, config/.",
    )

    @functools.wraps(command)
    def found(*args: Any, config: Path | None, **options: Any) -> Any:
        return command(*args, config=find_configuration(str(config) if config else None), **options)

    return option(found)  # type: ignore[return-value]


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
