"""Lives in which something is late: it counts as overdue unless it only waits for its subscriber's charge window."""

from datetime import datetime

from renewd.renewal.model import HoldReason
from renewd.service.loop import POLICY_HOLDS
from tests.renewal.building import HOUR, at, policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import Diary, asked_first, paid

# The place of the renewal in any day's charge window.
SEAT = "17:47"


def overdue(diary: Diary) -> tuple[int, datetime | None]:
    """How many are overdue, and since when the first waits."""
    status = diary.books.status(diary.clock.now())
    return status.overdue, status.oldest_due


def holds(diary: Diary) -> dict[str, int]:
    return dict(diary.books.status(diary.clock.now()).holds)


async def import_late(diary: Diary) -> None:
    """Import, in the evening, a plan that should have been charged days ago; live on for an hour."""
    diary.subscribe()
    await diary.on("2026-11-26 22:00", "renewal.opened")
    await diary.quiet_until("2026-11-26 23:00")


async def test_imported_late_it_waits_for_the_window_and_is_not_overdue(begin: Begin) -> None:
    diary = begin(begins="2026-11-26 22:00")
    await import_late(diary)
    assert (overdue(diary), holds(diary)) == ((0, None), {HoldReason.WINDOW: 1})
    await diary.on(f"2026-11-27 {SEAT}", *asked_first(), *paid())
    assert holds(diary) == {}


async def test_it_is_overdue_when_its_window_has_opened_and_nobody_came(begin: Begin) -> None:
    diary = begin(begins="2026-11-26 22:00")
    await import_late(diary)
    diary.clock.instant = at("2026-11-27 20:00")
    assert overdue(diary) == (1, at(f"2026-11-27 {SEAT}:28"))


async def test_behind_a_provider_it_is_overdue_until_the_window_closes_and_from_the_next_one_on(
    begin: Begin,
) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.down_until = at("2026-12-01 00:00")
    await diary.live(at("2026-11-23 17:00"))
    assert overdue(diary) == (1, at("2026-11-23 13:30:13"))
    await diary.live(at("2026-11-23 23:00"))
    assert overdue(diary) == (0, None)
    await diary.live(at(f"2026-11-24 {SEAT}") + HOUR / 10)
    assert overdue(diary)[0] == 1


async def test_unhalted_at_night_it_waits_for_the_window_and_for_nobody(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.halt()
    await diary.live(at("2026-11-24 22:00"))
    assert holds(diary) == {HoldReason.HALTED: 1}
    diary.unhalt()
    await diary.live(at("2026-11-24 23:00"))
    assert (overdue(diary), holds(diary)) == ((0, None), {HoldReason.WINDOW: 1})


async def test_behind_the_brake_it_is_overdue(begin: Begin) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 1}))
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    diary.halt()
    await diary.live(at("2026-11-24 10:00"))
    diary.unhalt()
    await diary.live(at("2026-11-24 10:10"))
    assert (overdue(diary)[0], holds(diary)) == (1, {HoldReason.BRAKE: 1})


async def test_a_wider_window_lets_it_through_at_once(begin: Begin) -> None:
    diary = begin(begins="2026-11-26 22:00")
    await import_late(diary)
    diary.engine.policy = policy(charge_window="00:00-23:59")
    await diary.store.wake(POLICY_HOLDS, diary.clock.now())
    await diary.on("2026-11-26 23:00", *asked_first(), *paid())
