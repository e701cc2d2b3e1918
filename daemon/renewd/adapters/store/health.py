"""Whether the database can be used by us: there, of our schema, and open to be written."""

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store.connect import FILE, connect_to_read, place, unusable

_MAY_WRITE = text("SELECT has_table_privilege('renewals', 'UPDATE') AND NOT pg_is_in_recovery()")


def reached(url: str) -> tuple[str, bool]:
    """Read the database, and give its name and whether a server lets us write. Raises as `connect_to_read`."""
    engine = connect_to_read(url)
    try:
        return place(engine), engine.dialect.name == FILE or _may_write(engine)
    finally:
        engine.dispose()


def _may_write(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return bool(connection.execute(_MAY_WRITE).scalar())
    except DBAPIError as error:
        raise unusable(engine, error) from error
