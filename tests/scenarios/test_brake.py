"""A life of many lines that are due at once: the brake lets so many through in an hour, and a person is told."""

from tests.renewal.building import at, policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import THANKS, of, paid

HELD = "renewal.held brake, again 2026-11-23 11:00: brake.max_charges_per_hour is reached"
TOLD = "letter to the operator: Renewals are held: brake.max_charges_per_hour is reached"
EXTENDED = paid()[:-1]
OLDEST_FIRST = ("sub42", "sub64", "sub52", "sub16", "sub24")  # all due in one hour of a morning


async def test_the_brake_holds_what_is_too_much_and_lets_it_go_hour_by_hour_the_oldest_first(
    begin: Begin,
) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 2}))
    for name in sorted(OLDEST_FIRST):
        diary.subscribe(name)
    diary.clock.instant = at("2026-11-23 09:58")
    await diary.on(
        "2026-11-23 09:58",
        *(f"{name}: renewal.opened" for name in OLDEST_FIRST),
        *of("sub42", EXTENDED),
        *of("sub64", EXTENDED),
        *(f"{name}: {HELD}" for name in OLDEST_FIRST[2:]),
        *(f"sub42: {THANKS}", f"sub64: {THANKS}", f"sub52: {TOLD}"),
    )
    thanks = (f"sub52: {THANKS}", f"sub16: {THANKS}")
    await diary.on("2026-11-23 11:00", *of("sub52", EXTENDED), *of("sub16", EXTENDED), *thanks)
    await diary.on("2026-11-23 12:00", *of("sub24", paid()))
    await diary.quiet_until("2026-12-23 00:00")


async def test_the_brake_remembers_the_charges_of_before_a_restart(begin: Begin) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 2}))
    for name in OLDEST_FIRST[:3]:
        diary.subscribe(name)
    await diary.sleep_until("2026-11-23 09:58")
    await diary.live()
    assert len(diary.gateway.paid) == 2
    await diary.restart()
    assert diary.engine.brake.until(diary.clock.now(), 2) is not None
    await diary.live()
    assert len(diary.gateway.paid) == 2
