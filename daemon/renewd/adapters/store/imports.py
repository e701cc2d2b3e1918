"""Bringing imported records and what is known already together: read, merged and written a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from renewd.adapters.store.commands import put_renewals, standing_of, standings_of, wake
from renewd.adapters.store.reading import apart
from renewd.adapters.store.rows import customer_row, method_row, subscription_row
from renewd.adapters.store.statements import among, run_for_each
from renewd.adapters.store.tables import customers, payment_methods, renewals, subscriptions
from renewd.adapters.store.upserts import put
from renewd.renewal.model import (
    HoldReason,
    Renewal,
    SubscriptionState,
    UnreadableError,
    renewal_id,
)
from renewd.renewal.policy import Policy
from renewd.renewal.query import Imported
from renewd.renewal.record import Record, merged, settled_end
from renewd.renewal.standing import Standing

# What an import can cure: the customer's details and payment methods.
CURABLE = (HoldReason.CONTACT, HoldReason.PAYMENT_METHOD, HoldReason.VERIFICATION)

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
_add_subscription = insert(subscriptions).inline()
_add_method = insert(payment_methods).inline()


@dataclass(slots=True)
class _People:
    """The customers of a batch and their payment methods as they are, by id; and whose are new or others now."""

    customers: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, dict[str, Any]]]
    new: set[str] = field(default_factory=set)

    def take(self, record: Record) -> bool:
        """Take over what the record says of a customer and of all the customer's methods; say whether any of it is new."""
        row, customer_id = customer_row(record.customer), record.customer.id
        known = self.methods.get(customer_id, {})
        # What a network rule has blocked stays, and stays blocked, whatever the file says or leaves out.
        blocked = {method_id: each for method_id, each in known.items() if each["blocked"]}
        methods = blocked | {each.id: method_row(each) for each in record.methods}
        for method_id in blocked:
            methods[method_id] |= {"blocked": True}
        if self.customers.get(customer_id) == row and methods == known:
            return False
        self.customers[customer_id], self.methods[customer_id] = row, methods
        self.new.add(customer_id)
        return True


def put_records(connection: Connection, records: Sequence[Record], policy: Policy, now: datetime) -> Imported:
    """Insert or update what the records say; no two of them are of one subscription."""
    standings, mended, left = _standings(connection, [record.subscription.id for record in records])
    held = [record for record in records if record.subscription.id not in left]
    ends = {each.subscription.id: _end(each, standings.get(each.subscription.id)) for each in held}
    coming = {name: renewal_id(name, end) for name, end in ends.items()}
    there = among(connection, renewals.c.id, coming.values())
    taken = set(connection.execute(select(renewals.c.id).where(there)).scalars())
    people = _people(connection, {record.customer.id for record in held})
    added, changed, looked_at, healed, lapsed = [], [], [], [], 0
    for record in held:
        name = record.subscription.id
        standing = standings.get(name)
        old = standing.subscription if standing else None
        has_renewal = coming[name] in taken
        new = merged(record, old, end=ends[name], has_renewal=has_renewal, policy=policy, now=now)
        differs = people.take(record)
        if standing is None:
            added.append(new)
            lapsed += new.state is not record.subscription.state
            continue
        moved = name in mended or new != old
        if moved or differs:
            changed.append(new)
        if moved and standing.renewal and standing.renewal.next_at:
            looked_at.append(_looked_at(standing, standing.renewal, now))
        if name in mended:
            healed.append(new)
    _write_people(connection, people)
    run_for_each(connection, _add_subscription, [subscription_row(each) for each in added])
    put(connection, subscriptions, [subscription_row(each) for each in changed])
    put_renewals(connection, looked_at)
    if people.new:
        _redecide(connection, sorted(people.new), now)
    return Imported(
        len(added), len(changed), len(held) - len(added) - len(changed), lapsed, tuple(healed), left
    )


def _standings(
    connection: Connection, ids: Sequence[str]
) -> tuple[dict[str, Standing], set[str], dict[str, UnreadableError]]:
    """Read where subscriptions stand, which had to be mended for that, and what is wrong with those that cannot be."""
    found, wrong = apart(ids, lambda some: standings_of(connection, some))
    standings, mended, left = {each.subscription.id: each for each in found}, set[str](), {}
    for name in wrong:
        try:
            with connection.begin_nested():
                connection.execute(_blank, {"of_subscription": name})
                standing = standing_of(connection, name)
        except ValueError as error:
            left[name] = UnreadableError.of(error)
            continue
        if standing:
            standings[name] = standing
            mended.add(name)
    return standings, mended, left


def _end(record: Record, standing: Standing | None) -> datetime:
    if standing is None:
        return record.subscription.current_period_end
    return settled_end(record.subscription, standing.subscription, standing.renewal)


def _looked_at(standing: Standing, renewal: Renewal, now: datetime) -> Renewal:
    return renewal if standing.attempt else replace(renewal, next_at=now)


def _people(connection: Connection, ids: set[str]) -> _People:
    known = connection.execute(select(customers).where(among(connection, customers.c.id, ids))).mappings()
    people = _People({row["id"]: dict(row) for row in known}, {})
    theirs = select(payment_methods).where(among(connection, payment_methods.c.customer_id, ids))
    for row in connection.execute(theirs).mappings():
        people.methods.setdefault(row["customer_id"], {})[row["id"]] = dict(row)
    return people


def _write_people(connection: Connection, people: _People) -> None:
    new = sorted(people.new)
    if not new:
        return
    put(connection, customers, [people.customers[each] for each in new])
    connection.execute(delete(payment_methods).where(among(connection, payment_methods.c.customer_id, new)))
    methods = [method for each in new for method in people.methods[each].values()]
    run_for_each(connection, _add_method, methods)


def _redecide(connection: Connection, customer_ids: Sequence[str], now: datetime) -> None:
    """Have what was decided on these customers' old details, and is not yet written, decided again."""
    theirs = select(subscriptions.c.id).where(among(connection, subscriptions.c.customer_id, customer_ids))
    open_ = (renewals.c.next_at.is_not(None), renewals.c.subscription_id.in_(theirs))
    connection.execute(update(renewals).where(*open_).values(version=renewals.c.version + 1))
    wake(connection, CURABLE, now, customer_ids)
