"""A changed copy is what the standard library would make, for every noun that a decision copies."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from renewd.renewal.audit import Event
from renewd.renewal.change import Change
from renewd.renewal.copying import replace
from renewd.renewal.model import HoldReason
from tests.renewal.building import case

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("noun", "changes"),
    [
        (case(), {"halted": True, "lease": 7}),
        (case().renewal, {"hold": HoldReason.BRAKE, "version": 3}),
        (case().subscription, {"opens_at": None}),
        (Change(NOW, case(), case().renewal), {"events": (Event("x", NOW),)}),
        (Event("charge.done", NOW), {}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_copy_is_as_the_standard_library_makes_it(noun: Any, changes: dict[str, Any]) -> None:
    before = dataclasses.asdict(noun)
    assert replace(noun, **changes) == dataclasses.replace(noun, **changes)
    assert dataclasses.asdict(noun) == before
    assert replace(noun, **changes) is not noun


def test_a_copy_is_as_frozen_as_its_original() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        replace(case().renewal, version=2).version = 3  # type: ignore[misc]


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="Renewal has no field paid_at"):
        replace(case().renewal, paid_at=NOW)  # type: ignore[call-arg]


def test_what_looks_itself_over_when_it_is_made_is_not_copied_past_that() -> None:
    @dataclass(frozen=True, slots=True)
    class Strict:
        value: int

        def __post_init__(self) -> None:
            assert self.value > 0

    with pytest.raises(TypeError, match="wants to be initialized"):
        replace(Strict(1), value=-1)
