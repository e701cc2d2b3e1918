"""Lives in which everything goes well: from year to year, through short months and clock changes."""

from tests.renewal.building import policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import DECLINED_LETTER, RENEWED, paid

NO_FUNDS = "charge.declined insufficient_funds, again"


async def test_a_year_of_months_from_31_january_through_a_leap_february(begin: Begin) -> None:
    diary = begin(begins="2028-01-01 00:00")
    diary.subscribe(ends="2028-01-31 00:00")
    ends = []
    for day in (
        *("2028-01-24", "2028-02-22", "2028-03-24", "2028-04-23", "2028-05-24", "2028-06-23"),
        *("2028-07-24", "2028-08-24", "2028-09-23", "2028-10-24", "2028-11-23", "2028-12-24"),
    ):
        await diary.on(f"{day} 13:30", *RENEWED)
        ends.append(diary.expiry()[:10])
    assert ends == [
        *("2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30", "2028-07-31"),
        *("2028-08-31", "2028-09-30", "2028-10-31", "2028-11-30", "2028-12-31", "2029-01-31"),
    ]
    await diary.quiet_until("2029-01-01 00:00")
    assert len(diary.gateway.paid) == len(diary.mailbox.letters) == 12


async def test_thirty_days_are_renewed_every_thirty_days(begin: Begin) -> None:
    diary = begin(policy=policy({"period": "30d"}))
    diary.subscribe(ends="2026-11-30 00:00")
    await diary.on("2026-11-23 13:30", *RENEWED)
    await diary.on("2026-12-23 13:30", *RENEWED)
    await diary.on("2027-01-22 13:30", *RENEWED)
    assert diary.expiry() == "2027-02-28 00:00"


async def test_the_weekend_on_which_the_hour_of_the_window_is_skipped(begin: Begin) -> None:
    diary = begin(begins="2027-02-20 00:00", policy=policy(charge_window="02:15-02:45"))
    diary.subscribe(ends="2027-03-21 02:30")
    diary.gateway.will("pm_visa", "insufficient_funds")
    await diary.on(
        "2027-03-14 03:30",
        "renewal.opened",
        "charge.attempted 1, 70.00 USD on pm_visa",
        f"{NO_FUNDS} 2027-03-15 02:15",
        DECLINED_LETTER,
    )
    await diary.on("2027-03-15 02:15", *paid(2))
    assert diary.expiry() == "2027-04-21 02:30"


async def test_the_weekend_on_which_the_hour_of_the_window_comes_twice(begin: Begin) -> None:
    diary = begin(begins="2026-10-10 00:00", policy=policy(charge_window="01:00-02:00"))
    diary.subscribe(ends="2026-11-07 23:30")
    diary.gateway.will("pm_visa", "insufficient_funds")
    await diary.on(
        "2026-11-01 01:00-05:00",
        "renewal.opened",
        "charge.attempted 1, 70.00 USD on pm_visa",
        f"{NO_FUNDS} 2026-11-02 01:27",
        DECLINED_LETTER,
    )
    await diary.on("2026-11-02 01:27", *paid(2))
    await diary.on("2026-11-30 01:30", *RENEWED)
    assert diary.expiry() == "2027-01-07 23:30"


async def test_a_line_that_expires_in_the_skipped_hour_comes_back_to_its_time(begin: Begin) -> None:
    diary = begin(begins="2027-02-01 00:00")
    diary.subscribe(ends="2027-02-14 02:30")
    await diary.on("2027-02-07 13:30", *RENEWED)
    assert diary.expiry() == "2027-03-14 03:30"
    await diary.on("2027-03-07 13:30", *RENEWED)
    assert diary.expiry() == "2027-04-14 02:30"
