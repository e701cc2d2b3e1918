"""The daemon itself: for ever, once, or only its scan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from renewd.cli.door import BAD_CONFIGURATION, config_option, configured, fail
from renewd.service.engine import Engine
from renewd.service.wiring import (
    Configuration,
    load_configuration,
    missing_secrets,
    policy_loader,
    render,
    running_engine,
    system_clock,
)


@click.command("run")
@config_option
def run_command(config: Path) -> None:
    """Run the daemon in the foreground.

    SIGTERM finishes what is in flight and stops; SIGHUP reloads the policy.
    """
    configuration = load_configuration(config)
    asyncio.run(_run(configuration, config))


@click.command("once")
@configured
def once_command(configuration: Configuration) -> None:
    """Do all that is due now, then exit; for a timer instead of a daemon."""
    click.echo(asyncio.run(_once(configuration)), err=True)


async def _run(configuration: Configuration, path: Path) -> None:
    from renewd.service.loop import Loop

    async with _engine(configuration) as engine:
        loop = Loop(engine, configuration.settings.schedule.scan_every, policy_loader(path, configuration))
        loop.handle_signals()
        await loop.run()


async def _once(configuration: Configuration) -> str:
    from renewd.service.loop import prepare
    from renewd.service.tick import tick

    async with _engine(configuration) as engine:
        await prepare(engine)
        done = 0
        while worked := await tick(engine):
            done += worked
        due = await engine.store.next_due()
    return f"{done} done; next {due:%Y-%m-%d %H:%M:%SZ}" if due else f"{done} done; nothing is planned"


@asynccontextmanager
async def _engine(configuration: Configuration) -> AsyncIterator[Engine]:
    from renewd.service import logs

    missing = missing_secrets(configuration)
    if missing:
        fail("\n".join(render(each) for each in missing), BAD_CONFIGURATION)
    logs.configure(configuration.settings.log.format, configuration.settings.log.level)
    async with running_engine(configuration, system_clock(), logs.tell) as engine:
        yield engine
