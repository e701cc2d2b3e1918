"""The daemon itself: for ever, once, or only its scan."""

import asyncio
import errno
import faulthandler
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from renewd.addresses import Listen
from renewd.cli.columns import brief
from renewd.cli.desk import leaving_out, moment_of, open_desk
from renewd.cli.door import (
    BAD_CONFIGURATION,
    TRY_LATER,
    UNAVAILABLE,
    FailedError,
    config_path,
    configured,
    fail,
    meaning,
)
from renewd.cli.output import LISTING_FORMATS, Output, output_option
from renewd.cli.rehearsal import REHEARSAL, rehearsed, totals
from renewd.cli.results import Results
from renewd.cli.times import coming
from renewd.ports import AlreadyRunningError, StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.model import Leg
from renewd.service.engine import Engine
from renewd.service.wiring import (
    Configuration,
    ConfigurationError,
    exposed_secrets,
    find_configuration,
    load_configuration,
    missing_secrets,
    open_books,
    policy_loader,
    read_books,
    render,
    running_engine,
    secret_values,
    system_clock,
)
from renewd.service.wiring_health import beacon, not_durable, serving, supervisor, tracing

if TYPE_CHECKING:
    from renewd.service.heartbeat import Heartbeat
    from renewd.service.monitor import Monitor, Watch

# What systemd is told of a start that failed, beside the exit code: an errno.
ERRNO = {BAD_CONFIGURATION: errno.EINVAL, UNAVAILABLE: errno.EIO, TRY_LATER: errno.EBUSY}


@click.command("run")
@config_path
def run_command(config: Path | None) -> None:
    """Run the daemon in the foreground.

    SIGTERM finishes what is in flight and stops; SIGHUP reloads the policy, and so does `renewd ctl reload`, which
    also says whether it was taken. Under systemd it says when it is ready and how it stands, and its watchdog ends it
    when the work stands still.
    """
    faulthandler.enable()  # what the watchdog ends says first where it hung
    with _failures_told():
        path = find_configuration(config)
        configuration = load_configuration(path)
        asyncio.run(_run(configuration, path))


@contextmanager
def _failures_told() -> Iterator[None]:
    """Tell systemd in a line why the daemon does not run; `systemctl status` shows it."""
    try:
        yield
    except (ConfigurationError, FailedError, StoreUnavailableError, AlreadyRunningError) as error:
        code, message = meaning(error)
        supervisor().tell(STATUS=message.partition("\n")[0], ERRNO=ERRNO.get(code, errno.EIO))
        raise


@click.command("once")
@configured
def once_command(configuration: Configuration) -> None:
    """Do all that is due now, then exit; for a timer instead of a daemon.

    It says how the renewals were left, and ends with 75 when a provider could not be reached or something is in doubt:
    a later pass goes on with it. SIGTERM finishes what is in flight and stops.
    """
    results = Results()
    due = asyncio.run(_once(configuration, results))
    with open_desk(configuration) as books:
        doubt = books.status(system_clock().now()).oldest_doubt
    since = f"; in doubt since {brief(doubt)}" if doubt else ""
    click.echo(f"{results}{since}; {f'next {brief(due)}' if due else 'nothing is planned'}", err=True)
    if results.unsettled or doubt:
        sys.exit(TRY_LATER)


@click.command("scan")
@configured
@click.option(
    "--dry-run", is_flag=True, help="Say what a whole pass would do, with amounts; write and call nothing."
)
@click.option("--at", type=coming, metavar="TIME", help="With --dry-run: as if it were then, e.g. +1d.")
@output_option(*LISTING_FORMATS)
def scan_command(configuration: Configuration, dry_run: bool, at: datetime | None, output: Output) -> None:
    """Open the renewals that are newly due; charging them is left to the daemon or to `once`."""
    if dry_run:
        _rehearse(configuration, at, output)
    elif at:
        raise click.UsageError("--at needs --dry-run: nobody is charged ahead of time")
    else:
        click.echo(asyncio.run(_scan(configuration)), err=True)


def _rehearse(configuration: Configuration, at: datetime | None, output: Output) -> None:
    moment = moment_of(configuration, at)
    with leaving_out() as left, open_desk(configuration) as books:
        rows = list(rehearsed(books, moment, left))
        output.listing(REHEARSAL, rows)
        click.echo(f"as of {brief(moment.now)}, nothing written: {totals(rows) or 'nothing to do'}", err=True)


async def _scan(configuration: Configuration) -> str:
    from renewd.service.loop import prepare
    from renewd.service.scan import scan

    async with _engine(configuration) as engine:
        await prepare(engine)
        count = await scan(engine, engine.clock.now())
    return f"{count} renewal{'' if count == 1 else 's'} opened"


async def _run(configuration: Configuration, path: Path) -> None:
    from renewd.service.control import listening, socket_path
    from renewd.service.loop import Loop
    from renewd.service.orders import Orders

    def settings_changed() -> bool:
        return load_configuration(path, without_policy=True).settings != configuration.settings

    settings = configuration.settings
    monitor = _monitor(configuration) if settings.metrics else None
    async with (
        _engine(configuration, *([monitor.tell] if monitor else [])) as engine,
        AsyncExitStack() as beside,
    ):
        load = policy_loader(path, configuration)
        loop = Loop(engine, settings.schedule.scan_every, load, settings.audit.seal_every, supervisor())
        orders = Orders(loop, engine, lambda: open_books(configuration), settings_changed)
        await beside.enter_async_context(
            listening(socket_path(configuration.state_directory()), orders.answer)
        )
        loop.handle_signals()
        if monitor and settings.metrics:
            look = beside.enter_context(closing(read_books(configuration))).status
            watch = monitor.watch(engine, loop, settings.schedule.scan_every, look)
            await _answering(settings.metrics, watch, beside)
        if heartbeat := _heartbeat(configuration, engine):
            await beside.enter_async_context(heartbeat.of(loop.health))
        await loop.run()


def _monitor(configuration: Configuration) -> "Monitor":
    from renewd.service.monitor import Monitor

    settings = configuration.settings
    legs = ((Leg.CHARGE, settings.gateways), (Leg.EXTEND, settings.carriers))
    return Monitor((leg, name) for leg, names in legs for name in names)


def _heartbeat(configuration: Configuration, engine: Engine) -> "Heartbeat | None":
    from renewd.service.heartbeat import Heartbeat

    settings = configuration.settings.heartbeat
    if settings is None:
        return None
    try:
        return Heartbeat(beacon(settings), engine.clock, settings.every)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)


async def _answering(listen: Listen, watch: "Watch", beside: AsyncExitStack) -> None:
    """Let others see how the daemon is, beside its work; where that cannot be, the work goes on."""
    try:
        await beside.enter_async_context(serving(listen, watch.respond))
    except OSError as error:
        structlog.get_logger().error(
            "nothing is told over HTTP; renewals go on", problem=f"{listen}: {error.strerror}"
        )
    else:
        await beside.enter_async_context(watch.looking())


async def _once(configuration: Configuration, results: Results) -> datetime | None:
    """Work until nothing is due, and give the instant at which something will be."""
    from renewd.service.loop import prepare
    from renewd.service.tick import tick

    async with _engine(configuration, results.tell) as engine, AsyncExitStack() as beside:
        if heartbeat := _heartbeat(configuration, engine):
            await beside.enter_async_context(heartbeat.over())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, setattr, engine, "stopping", True)
        await prepare(engine)
        while await tick(engine):
            pass
        return await engine.store.next_due()


@asynccontextmanager
async def _engine(configuration: Configuration, *listeners: Callable[[Event], None]) -> AsyncIterator[Engine]:
    """Make the engine; its events go to the service's log and to `listeners`."""
    from renewd.service import logs

    def tell(event: Event) -> None:
        for listener in (logs.tell, *listeners):
            listener(event)

    missing = missing_secrets(configuration)
    if missing:
        fail("\n".join(render(each) for each in missing), BAD_CONFIGURATION)
    settings = configuration.settings.log
    try:
        kept = tracing(configuration)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    with closing(kept):
        secrets = secret_values(configuration)
        logs.configure(settings.format, settings.level, secrets=secrets, around=kept.around)
        for each in exposed_secrets(configuration):
            logs.warn("a secret is in the environment", detail=f"{each.path}: {each.message}", file=each.file)
        async with running_engine(configuration, system_clock(), tell) as engine:
            if forgets := not_durable(configuration):
                logs.warn(
                    "the database may lose in a crash what it has committed; see renewd doctor",
                    detail=forgets,
                )
            engine.tracing = kept
            yield engine
