"""Lives in which a bank says no: softly, and the ladder is climbed; or for good, and another card is waited for."""

from renewd.renewal.command import Verb
from renewd.renewal.outcome import Done
from tests.renewal.building import policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import DECLINED_LETTER, Diary, asked_first, of, paid

NO_FUNDS = "charge.declined insufficient_funds"
ASKED = "letter to the customer: Action needed to renew US 70"
LAPSED = "letter to the customer: US 70 was not renewed"


def tried(number: int, again: str) -> tuple[str, ...]:
    return f"charge.attempted {number}, 70.00 USD on pm_visa", f"{NO_FUNDS}, again {again}"


async def climb(diary: Diary) -> None:
    """Live through the four rungs of the default ladder."""
    first = tried(1, "2026-11-24 17:47")
    await diary.on("2026-11-23 13:30", "renewal.opened", *first, DECLINED_LETTER)
    await diary.on("2026-11-24 17:47", *tried(2, "2026-11-25 17:47"))
    await diary.on("2026-11-25 17:47", *tried(3, "2026-11-27 17:47"))
    await diary.on("2026-11-27 17:47", *tried(4, "2026-11-29 17:47"))


async def test_soft_declines_up_the_whole_ladder_and_paid_on_the_last_rung(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", *["insufficient_funds"] * 4)
    await climb(diary)
    await diary.on("2026-11-29 17:47", *paid(5))
    assert diary.expiry() == "2026-12-30 00:00"
    await diary.quiet_until("2026-12-23 00:00")


async def test_a_ladder_climbed_in_vain_and_the_backup_card_pays(begin: Begin) -> None:
    diary = begin()
    diary.subscribe(cards=("pm_visa", "pm_amex"))
    diary.gateway.will("pm_visa", *["insufficient_funds"] * 5)
    await climb(diary)
    last = ("charge.attempted 5, 70.00 USD on pm_visa", NO_FUNDS)
    await diary.on("2026-11-29 17:47", *last, *paid(6, "70.00 USD on pm_amex"))
    await diary.quiet_until("2026-12-23 00:00")


async def test_a_ladder_climbed_in_vain_without_a_backup_lapses(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", *["insufficient_funds"] * 5)
    await climb(diary)
    await diary.on(
        "2026-11-29 17:47",
        *tried(5, "2026-12-03 00:00"),
        "renewal.held payment_method, again 2026-12-03 00:00: declined: insufficient_funds",
        ASKED,
    )
    await diary.on("2026-12-03 00:00", "renewal.lapsed: declined: insufficient_funds", LAPSED)
    assert diary.expiry() == "2026-11-30 00:00"
    await diary.quiet_until("2027-12-01 00:00")


async def lose_card(diary: Diary) -> None:
    """Live through the decline of a card that may never be tried again."""
    diary.gateway.will("pm_visa", "lost_card")
    await diary.on(
        "2026-11-23 13:30",
        "renewal.opened",
        "charge.attempted 1, 70.00 USD on pm_visa",
        "charge.declined lost_card, again 2026-12-03 00:00",
        "renewal.held payment_method, again 2026-12-03 00:00: declined: lost_card",
        ASKED,
    )


async def test_a_lost_card_is_waited_for_and_the_new_one_pays(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await lose_card(diary)
    await diary.quiet_until("2026-11-27 10:00")
    diary.subscribe(cards=("pm_visa", "pm_new"))
    await diary.on("2026-11-27 10:00", *paid(2, "70.00 USD on pm_new"))
    await diary.on("2026-12-23 13:30", "renewal.opened", *paid(1, "70.00 USD on pm_new"))


async def test_a_card_that_comes_by_night_is_charged_by_day(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    await lose_card(diary)
    await diary.quiet_until("2026-11-27 22:00")
    diary.subscribe(cards=("pm_new",))
    await diary.on("2026-11-28 17:47", *paid(2, "70.00 USD on pm_new"))


async def test_a_lost_card_that_is_never_replaced_lapses_at_the_end_of_grace_with_two_letters(
    begin: Begin,
) -> None:
    diary = begin()
    diary.subscribe()
    await lose_card(diary)
    await diary.on("2026-12-03 00:00", "renewal.lapsed: declined: lost_card", LAPSED)
    await diary.quiet_until("2027-12-01 00:00")
    assert [letter.recipient for letter in diary.mailbox.letters] == ["ada@example.org"] * 2


async def test_a_payment_to_be_verified_is_held_and_tried_again_at_the_operators_word(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "authentication_required")
    await diary.on(
        "2026-11-23 13:30",
        "renewal.opened",
        "charge.attempted 1, 70.00 USD on pm_visa",
        "charge.action_required authentication_required, again 2026-12-03 00:00",
        "renewal.held verification, again 2026-12-03 00:00: "
        "the customer must verify the payment (authentication_required)",
        ASKED,
    )
    await diary.quiet_until("2026-11-24 10:00")
    diary.say(Verb.RETRY)
    await diary.on("2026-11-24 10:00", "operator.retried", *asked_first(2), *paid(2))


async def test_a_payment_that_the_customer_verified_later_is_found_and_not_made_again(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.gateway.will("pm_visa", "authentication_required")
    await diary.live(diary.clock.now().replace(day=23, hour=20))
    (key,) = diary.gateway.answered
    diary.gateway.answered[key] = Done("pi_verified")
    diary.say(Verb.RETRY)
    await diary.live(diary.clock.now())
    assert list(diary.gateway.answered) == [key]
    assert diary.expiry() == "2026-12-30 00:00"


async def test_two_lines_share_a_card_whose_budget_for_the_day_is_used_up(begin: Begin) -> None:
    diary = begin(policy=policy(card_limits={"declines_per_day": 1}))
    diary.subscribe("sub1", ends="2026-11-30 00:00")
    diary.subscribe("sub2", ends="2026-12-01 00:00")
    diary.gateway.will("pm_visa", "insufficient_funds")
    first = ("renewal.opened", *tried(1, "2026-11-24 17:47"), DECLINED_LETTER)
    await diary.on("2026-11-23 13:30", *of("sub1", first))
    await diary.on("2026-11-24 09:17", "sub2: renewal.opened")
    await diary.on("2026-11-24 13:30", *of("sub2", paid()))
    await diary.on("2026-11-24 17:47", *of("sub1", paid(2)))
    assert (diary.expiry("sub1"), diary.expiry("sub2")) == ("2026-12-30 00:00", "2027-01-01 00:00")
