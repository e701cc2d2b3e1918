"""What `ports.Store` promises of `doubt`: after a long silence of every daemon, no charge is taken to be unmade."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from renewd.renewal.audit import Event
from renewd.renewal.decide import planned
from renewd.renewal.model import Attempt, AttemptState, Case, Leg, Stage, open_attempt
from renewd.renewal.outcome import Absent, Unknown, Unreached
from renewd.renewal.step import Extend, Settle
from tests.contracts.stores import (
    NOW,
    SETTLE,
    Home,
    StoreContract,
    answered,
    begun,
    declined,
    moment,
    paid,
    renewed,
    subscription,
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


class TestWhetherToDoubt(StoreContract):
    @pytest.mark.parametrize(
        ("instant", "expected"),
        [(NOW - DAY, []), (NOW, []), (NOW + SECOND, ["s0"]), (SILENCE, ["s0"])],
        ids=["long since", "just then", "just before", "long before"],
    )
    async def test_a_daemon_that_has_written_since_leaves_no_doubt(
        self, home: Home, store: OwnStore, instant: datetime, expected: list[str]
    ) -> None:
        await home.claimed(store)
        await store.doubt(instant)
        assert doubted(home) == expected

    async def test_the_last_row_counts_whatever_its_clock_showed(self, home: Home, store: OwnStore) -> None:
        await home.claimed(store)
        await store.log([Event("service.started", SILENCE), Event("service.stopped", NOW)])
        await store.doubt(SILENCE)
        assert doubted(home) == ["s0"]

    async def test_what_a_person_has_done_since_leaves_the_doubt(self, home: Home, store: OwnStore) -> None:
        await home.claimed(store)
        await store.log([Event("operator.imported", SILENCE, "ada")])
        await store.doubt(SILENCE)
        assert doubted(home) == ["s0"]

    async def test_where_no_daemon_has_ever_written_there_is_nothing_to_doubt(
        self, home: Home, store: OwnStore
    ) -> None:
        home.settle_in(subscription("s0"))
        home.desk.put(planned(subscription("s0"), moment()).renewal)
        await store.doubt(SILENCE)
        await store.log([Event("operator.imported", NOW, "ada")])
        await store.doubt(SILENCE)
        assert doubted(home) == []


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
        await store.doubt(SILENCE)
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
        await store.doubt(SILENCE)
        assert not await store.commit(begun(case))
        assert not home.desk.attempts()
        fresh = await store.reload(case, NOW)
        assert fresh
        assert fresh.renewal.check_first
        assert await store.commit(begun(fresh))

    async def test_a_charge_that_was_not_sent_counts_as_sent(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        waiting = open_attempt(await asked(store, case, Unreached("connection refused")))
        assert waiting.state is AttemptState.UNSENT
        await store.doubt(SILENCE)
        assert attempt_of(home) == replace(waiting, state=AttemptState.SENT)

    async def test_an_absence_of_before_counts_no_more(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        await asked(store, case, Unknown("timeout"))
        (fresh,) = await store.claim(NOW + SETTLE, 1)
        look_up = begun(fresh, Settle(), NOW + SETTLE)
        absent = answered(look_up, Absent(), Settle(), NOW + SETTLE)
        assert await store.commit(look_up)
        assert await store.commit(absent)
        assert attempt_of(home).absences == 1
        await store.doubt(SILENCE)
        assert attempt_of(home) == replace(open_attempt(absent.after()), absences=0)

    async def test_an_answer_is_not_doubted(self, home: Home, store: OwnStore) -> None:
        one, other = await home.claimed(store, 2)
        await declined(store, one)
        await paid(store, other)
        before = home.desk.attempts()
        await store.doubt(SILENCE)
        assert home.desk.attempts() == before

    async def test_an_extension_is_not_doubted(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        start = begun(await paid(store, case), Extend())
        end = answered(start, Unreached("connection refused"), Extend())
        assert await store.commit(start)
        assert await store.commit(end)
        await store.doubt(SILENCE)
        assert attempt_of(home, Leg.EXTEND) == open_attempt(end.after())
        assert doubted(home) == []
