"""What `ports.Store` promises of `doubt`: a daemon that starts takes no charge to be unmade."""

from dataclasses import replace
from datetime import timedelta

from renewd.renewal.model import Attempt, Case, Leg, Stage, open_attempt
from renewd.renewal.outcome import Unknown, Unreached
from renewd.renewal.step import Extend
from tests.contracts.stores import (
    NOW,
    Home,
    StoreContract,
    answered,
    begun,
    declined,
    paid,
    renewed,
)
from tests.simulation.daemon import OwnStore

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SILENCE = NOW + DAY  # later than anything that is written here


def doubted(home: Home) -> list[str]:
    return sorted(each.subscription_id for each in home.desk.renewals() if each.check_first)


def attempt_of(home: Home, leg: Leg = Leg.CHARGE) -> Attempt:
    (attempt,) = [each for each in home.desk.attempts() if each.leg is leg]
    return attempt


async def asked(store: OwnStore, case: Case, answer: Unknown | Unreached) -> Case:
    """Begin a charge, and hear this."""
    start = begun(case)
    end = answered(start, answer)
    assert await store.commit(start)
    assert await store.commit(end)
    return end.after()


class TestWhatIsDoubted(StoreContract):
    async def test_what_is_not_yet_paid_is_and_nothing_else(self, home: Home, store: OwnStore) -> None:
        charged, extended, soft, *ended, untouched = await home.claimed(store, 6)
        await paid(store, charged)
        await renewed(store, extended)
        await declined(store, soft)
        for case, stage in zip(ended, (Stage.LAPSED, Stage.CANCELED), strict=True):
            closed = replace(case.renewal, stage=stage, next_at=None, closed_at=NOW)
            home.desk.put(closed)
        before = {each.id: each for each in home.desk.renewals()}
        await store.beat(NOW)
        after = {each.id: each for each in home.desk.renewals()}
        unpaid = {soft.renewal.id, untouched.renewal.id}
        assert after == {
            key: replace(each, check_first=True, version=each.version + 1) if key in unpaid else each
            for key, each in before.items()
        }

    async def test_what_was_decided_before_the_doubt_is_not_written(
        self, home: Home, store: OwnStore
    ) -> None:
        (case,) = await home.claimed(store)
        await store.beat(NOW)
        assert not await store.commit(begun(case))
        assert not home.desk.attempts()
        fresh = await store.reload(case, NOW)
        assert fresh
        assert fresh.renewal.check_first
        assert await store.commit(begun(fresh))

    async def test_what_is_in_doubt_already_stays_as_it_is(self, home: Home, store: OwnStore) -> None:
        await home.claimed(store)
        await store.beat(NOW)
        before = home.desk.renewals()
        await store.beat(NOW)
        assert home.desk.renewals() == before

    async def test_a_charge_that_was_not_sent_keeps_its_state_until_it_is_looked_up(
        self, home: Home, store: OwnStore
    ) -> None:
        (case,) = await home.claimed(store)
        waiting = open_attempt(await asked(store, case, Unreached("connection refused")))
        await store.beat(NOW)
        assert attempt_of(home) == waiting
        assert doubted(home) == ["s0"]

    async def test_an_answer_is_not_doubted(self, home: Home, store: OwnStore) -> None:
        one, other = await home.claimed(store, 2)
        await declined(store, one)
        await paid(store, other)
        before = home.desk.attempts()
        await store.beat(NOW)
        assert home.desk.attempts() == before

    async def test_an_extension_is_not_doubted(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(await paid(store, case), Extend())
        end = answered(start, Unreached("connection refused"), Extend())
        assert await store.commit(start)
        assert await store.commit(end)
        await store.beat(NOW)
        assert attempt_of(home, Leg.EXTEND) == open_attempt(end.after())
        assert doubted(home) == []
