"""Moving what is long closed out of the database into files: copied, made durable, read back, and only then deleted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, exists, func, select, text
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store import archive_files
from renewd.adapters.store.archive_lines import letters_of, told
from renewd.adapters.store.audit_rows import audit_lines, raw, tell
from renewd.adapters.store.connect import FILE, unusable
from renewd.adapters.store.seals import archived, sealed_of
from renewd.adapters.store.sqlite_file import READING
from renewd.adapters.store.statements import among
from renewd.adapters.store.tables import (
    APPEND_ONLY,
    attempts,
    audit_checkpoints,
    audit_leaves,
    audit_log,
    notices,
    renewals,
    subscriptions,
)
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.model import Stage
from renewd.seal.leaf import leaf_hashes
from renewd.seal.note import Sealed
from renewd.seal.tree import Tree

RENEWALS, AUDIT_ROWS = 1000, 20_000  # in one file, and deleted by one transaction
CLOSED = (Stage.EXTENDED, Stage.LAPSED, Stage.SKIPPED, Stage.CANCELED)
_FIRST = -(2**63)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Archiving:
    """What is to be moved where: all that was closed or sealed before an instant; `actor` has it done at `now`."""

    before: datetime
    folder: Path
    actor: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Archived:
    """How much was moved, or would be."""

    renewals: int = 0
    attempts: int = 0
    audit_rows: int = 0


_newer = renewals.alias()


def _old(before: datetime) -> tuple[Any, ...]:
    """Say which renewals may go.

    The newest of a subscription stays, and each whose period its subscription has not left behind: these are what keeps
    a period from being opened, and so charged, again. An expiry never moves back.
    """
    left_behind = exists().where(
        subscriptions.c.id == renewals.c.subscription_id,
        subscriptions.c.current_period_end >= renewals.c.period_end,
    )
    followed = exists().where(
        _newer.c.subscription_id == renewals.c.subscription_id,
        _newer.c.period_start > renewals.c.period_start,
    )
    unsettled = exists().where(attempts.c.renewal_id == renewals.c.id, attempts.c.closed_at.is_(None))
    return (
        renewals.c.stage.in_(CLOSED),
        renewals.c.closed_at < before,
        renewals.c.next_at.is_(None),
        left_behind,
        followed,
        ~unsettled,
    )


def to_archive(engine: Engine, before: datetime) -> Archived:
    """Count what would be moved. Raises StoreUnavailableError."""
    old = select(renewals.c.id).where(*_old(before))
    with _connected(engine) as connection, connection.begin():
        base, upto = archived(connection), _boundary(connection, before)
        of_these = select(func.count()).select_from(attempts).where(attempts.c.renewal_id.in_(old))
        return Archived(
            connection.execute(select(func.count()).select_from(old.subquery())).scalar_one(),
            connection.execute(of_these).scalar_one(),
            (upto or 0) - (base.checkpoint.size if base else 0) if upto else 0,
        )


def archive(engine: Engine, order: Archiving, progress: Progress) -> Archived:
    """Move it, a file at a time; broken off, it can be started again. Raises StoreUnavailableError.

    `progress` is told how many renewals and audit rows are done.
    """
    done = Archived()
    with _connected(engine) as connection:
        while moved := _move_renewals(connection, order):
            done = Archived(done.renewals + moved[0], done.attempts + moved[1])
            progress(done.renewals)
        _clear_copies(connection, order.folder)
        while rows := _move_audit_rows(connection, order):
            done = Archived(done.renewals, done.attempts, done.audit_rows + rows)
            progress(done.renewals + done.audit_rows)
    return done


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise unusable(engine, error) from error


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    connection.execution_options(**{READING: True})
    with connection.begin():
        yield
    connection.execution_options(**{READING: False})


def _move_renewals(connection: Connection, order: Archiving) -> tuple[int, int] | None:
    old = _old(order.before)
    with _reading(connection):
        query = select(renewals).where(*old).order_by(renewals.c.closed_at, renewals.c.id).limit(RENEWALS)
        gone = [dict(row) for row in connection.execute(query).mappings()]
        ids = [row["id"] for row in gone]
        theirs = (
            select(attempts)
            .where(attempts.c.renewal_id.in_(ids))
            .order_by(attempts.c.sent_at, attempts.c.key)
        )
        tries = [dict(row) for row in connection.execute(theirs).mappings()]
        letters = letters_of(connection, gone)
    if not gone:
        return None
    lines = list(told(gone, tries, letters))
    digest = sha256(b"\n".join(lines)).hexdigest()[:16]
    name = f"renewals-{gone[0]['closed_at'].astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}.jsonl.gz"
    archive_files.write(order.folder, name, lines)
    said = Event(
        "archive.renewals",
        order.now,
        order.actor,
        reference=name,
        detail=f"{len(gone)} renewals, {len(tries)} attempts, {sum(map(len, letters.values()))} letters",
    )
    with connection.begin():
        deleted = connection.execute(delete(renewals).where(renewals.c.id.in_(ids), *old)).rowcount
        if deleted != len(ids):
            raise StoreUnavailableError(
                "a renewal was changed while it was archived; nothing is deleted, start again"
            )
        connection.execute(delete(attempts).where(attempts.c.renewal_id.in_(ids)))
        written = [each["id"] for some in letters.values() for each in some]
        connection.execute(delete(notices).where(among(connection, notices.c.id, written)))
        tell(connection, [said])
    return len(gone), len(tries)


def _boundary(connection: Connection, before: datetime) -> int | None:
    """Give the size of the newest checkpoint that is old enough."""
    size: int | None = connection.execute(
        select(func.max(audit_checkpoints.c.size)).where(audit_checkpoints.c.at < before)
    ).scalar()
    return size


def _clear_copies(connection: Connection, folder: Path) -> None:
    """Remove the files of a run that was killed before it had deleted their rows: they are made again.

    Raises StoreUnavailableError when such a file holds anything but a copy of rows that are still there.
    """
    with _reading(connection):
        base = archived(connection)
        for first, upto, path in archive_files.audit_files(folder):
            if base and first <= base.last:
                continue
            rows = audit_lines(connection, first - 1, upto, 10 * AUDIT_ROWS)
            try:
                same = [line for page in archive_files.pages(path) for line in page.lines.values()] == list(
                    rows.values()
                )
            except ValueError:
                same = False
            if not same:
                raise StoreUnavailableError(f"{path} is of another log; name another folder")
            path.unlink()


def _move_audit_rows(connection: Connection, order: Archiving) -> int:
    with _reading(connection):
        base = archived(connection)
        step = _next_step(connection, base, order.before)
        if step is None:
            return 0
        rows, lines = _sound_rows(connection, base, step)
    upto = step[-1]
    name = archive_files.audit_file(min(rows), upto.last)
    archive_files.write(order.folder, name, lines)
    size = str(upto.checkpoint.size)
    said = Event(
        "archive.audit",
        order.now,
        order.actor,
        code=size,
        reference=name,
        detail=f"rows {min(rows)} to {upto.last}",
    )
    with connection.begin(), _deletable(connection):
        connection.execute(delete(audit_log).where(audit_log.c.sequence <= upto.last))
        connection.execute(delete(audit_leaves).where(audit_leaves.c.sequence <= upto.last))
        connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.size < upto.checkpoint.size))
        tell(connection, [said])
    return len(rows)


def _next_step(connection: Connection, base: Sealed | None, before: datetime) -> list[Sealed] | None:
    """Give the checkpoints up to which rows go into the next file; the last of them is where it ends."""
    size, start = audit_checkpoints.c.size, base.checkpoint.size if base else 0
    most = _boundary(connection, before) or 0
    some = select(audit_checkpoints).where(size > start, size <= most).order_by(size)
    rows = connection.execute(some.where(size <= start + AUDIT_ROWS)).mappings().all()
    return [sealed_of(row) for row in rows or connection.execute(some.limit(1)).mappings().all()] or None


def _sound_rows(
    connection: Connection, base: Sealed | None, step: Sequence[Sealed]
) -> tuple[dict[int, bytes], list[bytes]]:
    """Give the rows, and all the lines of their file. Raises StoreUnavailableError when they are not as they were sealed."""
    after, upto = base.last if base else _FIRST, step[-1]
    rows = audit_lines(connection, after, upto.last, 2 * AUDIT_ROWS)
    sequence = audit_leaves.c.sequence
    leaves = dict(
        raw(connection, select(sequence, audit_leaves.c.hash).where(sequence <= upto.last, sequence > after))
    )
    tree = Tree.unpacked(base.checkpoint.size, base.edge) if base else Tree()
    tree.extend(leaf_hashes(rows.values()))
    if tree.root != upto.checkpoint.root or rows.keys() != leaves.keys():
        raise StoreUnavailableError(
            f"the audit rows up to {upto.last} are not as they were sealed; nothing is moved, see renewd audit verify"
        )
    ends = {each.last: archive_files.sealed_line(each) for each in step}
    return rows, [
        line for each, row in rows.items() for line in ([row, ends[each]] if each in ends else [row])
    ]


@contextmanager
def _deletable(connection: Connection) -> Iterator[None]:
    """Lift, for this transaction, what keeps rows of the audit log from being deleted."""
    triggers = [f"{table.name}_no_delete" for table in APPEND_ONLY]
    if connection.dialect.name != FILE:
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER {table.name}_no_delete"))
        yield
        for table in APPEND_ONLY:
            connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER {table.name}_no_delete"))
        return
    made = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND lower(name) = :name")
    known = [connection.execute(made, {"name": each}).scalar() for each in triggers]
    for each in triggers:
        connection.execute(text(f"DROP TRIGGER IF EXISTS {each}"))
    yield
    for statement in known:
        if statement:
            connection.execute(text(str(statement)))
