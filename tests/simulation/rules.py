"""What never bends, checked when a life is over: our books against the gateway's and the carrier's own."""

import calendar
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

from renewd.renewal.model import OPEN_STAGES, Renewal, Stage, Subscription, SubscriptionState
from tests.simulation import trail
from tests.simulation.carrier import CarrierBooks
from tests.simulation.desk import Desk
from tests.simulation.gateway import GatewayBooks, Payment
from tests.simulation.operator import Operator
from tests.simulation.world import World

DAY = timedelta(days=1)


class Evidence(Protocol):
    """What a life leaves behind."""

    world: World
    desk: Desk
    gateway: GatewayBooks
    carrier: CarrierBooks
    operator: Operator

    @property
    def began(self) -> list[Subscription]: ...


def check(life: Evidence) -> None:
    """Check everything that can only be judged at the end."""
    for text in life.world.errors[:1]:
        life.world.violated(12, f"an error in renewd itself: {text}")
    _one_charge_per_period(life)
    _no_charge_after_a_refund(life)
    _every_renewal_has_ended(life)
    _requests_repeat_to_the_byte(life)
    _expiry_follows_the_money(life)
    _money_adds_up(life)
    _spaced_after_an_outage(life)
    _letters_are_sent(life)
    trail.follow(life.world, life.desk, life.operator.policies)


def paid(life: Evidence) -> dict[tuple[str, datetime], list[Payment]]:
    """Give the gateway's successful charges by subscription and period."""
    found: dict[tuple[str, datetime], list[Payment]] = defaultdict(list)
    for each in life.gateway.payments:
        if each.state == "paid":
            found[each.marks[0], each.marks[1]].append(each)
    return found


def _one_charge_per_period(life: Evidence) -> None:
    for (subscription, start), payments in paid(life).items():
        if len(payments) > 1:
            keys = [(each.key, f"{each.at:%m-%d %H:%M}") for each in payments]
            life.world.violated(1, f"{subscription} was charged {len(payments)} times for {start}: {keys}")


def _no_charge_after_a_refund(life: Evidence) -> None:
    for period, payments in paid(life).items():
        at = life.operator.refunded.get(period)
        if at and any(each.at > at for each in payments):
            life.world.violated(1, f"{period} was charged again after it was refunded ({at})")


def _every_renewal_has_ended(life: Evidence) -> None:
    for each in life.desk.renewals():
        if each.stage in OPEN_STAGES:
            life.world.violated(2, f"{each.id} is left {each.stage}, to be looked at {each.next_at}")
        elif each.next_at or not each.closed_at:
            life.world.violated(2, f"{each.id} is {each.stage}, but not at rest")
        elif each.stage is Stage.EXTENDED and not each.paid:
            life.world.violated(7, f"{each.id} was extended unpaid")
        elif each.stage in (Stage.REVIEW, Stage.LAPSED) and not each.reason:
            life.world.violated(2, f"{each.id} is {each.stage} without a reason")


def nobody_is_forgotten(life: Evidence) -> None:
    """Check that each active subscription has a plan for its next renewal, or has that renewal."""
    known = {(each.subscription_id, each.period_start) for each in life.desk.renewals()}
    for each in life.desk.subscriptions():
        planned = each.opens_at or (each.id, each.current_period_end) in known
        if each.state is SubscriptionState.ACTIVE and not planned:
            life.world.violated(2, f"{each.id} is active, but nobody will renew it")


def _requests_repeat_to_the_byte(life: Evidence) -> None:
    bodies = defaultdict(set)
    for each in (*life.gateway.requests, *life.carrier.requests):
        bodies[each.key, each.database].add(each.body)
    for (key, _), different in bodies.items():
        if len(different) > 1:
            life.world.violated(6, f"{key} was sent with different contents: {different}")


def _expiry_follows_the_money(life: Evidence) -> None:
    now = {each.id: each for each in life.desk.subscriptions()}
    steps = dict(life.operator.moved)
    for each in life.desk.renewals():
        if each.stage is Stage.EXTENDED:
            steps[each.subscription_id, each.period_start] = each.period_end
            wanted = _one_period_on(each, now[each.subscription_id])
            if each.period_end != wanted:
                life.world.violated(7, f"{each.id} ends {each.period_end}, not {wanted}")
    for each_ in life.began:
        end, taken = each_.current_period_end, 0
        while (each_.id, end) in steps:
            end, taken = steps[each_.id, end], taken + 1
        if end != now[each_.id].current_period_end or taken != sum(key[0] == each_.id for key in steps):
            life.world.violated(7, f"{each_.id} expires {now[each_.id].current_period_end}, paid until {end}")


def _one_period_on(renewal: Renewal, subscription: Subscription) -> datetime:
    """Count one period on from the anchor, by another calendar than renewd's."""
    zone = ZoneInfo(subscription.zone)
    start, anchor = renewal.period_start.astimezone(zone), subscription.anchor.astimezone(zone)
    if subscription.plan == "week":
        day = start.replace(tzinfo=None) + 7 * DAY
        return day.replace(hour=anchor.hour, minute=anchor.minute, tzinfo=zone).astimezone(UTC)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    last = calendar.monthrange(year, month)[1]
    return datetime(year, month, min(anchor.day, last), anchor.hour, anchor.minute, tzinfo=zone).astimezone(
        UTC
    )


def _money_adds_up(life: Evidence) -> None:
    taken, ours = paid(life), {each.id: each for each in life.desk.renewals()}
    extended = {each.renewal_id for each in life.carrier.extensions.values() if each.state == "done"}
    by_period = {(each.subscription_id, each.period_start): each for each in ours.values()}
    for key, renewal in by_period.items():
        payments = taken.pop(key, [])
        sums = [each.money for each in payments]
        if renewal.stage is Stage.REVIEW and not renewal.paid:
            continue  # a person is told that the money is in doubt
        if (
            payments
            and _given_up(renewal, payments[0].at)
            and all(map(life.world.forgotten, _times(payments)))
        ):
            continue  # nobody asked for it again, so nobody looked for what was forgotten
        if sums != ([renewal.paid] if renewal.paid else []):
            life.world.violated(
                1, f"{renewal.id} is {renewal.stage}, paid {renewal.paid}, but the gateway took {sums}"
            )
        if (renewal.stage is Stage.EXTENDED or renewal.id in extended) and not payments:
            life.world.violated(7, f"{renewal.id} was extended, but the gateway took nothing")
        good_until = life.carrier.good_until[f"line-{renewal.subscription_id}"]
        if renewal.stage is Stage.EXTENDED and good_until < renewal.period_end:
            life.world.violated(7, f"{renewal.id} is extended in our books only")
    for key, payments in taken.items():
        if all(map(life.world.forgotten, _times(payments))):
            continue
        life.world.violated(1, f"the gateway took money for {key}, of which we know nothing")


def _given_up(renewal: Renewal, paid_at: datetime) -> bool:
    """Say whether nothing is asked for it any more: by command, or because it had lapsed before it was paid."""
    lapsed = renewal.stage is Stage.LAPSED and renewal.closed_at is not None and renewal.closed_at < paid_at
    return not renewal.paid and (lapsed or renewal.stage in (Stage.SKIPPED, Stage.CANCELED))


def _times(payments: Sequence[Payment]) -> list[datetime]:
    return [each.at for each in payments]


def _spaced_after_an_outage(life: Evidence) -> None:
    # A day by a clock that was set is not a day; and who is given a period by hand is charged for the next in its time.
    times = defaultdict(list)
    for each in life.gateway.payments if not life.world.clock_off else ():
        if each.state == "paid" and each.marks[0] not in life.operator.helped:
            times[each.marks[0]].append(each.at)
    for subscription, charged in times.items():
        charged.sort()
        for one, next_ in pairwise(charged):
            if next_ - one < DAY:
                life.world.violated(11, f"{subscription} was charged twice in a day: {one} and {next_}")


def _letters_are_sent(life: Evidence) -> None:
    kept = Counter(each.id for each in life.desk.notices())
    for each in life.desk.notices():
        if each.next_at or not each.tries:
            life.world.violated(12, f"the letter {each.id} was never sent nor given up")
    if max(kept.values(), default=1) > 1:
        life.world.violated(12, "an occasion made two letters")
