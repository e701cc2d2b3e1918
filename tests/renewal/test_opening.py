"""What is opened: the renewal of the next period, and whether it may have been charged already."""

from datetime import datetime, timedelta

import pytest

from renewd.renewal.decide import KEY_TRUSTED_FOR, planned
from tests.renewal.building import DAY, HOUR, NOON, moment, renewal, subscription

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("opens_at", "expected"),
    [
        (NOON, renewal()),
        (NOON - 12 * HOUR, renewal(due_at=NOON - 12 * HOUR)),
        (NOON - 12 * HOUR - SECOND, renewal(due_at=NOON - 12 * HOUR - SECOND, check_first=True)),
        (NOON - 20 * DAY, renewal(due_at=NOON - 20 * DAY, check_first=True)),
        (NOON + DAY, renewal()),
        (None, renewal()),
    ],
    ids=["in time", "half a day late", "a second later", "weeks late", "ahead of its time", "never planned"],
)
def test_what_is_opened_half_a_day_late_may_have_been_charged(
    opens_at: datetime | None, expected: object
) -> None:
    assert planned(subscription(opens_at=opens_at), moment()).renewal == expected


def test_a_key_is_trusted_for_half_of_what_a_gateway_keeps_it() -> None:
    assert KEY_TRUSTED_FOR * 2 == DAY
