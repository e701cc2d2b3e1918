"""What `ports.Store` promises of a row that cannot be made out: it is set aside and told, and stops none of the others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from renewd.adapters.store.connect import connect
from renewd.renewal.audit import Event
from renewd.renewal.change import Opening, Replanned
from renewd.renewal.decide import planned, replanned_at
from renewd.renewal.model import Renewal, Stage, Subscription
from renewd.renewal.notice import Notice, NoticeKind
from tests.contracts.stores import NOW, Home, StoreContract, begun, moment, sqlite, subscription
from tests.simulation.daemon import OwnStore

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
OF_A_LATER_VERSION = cast("Stage", "refunded")
NOWHERE: dict[str, Any] = {"zone": "Mars/Olympus_Mons"}
UNREADABLE = [NOWHERE, {"overrides": {"price": "a canary"}}, {"overrides": {"colour": "a canary"}}]


def told(events: Sequence[Event]) -> list[tuple[str, str, str, datetime | None]]:
    """Check what every such event has, and give the rest."""
    assert all((each.name, each.next_action) == ("renewal.set_aside", "look") for each in events)
    assert all(each.detail and "canary" not in each.detail for each in events)
    return [(each.subscription, each.renewal, each.detail, each.next_at) for each in events]


def plan(each: Subscription) -> Opening:
    return planned(each, moment())


def replan(each: Subscription) -> datetime | None:
    return replanned_at(each, moment().policy, NOW)


async def opened(home: Home, store: OwnStore, count: int) -> list[Renewal]:
    """Open renewals that are due now, the first one the longest."""
    home.settle_in(*(subscription(f"s{n}") for n in range(count)))
    await store.open([plan(subscription(f"s{n}")) for n in range(count)])
    for n, each in enumerate(home.desk.renewals()):
        home.desk.put(replace(each, next_at=NOW - (count - n) * SECOND))
    return list(home.desk.renewals())


class TestClaiming(StoreContract):
    async def test_a_renewal_at_a_stage_of_a_later_version_is_left_out(
        self, home: Home, store: OwnStore
    ) -> None:
        renewals = await opened(home, store, 9)
        poison = replace(renewals[4], stage=OF_A_LATER_VERSION)
        home.desk.put(poison)
        cases, aside = await store.claim(NOW, 20)
        assert [each.subscription.id for each in cases] == [f"s{n}" for n in range(9) if n != 4]
        assert [each[:2] + each[3:] for each in told(aside)] == [("s4", poison.id, NOW + HOUR)]
        assert list(home.desk.events())[9:] == list(aside)

    async def test_a_renewal_without_its_customer_is_left_out(self, home: Home, store: OwnStore) -> None:
        home.desk.put(subscription("s1"))
        await store.open([plan(subscription("s1"))])
        cases, aside = await store.claim(NOW, 9)
        assert (list(cases), len(told(aside))) == ([], 1)

    async def test_what_is_set_aside_is_looked_at_an_hour_on_and_goes_on_once_it_can_be_read(
        self, home: Home, store: OwnStore
    ) -> None:
        home.desk.put(subscription("s1"))
        await store.open([plan(subscription("s1"))])
        await store.claim(NOW, 9)
        assert await store.next_due() == NOW + HOUR
        assert await store.claim(NOW + HOUR - SECOND, 9) == ([], [])
        _, again = await store.claim(NOW + HOUR, 9)
        assert [each.next_at for each in again] == [NOW + 2 * HOUR]
        home.settle_in(subscription("s1"))
        (case,), aside = await store.claim(NOW + 2 * HOUR, 9)
        assert not aside
        assert (case.renewal.due_at, case.renewal.version) == (NOW, 0)
        assert await store.commit(begun(case, now=NOW + 2 * HOUR))

    async def test_no_more_are_looked_at_than_asked_for_and_the_next_follow(
        self, home: Home, store: OwnStore
    ) -> None:
        for each in (await opened(home, store, 5))[:3]:
            home.desk.put(replace(each, stage=OF_A_LATER_VERSION))
        seen = [await store.claim(NOW, 2) for _ in range(3)]
        assert [(len(cases), len(aside)) for cases, aside in seen] == [(0, 2), (1, 1), (1, 0)]

    async def test_what_can_no_longer_be_read_is_not_given_again(self, home: Home, store: OwnStore) -> None:
        (case,) = await home.claimed(store)
        home.desk.put(replace(case.renewal, stage=OF_A_LATER_VERSION))
        assert await store.reload(case, NOW) is None


class TestScanning(StoreContract):
    @pytest.mark.parametrize("poison", UNREADABLE, ids=str)
    async def test_what_cannot_be_planned_is_left_out(
        self, home: Home, store: OwnStore, poison: dict[str, Any]
    ) -> None:
        home.settle_in(*(subscription(f"s{n}", NOW - n * SECOND) for n in range(5)))
        home.desk.put(replace(subscription("s3", NOW - DAY), **poison))
        openings, aside = await store.newly_due(NOW, 9, plan)
        assert [each.subscription.id for each in openings] == ["s4", "s2", "s1", "s0"]
        assert [each[:2] + each[3:] for each in told(aside)] == [("s3", "", NOW + HOUR)]
        assert list(home.desk.events()) == list(aside)
        assert len(await store.open(openings)) == 4
        assert await store.newly_due(NOW + HOUR - SECOND, 9, plan) == ([], [])
        assert len((await store.newly_due(NOW + HOUR, 9, plan))[1]) == 1

    async def test_the_override_that_cannot_be_read_is_named(self, home: Home, store: OwnStore) -> None:
        home.settle_in(replace(subscription("s1"), overrides={"price": "a canary"}))
        _, aside = await store.newly_due(NOW, 9, plan)
        assert [each.detail for each in aside] == ["override price cannot be read (ValidationError)"]


class TestPlanningAnew(StoreContract):
    @pytest.mark.parametrize("poison", UNREADABLE, ids=str)
    async def test_what_cannot_be_planned_keeps_the_plan_that_it_has(
        self, home: Home, store: OwnStore, poison: dict[str, Any]
    ) -> None:
        home.settle_in(*(subscription(f"s{n}", None) for n in range(4)))
        home.desk.put(replace(subscription("s1", NOW + DAY), **poison))
        home.desk.put(replace(subscription("s2", None), **poison))
        done = await store.replan("new", NOW, replan)
        assert done.moved == 2
        assert [each[0] for each in told(done.aside)] == ["s1", "s2"]
        assert tuple(home.desk.events()) == done.aside
        planned = {each.id: each.opens_at for each in home.desk.subscriptions()}
        assert (planned["s1"], planned["s2"]) == (NOW + DAY, None)
        assert planned["s0"]
        assert planned["s3"]
        assert await store.replan("new", NOW, replan) == Replanned(0, (), more=False)


class TestLetters(StoreContract):
    async def test_a_letter_of_a_kind_of_a_later_version_is_sent_as_it_is(
        self, home: Home, store: OwnStore
    ) -> None:
        kind = cast("NoticeKind", "refunded")
        letter = Notice("a", kind, "s1", "ada@example.com", "subject", "body", NOW, NOW)
        home.desk.put(letter)
        assert list(await store.owed(NOW, 9)) == [letter]


GARBLED = [
    ("subscriptions", "tags", "{", "subscriptions.tags cannot be read (JSONDecodeError)"),
    ("subscriptions", "tags", '{"vip": 1}', "subscription.tags cannot be read (TypeError)"),
    ("subscriptions", "tags", "[1]", "subscription.tags cannot be read (TypeError)"),
    ("subscriptions", "overrides", "price", "subscriptions.overrides cannot be read (JSONDecodeError)"),
    ("subscriptions", "overrides", '["price"]', "subscription.overrides cannot be read (TypeError)"),
    ("subscriptions", "overrides", '{"price": 5}', "subscription.overrides cannot be read (TypeError)"),
    ("subscriptions", "anchor", "a canary", "subscriptions.anchor cannot be read (ValueError)"),
]
OF_A_RENEWAL = [
    ("subscriptions", "state", "asleep", "subscription.state cannot be read (ValueError)"),
    ("renewals", "stage", "refunded", "renewal.stage cannot be read (ValueError)"),
    ("renewals", "hold", "for ransom", "renewal.hold cannot be read (ValueError)"),
    ("renewals", "spent", "pm_1", "renewals.spent cannot be read (JSONDecodeError)"),
    ("renewals", "period_end", "soon", "renewals.period_end cannot be read (ValueError)"),
    ("attempts", "state", "lost", "attempt.state cannot be read (ValueError)"),
]


@pytest.mark.parametrize(("table", "column", "value", "detail"), [*GARBLED, *OF_A_RENEWAL])
async def test_a_renewal_of_which_a_row_is_garbled_is_left_out(
    tmp_path: Path, table: str, column: str, value: str, detail: str
) -> None:
    home = sqlite(tmp_path)
    store = home.store()
    for case in await home.claimed(store, 3):
        assert await store.commit(begun(case))
    _garble(tmp_path, table, column, value, "attempts.subscription_id" if table == "attempts" else "")
    await store.beat(NOW)
    cases, aside = await store.claim(NOW + DAY, 9)
    assert [each.subscription.id for each in cases] == ["s0", "s2"]
    assert [(each.subscription, each.detail) for each in aside] == [("s1", detail)]
    await store.close()


@pytest.mark.parametrize(("table", "column", "value", "detail"), GARBLED)
async def test_a_subscription_of_which_a_row_is_garbled_is_not_opened(
    tmp_path: Path, table: str, column: str, value: str, detail: str
) -> None:
    home = sqlite(tmp_path)
    store = home.store()
    home.settle_in(*(subscription(f"s{n}") for n in range(3)))
    _garble(tmp_path, table, column, value)
    unplanned = (await store.replan("new", NOW, replan)).aside
    openings, aside = await store.newly_due(NOW + DAY, 9, plan)
    assert [each.subscription.id for each in openings] == ["s0", "s2"]
    assert [(each.subscription, each.detail) for each in (*unplanned, *aside)] == [("s1", detail)] * 2
    await store.close()


def _garble(folder: Path, table: str, column: str, value: str, key: str = "") -> None:
    key = key or {"subscriptions": "id", "renewals": "subscription_id"}[table]
    engine = connect(f"sqlite:///{folder / 'renewd.db'}")
    with engine.begin() as connection:
        where = f"{key} = 's1'"
        connection.execute(text(f"UPDATE {table} SET {column} = :value WHERE {where}"), {"value": value})  # noqa: S608
    engine.dispose()
