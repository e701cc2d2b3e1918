"""What every gateway must do. A subclass gives the fixture `world`: the gateway, and the judge of what it took.

Payment methods are named as in `renewd.sandbox`: the name asks for the behaviour.
"""

from datetime import timedelta
from typing import Protocol

import pytest

from renewd.ports import Gateway
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Leg
from renewd.renewal.outcome import (
    Absent,
    ActionRequired,
    Declined,
    Done,
    Mismatch,
    Pending,
    Unknown,
    Unreached,
)
from tests.contracts.attempts import charge


class World(Protocol):
    gateway: Gateway

    async def taken(self) -> int:
        """How many charges took money, or are about to."""
        ...

    async def later(self, span: timedelta) -> None:
        """Let the gateway's time pass."""
        ...


class GatewayContract:
    """Inherit, and give the fixture `world`."""

    async def test_it_says_who_it_is_and_how_long_a_call_lasts(self, world: World) -> None:
        assert world.gateway.name
        assert world.gateway.longest_call > timedelta(0)

    async def test_a_charge_is_done_once_and_found_again(self, world: World) -> None:
        done = await world.gateway.charge(charge())
        assert isinstance(done, Done)
        assert done.reference
        assert await world.gateway.find(charge()) == done
        assert await world.taken() == 1

    async def test_the_same_key_takes_money_once_and_answers_the_same(self, world: World) -> None:
        first, again = await world.gateway.charge(charge()), await world.gateway.charge(charge())
        assert first == again
        assert await world.taken() == 1

    async def test_what_is_counted_in_the_row_does_not_change_what_is_sent(self, world: World) -> None:
        first = await world.gateway.charge(charge())
        assert await world.gateway.charge(charge(sends=4, lookups=2, outcome="unknown")) == first

    async def test_the_next_number_is_another_charge(self, world: World) -> None:
        first, second = await world.gateway.charge(charge()), await world.gateway.charge(charge(number=2))
        assert first != second
        assert await world.taken() == 2

    async def test_what_was_never_sent_is_absent(self, world: World) -> None:
        await world.gateway.charge(charge())
        for other in (charge(subscription="sub_2"), charge(leg=Leg.EXTEND)):
            assert await world.gateway.find(other) == Absent()

    async def test_a_period_that_another_attempt_has_paid_is_paid(self, world: World) -> None:
        done = await world.gateway.charge(charge(number=2))
        assert await world.gateway.find(charge()) == done

    async def test_a_decline_of_another_attempt_is_not_this_ones(self, world: World) -> None:
        await world.gateway.charge(charge("pm_insufficient_funds", number=2))
        assert await world.gateway.find(charge()) == Absent()

    @pytest.mark.parametrize(
        ("token", "meaning", "code"),
        [
            ("pm_insufficient_funds", DeclineClass.LATER, "insufficient_funds"),
            ("pm_do_not_honor_x1", DeclineClass.LATER, "do_not_honor"),
            ("pm_lost_card", DeclineClass.NEVER, "lost_card"),
            ("pm_expired_card", DeclineClass.FIX_DATA, "expired_card"),
        ],
    )
    async def test_a_decline_is_definite_and_found_again(
        self, world: World, token: str, meaning: DeclineClass, code: str
    ) -> None:
        declined = await world.gateway.charge(charge(token))
        assert isinstance(declined, Declined)
        assert (declined.decline_class, declined.code) == (meaning, code)
        assert await world.gateway.find(charge(token)) == declined
        assert await world.gateway.charge(charge(token)) == declined
        assert await world.taken() == 0

    async def test_a_payment_that_must_be_verified_is_found_again(self, world: World) -> None:
        asked = charge("pm_authentication_required")
        outcome = await world.gateway.charge(asked)
        assert isinstance(outcome, ActionRequired)
        assert await world.gateway.find(asked) == outcome
        assert await world.taken() == 0

    async def test_the_third_try_of_a_soft_decline_can_succeed(self, world: World) -> None:
        tries = [charge("pm_insufficient_funds_x2", number) for number in (1, 2, 3)]
        outcomes = [type(await world.gateway.charge(each)) for each in tries]
        assert outcomes == [Declined, Declined, Done]
        assert await world.taken() == 1

    async def test_a_charge_that_is_processing_is_done_later(self, world: World) -> None:
        asked = charge("pm_processing")
        pending = await world.gateway.charge(asked)
        assert isinstance(pending, Pending)
        assert await world.gateway.find(asked) == pending
        await world.later(timedelta(hours=1))
        assert await world.gateway.find(asked) == Done(pending.reference)

    @pytest.mark.parametrize(
        "token", ["pm_timeout_after_charge", "pm_reset_after_charge", "pm_slow_drip", "pm_huge_body"]
    )
    async def test_a_lost_answer_is_unknown_and_then_found_or_repeated(
        self, world: World, token: str
    ) -> None:
        asked = charge(token)
        assert isinstance(await world.gateway.charge(asked), Unknown)
        found = await world.gateway.find(asked)
        assert isinstance(found, Done)
        assert await world.gateway.charge(asked) == found
        assert await world.taken() == 1

    @pytest.mark.parametrize("token", ["pm_500_after_charge", "pm_garbage_after_charge"])
    async def test_an_answer_that_stays_broken_is_settled_by_the_list_alone(
        self, world: World, token: str
    ) -> None:
        asked = charge(token)
        assert isinstance(await world.gateway.charge(asked), Unknown)
        assert isinstance(await world.gateway.charge(asked), Unknown)
        assert isinstance(await world.gateway.find(asked), Done)
        assert await world.taken() == 1

    async def test_a_request_lost_on_its_way_is_unknown_then_absent_then_repeated(self, world: World) -> None:
        asked = charge("pm_reset_before")
        assert isinstance(await world.gateway.charge(asked), Unknown | Unreached)
        assert await world.gateway.find(asked) == Absent()
        assert isinstance(await world.gateway.charge(asked), Done)
        assert await world.taken() == 1

    async def test_a_wrong_amount_is_no_success_and_is_shown_to_a_person(self, world: World) -> None:
        asked = charge("pm_wrong_amount")
        assert isinstance(await world.gateway.charge(asked), Unknown)
        assert isinstance(await world.gateway.find(asked), Mismatch)

    async def test_a_key_used_after_its_lifetime_charges_again_and_the_list_tells(self, world: World) -> None:
        await world.gateway.charge(charge())
        await world.later(timedelta(hours=25))
        await world.gateway.charge(charge())
        assert await world.taken() == 2
        assert isinstance(await world.gateway.find(charge()), Mismatch)
