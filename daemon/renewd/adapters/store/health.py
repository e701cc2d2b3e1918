"""Whether the database can be used by us: there, of our schema, and open to be written."""

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store.connect import FILE, connect_to_read, place, unusable
from renewd.addresses import POSTGRESQL

# https://www.postgresql.org/docs/current/runtime-config-wal.html
_LASTING = ("synchronous_commit", "fsync", "full_page_writes")
_MAY_WRITE = text("SELECT has_table_privilege('renewals', 'UPDATE') AND NOT pg_is_in_recovery()")


def reached(url: str) -> tuple[str, bool]:
    """Read the database, and give its name and whether a server lets us write. Raises as `connect_to_read`."""
    engine = connect_to_read(url)
    try:
        return place(engine), engine.dialect.name == FILE or _may_write(engine)
    finally:
        engine.dispose()


def not_durable(url: str) -> str:
    """Say which settings of a server let it forget in a crash what it has committed; nothing when none does.

    They are those that a session of ours gets: a pooler may not pass on what we ask for. Raises as `connect_to_read`.
    """
    if not url.startswith(POSTGRESQL):
        return ""
    engine = connect_to_read(url)
    try:
        with engine.connect() as connection:
            shown = {each: connection.execute(text(f"SHOW {each}")).scalar() for each in _LASTING}
    except DBAPIError as error:
        raise unusable(engine, error) from error
    finally:
        engine.dispose()
    return ", ".join(f"{name} is off" for name, value in shown.items() if value == "off")


def _may_write(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return bool(connection.execute(_MAY_WRITE).scalar())
    except DBAPIError as error:
        raise unusable(engine, error) from error
