"""The Books port on SQLAlchemy Core: what an operator reads and corrects, beside the daemon."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store import commands, plans
from renewd.adapters.store.connect import unusable
from renewd.adapters.store.glance import halted, status
from renewd.adapters.store.imports import put_records
from renewd.adapters.store.rows import (
    attempt_of,
    audit_of,
    customer_of,
    event_row,
    method_of,
    renewal_of,
    subscription_of,
)
from renewd.adapters.store.sqlite_file import READING, is_owned
from renewd.adapters.store.tables import (
    attempts,
    audit_log,
    customers,
    payment_methods,
    renewals,
    subscriptions,
)
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.command import Standing, Verb
from renewd.renewal.model import AttemptState
from renewd.renewal.moment import Moment
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Imported, Listed, ListQuery, LogQuery, Status
from renewd.renewal.record import Record

T = TypeVar("T")
PAGE = 500
NEIGHBOURS = 50


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
        records: Sequence[Record],
        policy: Policy,
        actor: str,
        now: datetime,
        progress: Callable[[int], None],
        *,
        rehearse: bool = False,
    ) -> Imported:
        """See `ports.Books`."""
        done = Imported(0, 0, 0)
        for start in range(0, len(records), PAGE):
            batch = records[start : start + PAGE]
            work = partial(put_records, records=batch, policy=policy, now=now)
            done += self._transaction(work, keep=not rehearse)
            progress(start + len(batch))
        if rehearse:
            return done
        detail = f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged"
        event = Event("operator.imported", now, actor=actor, policy_digest=policy.digest, detail=detail)
        self._transaction(lambda connection: connection.execute(insert(audit_log), [event_row(event)]))
        return done

    def planned_under(self) -> str:
        """See `ports.Books`."""
        return self._read(plans.digest)

    def method_owners(self, method_ids: Sequence[str]) -> Mapping[str, str]:
        """See `ports.Books`."""
        owners: dict[str, str] = {}
        for start in range(0, len(method_ids), PAGE):
            some = payment_methods.c.id.in_(method_ids[start : start + PAGE])
            query = select(payment_methods.c.id, payment_methods.c.customer_id).where(some)
            owners |= {row["id"]: row["customer_id"] for row in self._read(_reading(query))}
        return owners

    def neighbours(self, subscription_id: str) -> Sequence[str]:
        """See `ports.Books`."""
        return self._read(lambda connection: _neighbours(connection, subscription_id))

    def command(
        self, verb: Verb, subscription_id: str, moment: Moment, actor: str, reason: str
    ) -> Standing | None:
        """See `ports.Books`."""

        def carry_out(connection: Connection) -> Standing | None:
            standing = commands.standing_of(connection, subscription_id)
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

    def subscriptions(self, query: ListQuery) -> Iterator[Listed]:
        """See `ports.Books`."""
        after, left = "", query.limit if query.limit is not None else -1
        while left:
            page = self._read(partial(_page, query=query, after=after))
            for listed in page:
                if _wanted(listed, query):
                    yield listed
                    left -= 1
                    if not left:
                        return
            if len(page) < PAGE:
                return
            after = page[-1].subscription.id

    def dossier(self, subscription_id: str) -> Dossier | None:
        """See `ports.Books`."""
        return self._read(lambda connection: _dossier(connection, subscription_id))

    def log(self, query: LogQuery) -> Iterator[AuditRow]:
        """See `ports.Books`."""
        wanted = _log_query(query)
        if query.last is not None:
            latest = wanted.order_by(audit_log.c.sequence.desc()).limit(query.last)
            yield from reversed([audit_of(row) for row in self._read(_reading(latest))])
            return
        after = query.after
        while True:
            page = wanted.where(audit_log.c.sequence > after).order_by(audit_log.c.sequence).limit(PAGE)
            rows = self._read(_reading(page))
            yield from (audit_of(row) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1]["sequence"]

    def status(self, now: datetime) -> Status:
        """See `ports.Books`."""
        running = is_owned(self._engine)
        return self._read(lambda connection: status(connection, now, running=running))

    def _read(self, work: Callable[[Connection], T]) -> T:
        """Run what only reads; it waits for no writer, and no writer for it."""
        return self._transaction(work, {READING: True})

    def _transaction(
        self, work: Callable[[Connection], T], options: Mapping[str, bool] | None = None, *, keep: bool = True
    ) -> T:
        try:
            with self._engine.connect().execution_options(**options or {}) as connection:
                with connection.begin() as transaction:
                    answer = work(connection)
                    if not keep:
                        transaction.rollback()
                return answer
        except DBAPIError as error:
            raise unusable(self._engine, error) from error


def _reading(query: Any) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(query).mappings().all()


def _page(connection: Connection, query: ListQuery, after: str) -> list[Listed]:
    conditions = [subscriptions.c.id > after]
    if query.states:
        conditions.append(subscriptions.c.state.in_(query.states))
    if query.plan:
        conditions.append(subscriptions.c.plan == query.plan)
    if query.ends_before:
        conditions.append(subscriptions.c.current_period_end < query.ends_before)
    rows = _reading(select(subscriptions).where(*conditions).order_by(subscriptions.c.id).limit(PAGE))(
        connection
    )
    ids = [row["id"] for row in rows]
    theirs = select(renewals).where(renewals.c.subscription_id.in_(ids)).order_by(renewals.c.period_start)
    latest = {row["subscription_id"]: renewal_of(row) for row in _reading(theirs)(connection)}
    return [Listed(subscription_of(row), latest.get(row["id"])) for row in rows]


def _wanted(listed: Listed, query: ListQuery) -> bool:
    renewal = listed.renewal
    return (not query.stages or (renewal is not None and renewal.stage in query.stages)) and (
        not query.holds or (renewal is not None and renewal.hold in query.holds)
    )


def _dossier(connection: Connection, subscription_id: str) -> Dossier | None:
    row = next(
        iter(_reading(select(subscriptions).where(subscriptions.c.id == subscription_id))(connection)), None
    )
    if row is None:
        return None
    customer = _reading(select(customers).where(customers.c.id == row["customer_id"]))(connection)[0]
    methods = select(payment_methods).where(payment_methods.c.customer_id == row["customer_id"])
    cycles = (
        select(renewals)
        .where(renewals.c.subscription_id == subscription_id)
        .order_by(renewals.c.period_start)
    )
    tries = (
        select(attempts).where(attempts.c.subscription_id == subscription_id).order_by(attempts.c.begun_at)
    )
    return Dossier(
        subscription=subscription_of(row),
        customer=customer_of(customer),
        methods=tuple(
            method_of(each) for each in _reading(methods.order_by(payment_methods.c.rank))(connection)
        ),
        renewals=tuple(renewal_of(each) for each in _reading(cycles)(connection)),
        attempts=tuple(attempt_of(each) for each in _reading(tries)(connection)),
        declines=_declines(connection, row["customer_id"]),
        halted=halted(connection),
    )


def _declines(connection: Connection, customer_id: str) -> tuple[tuple[str, datetime], ...]:
    theirs = select(payment_methods.c.id).where(payment_methods.c.customer_id == customer_id)
    query = select(attempts.c.method_id, attempts.c.closed_at).where(
        attempts.c.method_id.in_(theirs), attempts.c.state == AttemptState.DECLINED
    )
    return tuple((row["method_id"], row["closed_at"]) for row in _reading(query)(connection))


def _neighbours(connection: Connection, subscription_id: str) -> list[str]:
    """Give ids beside where the unknown one would stand, as it is written and in capitals."""
    column, found = subscriptions.c.id, set[str]()
    for place in {subscription_id, subscription_id.upper()}:
        after = select(column).where(column >= place).order_by(column).limit(NEIGHBOURS)
        before = select(column).where(column < place).order_by(column.desc()).limit(NEIGHBOURS)
        found |= {*connection.execute(after).scalars(), *connection.execute(before).scalars()}
    return sorted(found)


def _log_query(query: LogQuery) -> Any:
    wanted = select(audit_log)
    if query.since:
        wanted = wanted.where(audit_log.c.at >= query.since)
    if query.until:
        wanted = wanted.where(audit_log.c.at < query.until)
    if query.subscription:
        wanted = wanted.where(audit_log.c.subscription == query.subscription)
    if query.event:
        wanted = wanted.where(audit_log.c.name.op("GLOB")(query.event))
    return wanted
