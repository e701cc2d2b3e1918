"""The configuration, to be checked and to be looked at."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from renewd.cli.columns import Column, Listing, write_lines
from renewd.cli.desk import found, open_desk
from renewd.cli.door import BAD_CONFIGURATION, config_path, configured, fail
from renewd.cli.output import Output, output_option
from renewd.renewal.policy import Policy
from renewd.service.wiring import (
    Configuration,
    ConfigurationError,
    exposed_secrets,
    find_configuration,
    load_configuration,
    missing_secrets,
    origin_lines,
    reference,
    render,
    render_for_github,
    schema,
)
from renewd.settings import Settings

_TERMS = [Column("term", "term"), Column("value", "value", flexible=True)]
_ORIGINS = [
    *_TERMS,
    Column("where", "decided by"),
    Column("layer", "path", style=lambda _: "dim", flexible=True),
]


@click.command("check")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@config_path
@click.option("--no-environment", is_flag=True, help="Do not look whether the secrets can be read here.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
def check_command(file: Path | None, config: Path | None, no_environment: bool, output: str) -> None:
    """Check the configuration (FILE, or as --config) and say all that is wrong with it.

    Both files are checked, each alone and the two together, and whether the secrets that they name can be read.
    Ends with 0 when it can be used, though there may be warnings, else with 78.
    """
    configuration: Configuration | None = None
    try:
        configuration = load_configuration(find_configuration(file or config))
        problems = exposed_secrets(configuration)
        problems += [] if no_environment else missing_secrets(configuration)
    except ConfigurationError as error:
        problems = list(error.problems)
    valid = all(each.severity == "warning" for each in problems)
    if output == "json":
        items = [asdict(each) for each in problems]
        click.echo(json.dumps({"schema": "renewd.check.v1", "valid": valid, "problems": items}))
    for each in problems if output != "json" else ():
        click.echo(render_for_github(each) if output == "github" else render(each), err=output == "text")
    if configuration is None or not valid:
        sys.exit(BAD_CONFIGURATION)
    if output == "text":
        click.echo(_verdict(configuration))


@click.group("config")
def config_command() -> None:
    """Show what is in force, or what the files may hold."""


@config_command.command("show")
@configured
@click.option("--for", "subscription_id", metavar="SUB", help="The terms of this subscription alone.")
@click.option("--origin", is_flag=True, help="With --for: the file and line that decided each term.")
@output_option("table", "tsv", "json", "jsonl", "csv")
def show_command(
    configuration: Configuration, subscription_id: str | None, origin: bool, output: Output
) -> None:
    """Show the settings and the policy in force, defaults filled in and secrets masked.

    Each term is decided by the last of these that sets it: defaults < rules < plan < subscription.
    """
    if subscription_id:
        return _show_terms(configuration, subscription_id, output, origin=origin)
    if origin:
        raise click.UsageError("--origin needs --for SUB")
    return _show_files(configuration, output)


@config_command.command("schema")
@click.argument("file", type=click.Choice(["renewd", "policy"]))
def schema_command(file: str) -> None:
    """Write the JSON Schema of renewd.yaml or policy.yaml, for editors."""
    click.echo(schema(Settings if file == "renewd" else Policy), nl=False)


@config_command.command("reference")
def reference_command() -> None:
    """Write the reference of both files, every key with its default and an example, as Markdown."""
    click.echo(reference(), nl=False)


def _verdict(configuration: Configuration) -> str:
    policy, files = configuration.policy, (configuration.settings_file.file, configuration.settings.policy)
    plans, rules = _count(len(policy.plans), "plan"), _count(len(policy.rules), "rule")
    return f"{files[0]} and {files[1]} are valid: {plans}, {rules}, digest {policy.digest}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show_terms(configuration: Configuration, subscription_id: str, output: Output, *, origin: bool) -> None:
    with open_desk(configuration) as books:
        subscription = found(books, subscription_id, configuration.policy).subscription
    if subscription.plan not in configuration.policy.plans:
        fail(f"{subscription.id} is on plan {subscription.plan}, which is not in the catalogue")
    rows = [each._asdict() for each in origin_lines(configuration, subscription)]
    output.listing(Listing("renewd.terms.v1", _ORIGINS if origin else _TERMS), rows)


def _show_files(configuration: Configuration, output: Output) -> None:
    settings = _tidy(configuration.settings.model_dump(mode="json"))
    database = configuration.settings.database
    if database.how == "plain":  # such a URL holds no secret: the check refuses one with a password
        settings["database"] = database.text
    policy = _tidy(configuration.policy.model_dump(mode="json"))
    if output.form not in ("table", "tsv"):
        output.document("renewd.config.v1", {"settings": settings, "policy": policy})
        return
    write_lines(_yaml(f"{configuration.settings_file.file}, defaults filled in", settings))
    write_lines(["---"])
    write_lines(_yaml(f"{configuration.policy_file.file}, digest {configuration.policy.digest}", policy))


def _yaml(title: str, data: Any) -> Iterator[str]:
    import yaml

    yield f"# {title}"
    yield from yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100).splitlines()


def _tidy(value: Any) -> Any:
    """Leave out what says nothing: terms that a layer leaves to the layer before it."""
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _tidy(each) for key, each in value.items() if each not in (None, {}, [])}
