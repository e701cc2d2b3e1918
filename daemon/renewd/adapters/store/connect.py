"""Opening the database, whichever it is, and making its tables current."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from renewd.adapters.store import postgres_server, sqlite_file
from renewd.adapters.store.tables import MOVED_TO, service_state
from renewd.ports import StoreUnavailableError

HEAD = "0002"
# Of daemons that start at once one migrates, and the others wait for it; any number that nobody else takes will do.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7236574768)")
FILE = "sqlite"
HOW_TO_WRITE = "write e.g. sqlite:////var/lib/renewd/renewd.db or postgresql://renewd@localhost/renewd"


def connect(url: str, *, must_exist: bool = False) -> Engine:
    """Open the database at `url` (`sqlite:///path`, `postgresql://user@host/name`).

    Raises ValueError when it is neither, and StoreUnavailableError when the folder of a file cannot be made or, if it
    `must_exist`, when the file is not there.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == FILE:
        return sqlite_file.connect(parsed, must_exist=must_exist)
    return postgres_server.connect(parsed)


def connect_to_read(url: str) -> Engine:
    """Open the database at `url` for somebody who may do no more than read it: nothing is made, migrated or written.

    Raises StoreUnavailableError when it is not there, cannot be read, or has other tables than ours.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == FILE:
        engine = sqlite_file.connect_to_read(parsed)
    else:
        engine = postgres_server.connect(parsed, reading=True)
    try:
        revision = _revision(engine)
    except DBAPIError as error:
        raise unusable(engine, error) from error
    if not revision:
        raise StoreUnavailableError(
            f"{place(engine)} holds no tables yet; `renewd import` makes them, and `renewd run`"
        )
    if revision != HEAD:
        raise StoreUnavailableError(
            f"{place(engine)} is of schema {revision}, and this renewd reads {HEAD}; its daemon migrates an older one"
        )
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # it may quote a password
        raise ValueError(f"not the URL of a database; {HOW_TO_WRITE}") from None
    if parsed.get_backend_name() not in (FILE, "postgresql") or not parsed.database:
        raise ValueError(f"not a database of ours: {_shown(parsed)}; {HOW_TO_WRITE}")
    return parsed


def _shown(url: URL) -> str:
    secrets = {name: "..." for name in url.query if "pass" in name}
    return url.update_query_dict(secrets).render_as_string(hide_password=True)


def place(engine: Engine) -> str:
    """Name the database as a person knows it, without any password."""
    if engine.dialect.name == FILE:
        return str(engine.url.database)
    return _shown(engine.url.set(drivername="postgresql"))


def unusable(engine: Engine, error: DBAPIError) -> StoreUnavailableError:
    """Say where and why the database could not be used; a driver's hints stand on lines of their own, and are left out."""
    kept_out = getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY"))
    closed = getattr(error.orig, "sqlstate", "") == postgres_server.READ_ONLY
    hint = sqlite_file.KEPT_OUT if kept_out else "; it is a standby, or set to be read-only" if closed else ""
    reason = str(error.orig).partition("\n")[0]
    return StoreUnavailableError(f"{place(engine)}: {reason}{hint}")


@contextmanager
def owned(engine: Engine) -> Iterator[None]:
    """Own the database for as long as this lasts, where only one daemon can. Raises AlreadyRunningError."""
    if engine.dialect.name != FILE:
        yield
        return
    with sqlite_file.owned(engine):
        yield


def migrate(engine: Engine) -> None:
    """Bring the tables to the present revision.

    Raises StoreUnavailableError when the database cannot be written, is of a revision that we do not know, or has been
    moved away.
    """
    try:
        if _revision(engine) != HEAD:
            _upgrade(engine)
        moved_to = _moved_to(engine)
    except DBAPIError as error:
        raise unusable(engine, error) from error
    if moved_to:
        raise StoreUnavailableError(f"{place(engine)} was moved to {moved_to}: write that as `database:`")


def _moved_to(engine: Engine) -> str:
    query = select(service_state.c.value).where(service_state.c.key == MOVED_TO)
    with engine.connect() as connection:
        return str(connection.execute(query).scalar() or "")


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())


def _upgrade(engine: Engine) -> None:
    # Imported here alone: it costs a start that has nothing to migrate a fifth of a second.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("renewd.adapters.store") / "migrations"))
    try:
        with engine.begin() as connection:
            if engine.dialect.name != FILE:
                connection.execute(_ONE_AT_A_TIME)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnavailableError(
            f"{place(engine)} is of a schema that this renewd does not know; use the one that wrote it"
        ) from error
