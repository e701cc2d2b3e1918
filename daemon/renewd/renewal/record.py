"""What an operator hands over: one subscription with its customer and payment methods."""

from dataclasses import dataclass
from datetime import datetime

from renewd.renewal.copying import replace
from renewd.renewal.decide import replanned_at
from renewd.renewal.model import Customer, PaymentMethod, Renewal, Subscription, SubscriptionState
from renewd.renewal.policy import Policy


@dataclass(frozen=True)
class Record:
    """One imported subscription. `methods` are all the customer's, in the order to try them.

    `anchored` says whether the billing anchor was given; else it is the expiry, and gives way to one we know.
    """

    subscription: Subscription
    customer: Customer
    methods: tuple[PaymentMethod, ...]
    anchored: bool = True


def settled_end(new: Subscription, old: Subscription | None, latest: Renewal | None) -> datetime:
    """Give the expiry that stands: it never moves back, nor into a period that is paid for already."""
    if old is None:
        return new.current_period_end
    end = max(new.current_period_end, old.current_period_end)
    if latest and latest.paid and latest.period_start <= end < latest.period_end:
        return old.current_period_end
    return end


def merged(
    record: Record,
    old: Subscription | None,
    *,
    end: datetime,
    has_renewal: bool,
    policy: Policy,
    now: datetime,
) -> Subscription:
    """Bring an imported subscription and the one we hold together; `end` is its `settled_end`.

    What renewd has done since the file was written stands: an expiry never moves back, a billing anchor that the
    file leaves out stays, and a pause or a cancel ends only by command. One that we never had, and whose grace period is over, has lapsed. `has_renewal` says whether the period that
    starts at the resulting expiry already has one; then nothing is planned.
    """
    new = record.subscription
    if old:
        anchor = new.anchor if record.anchored else old.anchor
        new = replace(new, anchor=anchor, current_period_end=end, state=_merged_state(new, old))
    elif expired(new, policy, now):
        new = replace(new, state=SubscriptionState.LAPSED)
    if has_renewal:
        return replace(new, opens_at=None)
    if old and old.current_period_end == new.current_period_end:
        new = replace(new, opens_at=old.opens_at)  # it may have been held back
    return replace(new, opens_at=replanned_at(new, policy, now))


def expired(new: Subscription, policy: Policy, now: datetime) -> bool:
    """Say whether a subscription that we never had is past its grace period: nobody pays for what is long over."""
    if new.state is not SubscriptionState.ACTIVE or new.plan not in policy.plans:
        return False
    return new.current_period_end + policy.terms_for(new).grace <= now


def _merged_state(new: Subscription, old: Subscription) -> SubscriptionState:
    if old.state in (SubscriptionState.PAUSED, SubscriptionState.CANCELED):
        return SubscriptionState.CANCELED if new.state is SubscriptionState.CANCELED else old.state
    if old.state is SubscriptionState.LAPSED and new.current_period_end <= old.current_period_end:
        return old.state
    return new.state
