"""The Store port on SQLAlchemy Core."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, case, func, insert, or_, select, update

from renewd.adapters.store import cases, changes, fleet, glance
from renewd.adapters.store.audit_rows import tell
from renewd.adapters.store.commands import wake
from renewd.adapters.store.group import GroupWriter
from renewd.adapters.store.plans import move, replan
from renewd.adapters.store.reading import apart
from renewd.adapters.store.rows import notice_of, renewal_row
from renewd.adapters.store.statements import among, is_server
from renewd.adapters.store.tables import IS_CHARGE, attempts, notices, renewals, subscriptions
from renewd.renewal.audit import Event
from renewd.renewal.change import Change, Opening, Replanned
from renewd.renewal.events import SET_ASIDE_FOR, set_aside
from renewd.renewal.fleet import Fleet
from renewd.renewal.model import Case, HoldReason, Subscription, SubscriptionState
from renewd.renewal.notice import Notice
from renewd.renewal.query import Outlook

_move_notice = (
    update(notices)
    .where(notices.c.id == bindparam("of_notice"))
    .values(next_at=bindparam("next_at"), tries=bindparam("tries"))
)


# What is set aside waits for no charge window any more.
_still_held = case((renewals.c.hold == HoldReason.WINDOW, ""), else_=renewals.c.hold)


class SqlStore:
    """The durable state of one daemon. See `ports.Store` for what each method promises."""

    def __init__(self, engine: Engine, owner: str, lease: timedelta, *, alone: bool = False) -> None:
        """Use a migrated database; `owner` names this daemon in the leases, each of which lasts for `lease`.

        It is `alone` where no other daemon can be: what leases there are when it comes are of its own earlier lives.
        """
        self._owner = owner
        self._alone = alone
        self._lease = lease
        self._writer = GroupWriter(engine, partial(changes.write, shared=not alone and is_server(engine)))

    async def close(self) -> None:
        """Finish what is waiting to be written."""
        await self._writer.close()

    async def beat(self, now: datetime) -> Fleet:
        """See `ports.Store`."""
        return await self._writer.call(partial(fleet.beat, name=self._owner, now=now, alone=self._alone))

    async def leave(self) -> None:
        """See `ports.Store`."""
        await self._writer.call(partial(fleet.leave, name=self._owner))

    async def newly_due(
        self,
        now: datetime,
        limit: int,
        plan: Callable[[Subscription], Opening | datetime | None],
        plans: Collection[str] | None = None,
    ) -> tuple[Sequence[Opening], Sequence[Event]]:
        """See `ports.Store`."""
        on_these = () if plans is None else (subscriptions.c.plan.in_(list(plans)),)
        due = (
            select(subscriptions.c.id)
            .where(
                subscriptions.c.opens_at <= now, subscriptions.c.state == SubscriptionState.ACTIVE, *on_these
            )
            .order_by(subscriptions.c.opens_at)
            .limit(limit)
        )

        def planned(connection: Connection) -> tuple[list[Opening], list[Event], bool]:
            ids = list(connection.execute(due).scalars())
            found, wrong = apart(
                ids, lambda some: [(each, plan(each)) for each in cases.read_subscriptions(connection, some)]
            )
            openings = [made for _, made in found if isinstance(made, Opening)]
            others = [(each, at) for each, at in found if not isinstance(at, Opening)]
            move(connection, others)
            later = now + SET_ASIDE_FOR
            aside = [set_aside(error, now, later, subscription=each) for each, error in wrong.items()]
            if aside:
                still = subscriptions.c.id.in_(list(wrong)) & (subscriptions.c.opens_at <= now)
                connection.execute(update(subscriptions).where(still).values(opens_at=later))
            tell(connection, aside)
            return openings, aside, bool(others)

        while True:
            openings, aside, moved = await self._writer.call(planned)
            if openings or aside or not moved:
                return openings, aside

    async def open(self, openings: Sequence[Opening]) -> Sequence[Opening]:
        """See `ports.Store`."""
        return await self._writer.call(lambda connection: _open(connection, openings))

    async def replan(
        self, digest: str, now: datetime, opens_at: Callable[[Subscription], datetime | None]
    ) -> Replanned:
        """See `ports.Store`."""

        def batch(connection: Connection) -> Replanned:
            more, moved, wrong = replan(connection, digest, opens_at)
            events = [set_aside(error, now, None, subscription=each) for each, error in wrong.items()]
            tell(connection, events)
            return Replanned(moved, tuple(events), more)

        return await self._writer.call(batch)

    async def claim(self, now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        """See `ports.Store`."""

        def claim(connection: Connection) -> tuple[list[Case], list[Event]]:
            free = or_(renewals.c.lease_until.is_(None), renewals.c.lease_until <= now)
            due = (
                select(renewals.c.id)
                .where(renewals.c.next_at <= now, free)
                .order_by(renewals.c.next_at, renewals.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = list(connection.execute(due).scalars())
            leased = {"lease_owner": self._owner, "lease_until": now + self._lease}
            epoch = renewals.c.lease_epoch + 1
            connection.execute(
                update(renewals)
                .where(among(connection, renewals.c.id, ids))
                .values(**leased, lease_epoch=epoch)
            )
            found, wrong = apart(ids, lambda some: cases.read(connection, some, now))
            later = now + SET_ASIDE_FOR
            aside = [set_aside(error, now, later, renewal=each) for each, error in wrong.items()]
            if aside:
                moved = update(renewals).where(renewals.c.id.in_(list(wrong)))
                connection.execute(moved.values(next_at=later, hold=_still_held, lease_until=None))
            tell(connection, aside)
            return found, aside

        return await self._writer.call(claim)

    async def commit(self, change: Change) -> bool:
        """See `ports.Store`."""
        return await self._writer.commit(change)

    async def reload(self, case: Case, now: datetime) -> Case | None:
        """See `ports.Store`."""
        ids = [case.renewal.id]
        found, _ = await self._writer.call(
            lambda connection: apart(ids, lambda some: cases.read(connection, some, now))
        )
        return next((fresh for fresh in found if fresh.lease == case.lease), None)

    async def wake(self, holds: Sequence[HoldReason], now: datetime) -> None:
        """See `ports.Store`."""
        await self._writer.call(lambda connection: wake(connection, holds, now))

    async def next_due(self) -> datetime | None:
        """See `ports.Store`."""

        def earliest(connection: Connection) -> datetime | None:
            columns = (subscriptions.c.opens_at, renewals.c.next_at, notices.c.next_at)
            # What is null must be ruled out by name, or the minimum is sought in the table and not in its index.
            firsts = [select(func.min(column)).where(column.is_not(None)) for column in columns]
            found = [connection.execute(first).scalar() for first in firsts]
            return min((instant for instant in found if instant), default=None)

        return await self._writer.call(earliest)

    async def outlook(self, now: datetime) -> Outlook:
        """See `ports.Store`."""
        return await self._writer.call(partial(glance.outlook, now=now))

    async def charges_since(self, instant: datetime) -> Sequence[datetime]:
        """See `ports.Store`."""
        sent = attempts.c.sent_at
        query = select(sent).where(IS_CHARGE, attempts.c.sends > 0, sent > instant)
        ordered = query.order_by(sent)
        return await self._writer.call(lambda connection: list(connection.execute(ordered).scalars()))

    async def owed(self, now: datetime, limit: int) -> Sequence[Notice]:
        """See `ports.Store`."""
        query = select(notices).where(notices.c.next_at <= now).order_by(notices.c.next_at).limit(limit)
        return [notice_of(row) for row in await self._rows(query)]

    async def sent(self, sent: Sequence[Notice], events: Sequence[Event]) -> None:
        """See `ports.Store`."""
        moves = [{"of_notice": each.id, "next_at": each.next_at, "tries": each.tries} for each in sent]

        def record(connection: Connection) -> None:
            if moves:
                connection.execute(_move_notice, moves)
            tell(connection, events)

        await self._writer.call(record)

    async def log(self, events: Sequence[Event]) -> None:
        """See `ports.Store`."""
        await self._writer.call(lambda connection: tell(connection, events))

    async def _rows(self, query: Any) -> Sequence[Any]:
        return await self._writer.call(lambda connection: connection.execute(query).mappings().all())


def _open(connection: Connection, openings: Sequence[Opening]) -> list[Opening]:
    """Open what is still as it was read, all of it at once: after an outage there are thousands."""
    if not openings:
        return []
    ends = _ends(connection, [opening.subscription.id for opening in openings])
    taken = {
        opening.renewal.id: opening
        for opening in openings
        if ends.get(opening.subscription.id) == opening.subscription.current_period_end
    }
    owners = [opening.subscription.id for opening in taken.values()]
    connection.execute(
        update(subscriptions).where(among(connection, subscriptions.c.id, owners)).values(opens_at=None)
    )
    known = set(
        connection.execute(select(renewals.c.id).where(among(connection, renewals.c.id, taken))).scalars()
    )
    new = [opening for renewal_id, opening in taken.items() if renewal_id not in known]
    if new:
        connection.execute(insert(renewals), [renewal_row(opening.renewal) for opening in new])
    tell(connection, [event for opening in new for event in opening.events])
    return new


def _ends(connection: Connection, subscription_ids: Sequence[str]) -> dict[str, datetime]:
    """Give the period's end of those for which a renewal may be opened; they stay so until this transaction ends."""
    query = select(subscriptions.c.id, subscriptions.c.current_period_end).where(
        among(connection, subscriptions.c.id, subscription_ids),
        subscriptions.c.state == SubscriptionState.ACTIVE,
        subscriptions.c.opens_at.is_not(None),
    )
    return {row.id: row.current_period_end for row in connection.execute(query.with_for_update())}
