"""The Books port on SQLAlchemy Core: what an operator reads and corrects, beside the daemon."""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.exc import DBAPIError

from renewd.adapters.store import commands
from renewd.adapters.store.cases import HALTED
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
from renewd.adapters.store.tables import (
    attempts,
    audit_log,
    customers,
    notices,
    payment_methods,
    renewals,
    service_state,
    subscriptions,
)
from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.command import Standing, Verb
from renewd.renewal.model import AttemptState, Stage, SubscriptionState
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Imported, Listed, ListQuery, LogQuery, Status
from renewd.renewal.record import Record

T = TypeVar("T")
LATE = timedelta(minutes=5)
PAGE = 500


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
    ) -> Imported:
        """See `ports.Books`."""
        done = Imported(0, 0, 0)
        for start in range(0, len(records), PAGE):
            batch = records[start : start + PAGE]
            done += self._transaction(partial(put_records, records=batch, policy=policy, now=now))
            progress(start + len(batch))
        detail = f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged"
        event = Event("operator.imported", now, actor=actor, policy_digest=policy.digest, detail=detail)
        self._transaction(lambda connection: connection.execute(insert(audit_log), [event_row(event)]))
        return done

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
            page = self._transaction(partial(_page, query=query, after=after))
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
        return self._transaction(lambda connection: _dossier(connection, subscription_id))

    def log(self, query: LogQuery) -> Iterator[AuditRow]:
        """See `ports.Books`."""
        wanted = _log_query(query)
        if query.last is not None:
            latest = wanted.order_by(audit_log.c.sequence.desc()).limit(query.last)
            yield from reversed([audit_of(row) for row in self._transaction(_reading(latest))])
            return
        after = query.after
        while True:
            page = wanted.where(audit_log.c.sequence > after).order_by(audit_log.c.sequence).limit(PAGE)
            rows = self._transaction(_reading(page))
            yield from (audit_of(row) for row in rows)
            if len(rows) < PAGE:
                return
            after = rows[-1]["sequence"]

    def status(self, now: datetime) -> Status:
        """See `ports.Books`."""
        running = _is_owned(f"{self._engine.url.database}.lock")
        return self._transaction(lambda connection: _status(connection, now, running=running))

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            raise StoreUnavailableError(f"{self._engine.url.database}: {error.orig}") from error


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
        halted=_halted(connection),
    )


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


def _status(connection: Connection, now: datetime, *, running: bool) -> Status:
    waiting = renewals.c.next_at.is_not(None)
    in_doubt = select(func.count()).where(
        attempts.c.closed_at.is_(None), attempts.c.state == AttemptState.SENT
    )
    owed = select(func.count()).where(notices.c.next_at.is_not(None))
    late = select(func.count()).where(renewals.c.next_at < now - LATE)
    has_renewal = (renewals.c.subscription_id == subscriptions.c.id) & (
        renewals.c.period_start == subscriptions.c.current_period_end
    )
    lost = (
        select(func.count())
        .select_from(subscriptions.outerjoin(renewals, has_renewal))
        .where(
            subscriptions.c.state == SubscriptionState.ACTIVE,
            subscriptions.c.opens_at.is_(None),
            renewals.c.id.is_(None),
        )
    )
    opens = connection.execute(select(func.min(subscriptions.c.opens_at))).scalar()
    looks = connection.execute(select(func.min(renewals.c.next_at))).scalar()
    return Status(
        subscriptions=_counts(connection, subscriptions.c.state),
        stages=_counts(connection, renewals.c.stage),
        holds=_counts(connection, renewals.c.hold, waiting, renewals.c.hold != ""),
        halted=_halted(connection),
        next_due=min((instant for instant in (opens, looks) if instant), default=None),
        overdue=connection.execute(late).scalar() or 0,
        oldest_due=looks if looks and looks < now else None,
        in_doubt=connection.execute(in_doubt).scalar() or 0,
        notices_owed=connection.execute(owed).scalar() or 0,
        unplanned=connection.execute(lost).scalar() or 0,
        last_event=connection.execute(select(func.max(audit_log.c.at))).scalar(),
        running=running,
        paid_30_days=_paid_since(connection, now - timedelta(days=30)),
    )


def _counts(connection: Connection, column: Any, *conditions: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return dict(connection.execute(query).tuples().all())


def _paid_since(connection: Connection, since: datetime) -> tuple[Money, ...]:
    query = (
        select(func.sum(renewals.c.paid_minor), renewals.c.paid_currency)
        .where(renewals.c.stage == Stage.EXTENDED, renewals.c.closed_at >= since)
        .group_by(renewals.c.paid_currency)
    )
    return tuple(Money(minor, currency) for minor, currency in connection.execute(query).tuples() if currency)


def _halted(connection: Connection) -> str:
    return str(
        connection.execute(select(service_state.c.value).where(service_state.c.key == HALTED)).scalar() or ""
    )


def _is_owned(lock: str) -> bool:
    """Say whether a daemon owns the database: whether its lock is taken."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
