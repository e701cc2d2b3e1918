"""Verifying the audit log: every row that the database has, and those in its archive, as one log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store.archive_files import ArchivedPage, audit_pages
from renewd.adapters.store.audit_rows import audit_lines, raw
from renewd.adapters.store.connect import FILE, unusable
from renewd.adapters.store.seals import archived, sealed_of
from renewd.adapters.store.sqlite_file import READING
from renewd.adapters.store.tables import audit_checkpoints, audit_leaves, audit_log
from renewd.ports import StoreUnavailableError
from renewd.seal.keys import PublicKey
from renewd.seal.leaf import leaf_hashes
from renewd.seal.note import Checkpoint, Sealed
from renewd.seal.verify import Chain, Finding, Report, misfits

PAGE = 5000
_FIRST, _LAST = -(2**63), 2**63 - 1

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Trust:
    """What a log is held against: public keys, checkpoints that were kept elsewhere, and where its archive is."""

    keys: Sequence[PublicKey] = ()
    outside: Sequence[Checkpoint] = ()
    archive: Path | None = None


def verify(engine: Engine, trust: Trust, progress: Progress) -> Report:
    """Read every row and say what is wrong. Raises StoreUnavailableError; `progress` is told the rows so far."""
    try:
        with engine.connect().execution_options(**_at_one_moment(engine)) as connection, connection.begin():
            return _Verification(connection, trust, progress).report()
    except DBAPIError as error:
        raise unusable(engine, error) from error


def _at_one_moment(engine: Engine) -> dict[str, Any]:
    """Say how to read everything as it was at one moment: what is written and sealed meanwhile must not look amiss."""
    return {READING: True} if engine.dialect.name == FILE else {"isolation_level": "REPEATABLE READ"}


def rows_to_verify(engine: Engine) -> int:
    """Say about how many rows the database has."""
    try:
        with engine.connect().execution_options(**{READING: True}) as connection, connection.begin():
            first, last = connection.execute(
                select(func.min(audit_log.c.sequence), func.max(audit_log.c.sequence))
            ).one()
            return last - first + 1 if last else 0
    except DBAPIError as error:
        raise unusable(engine, error) from error


class _Verification:
    def __init__(self, connection: Connection, trust: Trust, progress: Progress) -> None:
        self._connection = connection
        self._trust = trust
        self._progress = progress
        self._findings: list[Finding] = []
        self._rows = self._unsealed = 0

    def report(self) -> Report:
        base = self._base()
        sealed_to = self._connection.execute(select(func.max(audit_checkpoints.c.last))).scalar()
        chain = Chain(None if self._trust.archive else base, self._trust.keys, self._trust.outside)
        if self._trust.archive:
            self._read_archive(chain, self._trust.archive, base)
        self._read_database(chain, base.last if base else _FIRST, _FIRST if sealed_to is None else sealed_to)
        chain.end()
        return Report(
            self._rows,
            chain.tree.size,
            chain.tree.root,
            self._unsealed,
            base.checkpoint.size if base and not self._trust.archive else 0,
            chain.checkpoints,
            chain.signed,
            chain.unsigned_first,
            chain.held,
            chain.beyond,
            tuple(sorted([*self._findings, *chain.findings], key=lambda each: each.sequence)),
        )

    def _base(self) -> Sealed | None:
        try:
            base = archived(self._connection)
        except StoreUnavailableError as error:
            self._findings.append(Finding(0, str(error)))
            return None
        left = self._connection.execute(select(func.min(audit_log.c.sequence))).scalar()
        if base and left is not None and left <= base.last:
            self._findings.append(
                Finding(left, f"row {left} is there, and the log says that it is in the archive")
            )
        return base

    def _read_archive(self, chain: Chain, folder: Path, base: Sealed | None) -> None:
        if base is None:
            return
        try:
            for page in audit_pages(folder, base.last):
                self._go_on(chain, page, base.checkpoint.size)
        except ValueError as error:
            self._findings.append(Finding(1, str(error)))
        chain.add([], [], [base])

    def _go_on(self, chain: Chain, page: ArchivedPage, size: int) -> None:
        older = [each for each in page.sealed if each.checkpoint.size < size]
        chain.add(list(page.lines), leaf_hashes(page.lines.values()), older)
        self._count(len(page.lines))

    def _read_database(self, chain: Chain, after: int, sealed_to: int) -> None:
        for lines, leaves, sealed in self._pages(after):
            hashes = list(leaves.values())
            if lines.keys() != leaves.keys() or leaf_hashes(lines.values()) != hashes:
                self._findings += misfits(lines, leaves, sealed_to)
                self._unsealed += sum(each > sealed_to for each in lines)
            chain.add(list(leaves), hashes, sealed)
            self._count(len(lines))

    def _pages(
        self, after: int
    ) -> Iterator[tuple[Mapping[int, bytes], Mapping[int, bytes], Sequence[Sealed]]]:
        while after < _LAST:
            lines = audit_lines(self._connection, after, _LAST, PAGE)
            leaves = self._leaves(after)
            # A page ends where both have been read to.
            upto = min([[*each][-1] for each in (lines, leaves) if len(each) == PAGE], default=_LAST)
            yield _upto(lines, upto), _upto(leaves, upto), self._sealed(after, upto)
            after = upto

    def _leaves(self, after: int) -> dict[int, bytes]:
        sequence = audit_leaves.c.sequence
        query = select(sequence, audit_leaves.c.hash).where(sequence > after).order_by(sequence).limit(PAGE)
        return dict(raw(self._connection, query))

    def _sealed(self, after: int, upto: int) -> list[Sealed]:
        last, found = audit_checkpoints.c.last, []
        query = select(audit_checkpoints).where(last > after, last <= upto).order_by(audit_checkpoints.c.size)
        for row in self._connection.execute(query).mappings():
            try:
                found.append(sealed_of(row))
            except StoreUnavailableError as error:
                self._findings.append(Finding(row["last"], str(error)))
        return found

    def _count(self, rows: int) -> None:
        self._rows += rows
        self._progress(self._rows)


def _upto(rows: Mapping[int, bytes], upto: int) -> Mapping[int, bytes]:
    return (
        rows
        if upto == _LAST or [*rows][-1:] <= [upto]
        else {each: row for each, row in rows.items() if each <= upto}
    )
