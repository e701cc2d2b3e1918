"""Lives in which an answer is lost: what may have happened is looked up before anything new is tried."""

import pytest

from renewd.renewal.change import Change
from tests.renewal.building import at, policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import EXTENDED, THANKS, asked_first, paid

FIRST = ("renewal.opened", "charge.attempted 1, 70.00 USD on pm_visa")
LOST = "charge.unknown timeout, again 2026-11-23 13:40"
THE_KEY = "sub1/20261130T050000Z/charge/1"


async def test_a_lost_reply_is_looked_up_and_found_paid(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "reply lost")
    await diary.on("2026-11-23 13:30", *FIRST, LOST)
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.succeeded", *EXTENDED, THANKS)
    assert list(diary.gateway.paid) == [THE_KEY]
    await diary.quiet_until("2026-12-23 00:00")


async def test_a_lost_request_is_looked_up_twice_and_sent_again_under_its_key(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "request lost")
    await diary.on("2026-11-23 13:30", *FIRST, LOST)
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.absent, again 2026-11-23 13:50")
    await diary.on("2026-11-23 13:50", "charge.lookup 1", "charge.absent", *paid(1))
    assert list(diary.gateway.paid) == [THE_KEY]
    await diary.quiet_until("2026-12-23 00:00")


async def test_a_request_lost_on_a_later_rung_waits_for_the_window_and_is_looked_up_again(
    begin: Begin,
) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds", "request lost")
    await diary.on(
        "2026-11-23 13:30",
        *FIRST,
        "charge.declined insufficient_funds, again 2026-11-24 17:47",
        "letter to the customer: Your payment for US 70 did not go through",
    )
    second = "charge.attempted 2, 70.00 USD on pm_visa"
    await diary.on("2026-11-24 17:47", second, "charge.unknown timeout, again 2026-11-24 17:57")
    await diary.on("2026-11-24 17:57", "charge.lookup 2", "charge.absent, again 2026-11-24 18:07")
    await diary.on("2026-11-24 18:07", "charge.lookup 2", "charge.absent")
    await diary.on("2026-11-25 17:47", *asked_first(2), *paid(2))


async def test_a_payment_that_is_processing_for_two_days_is_waited_for(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "processing")
    await diary.on("2026-11-23 13:30", *FIRST, "charge.pending, again 2026-11-23 13:45")
    for when, again in (
        ("2026-11-23 13:45", "2026-11-23 14:45"),
        ("2026-11-23 14:45", "2026-11-23 20:45"),
        ("2026-11-23 20:45", "2026-11-24 20:45"),
        ("2026-11-24 20:45", "2026-11-25 20:45"),
    ):
        await diary.on(when, "charge.lookup 1", f"charge.pending, again {again}")
    await diary.quiet_until("2026-11-25 12:00")
    diary.gateway.decide()
    await diary.on("2026-11-25 20:45", "charge.lookup 1", "charge.succeeded", *EXTENDED, THANKS)


async def test_a_lost_reply_of_the_carrier_is_looked_up_on_the_line(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.carrier.script.append("reply lost")
    extending = ("charge.succeeded", "extend.attempted 1", "extend.unknown timeout, again 2026-11-23 13:40")
    await diary.on("2026-11-23 13:30", *FIRST, *extending)
    looked_up = ("extend.lookup 1", "extend.succeeded", "renewal.completed", THANKS)
    await diary.on("2026-11-23 13:40", *looked_up)
    assert diary.carrier.lines == {"line1": at("2026-12-30 00:00")}


async def test_a_request_lost_on_its_way_to_the_carrier_is_sent_again_and_not_paid_again(
    begin: Begin,
) -> None:
    diary = begin()
    diary.subscribe()
    diary.carrier.script.append("request lost")
    extending = ("charge.succeeded", "extend.attempted 1", "extend.unknown timeout, again 2026-11-23 13:40")
    await diary.on("2026-11-23 13:30", *FIRST, *extending)
    await diary.on("2026-11-23 13:40", "extend.lookup 1", "extend.absent, again 2026-11-23 13:50")
    await diary.on("2026-11-23 13:50", "extend.lookup 1", "extend.absent", *EXTENDED, THANKS)
    assert list(diary.gateway.paid) == [THE_KEY]


async def test_a_charge_in_doubt_keeps_its_old_price_when_it_is_sent_again(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "request lost")
    await diary.on("2026-11-23 13:30", *FIRST, LOST)
    await diary.quiet_until("2026-11-23 13:35")
    diary.engine.policy = policy({"price": "75.00 USD"})
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.absent, again 2026-11-23 13:50")
    await diary.on("2026-11-23 13:50", "charge.lookup 1", "charge.absent", *paid(1, "70.00 USD on pm_visa"))


async def test_a_clock_set_back_while_in_doubt_only_lengthens_the_wait(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "request lost")
    await diary.on("2026-11-23 13:30", *FIRST, LOST)
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.absent, again 2026-11-23 13:50")
    diary.clock.instant = at("2026-11-23 09:00")
    await diary.on("2026-11-23 13:50", "charge.lookup 1", "charge.absent", *paid(1))
    assert list(diary.gateway.paid) == [THE_KEY]


async def test_frozen_between_the_writing_and_the_sending_it_sends_nothing_and_looks_it_up(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = begin()
    diary.subscribe()
    diary.engine.concurrency = 2  # with one of two slots filled, the tick has all that is due
    commit = diary.store.commit

    async def freezing(change: Change) -> bool:
        monkeypatch.undo()
        written = await commit(change)
        diary.clock.instant = at("2026-11-23 13:50")
        return written

    monkeypatch.setattr(diary.store, "commit", freezing)
    await diary.on("2026-11-23 13:30", *FIRST)
    assert diary.gateway.answered == {}
    await diary.on("2026-11-23 13:50", "charge.lookup 1", "charge.absent, again 2026-11-23 14:00")
    await diary.on("2026-11-23 14:00", "charge.lookup 1", "charge.absent", *paid(1))


async def test_a_gateway_that_was_taken_out_is_asked_once_it_is_back(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "reply lost")
    await diary.on("2026-11-23 13:30", *FIRST, LOST)
    await diary.restart()
    diary.engine.gateways = {}
    gone = f"gateway stripe is not configured, and charge 1 of {THE_KEY[:21]} may have been made there"
    await diary.on(
        "2026-11-23 13:40",
        f"renewal.held operator, again 2026-11-23 14:40: {gone}",
        f"letter to the operator: sub1 is held: {gone}",
    )
    await diary.quiet_until("2026-12-09 08:00")
    await diary.restart()
    await diary.on("2026-12-09 08:40", "charge.lookup 1", "charge.succeeded", *EXTENDED, THANKS)
    assert diary.gateway.taken == [THE_KEY]
