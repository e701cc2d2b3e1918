"""A life of many lines that are due at once: the brake lets so many through in an hour, and a person is told."""

from tests.renewal.building import policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import THANKS, of, paid

HELD = "renewal.held brake, again 2026-11-24 11:00: brake.max_charges_per_hour is reached"
TOLD = "letter to the operator: Renewals are held: brake.max_charges_per_hour is reached"
EXTENDED = paid()[:-1]


async def test_the_brake_holds_what_is_too_much_and_lets_it_go_hour_by_hour_the_oldest_first(
    begin: Begin,
) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 2}))
    for number in range(5):
        diary.subscribe(f"sub{number}")
    await diary.sleep_until("2026-11-24 09:58")
    oldest_first = ("sub2", "sub4", "sub3", "sub1", "sub0")
    await diary.on(
        "2026-11-24 09:58",
        *(f"{name}: renewal.opened" for name in oldest_first),
        *of("sub2", EXTENDED),
        *of("sub4", EXTENDED),
        *(f"{name}: {HELD}" for name in oldest_first[2:]),
        *(f"sub2: {THANKS}", f"sub4: {THANKS}", f"sub3: {TOLD}"),
    )
    thanks = (f"sub3: {THANKS}", f"sub1: {THANKS}")
    await diary.on("2026-11-24 11:00", *of("sub3", EXTENDED), *of("sub1", EXTENDED), *thanks)
    await diary.on("2026-11-24 12:00", *of("sub0", paid()))
    await diary.quiet_until("2026-12-23 00:00")


async def test_the_brake_remembers_the_charges_of_before_a_restart(begin: Begin) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 2}))
    for number in range(3):
        diary.subscribe(f"sub{number}")
    await diary.sleep_until("2026-11-24 09:58")
    await diary.live()
    assert len(diary.gateway.paid) == 2
    await diary.restart()
    assert diary.engine.brake.until(diary.clock.now(), 2) is not None
    await diary.live()
    assert len(diary.gateway.paid) == 2
