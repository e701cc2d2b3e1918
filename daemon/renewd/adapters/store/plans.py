"""Planning anew when each subscription's next renewal opens, in batches that never hold the database for long."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from renewd.adapters.store.cases import read_subscriptions
from renewd.adapters.store.reading import apart
from renewd.adapters.store.statements import among, run_for_each
from renewd.adapters.store.tables import renewals, service_state, subscriptions
from renewd.adapters.store.upserts import put
from renewd.renewal.model import Stage, Subscription, SubscriptionState, renewal_id
from renewd.renewal.query import Planning

BATCH = 1000
PLANNED_UNDER = "planned_under"  # the digest of the policy in force
PLANNED_UNTIL = "planned_until"  # while some are not yet planned under it: the last that is, and how many are

_plan = (
    update(subscriptions)
    .where(
        subscriptions.c.id == bindparam("of_subscription"),
        # What has moved since it was read was planned by whoever moved it.
        subscriptions.c.opens_at.is_not_distinct_from(bindparam("old_opens_at")),
    )
    .values(opens_at=bindparam("opens_at"))
)


def planning(connection: Connection) -> Planning:
    """Give the policy under which the plans are made, and how far that has come."""
    digest, done = _state(connection, PLANNED_UNDER), _state(connection, PLANNED_UNTIL)
    return Planning(digest, json.loads(done)[1] if done else None)


def replan(
    connection: Connection, digest: str, opens_at: Callable[[Subscription], datetime | None]
) -> tuple[bool, int, dict[str, Exception]]:
    """Plan the next batch of subscriptions under this policy; where it stands is in the database.

    Says whether there are more, how many moved, and what is wrong with those that cannot be planned.
    """
    if _state(connection, PLANNED_UNDER) != digest:
        put_state(connection, PLANNED_UNDER, digest)
        after, done = "", 0
    elif until := _state(connection, PLANNED_UNTIL):
        after, done = json.loads(until)
    else:
        return False, 0, {}
    active = (subscriptions.c.id > after, subscriptions.c.state == SubscriptionState.ACTIVE)
    batch = select(subscriptions.c.id).where(*active).order_by(subscriptions.c.id).limit(BATCH)
    ids = list(connection.execute(batch).scalars())
    moves, wrong = apart(ids, lambda some: _moves(connection, some, opens_at))
    move(connection, moves)
    more = len(ids) == BATCH
    if more:
        put_state(connection, PLANNED_UNTIL, json.dumps([ids[-1], done + len(ids)]))
    else:
        drop_state(connection, PLANNED_UNTIL)
    return more, len(moves), wrong


def _moves(
    connection: Connection, ids: Sequence[str], opens_at: Callable[[Subscription], datetime | None]
) -> list[tuple[Subscription, datetime | None]]:
    found = read_subscriptions(connection, ids)
    coming = {renewal_id(each.id, each.current_period_end): each.id for each in found}
    opened = connection.execute(
        select(renewals.c.id).where(among(connection, renewals.c.id, coming))
    ).scalars()
    has_renewal = {coming[each] for each in opened}
    planned = [(each, None if each.id in has_renewal else opens_at(each)) for each in found]
    return [(each, at) for each, at in planned if at != each.opens_at]


def move(connection: Connection, moves: Sequence[tuple[Subscription, datetime | None]]) -> None:
    """Have subscriptions opened at other instants than they were read with."""
    if moves:
        rows = [
            {"of_subscription": each.id, "old_opens_at": each.opens_at, "opens_at": at} for each, at in moves
        ]
        run_for_each(connection, _plan, rows)


def _state(connection: Connection, key: str) -> str:
    value = connection.execute(select(service_state.c.value).where(service_state.c.key == key)).scalar()
    return str(value or "")


def put_state(connection: Connection, key: str, value: str) -> None:
    """Set one value of the service's own state."""
    put(connection, service_state, [{"key": key, "value": value}])


def drop_state(connection: Connection, key: str) -> None:
    """Forget one value of the service's own state."""
    connection.execute(delete(service_state).where(service_state.c.key == key))


def doubt(connection: Connection) -> None:
    """Have each renewal that is not yet paid looked up before it is charged."""
    sure = (renewals.c.stage == Stage.DUE, renewals.c.next_at.is_not(None), renewals.c.check_first.is_(False))
    connection.execute(update(renewals).where(*sure).values(check_first=True, version=renewals.c.version + 1))
