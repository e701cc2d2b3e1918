"""Configuration to what tells others how the daemon is. See `wiring`, of which this is the part that is about health."""

import os
import socket
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from renewd import __version__
from renewd.adapters.configuration import Configuration, secret_values
from renewd.addresses import POSTGRESQL, Listen
from renewd.ports import StoreUnavailableError
from renewd.service import logs
from renewd.service.redaction import Redaction
from renewd.service.tracing import Tracing
from renewd.settings import Heartbeat
from renewd.watching import Beacon, Respond, Supervisor


def supervisor() -> Supervisor:
    """Give whoever started this process and may want to know how it stands."""
    from renewd.adapters.systemd import Systemd

    return Systemd()


def not_durable(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> str:
    """Say which settings of the database let it forget in a crash what it has committed; nothing when none does."""
    from renewd.adapters.store.health import not_durable

    try:
        return not_durable(configuration.database_url(environ))
    except StoreUnavailableError:  # the tick says so
        return ""


def serving(listen: Listen, respond: Respond) -> AbstractAsyncContextManager[None]:
    """Answer over HTTP for as long as it lasts. Entering it raises OSError when the address cannot be had."""
    from renewd.adapters.endpoint import serving

    return serving(listen.host, listen.port, respond)


def beacon(settings: Heartbeat, environ: Mapping[str, str] = os.environ) -> Beacon:
    """Make the way to the dead man's switch. Raises ValueError when its URL is none or cannot be read."""
    from renewd.adapters.heartbeat import HttpBeacon

    return HttpBeacon(settings.url.reveal(environ))


def tracing(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Tracing:
    """Make what keeps spans, if they are wanted. Raises ValueError when that is not installed."""
    settings = configuration.settings.traces
    if settings is None:
        return Tracing()
    try:
        from renewd.adapters.otel import Otel
    except ImportError as error:
        raise ValueError("traces need a few more packages: pip install 'renewd[otel]'") from error
    about = {
        "service.name": "renewd",
        "service.version": __version__,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
    }
    database = "postgresql" if configuration.database_url(environ).startswith(POSTGRESQL) else "sqlite"
    kept = Otel(settings.endpoint, about, database, _not_arriving)
    return Tracing(kept, Redaction(secret_values(configuration, environ)))


def _not_arriving(problem: str) -> None:
    logs.warn("traces do not arrive; renewals go on", problem=problem)
