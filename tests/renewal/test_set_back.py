"""What was planned by a clock that was ahead: it waits as long as it was meant to, and no longer."""

from datetime import timedelta

import pytest

from renewd.renewal.fleet import GONE_AFTER
from renewd.renewal.set_back import Waiting, planned_back
from tests.renewal.building import at

NOW = at("2026-11-23 12:00")
HOUR, WEEKS = timedelta(hours=1), timedelta(weeks=3)
AHEAD = NOW + WEEKS


@pytest.mark.parametrize(
    ("plan", "next_at", "due_at"),
    [
        pytest.param(
            Waiting(AHEAD + HOUR, AHEAD + HOUR, AHEAD), NOW + HOUR, NOW + HOUR, id="declined in that time"
        ),
        pytest.param(Waiting(AHEAD + HOUR, NOW - HOUR, AHEAD), NOW + HOUR, NOW - HOUR, id="in doubt"),
        pytest.param(Waiting(NOW + HOUR, NOW, AHEAD), NOW + HOUR, NOW, id="planned back before"),
        pytest.param(Waiting(AHEAD, NOW - HOUR), NOW, NOW - HOUR, id="opened, and waits for a window then"),
        pytest.param(Waiting(AHEAD, NOW + HOUR), NOW + HOUR, NOW + HOUR, id="opened too early"),
        pytest.param(Waiting(AHEAD, NOW - HOUR, NOW - HOUR, held=True), NOW, NOW - HOUR, id="braked then"),
        pytest.param(Waiting(AHEAD, AHEAD, held=True), AHEAD, AHEAD, id="held for the customer until then"),
        pytest.param(Waiting(NOW + HOUR, NOW, NOW - HOUR), NOW + HOUR, NOW, id="in doubt before"),
        pytest.param(
            Waiting(NOW + HOUR, NOW, NOW + GONE_AFTER), NOW + HOUR, NOW, id="by another clock, a little ahead"
        ),
    ],
)
def test_what_waits_is_planned_by_the_time_that_it_is(plan: Waiting, next_at: object, due_at: object) -> None:
    after = planned_back(plan, NOW)
    assert (after.next_at, after.due_at) == (next_at, due_at)
    assert planned_back(after, NOW) == after
