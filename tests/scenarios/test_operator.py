"""Lives in which a person speaks: cancel, pause, another price, a renewal by hand, a halt."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from renewd.renewal.audit import Event
from renewd.renewal.command import Verb
from renewd.renewal.model import Case
from tests.renewal.building import at, policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import (
    DECLINED_LETTER,
    EXTENDED,
    RENEWED,
    THANKS,
    Diary,
    asked_first,
    paid,
)

FIRST = ("renewal.opened", "charge.attempted 1, 70.00 USD on pm_visa")
DEARER = policy({"price": "75.00 USD"})


async def decline(diary: Diary) -> None:
    """Live through a first, soft decline, until the next morning."""
    diary.gateway.will("pm_visa", "insufficient_funds")
    declined = "charge.declined insufficient_funds, again 2026-11-24 17:47"
    await diary.on("2026-11-23 13:30", *FIRST, declined, DECLINED_LETTER)
    await diary.quiet_until("2026-11-24 10:00")


def reviewed(reason: str) -> tuple[str, str]:
    return f"renewal.review: {reason}", f"letter to the operator: sub1 needs a look: {reason}"


@pytest.mark.parametrize(("verb", "past"), [(Verb.CANCEL, "canceled"), (Verb.PAUSE, "paused")])
async def test_a_charge_in_flight_ends_in_a_flag_and_in_no_extension(
    begin: Begin, verb: Verb, past: str
) -> None:
    diary = begin()
    diary.subscribe()

    async def speak() -> None:
        diary.say(verb)

    diary.gateway.meanwhile = speak
    await diary.on(
        "2026-11-23 13:30",
        *FIRST,
        f"operator.{past}, again 2026-11-23 13:40",
        "charge.succeeded",
        *reviewed(f"paid, but {past} before it was extended; refund or extend by hand"),
    )
    await diary.quiet_until("2027-12-01 00:00")
    assert diary.carrier.lines == {}


async def test_canceled_while_in_doubt_it_is_looked_up_first(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "reply lost")
    await diary.on("2026-11-23 13:30", *FIRST, "charge.unknown timeout, again 2026-11-23 13:40")
    await diary.quiet_until("2026-11-23 13:35")
    diary.say(Verb.CANCEL)
    await diary.on("2026-11-23 13:35", "operator.canceled, again 2026-11-23 13:40")
    flagged = reviewed("paid, but canceled before it was extended; refund or extend by hand")
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.succeeded", *flagged)


async def test_canceled_between_two_rungs_it_is_charged_no_more(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await decline(diary)
    diary.say(Verb.CANCEL)
    await diary.on("2026-11-24 10:00", "operator.canceled", "renewal.canceled: the subscription was canceled")
    await diary.quiet_until("2027-12-01 00:00")


async def test_canceled_before_it_is_due_nothing_is_opened(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.say(Verb.CANCEL)
    await diary.on("2026-11-01 00:00", "operator.canceled")
    await diary.quiet_until("2027-12-01 00:00")


async def test_paused_between_two_rungs_and_resumed_it_is_charged_at_once(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await decline(diary)
    diary.say(Verb.PAUSE)
    held = "renewal.held paused, again 2026-12-03 00:00: the subscription is paused"
    await diary.on("2026-11-24 10:00", "operator.paused", held)
    await diary.quiet_until("2026-11-26 10:00")
    diary.say(Verb.RESUME)
    await diary.on("2026-11-26 10:00", "operator.resumed", *paid(2))


async def test_paused_over_its_day_and_resumed_it_is_opened_late(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.say(Verb.PAUSE)
    await diary.on("2026-11-01 00:00", "operator.paused")
    await diary.quiet_until("2026-11-26 10:00")
    diary.say(Verb.RESUME)
    await diary.on("2026-11-26 10:00", "operator.resumed", *RENEWED)


async def test_a_price_that_changes_between_two_rungs_holds_for_the_next_attempt(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await decline(diary)
    diary.engine.policy = DEARER
    await diary.on("2026-11-24 17:47", *paid(2, "75.00 USD on pm_visa"))
    assert [str(amount) for amount in diary.gateway.paid.values()] == ["75.00 USD"]


async def test_renewed_by_hand_before_the_charge_it_is_skipped(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await decline(diary)
    diary.subscribe(ends="2026-12-30 00:00")
    skipped = "renewal.skipped: its expiry was changed by hand: this period is not ours to sell"
    await diary.on("2026-11-24 10:00", skipped)
    assert (diary.gateway.paid, diary.expiry()) == ({}, "2026-12-30 00:00")
    await diary.on("2026-12-23 13:30", *RENEWED)


async def test_renewed_by_hand_while_in_doubt_a_person_must_look(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "reply lost")
    await diary.on("2026-11-23 13:30", *FIRST, "charge.unknown timeout, again 2026-11-23 13:40")
    diary.subscribe(ends="2026-12-30 00:00")
    flagged = reviewed("paid, but its expiry was changed by hand meanwhile; refund or extend by hand")
    await diary.on("2026-11-23 13:40", "charge.lookup 1", "charge.succeeded", *flagged)
    assert diary.expiry() == "2026-12-30 00:00"


async def test_halted_over_its_day_and_unhalted_it_is_charged_at_once(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.halt()
    await diary.on("2026-11-01 00:00", "operator.halted: complaints")
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-23 13:30", "renewal.opened", held)
    await diary.quiet_until("2026-11-25 10:00")
    diary.unhalt()
    await diary.on("2026-11-25 10:00", "operator.unhalted", *paid())


async def test_halted_while_a_charge_is_in_flight_what_is_paid_is_extended(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()

    async def speak() -> None:
        diary.halt()

    diary.gateway.meanwhile = speak
    halted = (*FIRST, "operator.halted: complaints", "charge.succeeded", *EXTENDED, THANKS)
    await diary.on("2026-11-23 13:30", *halted)


async def test_halted_between_two_rungs_and_unhalted_after_expiry_it_is_still_charged(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await decline(diary)
    diary.halt()
    await diary.on("2026-11-24 10:00", "operator.halted: complaints")
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-24 17:47", held)
    await diary.quiet_until("2026-12-01 10:00")
    diary.unhalt()
    await diary.on("2026-12-01 10:00", "operator.unhalted", *paid(2))


@pytest.mark.parametrize(
    ("word", "consequences"),
    [
        (
            "halt",
            [
                "operator.halted: complaints",
                "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator",
            ],
        ),
        ("cancel", ["operator.canceled", "renewal.canceled: the subscription was canceled"]),
        (
            "pause",
            ["operator.paused", "renewal.held paused, again 2026-12-03 00:00: the subscription is paused"],
        ),
    ],
)
async def test_a_word_between_the_reading_and_the_writing_stops_the_charge(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, word: str, consequences: list[str]
) -> None:
    diary = begin()
    diary.subscribe()
    claim = diary.store.claim

    async def interrupted(now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        monkeypatch.undo()
        claimed = await claim(now, limit)
        diary.halt() if word == "halt" else diary.say(Verb(word))
        return claimed

    monkeypatch.setattr(diary.store, "claim", interrupted)
    await diary.on("2026-11-23 13:30", "renewal.opened", *consequences)
    assert diary.gateway.answered == {}


async def test_skipped_ahead_of_its_time_and_retried_it_is_charged_in_its_time(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.say(Verb.SKIP)
    diary.say(Verb.RETRY)
    await diary.on("2026-11-01 00:00", "operator.skipped", "operator.retried, again 2026-11-23 13:30")
    await diary.on("2026-11-23 13:30", *asked_first(), *paid())


async def test_skipped_when_it_was_due_and_retried_it_is_charged_at_once(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds")
    await diary.live(at("2026-11-23 14:00"))
    diary.say(Verb.SKIP)
    diary.say(Verb.RETRY)
    await diary.live(at("2026-11-23 14:01"))
    assert diary.expiry() == "2026-12-30 00:00"
