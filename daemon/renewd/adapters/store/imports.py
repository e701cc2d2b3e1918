"""Bringing imported records and what is known already together."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from renewd.adapters.store.commands import put_renewal, standing_of, wake
from renewd.adapters.store.rows import customer_row, method_row, subscription_row
from renewd.adapters.store.tables import customers, payment_methods, renewals, subscriptions
from renewd.adapters.store.upserts import put
from renewd.renewal.command import Standing
from renewd.renewal.model import HoldReason, Renewal, SubscriptionState, UnreadableError
from renewd.renewal.policy import Policy
from renewd.renewal.query import Imported
from renewd.renewal.record import Record, merged, settled_end

# What an import can cure: the customer's details and payment methods.
CURABLE = (HoldReason.CONTACT, HoldReason.PAYMENT_METHOD, HoldReason.VERIFICATION)

_redecide = (
    update(renewals)
    .where(
        renewals.c.next_at.is_not(None),
        renewals.c.subscription_id.in_(
            select(subscriptions.c.id).where(subscriptions.c.customer_id == bindparam("of_customer"))
        ),
    )
    .values(version=renewals.c.version + 1)
)


_known_state = subscriptions.c.state.in_(list(SubscriptionState))
# A file says all that this takes away. Nobody is charged who may have been canceled: what cannot be read is a pause.
_blank = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("of_subscription"))
    .values(
        tags=[],
        overrides={},
        state=case((_known_state, subscriptions.c.state), else_=SubscriptionState.PAUSED.value),
    )
)


def put_records(connection: Connection, records: Sequence[Record], policy: Policy, now: datetime) -> Imported:
    """Insert or update what the records say."""
    return sum((_put(connection, record, policy, now) for record in records), Imported(0, 0, 0))


def _put(connection: Connection, record: Record, policy: Policy, now: datetime) -> Imported:
    try:
        standing, mended = _standing(connection, record.subscription.id)
    except ValueError as error:
        return Imported(0, 0, 0, left={record.subscription.id: UnreadableError.of(error)})
    old = standing.subscription if standing else None
    end = settled_end(record.subscription, old, standing.renewal if standing else None)
    taken = select(renewals.c.id).where(
        renewals.c.subscription_id == record.subscription.id, renewals.c.period_start == end
    )
    has_renewal = connection.execute(taken).first() is not None
    new = merged(record, old, end=end, has_renewal=has_renewal, policy=policy, now=now)
    differs = _put_customer(connection, record)
    if standing is None:
        connection.execute(insert(subscriptions), [subscription_row(new)])
        return Imported(1, 0, 0, lapsed=int(new.state is not record.subscription.state))
    moved = mended or new != old
    if moved or differs:
        row = subscription_row(new)
        connection.execute(update(subscriptions).where(subscriptions.c.id == row["id"]).values(row))
    if moved and standing.renewal and standing.renewal.next_at:
        put_renewal(connection, _looked_at(standing, now))
    if differs:
        # What was decided on the old details, and is not yet written, must be decided again.
        connection.execute(_redecide, {"of_customer": record.customer.id})
        wake(connection, CURABLE, now, [record.customer.id])
    changed = int(moved or differs)
    return Imported(0, changed, 1 - changed, mended=(new,) if mended else ())


def _standing(connection: Connection, subscription_id: str) -> tuple[Standing | None, bool]:
    """Read where a subscription stands, and say whether it had to be mended for that. Raises ValueError."""
    try:
        return standing_of(connection, subscription_id), False
    except ValueError:
        with connection.begin_nested():
            connection.execute(_blank, {"of_subscription": subscription_id})
            return standing_of(connection, subscription_id), True


def _looked_at(standing: Standing, now: datetime) -> Renewal:
    renewal = standing.renewal
    if renewal is None:
        raise ValueError("there is no renewal to look at")
    return renewal if standing.attempt else replace(renewal, next_at=now)


def _put_customer(connection: Connection, record: Record) -> bool:
    """Write the customer and all the customer's payment methods; say whether anything about them is new."""
    row, customer_id = customer_row(record.customer), record.customer.id
    old = connection.execute(select(customers).where(customers.c.id == customer_id)).mappings().first()
    theirs = select(payment_methods).where(payment_methods.c.customer_id == customer_id)
    known = {each["id"]: dict(each) for each in connection.execute(theirs).mappings()}
    # What a network rule has blocked stays, and stays blocked, whatever the file says or leaves out.
    blocked = {method_id: each for method_id, each in known.items() if each["blocked"]}
    new = blocked | {m.id: method_row(replace(m, blocked=m.id in blocked)) for m in record.methods}
    if old and dict(old) == row and new == known:
        return False
    put(connection, customers, [row])
    connection.execute(delete(payment_methods).where(payment_methods.c.customer_id == customer_id))
    if new:
        connection.execute(insert(payment_methods), list(new.values()))
    return True
