"""A database on a PostgreSQL server, which many daemons may share."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.pool import NullPool

from renewd.addresses import is_loopback

READ_ONLY = "25006"  # what a server says that lets nobody write: a standby, or a primary that has become one
# Milliseconds. A lock is held for one short transaction; who waits longer meets a fault, and says so.
LOCK_TIMEOUT, IDLE_TIMEOUT, READ_TIMEOUT = 10_000, 60_000, 120_000
# A server that has vanished without a word is noticed within a minute.
_KEEPALIVE = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 35_000,  # milliseconds; while something is under way to it, nothing is kept alive
    "connect_timeout": 10,
}


def connect(url: URL, *, reading: bool = False) -> Engine:
    """Reach the server; nothing is sent yet. Another machine must prove who it is, unless `sslmode` says otherwise.

    Raises ValueError when the driver is not installed.
    """
    # Whatever the server is set to do for others: what we write down before a call must survive its crash.
    settings = {"timezone": "UTC", "lock_timeout": LOCK_TIMEOUT, "synchronous_commit": "on"}
    if reading:
        settings |= {"default_transaction_read_only": "on", "statement_timeout": READ_TIMEOUT}
    else:
        settings |= {"idle_in_transaction_session_timeout": IDLE_TIMEOUT}
    if url.host and not is_loopback(url.host) and "sslmode" not in url.query:
        # Who says nothing gets what HTTP gets: a connection to the server that was meant, and to no other.
        url = url.update_query_dict({"sslmode": "verify-full"})
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    try:
        from renewd.adapters.store.postgres_cursor import Flight  # noqa: PLC0415 psycopg may not be installed

        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            connect_args={
                "options": options,
                "application_name": "renewd",
                "cursor_factory": Flight,
                **_KEEPALIVE,
            },
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ValueError("PostgreSQL needs one more package: pip install 'renewd[postgres]'") from error
