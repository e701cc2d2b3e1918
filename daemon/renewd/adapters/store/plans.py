"""Planning anew when each subscription's next renewal opens, in batches that never hold the database for long."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select, update

from renewd.adapters.store.reading import apart, rows_of
from renewd.adapters.store.rows import subscription_of
from renewd.adapters.store.tables import renewals, service_state, subscriptions
from renewd.adapters.store.upserts import put
from renewd.renewal.model import Stage, Subscription, SubscriptionState

BATCH = 1000
PLANNED_UNDER = "planned_under"

_plan = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("of_subscription"))
    .values(opens_at=bindparam("opens_at"))
)


def digest(connection: Connection) -> str:
    """Give the digest of the policy under which the plans were made, or nothing."""
    value = connection.execute(
        select(service_state.c.value).where(service_state.c.key == PLANNED_UNDER)
    ).scalar()
    return str(value or "")


def planned_under(connection: Connection, digest: str) -> None:
    """Remember the digest of the policy under which the plans were made."""
    put_state(connection, PLANNED_UNDER, digest)


def put_state(connection: Connection, key: str, value: str) -> None:
    """Set one value of the service's own state."""
    put(connection, service_state, [{"key": key, "value": value}])


def replan(
    connection: Connection, after: str, opens_at: Callable[[Subscription], datetime | None]
) -> tuple[str, int, dict[str, Exception]]:
    """Plan the next batch of subscriptions after the id `after`.

    Gives the last id (empty at the end), how many moved, and what is wrong with those that cannot be planned.
    """
    active = (subscriptions.c.id > after, subscriptions.c.state == SubscriptionState.ACTIVE)
    batch = select(subscriptions.c.id).where(*active).order_by(subscriptions.c.id).limit(BATCH)
    ids = list(connection.execute(batch).scalars())
    moves, wrong = apart(ids, lambda some: _moves(connection, some, opens_at))
    if moves:
        connection.execute(_plan, moves)
    return (ids[-1] if len(ids) == BATCH else "", len(moves), wrong)


def _moves(
    connection: Connection, ids: Sequence[str], opens_at: Callable[[Subscription], datetime | None]
) -> list[dict[str, object]]:
    has_renewal = and_(
        renewals.c.subscription_id == subscriptions.c.id,
        renewals.c.period_start == subscriptions.c.current_period_end,
    )
    query = select(subscriptions, renewals.c.id.label("renewal_id")).outerjoin(renewals, has_renewal)
    moves: list[dict[str, object]] = []
    for row in rows_of(connection, query.where(subscriptions.c.id.in_(ids))):
        subscription = subscription_of(row)
        planned = None if row["renewal_id"] else opens_at(subscription)
        if planned != subscription.opens_at:
            moves.append({"of_subscription": subscription.id, "opens_at": planned})
    return moves


def doubt(connection: Connection) -> None:
    """Have each renewal that is not yet paid looked up before it is charged."""
    sure = (renewals.c.stage == Stage.DUE, renewals.c.next_at.is_not(None), renewals.c.check_first.is_(False))
    connection.execute(update(renewals).where(*sure).values(check_first=True, version=renewals.c.version + 1))
