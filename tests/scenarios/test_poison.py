"""Lives in which one row cannot be made out: the others are renewed, somebody can see it, and mended it goes on."""

from typing import Any

import pytest
from sqlalchemy import update

from renewd.adapters.store.tables import renewals, subscriptions
from renewd.renewal.decide import next_step
from renewd.renewal.model import Case
from renewd.renewal.moment import Moment
from renewd.renewal.step import Step
from renewd.service import advance, scan
from renewd.service.tick import tick
from tests.renewal.building import at, policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import EXTENDED, RENEWED, THANKS, Diary, of, paid

NOWHERE = {"zone": "Mars/Olympus_Mons"}
SUB2 = subscriptions.c.id == "sub2"


def change(diary: Diary, statement: Any) -> None:
    """Do what no command of renewd does."""
    with diary._database.begin() as connection:
        connection.execute(statement)


def aside(until: str, why: str) -> str:
    return f"sub2: renewal.set_aside, again {until}: {why}"


async def test_a_subscription_in_a_zone_that_is_unknown_stops_no_other(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    change(diary, update(subscriptions).where(SUB2).values(NOWHERE))
    for hour in (9, 10, 11, 12, 13):
        when, again = f"2026-11-23 {hour:02}:17", f"2026-11-23 {hour + 1:02}:17"
        await diary.on(when, aside(again, "TimeZoneNotFoundError"))
    await diary.on("2026-11-23 13:30", *of("sub1", RENEWED))
    change(diary, update(subscriptions).where(SUB2).values(zone=diary.zone))
    await diary.on("2026-11-23 14:17", *of("sub2", RENEWED))


async def test_a_renewal_whose_customer_is_missing_stops_no_other_and_is_overdue(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2", customer_id="nobody")
    missing = "customer nobody is missing"
    await diary.on("2026-11-23 09:17", "sub2: renewal.opened", aside("2026-11-23 10:17", missing))
    await diary.sleep_until("2026-11-23 13:30")
    await diary.on("2026-11-23 13:30", aside("2026-11-23 14:30", missing), *of("sub1", RENEWED))
    status = diary.books.status(diary.clock.now())
    assert (status.overdue, status.oldest_due) == (1, at("2026-11-23 09:17:47"))


async def test_a_renewal_at_a_stage_of_a_later_version_stops_no_other(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    diary.gateway.will("pm_visa", "processing")
    charged = ("sub2: renewal.opened", "sub2: charge.attempted 1, 70.00 USD on pm_visa")
    await diary.on("2026-11-23 09:17", *charged, "sub2: charge.pending, again 2026-11-23 09:32")
    stage = update(renewals).where(renewals.c.subscription_id == "sub2")
    change(diary, stage.values(stage="refunded"))
    diary.gateway.decide()
    await diary.sleep_until("2026-11-23 13:30")
    unknown = "renewal.stage cannot be read (ValueError)"
    await diary.on("2026-11-23 13:30", aside("2026-11-23 14:30", unknown), *of("sub1", RENEWED))
    change(diary, stage.values(stage="due"))
    found = ("charge.lookup 1", "charge.succeeded", *EXTENDED, THANKS)
    await diary.on("2026-11-23 14:30", *of("sub2", found))


async def test_an_answer_to_a_renewal_that_cannot_be_read_any_more_is_looked_up_later(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub2")
    stage = update(renewals).values(version=renewals.c.version + 1)

    async def meanwhile() -> None:
        change(diary, stage.values(stage="refunded"))

    diary.gateway.meanwhile = meanwhile
    await diary.on("2026-11-23 09:17", "renewal.opened", "charge.attempted 1, 70.00 USD on pm_visa")
    await diary.live(at("2026-11-23 10:00"))
    change(diary, stage.values(stage="due"))
    await diary.live(at("2026-11-23 12:00"))
    assert diary.expiry("sub2") == "2026-12-30 00:00"
    assert diary.gateway.taken == ["sub2/20261130T050000Z/charge/1"]


async def test_a_new_policy_is_taken_up_although_one_subscription_cannot_be_planned(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    change(diary, update(subscriptions).where(SUB2).values(overrides={"price": "seventy"}))
    diary.engine.policy = policy(renew_before="5d")
    await diary.restart()
    why = "override price cannot be read (ValidationError)"
    await diary.on("2026-11-01 00:00", f"sub2: renewal.set_aside: {why}")
    await diary.on("2026-11-23 09:17", aside("2026-11-23 10:17", why))
    change(diary, update(subscriptions).where(SUB2).values(overrides={"price": "60.00 USD"}))
    # It was still planned under the older policy; it is charged when this one says.
    await diary.on("2026-11-25 09:17", *of("sub2", ("renewal.opened", *paid(what="60.00 USD on pm_visa"))))
    await diary.on("2026-11-25 13:30", *of("sub1", RENEWED))


async def test_one_tick_gets_past_however_many_there_are(begin: Begin) -> None:
    diary = begin()
    for name in ("sub2", "sub3", "sub4", "sub5"):
        diary.subscribe(name, ends="2026-11-29 00:00", customer_id="nobody")
    diary.subscribe("sub1")
    diary.clock.instant = at("2026-11-23 17:59")
    await tick(diary.engine)
    assert diary.gateway.taken == ["sub1/20261130T050000Z/charge/1"]


@pytest.mark.parametrize("fault", ["row", "renewd"])
async def test_what_breaks_while_it_waits_for_its_window_waits_for_that_no_more_and_is_overdue(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    diary = begin(begins="2026-11-26 22:00")
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    await diary.live(at("2026-11-26 22:30"))

    def broken(case: Case, moment: Moment) -> Step:
        if case.subscription.id == "sub2":
            raise ZeroDivisionError
        return next_step(case, moment)

    if fault == "row":
        change(diary, update(subscriptions).where(SUB2).values(customer_id="nobody"))
    else:
        monkeypatch.setattr(advance, "next_step", broken)
    await diary.live(at("2026-11-27 19:00"))
    status = diary.books.status(diary.clock.now())
    assert (status.overdue, status.set_aside, dict(status.holds)) == (1, 1, {})


async def test_one_tick_gets_past_those_that_open_later_than_they_were_planned(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "BATCH", 2)
    diary = begin()
    diary.subscribe("sub1", ends="2026-12-05 00:00")
    diary.subscribe("sub2")
    diary.subscribe("sub3", ends="2026-12-01 00:00")
    stale = update(subscriptions).where(subscriptions.c.id == "sub1").values(opens_at=at("2026-11-20 09:00"))
    change(diary, stale)
    diary.clock.instant = at("2026-11-24 17:59")
    await tick(diary.engine)
    assert [key.partition("/")[0] for key in diary.gateway.taken] == ["sub2", "sub3"]
