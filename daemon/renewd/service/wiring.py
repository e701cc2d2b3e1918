"""Configuration to objects: the only file that names adapters."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from renewd.adapters.configuration import (
    Configuration,
    ConfigurationError,
    Problem,
    exposed_secrets,
    load_configuration,
    missing_secrets,
    origin_lines,
    reference,
    render,
    render_for_github,
    schema,
    secret_values,
)
from renewd.ports import (
    AlreadyRunningError,
    Books,
    Carrier,
    Clock,
    Gateway,
    Messenger,
    Store,
    StoreUnavailableError,
)
from renewd.renewal.audit import Event
from renewd.renewal.model import Leg
from renewd.renewal.policy import Policy
from renewd.secret import Secret
from renewd.service.breaker import Breaker
from renewd.service.engine import Engine
from renewd.settings import HttpCarrier as CarrierSettings
from renewd.settings import Maildir as MaildirSettings
from renewd.settings import Provider
from renewd.settings import StripeGateway as StripeSettings

if TYPE_CHECKING:
    from renewd.adapters.transport import Transport

__all__ = [
    "AlreadyRunningError",
    "Configuration",
    "ConfigurationError",
    "demo_clock",
    "exposed_secrets",
    "find_configuration",
    "load_configuration",
    "missing_secrets",
    "open_books",
    "origin_lines",
    "policy_loader",
    "read_books",
    "reference",
    "render",
    "render_for_github",
    "running_engine",
    "schema",
    "secret_values",
    "system_clock",
]


def find_configuration(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Give the path of `renewd.yaml`: as given, or as `$RENEWD_CONFIG` says, or the first that is there of these.

    `$CONFIGURATION_DIRECTORY/renewd.yaml`, `/etc/renewd/renewd.yaml`, `config/renewd.yaml`. Raises ConfigurationError
    when none is.
    """
    if given or environ.get("RENEWD_CONFIG"):
        return given or Path(environ["RENEWD_CONFIG"])
    folders = [*environ.get("CONFIGURATION_DIRECTORY", "").split(":"), "/etc/renewd", "config"]
    places = [Path(folder) / "renewd.yaml" for folder in folders if folder]
    found = next((place for place in places if _may_be_there(place)), None)
    if found is None:
        message = f"is not there; looked for: {', '.join(map(str, places))}"
        problem = Problem("renewd.yaml", 1, 1, "", message, help="name it with --config or $RENEWD_CONFIG")
        raise ConfigurationError([problem])
    return found


def _may_be_there(place: Path) -> bool:
    try:
        return place.is_file()
    except PermissionError:  # whoever reads it is told so
        return True


def system_clock() -> Clock:
    """Give the machine's clock."""
    from renewd.adapters.clock import SystemClock

    return SystemClock()


def demo_clock(start: datetime, pace: float, moved: Callable[[datetime], None], until: datetime) -> Clock:
    """Give a clock that moves on only when nothing is in flight. See `adapters.clock.DemoClock`."""
    from renewd.adapters.clock import DemoClock

    return DemoClock(start, pace, moved, until)


def open_books(
    configuration: Configuration, environ: Mapping[str, str] = os.environ, *, must_exist: bool = False
) -> Books:
    """Open the database for an operator, its tables made or brought up to date first.

    Raises StoreUnavailableError, also when there is no database and it `must_exist`, and ValueError when its URL is
    a secret that cannot be read.
    """
    from renewd.adapters.store.books import SqlBooks
    from renewd.adapters.store.connect import connect, migrate

    engine = connect(configuration.database_url(environ), must_exist=must_exist)
    migrate(engine)
    return SqlBooks(engine)


def read_books(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Books:
    """Open the database for somebody who may do no more than read it.

    Raises StoreUnavailableError, also when its tables are not ours, and ValueError when its URL is a secret that
    cannot be read.
    """
    from renewd.adapters.store.books import SqlBooks
    from renewd.adapters.store.connect import connect_to_read

    return SqlBooks(connect_to_read(configuration.database_url(environ)))


@dataclass(frozen=True, slots=True)
class Move:
    """A database about to be carried over: how many rows from where to where."""

    source: str
    target: str
    rows: int
    carry_out: Callable[[Callable[[int], None]], Mapping[str, int]]


def moving(configuration: Configuration, target: str, environ: Mapping[str, str] = os.environ) -> Move:
    """Make ready to carry the database over to the one at `target`, a URL or where one stands (see `Secret`).

    Raises StoreUnavailableError, and ValueError when a URL is none or cannot be read.
    """
    from renewd.adapters.store.connect import connect, place
    from renewd.adapters.store.moving import move, rows_in

    source = connect(configuration.database_url(environ), must_exist=True)
    there = connect(Secret.parse(target).reveal(environ))
    return Move(place(source), place(there), rows_in(source), lambda progress: move(source, there, progress))


def policy_loader(path: Path, running: Configuration) -> Callable[[], Policy]:
    """Give a function that reads the policy of the configuration at `path` anew, for the settings that are running.

    It raises ValueError with all that is wrong with it, and when it names a provider that is not running.
    """
    known = {place for place, _ in running.settings.providers()}

    def load() -> Policy:
        try:
            fresh = load_configuration(path)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        new = [".".join(place) for place, _ in fresh.settings.providers() if place not in known]
        if new:
            raise ValueError(f"{path}: {', '.join(sorted(new))}: a new provider needs a restart")
        return fresh.policy

    return load


@asynccontextmanager
async def running_engine(
    configuration: Configuration,
    clock: Clock,
    tell: Callable[[Event], None],
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[Engine]:
    """Make the engine of the one daemon that owns the database, and take it apart again at the end.

    Raises AlreadyRunningError when another daemon owns the database, StoreUnavailableError, and ValueError when a
    secret cannot be read.
    """
    from renewd.adapters.store.connect import FILE, connect, migrate, owned
    from renewd.adapters.store.sql_store import SqlStore
    from renewd.service.seal import seal
    from renewd.service.transcript import kept
    from renewd.service.wiring_audit import sealer, transcript

    database = connect(configuration.database_url(environ))
    with owned(database):
        migrate(database)
        shared = database.dialect.name != FILE
        name = f"{socket.gethostname()}:{os.getpid()}"
        store = SqlStore(database, name, configuration.settings.schedule.lease, alone=not shared)
        try:
            async with _assembled(configuration, store, clock, tell, environ) as engine:
                engine.shared, engine.sealer = shared, sealer(configuration, database, environ)
                books = partial(read_books, configuration, environ)
                async with kept(transcript(configuration, clock, environ, books), lambda: engine.leads):
                    yield engine
                await seal(engine)
        finally:
            with suppress(StoreUnavailableError):  # the others will notice by themselves
                await store.leave()
            await store.close()


@asynccontextmanager
async def _assembled(
    configuration: Configuration,
    store: Store,
    clock: Clock,
    tell: Callable[[Event], None],
    environ: Mapping[str, str],
) -> AsyncIterator[Engine]:
    """Put the engine together around its store, and take it apart again."""
    settings = configuration.settings
    gateways = {name: _gateway(name, each, environ) for name, each in settings.gateways.items()}
    carriers = {name: _carrier(name, each, environ) for name, each in settings.carriers.items()}
    providers: list[Gateway | Carrier] = [*gateways.values(), *carriers.values()]
    rules = settings.breaker
    try:
        yield Engine(
            store=store,
            gateways=gateways,
            carriers=carriers,
            messenger=_messenger(configuration, environ),
            clock=clock,
            policy=configuration.policy,
            breakers={
                (leg, name): Breaker(rules.failures, rules.probe_after, rules.probe_at_most)
                for leg, names in ((Leg.CHARGE, gateways), (Leg.EXTEND, carriers))
                for name in names
            },
            tell=tell,
            operator_email=settings.operator_email,
            rated=any(each.rate for _, each in settings.providers()),
            concurrency=settings.schedule.concurrency,
            settle_after=max(settings.schedule.settle_after, *(each.longest_call for each in providers)),
            most_per_tick=settings.schedule.scan_every,
        )
    finally:
        for each in providers:
            await each.close()


def _transport(provider: Provider) -> "Transport":
    from renewd.adapters.transport import Transport

    return Transport(
        provider.api_base,
        {},
        deadline=provider.deadline,
        max_concurrent=provider.max_concurrent,
        rate=provider.rate.calls / provider.rate.per.total_seconds() if provider.rate else None,
    )


def _gateway(name: str, settings: StripeSettings, environ: Mapping[str, str]) -> Gateway:
    from renewd.adapters.gateways.stripe import StripeGateway

    return StripeGateway(name, _transport(settings), settings.api_key.reveal(environ))


def _carrier(name: str, settings: CarrierSettings, environ: Mapping[str, str]) -> Carrier:
    from renewd.adapters.carriers.http import HttpCarrier

    return HttpCarrier(name, _transport(settings), settings.token.reveal(environ))


def _messenger(configuration: Configuration, environ: Mapping[str, str]) -> Messenger:
    settings = configuration.settings.messengers.email
    if isinstance(settings, MaildirSettings):
        from renewd.adapters.messengers.maildir import Maildir

        return Maildir(configuration.state_directory(environ) / settings.path, settings.sender)
    from renewd.adapters.messengers.smtp import Security, Smtp

    return Smtp(
        settings.host,
        settings.port,
        settings.sender,
        security=Security(settings.security),
        username=settings.username or "",
        password=settings.password.reveal(environ) if settings.password else "",
        deadline=settings.deadline,
    )
