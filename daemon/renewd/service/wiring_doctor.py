"""Collects what `checkup` judges: the adapters that see this machine and reach the providers."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from renewd.adapters import machine
from renewd.adapters.configuration import (
    Configuration,
    ConfigurationError,
    Problem,
    exposed_secrets,
    load_configuration,
)
from renewd.adapters.greeting import greeted
from renewd.adapters.messengers.smtp import Security, Smtp
from renewd.adapters.store import health
from renewd.checkup.facts import Database, Entry, Facts, Reach
from renewd.ports import Clock, StoreUnavailableError
from renewd.secret import Secret
from renewd.service.wiring import system_clock
from renewd.settings import Smtp as SmtpSettings


def examine(
    path: Path, shipped: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Facts, Configuration | None]:
    """Look at everything around the configuration at `path`; the units of this version lie in the folder `shipped`.

    The configuration is None where it is wrong, and then what hangs on it is not looked at.
    """
    facts = Facts(
        user=machine.user(),
        installation=machine.installation(),
        units=tuple(machine.units(shipped)),
        synchronized=machine.synchronized(),
    )
    try:
        configuration = load_configuration(path)
    except ConfigurationError as error:
        return replace(facts, files=_files(path), problems=tuple(map(_line, error.problems))), None
    return replace(
        facts,
        files=_files(path, path.parent / configuration.settings.policy),
        problems=tuple(_unreadable(configuration, environ)),
        warnings=tuple(map(_line, exposed_secrets(configuration))),
        credentials=tuple(
            machine.credential(secret.text, facts.units)
            for _, secret in configuration.settings.secrets()
            if _handed_over(secret, environ)
        ),
        database=_database(configuration, environ),
        reached=tuple(asyncio.run(_reached(configuration, system_clock()))),
    ), configuration


def _files(*paths: Path) -> tuple[Entry, ...]:
    folders = dict.fromkeys(path.absolute().parent for path in paths)
    return tuple(machine.entry(each) for each in (*folders, *paths))


def _line(problem: Problem) -> str:
    where = f"{problem.path}: " if problem.path else ""
    return f"{problem.file}:{problem.line}: {where}{problem.message}"


def _handed_over(secret: Secret, environ: Mapping[str, str]) -> bool:
    """Say whether a secret is one that only the service is given, and we are not it."""
    return secret.how == "credential" and "CREDENTIALS_DIRECTORY" not in environ


def _unreadable(configuration: Configuration, environ: Mapping[str, str]) -> Iterator[str]:
    for path, secret in configuration.settings.secrets():
        if not _handed_over(secret, environ):
            try:
                secret.reveal(environ)
            except ValueError as error:
                yield f"{'.'.join(path)}: {error}"


def _database(configuration: Configuration, environ: Mapping[str, str]) -> Database | None:
    secret = configuration.settings.database
    if _handed_over(secret, environ):
        return Database(str(secret), hidden=True)
    try:
        url = configuration.database_url(environ)
    except ValueError:
        return None  # told among the secrets
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    name, writable, trouble, forgets = str(file or secret), True, "", ""
    try:
        name, writable = health.reached(url)
        forgets = health.not_durable(url)
    except (StoreUnavailableError, ValueError) as error:
        trouble = str(error)
    if file is None:
        return Database(name, trouble, writable, forgets=forgets)
    return Database(
        name, trouble, machine.can_write(file), machine.entry(file), machine.free_space(file.parent)
    )


async def _reached(configuration: Configuration, clock: Clock) -> list[Reach]:
    asked = [
        greeted(name, each.api_base, each.deadline, clock)
        for (_, name), each in configuration.settings.providers()
    ]
    email = configuration.settings.messengers.email
    if isinstance(email, SmtpSettings):
        asked.append(_mail(email))
    return await asyncio.gather(*asked)


async def _mail(settings: SmtpSettings) -> Reach:
    address = f"{settings.host}:{settings.port}"
    server = Smtp(
        settings.host,
        settings.port,
        settings.sender,
        security=Security(settings.security),
        deadline=settings.deadline,
    )
    try:
        await server.greet()
    except (OSError, TimeoutError) as error:
        return Reach("email", address, trouble=str(error) or "no answer within the deadline")
    return Reach("email", address)
