"""The Store port in plain dictionaries: what `SqlStore` promises, without a database. See tests/contracts/test_store.py."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from renewd.renewal.audit import Event
from renewd.renewal.change import Change, Opening, Replanned
from renewd.renewal.events import SET_ASIDE_FOR, set_aside
from renewd.renewal.fleet import Daemon, Fleet, seen_from
from renewd.renewal.model import (
    Attempt,
    AttemptState,
    Case,
    Customer,
    HoldReason,
    Leg,
    PaymentMethod,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
)
from renewd.renewal.notice import Notice
from renewd.renewal.query import Outlook

K = TypeVar("K")
T = TypeVar("T")
HALTED, PLANNED_UNDER = "halted", "planned_under"
DECLINES_COUNT_FOR, UNDER_WAY = timedelta(days=30), timedelta(minutes=10)


class ConstraintError(Exception):
    """A change that a unique index of the database would have refused."""


@dataclass(slots=True)
class Lease:
    """Who works on a renewal, under which number of claim, and until when."""

    owner: str = ""
    epoch: int = 0
    until: datetime | None = None


@dataclass(slots=True)
class Tables:
    """What survives the process: the disk. Several stores may share one."""

    customers: dict[str, Customer] = field(default_factory=dict)
    methods: dict[str, PaymentMethod] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    renewals: dict[str, Renewal] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=lambda: defaultdict(Lease))
    attempts: dict[str, Attempt] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    daemons: dict[str, Daemon] = field(default_factory=dict)


class MemoryStore:
    """The durable state of one daemon, kept in `Tables`."""

    def __init__(self, tables: Tables, owner: str, lease: timedelta, *, alone: bool = False) -> None:
        self.tables = tables
        self._owner, self._alone = owner, alone
        self._lease = lease

    async def close(self) -> None:
        pass

    async def beat(self, now: datetime) -> Fleet:
        others = {} if self._alone else self.tables.daemons
        mine = {self._owner: self.tables.daemons[self._owner]} if self._owner in self.tables.daemons else {}
        fleet = seen_from(self._owner, list((others | mine).values()), now)
        if self._alone:
            self.tables.daemons.clear()
        self.tables.daemons[self._owner] = fleet.me
        if fleet.is_new and not fleet.others:
            for lease in self.tables.leases.values():
                lease.until = None
            self._doubt()
        return fleet

    async def leave(self) -> None:
        self.tables.daemons.pop(self._owner, None)
        for lease in self.tables.leases.values():
            if lease.owner == self._owner:
                lease.until = None

    async def newly_due(
        self,
        now: datetime,
        limit: int,
        plan: Callable[[Subscription], Opening | datetime | None],
        plans: Collection[str] | None = None,
    ) -> tuple[Sequence[Opening], Sequence[Event]]:
        due = [
            (each.opens_at, each)
            for each in self.tables.subscriptions.values()
            if each.opens_at
            and each.opens_at <= now
            and each.state is SubscriptionState.ACTIVE
            and (plans is None or each.plan in plans)
        ]
        first = [each for _, each in sorted(due, key=lambda pair: pair[0])][:limit]
        planned, wrong = _apart(first, lambda each: (each, plan(each)))
        for each, at in planned:
            if not isinstance(at, Opening):
                self.tables.subscriptions[each.id] = replace(each, opens_at=at)
        openings = [made for _, made in planned if isinstance(made, Opening)]
        later = now + SET_ASIDE_FOR
        for each, _ in wrong:
            self.tables.subscriptions[each.id] = replace(each, opens_at=later)
        aside = [set_aside(error, now, later, subscription=each.id) for each, error in wrong]
        self.tables.events.extend(aside)
        if planned and not openings and not aside:
            return await self.newly_due(now, limit, plan, plans)
        return openings, aside

    async def open(self, openings: Sequence[Opening]) -> Sequence[Opening]:
        return [opening for opening in openings if self._open(opening)]

    def _open(self, opening: Opening) -> bool:
        read, renewal = opening.subscription, opening.renewal
        kept = self.tables.subscriptions.get(read.id)
        if kept is None or kept.state is not SubscriptionState.ACTIVE or kept.opens_at is None:
            return False
        if kept.current_period_end != read.current_period_end:
            return False
        self.tables.subscriptions[read.id] = replace(kept, opens_at=None)
        if renewal.id in self.tables.renewals:
            return False
        self.tables.renewals[renewal.id] = renewal
        self.tables.events.extend(opening.events)
        return True

    def _doubt(self) -> None:
        for key, renewal in self.tables.renewals.items():
            if renewal.stage is Stage.DUE and renewal.next_at and not renewal.check_first:
                self.tables.renewals[key] = replace(renewal, check_first=True, version=renewal.version + 1)

    async def replan(
        self, digest: str, now: datetime, opens_at: Callable[[Subscription], datetime | None]
    ) -> Replanned:
        if self.tables.state.get(PLANNED_UNDER) == digest:
            return Replanned(0, (), more=False)
        periods = {(each.subscription_id, each.period_start) for each in self.tables.renewals.values()}
        active = [
            each for each in self.tables.subscriptions.values() if each.state is SubscriptionState.ACTIVE
        ]
        planned, wrong = _apart(
            active,
            lambda each: replace(
                each, opens_at=None if (each.id, each.current_period_end) in periods else opens_at(each)
            ),
        )
        moved = [each for each in planned if each != self.tables.subscriptions[each.id]]
        self.tables.subscriptions |= {each.id: each for each in moved}
        aside = [set_aside(error, now, None, subscription=each.id) for each, error in wrong]
        self.tables.events.extend(aside)
        self.tables.state[PLANNED_UNDER] = digest
        return Replanned(len(moved), tuple(aside), more=False)

    async def claim(self, now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        due = [
            (each.next_at, each.due_at, key)
            for key, each in self.tables.renewals.items()
            if each.next_at and each.next_at <= now and self._free(key, now)
        ]
        claimed = [key for *_, key in sorted(due, key=lambda each: each[:2])][:limit]
        for key in claimed:
            lease = self.tables.leases[key]
            lease.owner, lease.epoch, lease.until = self._owner, lease.epoch + 1, now + self._lease
        cases, wrong = _apart(claimed, lambda key: self._case(key, now))
        later = now + SET_ASIDE_FOR
        for key, _ in wrong:
            self.tables.renewals[key] = replace(self.tables.renewals[key], next_at=later)
            self.tables.leases[key].until = None
        aside = [set_aside(error, now, later, renewal=key) for key, error in wrong]
        self.tables.events.extend(aside)
        return cases, aside

    def _free(self, key: str, now: datetime) -> bool:
        until = self.tables.leases[key].until
        return until is None or until <= now

    def _case(self, key: str, now: datetime) -> Case:
        tables, renewal = self.tables, self.tables.renewals[key]
        Stage(renewal.stage)  # it may be one of another version
        subscription = tables.subscriptions[renewal.subscription_id]
        methods = tuple(
            each for each in tables.methods.values() if each.customer_id == subscription.customer_id
        )
        theirs = {method.id for method in methods}
        attempt, declines, busy = None, [], set()
        for each in tables.attempts.values():
            if each.closed_at is None and each.renewal_id == key:
                attempt = each
            elif each.closed_at is None and each.sent_at > now - UNDER_WAY:
                busy.add(each.method_id)
            if each.state is AttemptState.DECLINED and each.closed_at and each.method_id in theirs:
                declines.append((each.method_id, each.closed_at))
        return Case(
            renewal=renewal,
            subscription=subscription,
            customer=tables.customers[subscription.customer_id],
            methods=methods,
            attempt=attempt,
            declines=tuple(each for each in declines if each[1] > now - DECLINES_COUNT_FOR),
            halted=self._halted,
            lease=tables.leases[key].epoch,
            read_at=now,
            busy=tuple(method.id for method in methods if method.id in busy),
        )

    @property
    def _halted(self) -> bool:
        return bool(self.tables.state.get(HALTED))

    async def commit(self, change: Change) -> bool:
        if not self._holds(change):
            return False
        for attempt in change.attempts:
            self._check(attempt)
        self._write(change)
        return True

    def _holds(self, change: Change) -> bool:
        before = change.before
        kept = self.tables.renewals[change.renewal.id]
        if change.starts_charge and (self._halted or self._card_is_news(change)):
            return False
        if kept.version != before.renewal.version or self.tables.leases[kept.id].epoch != before.lease:
            return False
        subscription = self.tables.subscriptions[kept.subscription_id]
        return change.subscription is None or (
            subscription.current_period_end == before.subscription.current_period_end
            and subscription.state is before.subscription.state
        )

    def _card_is_news(self, change: Change) -> bool:
        """Say whether the card to be charged has been declined since the case was read, or is being charged."""
        method, before = change.attempt.method_id if change.attempt else "", change.before
        since, known = before.read_at or change.at, {at for of, at in before.declines if of == method}
        theirs = [
            each
            for each in self.tables.attempts.values()
            if each.leg is Leg.CHARGE and each.method_id == method
        ]
        declined = {
            each.closed_at for each in theirs if each.state is AttemptState.DECLINED and each.closed_at
        }
        return any(at >= since for at in declined - known) or any(
            each.closed_at is None
            and each.renewal_id != before.renewal.id
            and each.sent_at > change.at - UNDER_WAY
            for each in theirs
        )

    def _check(self, attempt: Attempt) -> None:
        if attempt.amount and attempt.amount.minor <= 0:
            raise ConstraintError(f"{attempt.key}: the amount is not positive")
        for other in self.tables.attempts.values():
            if other.renewal_id != attempt.renewal_id or other.key == attempt.key:
                continue
            if attempt.closed_at is None and other.closed_at is None and other.leg is attempt.leg:
                raise ConstraintError(f"{attempt.key}: {other.key} is open")
            if _paid(attempt) and _paid(other):
                raise ConstraintError(f"{attempt.key}: {other.key} has been paid")

    def _write(self, change: Change) -> None:
        tables, key = self.tables, change.renewal.id
        tables.renewals[key] = replace(change.renewal, version=tables.renewals[key].version + 1)
        if not change.goes_on:
            tables.leases[key].until = None
        if change.subscription:
            moved, kept = change.subscription, tables.subscriptions[change.subscription.id]
            tables.subscriptions[kept.id] = replace(
                kept, current_period_end=moved.current_period_end, opens_at=moved.opens_at, state=moved.state
            )
        tables.attempts |= {attempt.key: attempt for attempt in change.attempts}
        for notice in change.notices:
            tables.notices.setdefault(notice.id, notice)
        if change.blocked_method in tables.methods:
            method = tables.methods[change.blocked_method]
            tables.methods[method.id] = replace(method, blocked=True)
        tables.events.extend(change.events)

    async def reload(self, case: Case, now: datetime) -> Case | None:
        found, _ = _apart([case.renewal.id], lambda key: self._case(key, now))
        return next((fresh for fresh in found if fresh.lease == case.lease), None)

    async def wake(self, holds: Sequence[HoldReason], now: datetime) -> None:
        for key, each in self.tables.renewals.items():
            if each.next_at and each.hold in holds:
                self.tables.renewals[key] = replace(
                    each, next_at=now, due_at=min(each.due_at, now), version=each.version + 1
                )

    async def next_due(self) -> datetime | None:
        instants = [
            *(each.opens_at for each in self.tables.subscriptions.values()),
            *(each.next_at for each in self.tables.renewals.values()),
            *(each.next_at for each in self.tables.notices.values()),
        ]
        return min((instant for instant in instants if instant), default=None)

    async def outlook(self, now: datetime) -> Outlook:
        tables = self.tables
        instants = [
            *(each.opens_at for each in tables.subscriptions.values()),
            *(each.next_at for each in tables.renewals.values()),
        ]
        doubted = (
            each
            for each in tables.attempts.values()
            if each.state is AttemptState.SENT and tables.renewals[each.renewal_id].next_at
        )
        return Outlook(
            due=sum(1 for instant in instants if instant and instant <= now),
            in_doubt=sum(1 for _ in doubted),
            halted=bool(tables.state.get(HALTED)),
        )

    async def charges_since(self, instant: datetime) -> Sequence[datetime]:
        return sorted(
            each.sent_at
            for each in self.tables.attempts.values()
            if each.leg is Leg.CHARGE and each.sends and each.sent_at > instant
        )

    async def owed(self, now: datetime, limit: int) -> Sequence[Notice]:
        owed = [
            (each.next_at, each)
            for each in self.tables.notices.values()
            if each.next_at and each.next_at <= now
        ]
        return [each for _, each in sorted(owed, key=lambda pair: pair[0])][:limit]

    async def sent(self, sent: Sequence[Notice], events: Sequence[Event]) -> None:
        for notice in sent:
            kept = self.tables.notices[notice.id]
            self.tables.notices[notice.id] = replace(kept, next_at=notice.next_at, tries=notice.tries)
        self.tables.events.extend(events)

    async def log(self, events: Sequence[Event]) -> None:
        self.tables.events.extend(events)


def _apart(keys: Sequence[K], make: Callable[[K], T]) -> tuple[list[T], list[tuple[K, Exception]]]:
    """Make something of each, and tell those apart of which nothing can be made."""
    made: list[T] = []
    wrong: list[tuple[K, Exception]] = []
    for key in keys:
        try:
            made.append(make(key))
        except (ValueError, LookupError) as error:
            wrong.append((key, error))
    return made, wrong


def _paid(attempt: Attempt) -> bool:
    return attempt.leg is Leg.CHARGE and attempt.state is AttemptState.DONE
