"""What every carrier must do. A subclass gives the fixture `world`: the carrier, and the judge of what it did.

Lines are named as in `renewd.sandbox`: the name asks for the behaviour.
"""

from datetime import timedelta
from typing import Protocol

import pytest

from renewd.ports import Carrier
from renewd.renewal.decline import DeclineClass
from renewd.renewal.outcome import Absent, Declined, Done, Pending, Unknown
from tests.contracts.attempts import END, extension


class World(Protocol):
    carrier: Carrier

    async def extensions(self) -> int:
        """How many extensions were taken in, refused ones included."""
        ...

    async def later(self, span: timedelta) -> None:
        """Let the carrier's time pass."""
        ...


class CarrierContract:
    """Inherit, and give the fixture `world`."""

    async def test_it_says_who_it_is_and_how_long_a_call_lasts(self, world: World) -> None:
        assert world.carrier.name
        assert world.carrier.longest_call > timedelta(0)

    async def test_an_extension_is_done_and_found_again(self, world: World) -> None:
        done = await world.carrier.extend(extension())
        assert isinstance(done, Done)
        assert await world.carrier.find(extension()) == done

    async def test_asking_again_changes_nothing(self, world: World) -> None:
        first, again = await world.carrier.extend(extension()), await world.carrier.extend(extension())
        assert first == again
        assert await world.extensions() == 1

    async def test_what_was_never_asked_is_absent(self, world: World) -> None:
        assert await world.carrier.find(extension()) == Absent()

    async def test_a_line_that_is_already_good_so_long_needs_nothing(self, world: World) -> None:
        await world.carrier.extend(extension())
        assert isinstance(await world.carrier.find(extension(number=2)), Done)
        further = extension(number=2, extend_to=END + timedelta(days=30))
        assert await world.carrier.find(further) == Absent()

    async def test_a_line_is_never_shortened(self, world: World) -> None:
        await world.carrier.extend(extension())
        earlier = extension(number=2, extend_to=END - timedelta(days=1))
        refused = await world.carrier.extend(earlier)
        assert refused == Declined(DeclineClass.OURS, "already_later")

    async def test_a_refusal_is_definite_and_found_again(self, world: World) -> None:
        asked = extension("extend_refused")
        refused = await world.carrier.extend(asked)
        assert refused == Declined(DeclineClass.OURS, "line_not_renewable")
        assert await world.carrier.find(asked) == refused

    async def test_a_pending_extension_is_done_later(self, world: World) -> None:
        asked = extension("extend_pending")
        pending = await world.carrier.extend(asked)
        assert isinstance(pending, Pending)
        assert await world.carrier.find(asked) == pending
        await world.later(timedelta(hours=1))
        assert isinstance(await world.carrier.find(asked), Done)
        assert isinstance(await world.carrier.extend(asked), Done)

    @pytest.mark.parametrize("line", ["extend_500_after", "extend_reset_after", "extend_timeout_after"])
    async def test_a_lost_answer_is_unknown_and_then_found_or_repeated(self, world: World, line: str) -> None:
        asked = extension(line)
        assert isinstance(await world.carrier.extend(asked), Unknown)
        assert isinstance(await world.carrier.find(asked), Done)
        assert isinstance(await world.carrier.extend(asked), Done)
        assert await world.extensions() == 1

    async def test_a_line_may_be_named_in_any_way(self, world: World) -> None:
        asked = extension("8901/26 0?#%é")
        assert isinstance(await world.carrier.extend(asked), Done)
        assert isinstance(await world.carrier.find(asked), Done)
