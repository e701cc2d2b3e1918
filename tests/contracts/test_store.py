"""What `ports.Store` promises, asked of SQLite on a real file and of the store that stands in for it elsewhere."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from renewd.adapters.store import plans
from renewd.renewal.audit import Event
from renewd.renewal.change import Opening, Replanned
from renewd.renewal.decide import planned
from renewd.renewal.model import HoldReason, Leg, Subscription, SubscriptionState
from renewd.renewal.notice import Notice, NoticeKind
from renewd.renewal.outcome import Absent, Unknown
from renewd.renewal.query import Outlook
from renewd.renewal.step import Extend, Settle
from tests.contracts.stores import (
    ENDS,
    LEASE,
    NOW,
    SETTLE,
    Home,
    StoreContract,
    answered,
    begun,
    claim,
    declined,
    moment,
    paid,
    subscription,
)
from tests.simulation.daemon import OwnStore
from tests.simulation.desk import Command

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SPOKEN = Event("operator.spoke", NOW, "operator")


class TestScanning(StoreContract):
    async def test_the_longest_due_come_first_and_no_more_than_asked_for(
        self, home: Home, store: OwnStore
    ) -> None:
        home.settle_in(*(subscription(f"s{n}", NOW - n * HOUR) for n in range(-1, 4)))
        assert [each.subscription.id for each in await home.due(store, 3)] == ["s3", "s2", "s1"]

    @pytest.mark.parametrize("state", [state for state in SubscriptionState if state != "active"])
    async def test_nothing_is_opened_for_who_is_not_active(
        self, home: Home, store: OwnStore, state: SubscriptionState
    ) -> None:
        home.settle_in(replace(subscription("s1"), state=state), subscription("s2", opens_at=None))
        assert not await store.open(await home.due(store))
        assert not await store.open([planned(replace(subscription("s1"), state=state), moment())])

    async def test_a_period_is_opened_once(self, home: Home, store: OwnStore) -> None:
        home.settle_in(subscription("s1"))
        opening = planned(subscription("s1"), moment())
        assert [list(await store.open([opening])), list(await store.open([opening]))] == [[opening], []]
        home.desk.put(subscription("s1"))
        assert not await store.open([opening])
        assert (len(home.desk.renewals()), home.names()) == (1, ["renewal.opened"])

    async def test_what_is_opened_is_no_longer_newly_due(self, home: Home, store: OwnStore) -> None:
        home.settle_in(subscription("s1"))
        await store.open([planned(subscription("s1"), moment())])
        assert not await home.due(store)

    @pytest.mark.parametrize(
        "meanwhile",
        [
            {"state": SubscriptionState.CANCELED},
            {"state": SubscriptionState.PAUSED},
            {"current_period_end": ENDS + DAY},
        ],
        ids=str,
    )
    async def test_an_opening_is_left_out_when_its_subscription_has_changed(
        self, home: Home, store: OwnStore, meanwhile: dict[str, Any]
    ) -> None:
        home.settle_in(replace(subscription("s1"), **meanwhile), subscription("s2"))
        openings = [planned(subscription(name), moment()) for name in ("s1", "s2")]
        assert len(await store.open(openings)) == 1
        assert [each.subscription_id for each in home.desk.renewals()] == ["s2"]


class TestPlanningAnew(StoreContract):
    async def test_every_active_subscription_without_a_renewal_is_planned(
        self, home: Home, store: OwnStore
    ) -> None:
        (case,) = await home.claimed(store)
        paused = replace(subscription("s9", None), state=SubscriptionState.PAUSED)
        home.desk.put(subscription("s1"), subscription("s2", None), paused)
        assert await store.replan("new", NOW, lambda _: NOW + DAY) == Replanned(2, (), more=False)
        opens = {each.id: each.opens_at for each in home.desk.subscriptions()}
        assert opens == {"s0": None, "s1": NOW + DAY, "s2": NOW + DAY, "s9": None}
        assert case.subscription.id == "s0"

    async def test_it_goes_on_where_it_was_broken_off_and_begins_again_under_another_policy(
        self, home: Home, store: OwnStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(plans, "BATCH", 2)
        home.settle_in(*(subscription(f"s{n}") for n in range(5)))
        while (await store.replan("one", NOW, lambda _: NOW + DAY)).more:
            store = home.store("another")
        assert {each.opens_at for each in home.desk.subscriptions()} == {NOW + DAY}
        await store.replan("two", NOW, lambda _: NOW + HOUR)
        while (await store.replan("three", NOW, lambda _: NOW + 2 * DAY)).more:
            pass
        assert {each.opens_at for each in home.desk.subscriptions()} == {NOW + 2 * DAY}
        assert await store.replan("three", NOW, lambda _: NOW) == Replanned(0, (), more=False)

    async def test_what_is_due_by_an_older_policy_is_moved_to_when_it_is_due_by_this_one(
        self, home: Home, store: OwnStore
    ) -> None:
        home.settle_in(*(subscription(f"s{n}") for n in range(5)))
        opens = {"s0": NOW + DAY, "s1": None, "s3": NOW + HOUR}

        def plan(each: Subscription) -> Opening | datetime | None:
            return opens[each.id] if each.id in opens else planned(each, moment())

        due = [*(await store.newly_due(NOW, 2, plan))[0], *(await store.newly_due(NOW, 2, plan))[0]]
        assert {each.subscription.id for each in due} == {"s2", "s4"}
        assert {each.id: each.opens_at for each in home.desk.subscriptions()} == {
            "s2": NOW,
            "s4": NOW,
        } | opens

    async def test_nothing_is_planned_twice_under_one_policy(self, home: Home, store: OwnStore) -> None:
        home.settle_in(subscription("s1"))
        assert (await store.replan("one", NOW, lambda _: NOW + DAY)).moved == 1
        assert (await store.replan("one", NOW, lambda _: NOW + HOUR)).moved == 0
        assert (await store.replan("two", NOW, lambda _: NOW + DAY)).moved == 0
        assert [each.opens_at for each in home.desk.subscriptions()] == [NOW + DAY]


class TestClaiming(StoreContract):
    async def test_the_longest_waiting_come_first_and_no_more_than_asked_for(
        self, home: Home, store: OwnStore
    ) -> None:
        cases = await home.claimed(store, 4)
        for hours, case in enumerate(cases):
            home.desk.put(replace(case.renewal, next_at=NOW - hours * HOUR))
        await store.beat(NOW)
        assert [each.subscription.id for each in await claim(store, NOW - HOUR, 2)] == ["s3", "s2"]
        assert [each.subscription.id for each in await claim(store, NOW - HOUR)] == ["s1"]

    async def test_a_claim_reads_all_about_a_renewal(self, home: Home, store: OwnStore) -> None:
        await declined(store, (await home.claimed(store, 2, "ada"))[0])
        (second,) = await claim(store, NOW + LEASE)
        start = begun(second, now=NOW + LEASE)
        assert await store.commit(start)
        home.desk.act(Command(SPOKEN, halted="a reason"))
        fresh = await store.reload(second, NOW + LEASE)
        assert fresh
        assert [each.id for each in fresh.methods] == ["m-ada"]
        assert (fresh.customer.id, fresh.halted, fresh.attempt) == ("ada", True, start.attempt)
        assert (fresh.declines, fresh.read_at) == ((("m-ada", NOW),), NOW + LEASE)

    async def test_a_decline_counts_for_thirty_days(self, home: Home, store: OwnStore) -> None:
        await declined(store, (await home.claimed(store))[0])
        (seen,) = await claim(store, NOW + 30 * DAY - SECOND)
        assert seen.declines
        (seen,) = await claim(store, NOW + 31 * DAY)
        assert not seen.declines

    async def test_a_lease_is_respected_until_it_ends(self, home: Home, store: OwnStore) -> None:
        await home.claimed(store)
        other = home.store("two")
        assert not await claim(other, NOW + LEASE - SECOND)
        assert len(await claim(other, NOW + LEASE)) == 1

    async def test_a_later_claim_fences_off_the_earlier_one(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        (taken,) = await claim(home.store("two"), NOW + LEASE)
        assert not await store.commit(begun(case))
        assert await store.reload(case, NOW) is None
        assert await home.stores[1].commit(begun(taken))
        assert home.names() == ["renewal.opened", "charge.attempted"]


class TestReading(StoreContract):
    async def test_a_reload_gives_the_case_as_it_is_now(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(case)
        await store.commit(start)
        assert await store.reload(case, NOW) == start.after()

    async def test_who_waits_for_a_reason_is_woken_when_it_falls_away(
        self, home: Home, store: OwnStore
    ) -> None:
        one, two = await home.claimed(store, 2)
        later = NOW + DAY
        for case, hold in ((one, HoldReason.BRAKE), (two, HoldReason.VERIFICATION)):
            home.desk.put(replace(case.renewal, hold=hold, next_at=later, due_at=later))
        await store.wake([HoldReason.BRAKE, HoldReason.HALTED], NOW)
        woken, left = sorted(home.desk.renewals(), key=lambda each: each.subscription_id)
        assert (woken.next_at, woken.due_at, woken.version) == (NOW, NOW, 1)
        assert (left.next_at, left.version) == (later, 0)

    async def test_the_next_thing_due_may_be_an_opening_a_renewal_or_a_letter(
        self, home: Home, store: OwnStore
    ) -> None:
        assert await store.next_due() is None
        home.desk.put(_letter("a", NOW + 3 * DAY))
        assert await store.next_due() == NOW + 3 * DAY
        home.settle_in(subscription("s1", NOW + 2 * DAY))
        assert await store.next_due() == NOW + 2 * DAY
        await home.claimed(store)
        assert await store.next_due() == NOW

    async def test_the_outlook_counts_what_is_due_what_is_in_doubt_and_a_halt(
        self, home: Home, store: OwnStore
    ) -> None:
        assert await store.outlook(NOW) == Outlook(due=0, in_doubt=0, halted=False)
        home.settle_in(subscription("s1", NOW + DAY))
        assert (await store.outlook(NOW)).due == 0
        assert (await store.outlook(NOW + DAY)).due == 1
        (case,) = await home.claimed(store)
        await store.commit(begun(case))
        assert (await store.outlook(NOW)).in_doubt == 1

    async def test_the_brake_counts_the_charges_begun_since(self, home: Home, store: OwnStore) -> None:
        for minutes, case in enumerate(await home.claimed(store, 3)):
            await store.commit(begun(case, now=NOW - timedelta(minutes=minutes)))
        (case,) = [each for each in await home.claimed(store, 4) if each.subscription.id == "s3"]
        ready = await paid(store, case)
        await store.commit(begun(ready, Extend()))
        since = await store.charges_since(NOW - timedelta(minutes=2))
        assert list(since) == [NOW - timedelta(minutes=1), NOW, NOW]


class TestLettersAndLog(StoreContract):
    async def test_letters_owed_come_oldest_first(self, home: Home, store: OwnStore) -> None:
        home.desk.put(
            _letter("a", NOW), _letter("b", NOW - HOUR), _letter("c", NOW + HOUR), _letter("d", None)
        )
        assert [each.id for each in await store.owed(NOW, 9)] == ["b", "a"]
        assert [each.id for each in await store.owed(NOW, 1)] == ["b"]

    async def test_a_letter_that_was_sent_is_owed_no_more(self, home: Home, store: OwnStore) -> None:
        home.desk.put(_letter("a", NOW), _letter("b", NOW))
        first, second = await store.owed(NOW, 9)
        await store.sent([replace(first, tries=1, next_at=None)], [Event("notice.sent", NOW)])
        await store.sent([replace(second, tries=1, next_at=NOW + HOUR)], [Event("notice.failed", NOW)])
        assert not await store.owed(NOW, 9)
        assert [(each.id, each.tries) for each in await store.owed(NOW + HOUR, 9)] == [("b", 1)]
        assert home.names() == ["notice.sent", "notice.failed"]

    async def test_the_log_keeps_its_order_and_every_field(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(case)
        await store.commit(start)
        await store.log([])
        await store.log([Event("breaker.opened", NOW, detail="gateway"), Event("service.started", NOW)])
        assert home.names() == ["renewal.opened", "charge.attempted", "breaker.opened", "service.started"]
        assert home.desk.events()[1] == start.events[0]

    async def test_a_look_up_changes_the_attempt_and_not_its_number(
        self, home: Home, store: OwnStore
    ) -> None:
        (case,) = await home.claimed(store)
        start = begun(case)
        await store.commit(start)
        doubt = answered(start, Unknown("timeout"))
        await store.commit(doubt)
        (fresh,) = await claim(store, NOW + SETTLE)
        asked = begun(fresh, Settle(), NOW + SETTLE)
        assert await store.commit(asked)
        assert await store.commit(answered(asked, Absent(), Settle(), NOW + SETTLE))
        (attempt,) = home.desk.attempts()
        assert (attempt.key, attempt.lookups, attempt.absences) == (f"{case.renewal.id}/charge/1", 1, 1)
        assert attempt.leg is Leg.CHARGE


def _letter(name: str, next_at: Any) -> Notice:
    return Notice(name, NoticeKind.RENEWED, "s1", "ada@example.com", "subject", "body", NOW, next_at)
