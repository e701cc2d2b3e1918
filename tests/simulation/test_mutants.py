"""A simulation that catches nothing is worse than none: each mutant must break the very rule it is against."""

import pytest

from tests.simulation.driver import kind_of, lead
from tests.simulation.mutants import MUTANTS, Mutant

SEEDS = 400


def caught_by(mutant: Mutant) -> int | None:
    """Give the first seed whose life the mutant cannot lead without breaking its rule."""
    for seed in range(SEEDS):
        kind = kind_of(seed)
        if kind.storage != "memory" or (mutant.twins and not kind.twins):
            continue
        with mutant.broken():
            verdict = lead(seed, kind)
        if any(text.startswith(f"rule {mutant.rule}:") for text in verdict.violations):
            return seed
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_simulation_catches_a_mutant_that_the_real_code_is_not(mutant: Mutant) -> None:
    seed = caught_by(mutant)
    assert seed is not None, f"{mutant.name}: rule {mutant.rule} held for {SEEDS} seeds"
    assert not lead(seed).violations
