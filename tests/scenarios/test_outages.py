"""Lives in which somebody is away: the carrier for hours, the gateway for a weekend, renewd itself for weeks."""

from itertools import pairwise

from tests.renewal.building import at
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import (
    DECLINED_LETTER,
    EXTENDED,
    RENEWED,
    THANKS,
    Diary,
    asked_first,
    of,
    paid,
)

CHARGE = "charge.attempted 1, 70.00 USD on pm_visa"
BACK_AGAIN = (
    *("charge.succeeded", "extend.attempted 1", "breaker.closed: stripe: answers again"),
    *("extend.succeeded", "renewal.completed", THANKS),
)
REFUSED = "unreached connection refused, again"


async def knock(diary: Diary, leg: str, day: str, *times: str, opens: str = "") -> None:
    """Live through calls that are not reached, at these times of a day; `opens` is when the breaker opens."""
    call = CHARGE if leg == "charge" else "extend.attempted 1"
    name = "stripe" if leg == "charge" else "tello"
    for time, again in pairwise(times):
        opened = [f"breaker.opened: {name}: connection refused"] if time == opens else []
        await diary.on(f"{day} {time}", call, f"{leg}.{REFUSED} {day} {again}", *opened)


async def test_the_carrier_refuses_after_payment_and_a_person_is_told(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.carrier.script.append("line_terminated")
    await diary.on(
        "2026-11-23 13:30",
        "renewal.opened",
        CHARGE,
        "charge.succeeded",
        "extend.attempted 1",
        "extend.declined line_terminated",
        "renewal.review line_terminated: paid, but the carrier refuses: line_terminated",
        "letter to the operator: sub1 needs a look: paid, but the carrier refuses: line_terminated",
    )
    await diary.quiet_until("2027-12-01 00:00")
    assert (diary.expiry(), diary.mailbox.letters[0].recipient) == ("2026-11-30 00:00", "ops@example.org")


async def test_the_carrier_is_down_for_three_hours_after_payment(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.carrier.down_until = at("2026-11-23 16:30")
    paid_for = ("renewal.opened", CHARGE, "charge.succeeded", "extend.attempted 1")
    await diary.on("2026-11-23 13:30", *paid_for, f"extend.{REFUSED} 2026-11-23 13:31")
    times = ("13:31", "13:33", "13:37", "13:45", "14:01", "14:33", "15:33", "16:33")
    await knock(diary, "extend", "2026-11-23", *times, opens="13:45")
    closed = (*EXTENDED, "breaker.closed: tello: answers again", THANKS)
    await diary.on("2026-11-23 16:33", *closed)
    assert len(diary.gateway.paid) == 1


async def test_the_gateway_is_down_over_the_weekend_and_no_rung_is_spent(begin: Begin) -> None:
    diary = begin()
    diary.subscribe(ends="2026-12-04 00:00")
    diary.gateway.down_until = at("2026-11-30 12:00")
    await diary.on("2026-11-27 13:30", "renewal.opened", CHARGE, f"charge.{REFUSED} 2026-11-27 13:31")
    friday = ("13:31", "13:33", "13:37", "13:45", "14:01", "14:33", "15:33", "16:33", "17:33", "18:33")
    await knock(diary, "charge", "2026-11-27", *friday, opens="13:45")
    await knock(diary, "charge", "2026-11-28", "16:22", "17:22", "18:22")
    await knock(diary, "charge", "2026-11-29", "16:22", "17:22", "18:22")
    await diary.on("2026-11-30 16:22", CHARGE, *BACK_AGAIN)
    assert list(diary.gateway.paid) == ["sub1/20261204T050000Z/charge/1"]


async def test_a_gateway_that_comes_back_by_night_is_asked_by_day(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await diary.quiet_until("2026-11-23 13:00")
    diary.gateway.down_until = at("2026-11-23 22:00")
    await diary.on("2026-11-23 13:30", "renewal.opened", CHARGE, f"charge.{REFUSED} 2026-11-23 13:31")
    times = ("13:31", "13:33", "13:37", "13:45", "14:01", "14:33", "15:33", "16:33", "17:33", "18:33")
    await knock(diary, "charge", "2026-11-23", *times, opens="13:45")
    await diary.on("2026-11-24 17:47", CHARGE, *BACK_AGAIN)


async def test_renewd_is_away_for_three_weeks_and_looks_each_up_and_charges_it_once_the_oldest_first(
    begin: Begin,
) -> None:
    diary = begin(begins="2026-11-20 12:00")
    diary.subscribe("sub1", ends="2026-12-03 00:00")
    diary.subscribe("sub2", ends="2026-12-01 00:00")
    await diary.sleep_until("2026-12-14 10:00")
    await diary.on(
        "2026-12-14 10:00",
        *("sub2: renewal.opened", "sub1: renewal.opened"),
        *of("sub2", (*asked_first(), *paid()[:-1])),
        *of("sub1", (*asked_first(), *paid()[:-1])),
        *(f"sub2: {THANKS}", f"sub1: {THANKS}"),
    )
    assert (diary.expiry("sub2"), diary.expiry("sub1")) == ("2027-01-01 00:00", "2027-01-03 00:00")
    await diary.on("2026-12-25 09:17", *of("sub2", RENEWED))
    await diary.on("2026-12-27 13:30", *of("sub1", RENEWED))


async def test_renewd_is_away_until_the_day_before_the_next_period_and_does_not_charge_twice_in_a_day(
    begin: Begin,
) -> None:
    diary = begin(begins="2026-11-20 12:00")
    diary.subscribe()
    await diary.sleep_until("2026-12-29 10:00")
    await diary.on("2026-12-29 10:00", "renewal.opened", *asked_first(), *paid())
    assert diary.expiry() == "2026-12-30 00:00"
    await diary.on("2026-12-30 10:00", "renewal.opened", *asked_first(), *paid())
    assert diary.expiry() == "2027-01-30 00:00"
    await diary.quiet_until("2027-01-23 00:00")


async def test_renewd_comes_back_by_night_and_charges_by_day(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await diary.sleep_until("2026-11-24 03:00")
    await diary.on("2026-11-24 03:00", "renewal.opened")
    await diary.on("2026-11-24 17:47", *asked_first(), *paid())


async def test_renewd_comes_back_when_the_ladder_was_long_due_and_tries_once(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds")
    declined = "charge.declined insufficient_funds, again 2026-11-24 17:47"
    await diary.on("2026-11-23 13:30", "renewal.opened", CHARGE, declined, DECLINED_LETTER)
    await diary.sleep_until("2026-12-05 12:00")
    await diary.on("2026-12-05 12:00", *asked_first(2), *paid(2))


async def test_a_clock_set_back_charges_nobody_twice(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await diary.on("2026-11-23 13:30", *RENEWED)
    diary.clock.instant = at("2026-11-20 09:00")
    await diary.quiet_until("2026-12-23 13:00")
    assert len(diary.gateway.paid) == 1


async def test_a_clock_set_back_between_two_rungs_waits_for_the_same_instant(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds")
    declined = "charge.declined insufficient_funds, again 2026-11-24 17:47"
    await diary.on("2026-11-23 13:30", "renewal.opened", CHARGE, declined, DECLINED_LETTER)
    diary.clock.instant = at("2026-11-23 09:00")
    await diary.on("2026-11-24 17:47", *paid(2))
