"""The brake counts the charges begun in the last hour, of this process and of the one before it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.service.brake import Brake
from tests.renewal.building import HOUR, MINUTE, NOON


def braked(ago: list[int], most: int, after: timedelta = timedelta(0)) -> datetime | None:
    """Ask a brake that has seen charges so many minutes before NOON, oldest first."""
    brake = Brake()
    for minutes in ago:
        brake.note(NOON - minutes * MINUTE)
    return brake.until(NOON + after, most)


TABLE = {
    "no charge yet": ([], 1, None),
    "one fewer than the most": ([30, 20], 3, None),
    "the most: until the first of them is an hour old": ([30, 20, 10], 3, NOON + 30 * MINUTE),
    "more than the most, after a stricter policy": ([40, 30, 20, 10], 2, NOON + 40 * MINUTE),
    "charges of an hour ago count no more": ([60, 20], 2, None),
    "charges of just under an hour ago do": ([59, 20], 2, NOON + MINUTE),
    "all at one instant": ([0, 0, 0], 3, NOON + HOUR),
}


@pytest.mark.parametrize(("ago", "most", "until"), TABLE.values(), ids=TABLE)
def test_the_brake_says_when_the_next_charge_may_begin(
    ago: list[int], most: int, until: datetime | None
) -> None:
    assert braked(ago, most) == until


def test_at_the_very_instant_it_names_it_is_off() -> None:
    assert braked([30, 20, 10], 3, after=30 * MINUTE) is None


def test_a_restart_is_no_way_round_it() -> None:
    brake = Brake()
    brake.remember([NOON - 20 * MINUTE, NOON - 10 * MINUTE], NOON - HOUR)
    brake.note(NOON)
    assert brake.until(NOON, 3) == NOON + 40 * MINUTE


@given(st.lists(st.integers(0, 180), max_size=60), st.integers(1, 10))
def test_no_sliding_hour_ever_holds_more_charges_than_allowed(gaps: list[int], most: int) -> None:
    brake, now, begun = Brake(), NOON, list[datetime]()
    for minutes in gaps:
        now += minutes * MINUTE / 10
        if brake.until(now, most) is None:
            brake.note(now)
            begun.append(now)
    assert all(sum(first <= each < first + HOUR for each in begun) <= most for first in begun)
