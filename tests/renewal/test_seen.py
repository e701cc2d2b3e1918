"""What has been seen of a log whose numbers come out of order."""

import pytest

from renewd.renewal.query import LOOKS, MOST_MISSING, Seen


@pytest.mark.parametrize(
    ("looks", "highest", "missing"),
    [
        ([], 0, set()),
        ([[1, 2, 3]], 3, set()),
        ([[1, 2, 4]], 4, {3}),
        ([[2], [5]], 5, {1, 3, 4}),
        ([[1, 4], [2]], 4, {3}),
        ([[1, 4], [3, 2, 5]], 5, set()),
        ([[1, 4], []], 4, {2, 3}),
    ],
)
def test_what_was_passed_over_is_missing_until_it_is_seen(
    looks: list[list[int]], highest: int, missing: set[int]
) -> None:
    seen = Seen(0)
    for numbers in looks:
        seen = seen.and_now(numbers)
    assert (seen.highest, set(seen.missing)) == (highest, missing)
    assert [number for number in range(highest + 2) if number in seen] == [
        number for number in range(highest + 1) if number not in missing
    ]


def test_a_number_that_was_drawn_in_vain_is_given_up_in_the_end() -> None:
    seen = Seen(0).and_now([2])
    for _ in range(LOOKS - 1):
        seen = seen.and_now([])
    assert set(seen.missing) == {1}
    assert not seen.and_now([]).missing


def test_of_a_long_leap_only_the_latest_numbers_are_looked_for() -> None:
    assert len(Seen(0).and_now([10**12]).missing) == MOST_MISSING
