"""Configuration to what seals, verifies and archives. See `wiring`, of which this is the part that is about the audit log."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from renewd.adapters.configuration import Configuration
from renewd.ports import Books, Clock, Sealer
from renewd.seal.keys import PublicKey, SigningKey
from renewd.seal.note import Checkpoint, Sealed
from renewd.seal.verify import Report
from renewd.secret import Secret

if TYPE_CHECKING:
    from renewd.adapters.store.archiving import Archived
    from renewd.service.transcript import Transcript

Progress = Callable[[int], None]


def sealer(configuration: Configuration, database: Any, environ: Mapping[str, str] = os.environ) -> Sealer:
    """Give what seals the log of an open database. Raises ValueError when the key cannot be read."""
    from renewd.adapters.checkpoint_file import CheckpointFile
    from renewd.adapters.store.seals import SqlSealer

    named = configuration.settings.audit.checkpoints
    key = signing_key(configuration, environ)
    if not named:
        return SqlSealer(database, key)
    return SqlSealer(database, key, CheckpointFile(configuration.state_directory(environ) / named).append)


def signing_key(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> SigningKey | None:
    """Give the key that signs checkpoints, if there is one. Raises ValueError when it cannot be read."""
    key = configuration.settings.audit.key
    return SigningKey.parse(key.reveal(environ)) if key else None


def seal_now(
    configuration: Configuration, now: datetime, environ: Mapping[str, str] = os.environ
) -> Sealed | None:
    """Seal all that is not sealed yet, and give the newest of the checkpoints that were made for it.

    Raises StoreUnavailableError, OSError when a checkpoint could not be kept, and ValueError.
    """
    from renewd.adapters.store.connect import connect, migrate

    database = connect(configuration.database_url(environ), must_exist=True)
    migrate(database)
    seals, newest = sealer(configuration, database, environ), None
    while sealed := seals.seal(now):
        newest = sealed
    return newest


@dataclass(frozen=True, slots=True)
class Verification:
    """A verification about to be made: about how many rows there are, and what reads them all."""

    rows: int
    carry_out: Callable[[Progress], Report]


def verifying(
    configuration: Configuration,
    keys: Sequence[PublicKey],
    outside: Sequence[Checkpoint],
    archive: Path | None,
    environ: Mapping[str, str] = os.environ,
) -> Verification:
    """Make ready to verify the log. Raises StoreUnavailableError, and ValueError when a secret cannot be read."""
    from renewd.adapters.store.connect import connect_to_read
    from renewd.adapters.store.verifying import Trust, rows_to_verify, verify

    database = connect_to_read(configuration.database_url(environ))
    trust = Trust(keys, outside, archive)
    return Verification(rows_to_verify(database), lambda progress: verify(database, trust, progress))


@dataclass(frozen=True, slots=True)
class Removal:
    """What an archive would take out of the database, and what moves it."""

    counted: "Archived"
    carry_out: Callable[[Progress], "Archived"]


def archiving(
    configuration: Configuration,
    database: str,
    before: datetime,
    folder: Path,
    actor: str,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
) -> Removal:
    """Make ready to move what is older than `before` into `folder`.

    `database` is the URL of the same database for a user who may delete, or where one stands; nothing means the
    daemon's own. Raises StoreUnavailableError, and ValueError.
    """
    from renewd.adapters.store.archiving import Archiving, archive, to_archive
    from renewd.adapters.store.connect import connect, migrate

    opened = connect(_url(configuration, database, environ), must_exist=True)
    migrate(opened)
    order = Archiving(before, folder, actor, now)
    return Removal(to_archive(opened, before), lambda progress: archive(opened, order, progress))


def migrated(configuration: Configuration, database: str, environ: Mapping[str, str] = os.environ) -> str:
    """Bring the tables up to date as whoever `database` says (see `archiving`), and name the database.

    Raises StoreUnavailableError, and ValueError.
    """
    from renewd.adapters.store.connect import connect, migrate, place

    opened = connect(_url(configuration, database, environ))
    migrate(opened)
    return place(opened)


def roles_sql() -> str:
    """Give the SQL that says who may do what on a PostgreSQL."""
    from renewd.adapters.store.roles import roles

    return roles()


def _url(configuration: Configuration, database: str, environ: Mapping[str, str]) -> str:
    return Secret.parse(database).reveal(environ) if database else configuration.database_url(environ)


def transcript(
    configuration: Configuration, clock: Clock, environ: Mapping[str, str], books: Callable[[], Books]
) -> "Transcript | None":
    """Give what writes the log to a file too, if there is to be one."""
    from renewd.service.transcript import Transcript

    path = configuration.audit_file(environ)
    return Transcript(path, books, clock.elapsed) if path else None
