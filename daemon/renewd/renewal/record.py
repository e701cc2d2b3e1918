"""What an operator hands over: one subscription with its customer and payment methods."""

from dataclasses import dataclass, replace
from datetime import datetime

from renewd.renewal.decide import opens_at
from renewd.renewal.model import Customer, PaymentMethod, Subscription, SubscriptionState
from renewd.renewal.policy import Policy


@dataclass(frozen=True, slots=True)
class Record:
    """One imported subscription. `methods` are all the customer's, in the order to try them."""

    subscription: Subscription
    customer: Customer
    methods: tuple[PaymentMethod, ...]


def merged(new: Subscription, old: Subscription | None, *, has_renewal: bool, policy: Policy) -> Subscription:
    """Bring an imported subscription and the one we hold together.

    What renewd has done since the file was written stands: an expiry never moves back, and a pause or a cancel
    ends only by command. `has_renewal` says whether the period that starts at the resulting expiry already has
    one; then nothing is planned.
    """
    if old:
        end = max(new.current_period_end, old.current_period_end)
        new = replace(new, current_period_end=end, state=_merged_state(new, old))
    return replace(new, opens_at=None if has_renewal else opens_at(new, policy))


def _merged_state(new: Subscription, old: Subscription) -> SubscriptionState:
    if old.state in (SubscriptionState.PAUSED, SubscriptionState.CANCELED):
        return SubscriptionState.CANCELED if new.state is SubscriptionState.CANCELED else old.state
    if old.state is SubscriptionState.LAPSED and new.current_period_end <= old.current_period_end:
        return old.state
    return new.state


def latest_end(new: Subscription, old: Subscription | None) -> datetime:
    """Give the expiry that `merged` will settle on."""
    return max(new.current_period_end, old.current_period_end) if old else new.current_period_end
