"""What `ports.Store` promises of `beat`: who lives is known to all, and the dead hold nothing for long."""

from datetime import timedelta

from renewd.renewal.fleet import BEAT_EVERY, GONE_AFTER
from tests.contracts.stores import NOW, Home, StoreContract, claim, subscription
from tests.simulation.daemon import OwnStore

SECOND = timedelta(seconds=1)


class TestTheFleet(StoreContract):
    async def test_all_that_live_know_of_each_other(self, home: Home, store: OwnStore) -> None:
        two, three = home.store("two"), home.store("three")
        assert (await store.beat(NOW)).size == 1
        assert [each.name for each in (await two.beat(NOW + SECOND)).others] == ["one"]
        assert (await three.beat(NOW + SECOND)).size == 3
        fleet = await store.beat(NOW + BEAT_EVERY)
        assert {each.name for each in fleet.others} == {"two", "three"}
        assert (fleet.is_new, fleet.leads, fleet.running_since) == (False, True, NOW)

    async def test_who_is_silent_or_has_left_counts_no_more(self, home: Home, store: OwnStore) -> None:
        two, three = home.store("two"), home.store("three")
        for each in (store, two, three):
            await each.beat(NOW)
        await three.leave()
        assert (await two.beat(NOW + BEAT_EVERY)).size == 2
        fleet = await two.beat(NOW + GONE_AFTER)
        assert (fleet.size, fleet.leads, fleet.running_since) == (1, True, NOW)

    async def test_who_leaves_gives_back_what_it_has_claimed_and_nothing_else(
        self, home: Home, store: OwnStore
    ) -> None:
        two, three = home.store("two"), home.store("three")
        for each in (store, two, three):
            await each.beat(NOW)
        home.settle_in(subscription("s0"), subscription("s1"))
        await store.open(await home.due(store))
        (mine,), (theirs,) = await claim(store, NOW, 1), await claim(two, NOW, 1)
        await store.leave()
        (taken,) = await claim(three, NOW)
        assert taken.renewal.id == mine.renewal.id != theirs.renewal.id

    async def test_who_comes_first_voids_every_lease(self, home: Home, store: OwnStore) -> None:
        await home.claimed(store, 2)
        other = home.store("two")
        assert not await claim(other, NOW)
        await other.beat(NOW)
        assert len(await claim(other, NOW)) == 2

    async def test_who_joins_takes_nothing_away(self, home: Home, store: OwnStore) -> None:
        await store.beat(NOW)
        await home.claimed(store, 2)
        before = home.desk.renewals()
        other = home.store("two")
        fleet = await other.beat(NOW + SECOND)
        assert (fleet.is_new, fleet.running_since) == (True, NOW)
        assert not await claim(other, NOW)
        assert home.desk.renewals() == before

    async def test_who_comes_back_after_a_silence_doubts_anew(self, home: Home, store: OwnStore) -> None:
        await store.beat(NOW)
        await home.claimed(store, 1)
        await store.beat(NOW + BEAT_EVERY)
        assert [each.check_first for each in home.desk.renewals()] == [False]
        await store.beat(NOW + BEAT_EVERY + GONE_AFTER)
        assert [each.check_first for each in home.desk.renewals()] == [True]
