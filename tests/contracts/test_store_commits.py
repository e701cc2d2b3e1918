"""What `ports.Store` promises of `commit`: all or nothing, durable, and only what was decided on present facts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from renewd.renewal.audit import Event
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import AttemptState, Stage, SubscriptionState
from renewd.renewal.notice import NoticeKind
from renewd.renewal.outcome import Declined, Done
from renewd.renewal.rest import rested
from renewd.renewal.step import Extend, Wait
from tests.contracts.stores import (
    ENDS,
    LEASE,
    NOW,
    Home,
    StoreContract,
    amiss,
    answered,
    begun,
    claim,
    declined,
    moment,
    paid,
    renewed,
    together,
)
from tests.simulation.daemon import OwnStore
from tests.simulation.desk import Command

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SPOKEN = Event("operator.spoke", NOW, "operator")


class TestCommitting(StoreContract):
    async def test_a_change_is_written_whole(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        await renewed(store, case)
        (renewal,), (kept,) = home.desk.renewals(), home.desk.subscriptions()
        assert (renewal.stage, renewal.next_at, renewal.version) == (Stage.EXTENDED, None, 4)
        assert kept.current_period_end == case.renewal.period_end
        assert [each.state for each in home.desk.attempts()] == [AttemptState.DONE] * 2
        assert home.names()[1:] == [
            "charge.attempted",
            "charge.succeeded",
            "extend.attempted",
            "extend.succeeded",
            "renewal.completed",
        ]
        assert [each.kind for each in home.desk.notices()] == [NoticeKind.RENEWED]

    async def test_what_was_decided_on_an_older_version_is_not_written(
        self, home: Home, store: OwnStore
    ) -> None:
        (case,) = await home.claimed(store)
        home.desk.act(Command(SPOKEN, nouns=(case.renewal,)))
        assert not await store.commit(begun(case))
        assert not home.desk.attempts()
        fresh = await store.reload(case, NOW)
        assert fresh
        assert await store.commit(begun(fresh))

    @pytest.mark.parametrize(
        "moved", [{"current_period_end": ENDS + DAY}, {"state": SubscriptionState.PAUSED}], ids=str
    )
    async def test_an_expiry_moves_only_from_where_it_was_read(
        self, home: Home, store: OwnStore, moved: dict[str, Any]
    ) -> None:
        (case,) = await home.claimed(store)
        start = begun(await paid(store, case), Extend())
        await store.commit(start)
        home.desk.put(replace(case.subscription, **moved))
        assert not await store.commit(answered(start, Done("x"), Extend()))
        (renewal,) = home.desk.renewals()
        assert renewal.stage is Stage.CHARGED

    async def test_a_halt_refuses_the_start_of_a_charge_and_nothing_else(
        self, home: Home, store: OwnStore
    ) -> None:
        first, second, third = await home.claimed(store, 3)
        start, ready = begun(first), await paid(store, second)
        await store.commit(start)
        home.desk.act(Command(SPOKEN, halted="a reason"))
        held = await together(store, [begun(third), answered(start, Done("pi_2")), begun(ready, Extend())])
        assert held == [False, True, True]
        home.desk.act(Command(SPOKEN, halted=""))
        assert await store.commit(begun(third))

    async def test_what_goes_on_keeps_its_lease_and_what_rests_gives_it_back(
        self, home: Home, store: OwnStore
    ) -> None:
        going, resting = await home.claimed(store, 2)
        assert await store.commit(begun(going))
        assert await store.commit(rested(resting, Wait(NOW + SECOND), moment()))
        seen = await claim(home.store("two"), NOW + LEASE - SECOND)
        assert [case.subscription.id for case in seen] == [resting.subscription.id]

    async def test_a_card_is_charged_for_one_renewal_at_a_time(self, home: Home, store: OwnStore) -> None:
        first, second = await home.claimed(store, 2, "ada")
        start = begun(first)
        assert await together(store, [start, begun(second)]) == [True, False]
        waiting = await store.reload(second, NOW)
        assert waiting
        assert waiting.busy == ("m-ada",)
        assert await store.commit(answered(start, Done("pi_1")))
        assert await store.commit(begun(second))

    async def test_a_charge_is_not_begun_when_its_card_was_declined_since_it_was_decided(
        self, home: Home, store: OwnStore
    ) -> None:
        first, second = await home.claimed(store, 2, "ada")
        await declined(store, first)
        assert not await store.commit(begun(second))
        fresh = await store.reload(second, NOW)
        assert fresh
        assert await store.commit(begun(fresh))

    async def test_one_poisonous_change_fails_alone(self, home: Home, store: OwnStore) -> None:
        cases = await home.claimed(store, 5)
        changes = [begun(case) for case in cases]
        changes[2] = amiss(changes[2])
        answers = await together(store, changes)
        assert isinstance(answers.pop(2), home.refusal)
        assert answers == [True] * 4
        assert len(home.desk.attempts()) == home.names().count("charge.attempted") == 4
        assert [each.version for each in home.desk.renewals()].count(0) == 1

    async def test_a_renewal_has_one_open_attempt_a_leg(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(case)
        assert await store.commit(start)
        hasty = replace(start.after(), attempt=None)
        with pytest.raises(home.refusal):
            await store.commit(begun(replace(hasty, renewal=replace(hasty.renewal, charges=1))))
        assert [each.number for each in home.desk.attempts()] == [1]

    async def test_a_renewal_cannot_be_paid_twice(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        again = await paid(store, case)
        again = replace(again, renewal=replace(again.renewal, stage=Stage.DUE))
        start = begun(again)
        assert await store.commit(start)
        with pytest.raises(home.refusal):
            await store.commit(answered(start, Done("pi_2")))
        assert [each.reference for each in home.desk.attempts() if each.state is AttemptState.DONE] == [
            "pi_1"
        ]

    async def test_a_method_is_blocked_with_the_decline_that_forbids_it(
        self, home: Home, store: OwnStore
    ) -> None:
        await declined(store, (await home.claimed(store))[0], DeclineClass.NEVER)
        assert [each.blocked for each in home.desk.methods()] == [True]

    async def test_one_occasion_makes_one_letter(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(case)
        end = answered(start, Declined(DeclineClass.LATER, "do_not_honor"))
        letter = end.notices[0]
        home.desk.put(replace(letter, subject="as it was first written", tries=3))
        await store.commit(start)
        await store.commit(end)
        assert [(each.subject, each.tries) for each in home.desk.notices()] == [
            ("as it was first written", 3)
        ]
