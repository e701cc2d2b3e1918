"""The Books port on SQLAlchemy Core: what an operator reads and corrects, beside the daemon."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store import commands, log_rows, plans
from renewd.adapters.store.audit_rows import tell
from renewd.adapters.store.connect import FILE, unusable
from renewd.adapters.store.dossiers import PAGE, dossier, neighbours, page, wanted
from renewd.adapters.store.fleet import known
from renewd.adapters.store.glance import status
from renewd.adapters.store.imports import put_records
from renewd.adapters.store.reading import rows_of
from renewd.adapters.store.rows import audit_of
from renewd.adapters.store.sqlite_file import READING, is_owned
from renewd.adapters.store.statements import among
from renewd.adapters.store.tables import payment_methods
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.command import SETTLED, Verb
from renewd.renewal.fleet import Daemon
from renewd.renewal.model import UnreadableError
from renewd.renewal.moment import Moment
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Imported, Listed, ListQuery, LogQuery, Planning, Status
from renewd.renewal.record import Record
from renewd.renewal.standing import Standing

T = TypeVar("T")
IMPORTED_AT_ONCE = 2000  # rows in a transaction; others that write wait for it a fraction of a second
_READING = {READING: True}


class SqlBooks:
    """See `ports.Books`."""

    def __init__(self, engine: Engine) -> None:
        """Use a migrated database."""
        self._engine = engine

    def close(self) -> None:
        """See `ports.Books`."""
        self._engine.dispose()

    def import_records(
        self,
        records: Iterable[Record],
        policy: Policy,
        actor: str,
        now: datetime,
        progress: Callable[[int], None],
        *,
        rehearse: bool = False,
    ) -> Imported:
        """See `ports.Books`."""
        done, count, coming = Imported(0, 0, 0), 0, iter(records)
        with self._connected() as connection:
            while batch := list(islice(coming, IMPORTED_AT_ONCE)):
                work = partial(put_records, records=batch, policy=policy, now=now)
                done += _carried_out(connection, work, keep=not rehearse)
                count += len(batch)
                progress(count)
        if rehearse:
            return done
        mended = f", {len(done.mended)} of them mended" if done.mended else ""
        detail = f"{done.added} added, {done.changed} changed{mended}, {done.unchanged} unchanged"
        event = Event("operator.imported", now, actor=actor, policy_digest=policy.digest, detail=detail)
        self._transaction(lambda connection: tell(connection, [event]))
        return done

    def planning(self) -> Planning:
        """See `ports.Books`."""
        return self._read(plans.planning)

    def method_owners(self, method_ids: Sequence[str]) -> Mapping[str, str]:
        """See `ports.Books`."""
        owners: dict[str, str] = {}
        for start in range(0, len(method_ids), PAGE):
            owners |= self._read(partial(_owners, method_ids=method_ids[start : start + PAGE]))
        return owners

    def neighbours(self, subscription_id: str) -> Sequence[str]:
        """See `ports.Books`."""
        return self._read(lambda connection: neighbours(connection, subscription_id))

    def command(
        self, verb: Verb, subscription_id: str, moment: Moment, actor: str, reason: str
    ) -> Standing | None:
        """See `ports.Books`."""

        def carry_out(connection: Connection) -> Standing | None:
            standing = commands.standing_of(connection, subscription_id, in_review=verb in SETTLED)
            return standing and commands.carry_out(connection, verb, standing, moment, actor, reason)

        return self._transaction(carry_out)

    def halt(self, reason: str, actor: str, now: datetime) -> None:
        """See `ports.Books`."""
        event = Event("operator.halted", now, actor=actor, detail=reason)
        self._transaction(lambda connection: commands.halt(connection, reason, event))

    def unhalt(self, reason: str, actor: str, now: datetime) -> None:
        """See `ports.Books`."""
        event = Event("operator.unhalted", now, actor=actor, detail=reason)
        self._transaction(lambda connection: commands.unhalt(connection, event))

    def subscriptions(
        self, query: ListQuery, unreadable: Callable[[str, UnreadableError], None] | None = None
    ) -> Iterator[Listed]:
        """See `ports.Books`."""
        after, left = "", query.limit if query.limit is not None else -1
        with self._connected(_READING) as connection:
            while left:
                ids, found, wrong = _read_on(connection, partial(page, query=query, after=after))
                for subscription_id, error in wrong.items():
                    if unreadable is None:
                        raise UnreadableError.of(error)
                    unreadable(subscription_id, UnreadableError.of(error))
                for listed in found:
                    if wanted(listed, query):
                        yield listed
                        left -= 1
                        if not left:
                            return
                if len(ids) < PAGE:
                    return
                after = ids[-1]

    def dossier(self, subscription_id: str) -> Dossier | None:
        """See `ports.Books`."""
        return self._read(lambda connection: dossier(connection, subscription_id))

    def log(self, query: LogQuery) -> Iterator[AuditRow]:
        """See `ports.Books`."""
        if query.last is not None:
            yield from map(audit_of, self._read(partial(log_rows.latest, query=query)))
            return
        with self._connected(_READING) as connection:
            for page in log_rows.pages(connection, query):
                yield from map(audit_of, page)

    def numbers(self, query: LogQuery) -> Sequence[int]:
        """See `ports.Books`."""
        return self._read(partial(log_rows.numbers, query=query))

    def status(self, now: datetime) -> Status:
        """See `ports.Books`."""
        return self._read(partial(status, now=now, daemons=self.daemons(now)))

    def daemons(self, now: datetime) -> Sequence[Daemon] | None:
        """See `ports.Books`."""
        if self._engine.dialect.name != FILE:
            return [each for each in self._read(known) if each.lives(now)]
        owned = is_owned(self._engine)
        # Whoever holds the lock is the only one there can be; when it has just come it has no row yet.
        return (self._read(known)[:1] or [Daemon("", now, now)]) if owned else [] if owned is False else None

    def _read(self, work: Callable[[Connection], T]) -> T:
        """Run what only reads; it waits for no writer, and no writer for it."""
        with self._connected(_READING) as connection:
            return _read_on(connection, work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        with self._connected() as connection:
            return _carried_out(connection, work)

    @contextmanager
    def _connected(self, options: Mapping[str, bool] | None = None) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(**options or {}) as connection:
                yield connection
        except DBAPIError as error:
            raise unusable(self._engine, error) from error


def _carried_out(connection: Connection, work: Callable[[Connection], T], *, keep: bool = True) -> T:
    with connection.begin() as transaction:
        answer = work(connection)
        if not keep:
            transaction.rollback()
    return answer


def _read_on(connection: Connection, work: Callable[[Connection], T]) -> T:
    try:
        return _carried_out(connection, work)
    except ValueError as error:
        raise UnreadableError.of(error) from error


def _owners(connection: Connection, method_ids: Sequence[str]) -> dict[str, str]:
    known = among(connection, payment_methods.c.id, method_ids)
    query = select(payment_methods.c.id, payment_methods.c.customer_id).where(known)
    return {row["id"]: row["customer_id"] for row in rows_of(connection, query)}
