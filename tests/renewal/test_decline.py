"""Declines: what the networks forbid, what a policy may choose, and how often one card may be tried."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.renewal.decline import (
    ALLOWED_ACTIONS,
    DEFAULT_ACTIONS,
    MASTERCARD_NEVER,
    MASTERCARD_WAITS,
    MAX_DECLINES_PER_30_DAYS,
    MAX_DECLINES_PER_DAY,
    VISA_NEVER,
    CardLimits,
    DeclineAction,
    DeclineClass,
)
from tests.renewal.building import DAY, HOUR, NOON, policy

SAME_CARD_AGAIN = DeclineAction.RETRY
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("code", ["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"])
def test_visa_forbids_another_try_after_a_code_of_category_1(code: str) -> None:
    assert code in VISA_NEVER


@pytest.mark.parametrize("code", ["51", "05", "61", "91", "N4", "54", "55", "01", "65", "62", "03"])
def test_visa_allows_another_try_after_the_other_codes(code: str) -> None:
    assert code not in VISA_NEVER


@pytest.mark.parametrize("code", ["03", "21", "40", "41"])
def test_mastercard_forbids_another_try_after_these_advice_codes(code: str) -> None:
    assert code in MASTERCARD_NEVER
    assert code not in MASTERCARD_WAITS


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        ("02", 72 * HOUR),
        ("24", HOUR),
        ("25", 24 * HOUR),
        ("26", 2 * DAY),
        ("27", 4 * DAY),
        ("28", 6 * DAY),
        ("29", 8 * DAY),
        ("30", 10 * DAY),
    ],
)
def test_mastercard_says_how_long_to_wait(code: str, wait: timedelta) -> None:
    assert MASTERCARD_WAITS[code] == wait
    assert code not in MASTERCARD_NEVER


def test_the_tables_hold_nothing_else() -> None:
    assert (len(VISA_NEVER), len(MASTERCARD_NEVER), len(MASTERCARD_WAITS)) == (12, 4, 8)
    assert (MAX_DECLINES_PER_DAY, MAX_DECLINES_PER_30_DAYS) == (10, 20)


@pytest.mark.parametrize(
    ("decline_class", "action", "retry_allowed"),
    [
        (DeclineClass.NEVER, DeclineAction.NEXT_METHOD, False),
        (DeclineClass.FIX_DATA, DeclineAction.NEXT_METHOD, False),
        (DeclineClass.CUSTOMER_ACTION, DeclineAction.HOLD, False),
        (DeclineClass.TECHNICAL, DeclineAction.RETRY, True),
        (DeclineClass.LATER, DeclineAction.RETRY, True),
        (DeclineClass.OURS, DeclineAction.HOLD, False),
    ],
)
def test_each_class_has_its_action_and_the_hard_ones_never_retry(
    decline_class: DeclineClass, action: DeclineAction, retry_allowed: bool
) -> None:
    assert DEFAULT_ACTIONS[decline_class] is action
    assert (SAME_CARD_AGAIN in ALLOWED_ACTIONS[decline_class]) is retry_allowed


def test_every_class_has_a_default_that_is_allowed() -> None:
    assert set(DEFAULT_ACTIONS) == set(ALLOWED_ACTIONS) == set(DeclineClass)
    assert all(action in ALLOWED_ACTIONS[each] for each, action in DEFAULT_ACTIONS.items())


def test_a_fault_of_ours_is_never_tried_on_another_card() -> None:
    assert DeclineAction.NEXT_METHOD not in ALLOWED_ACTIONS[DeclineClass.OURS]


OPENINGS = {
    "no decline yet": ([], START),
    "one fewer than the limit": ([1 * HOUR, 2 * HOUR], START),
    "the limit of the day: a day after the first of them": (
        [1 * HOUR, 2 * HOUR, 3 * HOUR],
        START + 21 * HOUR,
    ),
    "one more than the limit: a day after the second": (
        [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR],
        START + 21 * HOUR,
    ),
    "declines of just a day ago count no more": ([24 * HOUR, HOUR, 2 * HOUR], START),
    "the limit of thirty days": ([2 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY], START + 20 * DAY),
    "declines of just thirty days ago count no more": (
        [30 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY],
        START,
    ),
    "both limits: the later": ([HOUR, HOUR, HOUR, 3 * DAY, 4 * DAY], START + 26 * DAY),
}


@pytest.mark.parametrize(("ago", "opens"), OPENINGS.values(), ids=OPENINGS)
def test_a_card_rests_once_its_limit_is_reached(ago: list[timedelta], opens: datetime) -> None:
    assert CardLimits(3, 5).open_at([START - each for each in ago], START) == opens


@given(
    st.lists(st.integers(0, 40 * 24).map(lambda hours: START + hours * HOUR), max_size=40),
    st.integers(1, 10),
    st.integers(1, 20),
)
def test_the_opening_is_the_first_hour_at_which_both_limits_have_room(
    declines: list[datetime], per_day: int, per_30_days: int
) -> None:
    now = START + 40 * DAY

    def has_room(instant: datetime) -> bool:
        today = [each for each in declines if instant - DAY < each <= instant]
        recent = [each for each in declines if instant - 30 * DAY < each <= instant]
        return len(today) < per_day and len(recent) < per_30_days

    brute = next(now + hours * HOUR for hours in range(32 * 24) if has_room(now + hours * HOUR))
    assert CardLimits(per_day, per_30_days).open_at(declines, now) == brute


@given(st.lists(st.integers(0, 2000).map(lambda hours: NOON - hours * HOUR), max_size=60))
def test_a_stricter_limit_never_opens_a_card_sooner(declines: list[datetime]) -> None:
    strict, lenient = (CardLimits(*limits).open_at(declines, NOON) for limits in ((3, 5), (10, 15)))
    assert strict >= lenient >= NOON


@pytest.mark.parametrize(("key", "most"), [("declines_per_day", 10), ("declines_per_30_days", 20)])
def test_no_policy_is_more_lenient_than_the_networks(key: str, most: int) -> None:
    assert getattr(policy(card_limits={key: most}).card_limits, key) == most
    with pytest.raises(ValueError, match="less than or equal"):
        policy(card_limits={key: most + 1})
