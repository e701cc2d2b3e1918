"""The house keeps its own rules: walls between rooms, short files, one clock, no swallowed faults.

A checker that catches nothing is worse than none: each has mutants that it must catch.
"""

from itertools import chain

import pytest

from tests.house.habits import CATCHALLS, CLOCKS, GAMBLERS, PRINTERS, catchalls, chance, clocks, prints
from tests.house.lengths import file_length, function_length, habits_of_length
from tests.house.mutants import HONEST, MUTANTS
from tests.house.rooms import rooms
from tests.house.source import Check, Source, sources

CHECKS: tuple[Check, ...] = (rooms, file_length, function_length, clocks, catchalls, prints, chance)
EXCEPTIONS = {"clocks": CLOCKS, "catchalls": CATCHALLS, "prints": PRINTERS, "chance": GAMBLERS}


def cases(table: dict[Check, list[tuple[str, str]]]) -> list[tuple[Check, Source]]:
    return [(check, Source(*case)) for check, sources_ in table.items() for case in sources_]


def named(value: object) -> str:
    return (
        f"{value.path} {value.text[:40]!r}" if isinstance(value, Source) else getattr(value, "__name__", "")
    )


@pytest.mark.parametrize("check", CHECKS, ids=named)
def test_every_file_keeps_the_rules_of_the_house(check: Check) -> None:
    complaints = list(chain.from_iterable(check(source) for source in sources()))
    assert not complaints, "\n".join(complaints)


def test_the_middle_of_the_house_stays_short() -> None:
    assert not list(habits_of_length(sources()))


@pytest.mark.parametrize(("check", "mutant"), cases(MUTANTS), ids=named)
def test_a_checker_catches_its_mutants(check: Check, mutant: Source) -> None:
    assert list(check(mutant))


@pytest.mark.parametrize(("check", "honest"), cases(HONEST), ids=named)
def test_a_checker_lets_honest_code_pass(check: Check, honest: Source) -> None:
    assert not list(check(honest))


@pytest.mark.parametrize(
    ("many", "complaint"),
    [
        (["x = 1\n" * 121] * 10, "the median file has 121 lines"),
        (["def f():\n" + "    x = 1\n" * 10] * 10, "the median function has 11 lines"),
        (["def f(): ...\n"] * 8 + ["def f():\n" + "    x = 1\n" * 40] * 2, "one function in ten has over 41"),
    ],
)
def test_a_drifting_middle_is_noticed(many: list[str], complaint: str) -> None:
    drift = list(habits_of_length([Source(f"renewal/{n}.py", text) for n, text in enumerate(many)]))
    assert [line for line in drift if line.startswith(complaint)]


def test_every_checker_has_a_mutant_and_an_honest_twin() -> None:
    assert set(CHECKS) == set(MUTANTS) == set(HONEST)


@pytest.mark.parametrize("table", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_every_exception_carries_its_reason(table: dict[str, str]) -> None:
    assert all(len(reason.split()) > 2 for reason in table.values())
