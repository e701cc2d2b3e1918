"""Writing a group of changes in one transaction: each guarded by what it was decided on, or not written at all."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, bindparam, exists, literal_column, null, true, update

from renewd.adapters.store import shared_brake
from renewd.adapters.store.audit_rows import append
from renewd.adapters.store.cases import WHY_HALTED, is_halted, tried, tries
from renewd.adapters.store.reading import answers
from renewd.adapters.store.rows import attempt_row, event_row, notice_row, renewal_row, subscription_row
from renewd.adapters.store.statements import Work, run_together
from renewd.adapters.store.tables import (
    attempts,
    notices,
    payment_methods,
    renewals,
    subscriptions,
)
from renewd.adapters.store.upserts import put_once, put_statement
from renewd.renewal.change import Change
from renewd.renewal.model import Subscription

_RENEWAL_COLUMNS = [
    column.name
    for column in renewals.c
    if column.name not in ("id", "version") and not column.name.startswith("lease")
]
_as_read = (
    renewals.c.id == bindparam("of_renewal"),
    renewals.c.version == bindparam("read_version"),
    renewals.c.lease_epoch == bindparam("read_lease"),
)
_subscription_as_read = exists().where(
    subscriptions.c.id == bindparam("of_subscription"),
    subscriptions.c.current_period_end == bindparam("old_end"),
    subscriptions.c.state == bindparam("old_state"),
)
_moved: dict[str, object] = {name: bindparam(name) for name in _RENEWAL_COLUMNS} | {
    "version": renewals.c.version + literal_column("1")
}
_move = {
    # (goes on at once, moves its subscription too): what goes on keeps its lease, what rests gives it back
    (goes_on, moves): update(renewals)
    .where(*_as_read, *([_subscription_as_read] if moves else []))
    .values(_moved if goes_on else _moved | {"lease_until": null()})
    for goes_on in (True, False)
    for moves in (True, False)
}
_move_subscription = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("of_subscription"))
    .values({name: bindparam(name) for name in ("current_period_end", "opens_at", "state")})
)
_block_method = (
    update(payment_methods).where(payment_methods.c.id == bindparam("of_method")).values(blocked=true())
)


def write(connection: Connection, group: Sequence[Change], *, shared: bool = False) -> list[bool]:
    """Write the changes that still hold, and say of each whether it did; `shared` with other daemons."""
    starting = [change for change in group if change.starts_charge]
    barred = _barred(connection, starting, shared=shared) if starting else set()
    held = _written(
        connection, [each for each in group if each.before.renewal.id not in barred], shared=shared
    )
    done = set(map(id, held))
    return [id(change) in done for change in group]


def _barred(connection: Connection, starting: Sequence[Change], *, shared: bool) -> set[str]:
    """Find the renewals whose charge must not start: all are halted, the brake is reached, or their card was tried.

    Network rules count per card; two renewals of one customer must not each try it on what they knew before.
    """
    at = max(change.at for change in starting)
    methods = {change.attempt.method_id for change in starting if change.attempt}
    earliest = min(change.before.read_at or change.at for change in starting)
    asked = [WHY_HALTED, tries(connection, methods, earliest)]
    if shared:
        together = (shared_brake.HOLD_STILL, *asked, shared_brake.begun(at))
        _, why_halted, tries_of_cards, begun = answers(connection, together)
        left = shared_brake.left(begun, min(change.most_per_hour for change in starting))
    else:
        (why_halted, tries_of_cards), left = answers(connection, asked), len(starting)
    if is_halted(why_halted):
        return {change.before.renewal.id for change in starting}
    barred = {change.before.renewal.id for change in starting[left:]}
    declines, charging = tried(tries_of_cards, at)
    for change in starting:
        renewal_id, method_id = change.before.renewal.id, change.attempt.method_id if change.attempt else ""
        known = {at for each, at in change.before.declines if each == method_id}
        if set(declines[method_id]) - known or charging[method_id] - {renewal_id}:
            barred.add(renewal_id)
        charging[method_id].add(renewal_id)
    return barred


class _SomeAreStaleError(Exception):
    """Of the changes that were written together not all still held: they must be written in smaller groups."""


def _written(connection: Connection, group: Sequence[Change], *, shared: bool) -> Sequence[Change]:
    """Write the changes whose renewals are still as they were read, and give those. Nearly always all of them are.

    Raises _SomeAreStaleError.
    """
    if not group:
        return group
    moves, more = _moves(group), list(_what_hangs_on(group, connection.dialect.name, shared=shared))
    if len(group) == 1:
        # What is stale is known before anything hangs on it: there is no smaller group that would undo that.
        if run_together(connection, moves) != [1]:
            return []
        run_together(connection, more)
        return group
    moved = run_together(connection, [*moves, *more])
    if any(count != len(rows) for count, (_, rows) in zip(moved, moves, strict=False)):
        raise _SomeAreStaleError
    return group


def _moves(group: Sequence[Change]) -> list[Work]:
    """Give what moves the renewals on that are as they were read: those of one kind by one statement."""
    kinds: defaultdict[tuple[bool, bool], list[dict[str, object]]] = defaultdict(list)
    for change in group:
        kinds[change.goes_on, change.subscription is not None].append(_guarded_row(change))
    return [(_move[kind], rows) for kind, rows in kinds.items()]


def _guarded_row(change: Change) -> dict[str, object]:
    """Give the new row, and what the old one and its subscription must still be."""
    before = change.before
    row = renewal_row(change.renewal)
    row |= {"of_renewal": row.pop("id"), "read_version": before.renewal.version, "read_lease": before.lease}
    row.pop("version")
    if change.subscription:
        row |= {
            "of_subscription": change.subscription.id,
            "old_end": before.subscription.current_period_end,
            "old_state": before.subscription.state,
        }
    return row


def _what_hangs_on(written: Sequence[Change], dialect: str, *, shared: bool) -> Iterator[Work]:
    """Give what only hangs on the renewals that move."""
    moved = [change.subscription for change in written if change.subscription]
    yield (
        put_statement(dialect, attempts),
        [attempt_row(each) for change in written for each in change.attempts],
    )
    yield put_once(dialect, notices), [notice_row(notice) for change in written for notice in change.notices]
    yield _move_subscription, [_subscription_move(each) for each in moved]
    yield _block_method, [{"of_method": change.blocked_method} for change in written if change.blocked_method]
    yield append, [event_row(event) for change in written for event in change.events]
    begun = [change.at for change in written if change.starts_charge]
    if shared and begun:
        yield shared_brake.counting(dialect, begun)


def _subscription_move(subscription: Subscription) -> dict[str, object]:
    row = subscription_row(subscription)
    return {name: row[name] for name in ("current_period_end", "opens_at", "state")} | {
        "of_subscription": row["id"]
    }
