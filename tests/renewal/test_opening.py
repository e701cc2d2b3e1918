"""What is opened: the renewal of the next period, and whether it may have been charged already."""

from datetime import datetime, timedelta

import pytest

from renewd.renewal.decide import due, planned
from tests.renewal.building import DAY, NOON, at, moment, policy, renewal, subscription

SECOND = timedelta(seconds=1)
CHARGEABLE_FROM = at("2026-11-23 13:30:13")  # a week ahead, at her place in the charge window


@pytest.mark.parametrize(
    ("opens_at", "due_at"),
    [(NOON, NOON), (NOON - 20 * DAY, NOON - 20 * DAY), (NOON + DAY, NOON), (None, NOON)],
    ids=["in time", "weeks late", "ahead of its time", "never planned"],
)
def test_a_renewal_is_due_since_it_should_have_been_opened(
    opens_at: datetime | None, due_at: datetime
) -> None:
    opened = planned(subscription(opens_at=opens_at), moment(running_since=NOON - 20 * DAY)).renewal
    assert opened == renewal(due_at=due_at)


@pytest.mark.parametrize(
    ("running_since", "expected"),
    [(CHARGEABLE_FROM, False), (CHARGEABLE_FROM + SECOND, True), (None, True)],
    ids=["due since the daemon started", "due before it", "opened by nobody that runs"],
)
def test_what_could_be_charged_before_the_daemon_started_may_have_been(
    running_since: datetime | None, expected: bool
) -> None:
    now = CHARGEABLE_FROM + DAY
    opened = planned(subscription(opens_at=now), moment(now, running_since=running_since))
    assert opened.renewal.check_first is expected


@pytest.mark.parametrize(
    ("renew_before", "expected"),
    [("7d", None), ("6d", CHARGEABLE_FROM + DAY), ("8d", None)],
    ids=["as it was planned", "the policy charges later now", "the policy charges earlier now"],
)
def test_what_is_due_by_an_older_policy_is_opened_when_it_is_due_by_this_one(
    renew_before: str, expected: datetime | None
) -> None:
    now = CHARGEABLE_FROM + SECOND
    under = moment(now, policy=policy(renew_before=renew_before))
    found = due(subscription(opens_at=CHARGEABLE_FROM), under)
    assert found == (expected or planned(subscription(opens_at=CHARGEABLE_FROM), under))


def test_what_is_not_in_the_catalogue_any_more_is_not_opened() -> None:
    assert due(subscription(plan="gone", opens_at=NOON), moment(NOON)) is None
