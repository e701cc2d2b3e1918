"""Lives in which the database is lost and an old copy put in its place: what was paid since is not charged again."""

import pytest

from renewd.renewal.command import Verb
from renewd.renewal.model import open_attempt
from renewd.renewal.step import Charge
from tests.renewal.building import HOUR, NOON, VISA, at, begun, case, moment
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import (
    DECLINED_LETTER,
    DOUBTED,
    EXTENDED,
    RENEWED,
    THANKS,
    Diary,
    asked_first,
    paid,
)

# A backup is a copy of the file; what it must bring about is the engine's, and the same on a server.
pytestmark = pytest.mark.parametrize("begin", ["sqlite"], indirect=True)
FIRST = ("renewal.opened", "charge.attempted 1, 70.00 USD on pm_visa")
HEAD = "sub1/20261130T050000Z/charge"
FUNDS = "charge.declined insufficient_funds, again"
FOUND = (DOUBTED, "charge.lookup 1", "charge.succeeded", *EXTENDED, THANKS)


async def paid_since_the_backup(begin: Begin) -> Diary:
    """A life in which the first payment is made half an hour after the backup is taken."""
    diary = begin()
    diary.subscribe()
    await diary.quiet_until("2026-11-23 13:00")
    diary.back_up()
    await diary.on("2026-11-23 13:30", *RENEWED)
    return diary


async def test_a_database_restored_from_a_three_day_old_backup_charges_nobody_twice(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.restore("2026-11-26 14:00")
    assert diary.expiry() == "2026-11-30 00:00"
    await diary.on("2026-11-26 14:00", "renewal.opened", *FOUND)
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")
    assert diary.carrier.lines == {"line1": at("2026-12-30 00:00")}
    await diary.quiet_until("2026-12-23 13:00")


async def test_halted_after_it_was_restored_and_unhalted_it_charges_nobody_twice(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.restore("2026-11-26 14:00")
    diary.halt()
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-26 14:00", "operator.halted: complaints", "renewal.opened", held)
    await diary.quiet_until("2026-11-27 10:00")
    diary.unhalt()
    await diary.on("2026-11-27 10:00", "operator.unhalted", *FOUND)
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")


async def test_a_ladder_that_was_climbed_since_the_backup_is_not_climbed_again(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", *["insufficient_funds"] * 2)
    declined = (*FIRST, f"{FUNDS} 2026-11-24 17:47", DECLINED_LETTER)
    await diary.on("2026-11-23 13:30", *declined)
    diary.back_up()
    second = ("charge.attempted 2, 70.00 USD on pm_visa", f"{FUNDS} 2026-11-25 17:47")
    await diary.on("2026-11-24 17:47", *second)
    await diary.on("2026-11-25 17:47", *paid(3))
    await diary.restore("2026-11-28 10:00")
    found = (DOUBTED, "charge.lookup 2", "charge.succeeded", *EXTENDED, THANKS)
    await diary.on("2026-11-28 10:00", *found)
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/3"], "2026-12-30 00:00")
    await diary.quiet_until("2026-12-23 13:00")


async def test_a_charge_that_could_not_be_sent_before_the_backup_is_looked_up_after_it(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await diary.quiet_until("2026-11-23 13:00")
    diary.gateway.down_until = at("2026-11-23 13:31")
    await diary.on("2026-11-23 13:30", *FIRST, "charge.unreached connection refused, again 2026-11-23 13:31")
    diary.back_up()
    await diary.on("2026-11-23 13:31", *paid())
    await diary.restore("2026-11-26 14:00")
    await diary.on("2026-11-26 14:00", *FOUND)
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")


async def test_what_was_not_paid_since_the_backup_is_looked_up_and_charged_once(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds")
    await diary.on("2026-11-23 13:30", *FIRST, f"{FUNDS} 2026-11-24 17:47", DECLINED_LETTER)
    diary.back_up()
    await diary.restore("2026-11-26 14:00")
    await diary.on("2026-11-26 14:00", *asked_first(2), *paid(2))
    assert diary.gateway.taken == [f"{HEAD}/2"]


async def test_a_charge_that_waits_for_the_day_after_the_restore_is_looked_up_then(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.restore("2026-11-24 00:30")
    await diary.on("2026-11-24 00:30", "renewal.opened")
    await diary.on("2026-11-24 17:47", *FOUND)
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")


async def test_a_charge_that_is_halted_for_days_after_the_restore_is_looked_up_then(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.restore("2026-11-23 14:00")
    diary.halt()
    await diary.live(at("2026-11-25 10:00"))
    diary.unhalt()
    await diary.live(at("2026-11-27 00:00"))
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")


async def test_a_charge_that_is_paused_after_the_restore_is_looked_up_when_it_goes_on(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.restore("2026-11-23 14:00")
    diary.halt()
    await diary.live(at("2026-11-23 14:01"))
    diary.say(Verb.PAUSE)
    diary.unhalt()
    await diary.live(at("2026-11-25 10:00"))
    diary.say(Verb.RESUME)
    await diary.live(at("2026-11-27 00:00"))
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/1"], "2026-12-30 00:00")


async def test_a_rung_that_is_a_day_away_when_the_backup_is_restored_is_looked_up(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "insufficient_funds")
    await diary.quiet_until("2026-11-23 13:00")
    diary.back_up()
    await diary.live(at("2026-11-24 18:00"))
    assert diary.gateway.taken == [f"{HEAD}/2"]
    await diary.restore("2026-11-24 18:10")
    await diary.live(at("2026-11-27 00:00"))
    assert (diary.gateway.taken, diary.expiry()) == ([f"{HEAD}/2"], "2026-12-30 00:00")


async def test_two_periods_that_were_paid_since_the_backup_are_both_found(begin: Begin) -> None:
    diary = await paid_since_the_backup(begin)
    await diary.on("2026-12-23 13:30", *RENEWED)
    await diary.restore("2026-12-27 12:00")
    await diary.on("2026-12-27 12:00", "renewal.opened", *FOUND)
    await diary.on("2026-12-28 12:00", "renewal.opened", *FOUND)
    assert (len(diary.gateway.taken), diary.expiry()) == (2, "2027-01-30 00:00")


async def test_an_absence_is_not_believed_for_longer_than_it_takes_to_send_again(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "request lost")
    await diary.live(at("2026-11-23 13:45"))
    diary.halt()
    await diary.live(at("2026-11-23 14:00"))
    await diary.live(at("2026-11-26 12:00"))
    diary._news()
    diary.unhalt()
    await diary.on("2026-11-26 12:00", "operator.unhalted", *asked_first(), *paid())


async def test_the_gateway_of_these_lives_forgets_a_key_after_a_day(begin: Begin) -> None:
    diary, attempt = begin(), open_attempt(begun(case(), Charge(VISA), moment()))
    for hours, taken in ((0, 1), (23, 1), (24, 2)):
        diary.clock.instant = NOON + hours * HOUR
        await diary.gateway.charge(attempt)
        assert diary.gateway.taken == [attempt.key] * taken
