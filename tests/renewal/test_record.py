"""What an import does to a subscription that renewd has had in its hands."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from renewd.renewal.decide import opens_at
from renewd.renewal.model import Customer, Renewal, Subscription, SubscriptionState
from renewd.renewal.record import Record, merged, settled_end
from tests.renewal.building import DAY, NOON, PRICE, case, policy

OURS = replace(case().subscription, opens_at=None)


def brought(
    new: Subscription,
    old: Subscription | None,
    *,
    anchored: bool = True,
    has_renewal: bool = False,
    latest: Renewal | None = None,
) -> Subscription:
    record = Record(new, Customer("ada", "Ada", "", "cus_1"), (), anchored)
    end = settled_end(new, old, latest)
    return merged(record, old, end=end, has_renewal=has_renewal, policy=policy(), now=NOON)


def test_a_new_subscription_is_planned() -> None:
    assert brought(OURS, None).opens_at == opens_at(OURS, policy())


def test_an_expiry_that_renewd_has_moved_on_never_moves_back() -> None:
    further = replace(OURS, current_period_end=OURS.current_period_end + 30 * DAY)
    assert brought(OURS, further).current_period_end == further.current_period_end
    assert brought(further, OURS).current_period_end == further.current_period_end


def test_a_billing_anchor_that_the_file_leaves_out_stays() -> None:
    anchor = OURS.anchor - timedelta(days=3)
    ours = replace(OURS, anchor=anchor)
    assert brought(OURS, ours, anchored=False).anchor == anchor
    assert brought(OURS, ours).anchor == OURS.anchor


@pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.CANCELED])
def test_a_pause_or_a_cancel_ends_only_by_command(state: SubscriptionState) -> None:
    after = brought(OURS, replace(OURS, state=state))
    assert (after.state, after.opens_at) == (state, None)


def test_a_paused_subscription_can_be_canceled_by_the_file() -> None:
    canceled = replace(OURS, state=SubscriptionState.CANCELED)
    assert (
        brought(canceled, replace(OURS, state=SubscriptionState.PAUSED)).state is SubscriptionState.CANCELED
    )


@pytest.mark.parametrize(("days", "state"), [(0, SubscriptionState.LAPSED), (30, SubscriptionState.ACTIVE)])
def test_a_lapsed_subscription_lives_again_when_it_was_bought_anew(
    days: int, state: SubscriptionState
) -> None:
    lapsed = replace(OURS, state=SubscriptionState.LAPSED)
    assert (
        brought(replace(OURS, current_period_end=OURS.current_period_end + days * DAY), lapsed).state is state
    )


def test_nothing_is_planned_for_a_period_that_has_its_renewal() -> None:
    assert brought(OURS, replace(OURS, opens_at=NOON), has_renewal=True).opens_at is None


@pytest.mark.parametrize(
    ("ends_in", "held_back", "kept"),
    [
        (3 * DAY, NOON + DAY, True),  # due, and held back after a charge that came late
        (30 * DAY, NOON + DAY, False),  # not due yet: planned as ever
    ],
)
def test_what_was_held_back_after_an_outage_stays_so(
    ends_in: timedelta, held_back: datetime, *, kept: bool
) -> None:
    ours = replace(OURS, current_period_end=NOON + ends_in, opens_at=held_back)
    assert (brought(ours, ours).opens_at == held_back) is kept


def test_an_expiry_that_lies_in_a_period_already_paid_for_changes_nothing() -> None:
    paid = replace(case().renewal, paid=PRICE)
    nudged = replace(OURS, current_period_end=OURS.current_period_end + timedelta(seconds=1))
    assert brought(nudged, OURS, latest=paid).current_period_end == OURS.current_period_end
    bought_by_hand = replace(OURS, current_period_end=paid.period_end)
    assert brought(bought_by_hand, OURS, latest=paid).current_period_end == paid.period_end


@pytest.mark.parametrize(
    ("days_ago", "state"), [(2, SubscriptionState.ACTIVE), (29, SubscriptionState.LAPSED)]
)
def test_a_new_subscription_that_expired_before_its_grace_has_lapsed(
    days_ago: int, state: SubscriptionState
) -> None:
    assert brought(replace(OURS, current_period_end=NOON - days_ago * DAY), None).state is state
