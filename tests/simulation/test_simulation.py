"""Two thousand lives with every fault there is: no rule may bend in any of them."""

import pytest

from tests.simulation.driver import lead
from tests.simulation.telling import told

LIVES, EACH = 2000, 50


@pytest.mark.parametrize("start", range(0, LIVES, EACH))
def test_no_rule_bends_whatever_happens(start: int) -> None:
    for seed in range(start, start + EACH):
        verdict = lead(seed)
        assert not verdict.violations, told(verdict)


def test_a_life_can_be_led_again_to_the_letter() -> None:
    for seed in (3, 49, 99):
        assert lead(seed).diary == lead(seed).diary


def test_the_lives_are_as_hard_as_they_claim() -> None:
    verdicts = [lead(seed) for seed in range(60)]
    assert sum(verdict.crashes for verdict in verdicts) > 60
    assert sum(verdict.charges for verdict in verdicts) > 600
