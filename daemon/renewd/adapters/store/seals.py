"""Sealing the audit log: what is hashed, kept as one hash a row, and covered by checkpoints that are only ever added."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from renewd.adapters.store.audit_rows import audit_lines
from renewd.adapters.store.connect import FILE, unusable
from renewd.adapters.store.rows import Row
from renewd.adapters.store.sqlite_file import READING
from renewd.adapters.store.tables import audit_checkpoints, audit_leaves, audit_log
from renewd.ports import StoreUnavailableError
from renewd.seal.keys import SigningKey
from renewd.seal.leaf import leaf_hashes
from renewd.seal.note import Checkpoint, Sealed
from renewd.seal.tree import Tree

BATCH = 5000
ARCHIVED = "archive.audit"  # the event that says, by its code, how many rows are in the archive
UNNAMED = "renewd"  # the origin of a log whose checkpoints nobody signs


class SqlSealer:
    """See `ports.Sealer`."""

    def __init__(
        self,
        engine: Engine,
        key: SigningKey | None = None,
        witness: Callable[[Checkpoint], None] = lambda _: None,
    ) -> None:
        """Use a migrated database; without a key checkpoints are not signed. `witness` keeps each; it may raise OSError."""
        self._engine = engine
        self._key = key
        self._witness = witness
        self._unkept: Checkpoint | None = None  # the newest, while nobody keeps it

    def seal(self, now: datetime) -> Sealed | None:
        """See `ports.Sealer`."""
        try:
            return self._seal(now)
        except DBAPIError as error:
            raise unusable(self._engine, error) from error

    def _seal(self, now: datetime) -> Sealed | None:
        with self._engine.connect().execution_options(**{READING: True}) as connection:
            with connection.begin():
                horizon = _horizon(connection)
            with connection.begin():
                latest = newest(connection)
                lines = audit_lines(connection, latest.last if latest else 0, horizon, BATCH)
        if not lines:
            self._keep()
            return None
        leaves = leaf_hashes(lines.values())
        sealed = self._sealed(latest, list(lines)[-1], leaves, now)
        try:
            self._write(lines, leaves, sealed)
        except IntegrityError:
            self._expect_sealed_by_another(latest)
            return None
        self._unkept = sealed.checkpoint
        self._keep()
        return sealed

    def _keep(self) -> None:
        """Hand the newest checkpoint to the witness; what covers more stands for one that could not be kept."""
        if self._unkept:
            self._witness(self._unkept)
        self._unkept = None

    def _write(self, lines: Iterable[int], leaves: Iterable[bytes], sealed: Sealed) -> None:
        with self._engine.begin() as connection:
            rows = [{"sequence": each, "hash": leaf} for each, leaf in zip(lines, leaves, strict=True)]
            connection.execute(insert(audit_leaves), rows)
            connection.execute(insert(audit_checkpoints), [sealed_row(sealed)])

    def _expect_sealed_by_another(self, before: Sealed | None) -> None:
        with self._engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            now = newest(connection)
        if (now and now.checkpoint.size) == (before and before.checkpoint.size):
            raise StoreUnavailableError(
                "the audit log cannot be sealed: there are hashes that no checkpoint covers; see renewd audit verify"
            )

    def _sealed(self, latest: Sealed | None, last: int, leaves: list[bytes], now: datetime) -> Sealed:
        try:
            tree = Tree.unpacked(latest.checkpoint.size, latest.edge) if latest else Tree()
        except ValueError as error:
            raise StoreUnavailableError(
                f"the audit log cannot be sealed: {error}; see renewd audit verify"
            ) from error
        tree.extend(leaves)
        checkpoint = Checkpoint(self._key.name if self._key else UNNAMED, tree.size, tree.root)
        return Sealed(self._key.sign(checkpoint) if self._key else checkpoint, last, now, tree.packed())


def newest(connection: Connection) -> Sealed | None:
    """Give the newest checkpoint. Raises StoreUnavailableError when it cannot be read."""
    query = select(audit_checkpoints).order_by(audit_checkpoints.c.size.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return sealed_of(row) if row else None


def archived(connection: Connection) -> Sealed | None:
    """Give the checkpoint up to which the rows are in the archive, as the log itself says. Raises StoreUnavailableError."""
    said = select(audit_log.c.code).where(audit_log.c.name == ARCHIVED)
    code = connection.execute(said.order_by(audit_log.c.sequence.desc()).limit(1)).scalar()
    if code is None:
        return None
    of_size = audit_checkpoints.c.size == (int(code) if code.isdecimal() else 0)
    row = connection.execute(select(audit_checkpoints).where(of_size)).mappings().first()
    if row is None:
        raise StoreUnavailableError(f"the checkpoint over the {code} audit rows that were archived is gone")
    return sealed_of(row)


def sealed_of(row: Row) -> Sealed:
    """Read a checkpoint. Raises StoreUnavailableError."""
    try:
        checkpoint = Checkpoint.parse(row["note"])
    except ValueError as error:
        raise StoreUnavailableError(
            f"the checkpoint of {row['size']} audit rows was changed: {error}"
        ) from error
    return Sealed(checkpoint, row["last"], row["at"], bytes(row["edge"]))


def sealed_row(sealed: Sealed) -> dict[str, Any]:
    """Write a checkpoint."""
    checkpoint = sealed.checkpoint
    return {
        "size": checkpoint.size,
        "last": sealed.last,
        "at": sealed.at,
        "note": checkpoint.note,
        "edge": sealed.edge,
    }


def _horizon(connection: Connection) -> int:
    """Give the row up to which all are there and none will come."""
    if connection.dialect.name == FILE:
        query: Any = select(func.max(audit_log.c.sequence))
    else:
        query = select(func.audit_log_horizon())
    return int(connection.execute(query).scalar() or 0)
