"""Lives that come into review, and that a person settles at the carrier or at the gateway."""

import pytest

from renewd.renewal.command import Verb
from renewd.renewal.money import Money
from renewd.renewal.standing import RefusedError
from tests.renewal.building import PRICE
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import RENEWED, Diary

FIRST = ("renewal.opened", "charge.attempted 1, 70.00 USD on pm_visa")
REFUSED = "paid, but the carrier refuses: line_terminated"
TERMINATED = ("charge.succeeded", "extend.attempted 1", "extend.declined line_terminated")


def reviewed(reason: str, code: str = "") -> tuple[str, str]:
    return f"renewal.review{code}: {reason}", f"letter to the operator: sub1 needs a look: {reason}"


def counted(diary: Diary) -> tuple[int, tuple[Money, ...]]:
    """How many are in review, and what was taken in the last 30 days."""
    status = diary.books.status(diary.clock.now())
    return status.stages.get("review", 0), status.paid_30_days


async def refuse(diary: Diary) -> None:
    """Live through a payment whose extension the carrier refuses, until the next morning."""
    diary.subscribe()
    diary.carrier.script.append("line_terminated")
    await diary.on("2026-11-23 13:30", *FIRST, *TERMINATED, *reviewed(REFUSED, " line_terminated"))
    assert counted(diary) == (1, ())
    await diary.quiet_until("2026-11-24 10:00")


async def test_extended_by_hand_it_renews_by_itself_from_there(begin: Begin) -> None:
    diary = begin()
    await refuse(diary)
    diary.say(Verb.SETTLE_EXTENDED)
    await diary.on("2026-11-24 10:00", "operator.settled extended")
    assert (counted(diary), diary.expiry()) == ((0, (PRICE,)), "2026-12-30 00:00")
    await diary.on("2026-12-23 13:30", *RENEWED)
    assert diary.expiry() == "2027-01-30 00:00"


async def test_extended_by_hand_and_imported_it_is_still_settled_once_the_next_is_renewed(
    begin: Begin,
) -> None:
    diary = begin()
    await refuse(diary)
    diary.subscribe(ends="2026-12-30 00:00")
    await diary.on("2026-12-23 13:30", *RENEWED)
    diary.say(Verb.SETTLE_EXTENDED)
    await diary.on("2026-12-23 13:30", "operator.settled extended")
    assert (counted(diary), diary.expiry()) == (
        (0, (Money(2 * PRICE.minor, PRICE.currency),)),
        "2027-01-30 00:00",
    )
    with pytest.raises(RefusedError):
        diary.say(Verb.SETTLE_EXTENDED)


async def test_refunded_that_period_is_never_charged_again(begin: Begin) -> None:
    diary = begin()
    await refuse(diary)
    diary.say(Verb.SETTLE_REFUNDED)
    await diary.on("2026-11-24 10:00", "operator.settled refunded")
    diary.subscribe(cards=("pm_visa", "pm_amex"))
    for verb in (Verb.RETRY, Verb.SKIP, Verb.SETTLE_UNPAID):
        with pytest.raises(RefusedError):
            diary.say(verb)
    diary.halt()
    diary.unhalt()
    diary.say(Verb.PAUSE)
    diary.say(Verb.RESUME)
    said = ("halted: complaints", "unhalted", "paused", "resumed")
    await diary.on("2026-11-24 10:00", *(f"operator.{each}" for each in said))
    await diary.restart()
    await diary.quiet_until("2026-12-15 10:00")
    assert (counted(diary), diary.expiry()) == ((0, ()), "2026-11-30 00:00")
    assert len(diary.gateway.taken) == 1
    diary.subscribe(ends="2026-12-30 00:00")
    await diary.on("2026-12-23 13:30", *RENEWED)


async def test_canceled_while_it_was_paid_and_refunded_nothing_is_charged_any_more(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()

    async def speak() -> None:
        diary.say(Verb.CANCEL)

    diary.gateway.meanwhile = speak
    flagged = reviewed("paid, but canceled before it was extended; refund or extend by hand")
    canceled = (*FIRST, "operator.canceled, again 2026-11-23 13:40", "charge.succeeded", *flagged)
    await diary.on("2026-11-23 13:30", *canceled)
    diary.say(Verb.SETTLE_REFUNDED)
    await diary.on("2026-11-23 13:30", "operator.settled refunded")
    await diary.quiet_until("2027-12-01 00:00")
    assert (counted(diary), len(diary.gateway.taken), diary.carrier.lines) == ((0, ()), 1, {})


async def test_processing_for_days_and_never_paid_it_is_tried_again_only_on_demand(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "processing")
    await diary.live(diary.clock.now())
    await diary.sleep_until("2026-11-23 13:30")
    while counted(diary)[0] == 0:
        await diary.live((await diary.store.next_due()) or diary.clock.now())
    diary._news()
    when = diary._minute(diary.clock.now())
    diary.say(Verb.SETTLE_UNPAID)
    await diary.on(when, "operator.settled unpaid")
    await diary.quiet_until("2026-12-10 00:00")
    assert counted(diary) == (0, ())
    status = diary.books.status(diary.clock.now())
    assert (status.in_doubt, status.stages["skipped"]) == (0, 1)
