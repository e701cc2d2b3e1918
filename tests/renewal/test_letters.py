"""The letters, word for word: to the customer in her own time, to the operator with all the facts."""

import pytest

from renewd.renewal import letters
from renewd.renewal.model import Case, HoldReason, Stage
from renewd.renewal.notice import Notice
from tests.renewal.building import GRACE_ENDS, NOON, PRICE, at, case, moment, policy


def renewed(case: Case) -> tuple[Notice, ...]:
    return letters.renewed(case, case.renewal, moment())


def declined(case: Case) -> tuple[Notice, ...]:
    return letters.declined(case, case.renewal, moment())


def held(case: Case) -> tuple[Notice, ...]:
    return letters.held(case, case.renewal, moment())


def closed(case: Case) -> tuple[Notice, ...]:
    return letters.closed(case, case.renewal, moment())


def the(notices: tuple[Notice, ...]) -> Notice:
    """The one letter of an occasion."""
    assert len(notices) == 1
    return notices[0]


TO_ADA = {
    "declined": (
        the(declined(case(charges=1, ladder_step=1, next_at=at("2026-11-23 18:00")))),
        "Your payment for US 70 did not go through",
        """Dear Ada Lovelace,

your bank did not approve the payment for US 70.
We will try again on 2026-11-23 18:00 -05:00. Your plan is good until 2026-11-30 00:00 -05:00.

You need not do anything, unless you wish to pay another way.
""",
    ),
    "payment_method": (
        the(held(case(charges=1, hold=HoldReason.PAYMENT_METHOD, next_at=GRACE_ENDS))),
        "Action needed to renew US 70",
        """Dear Ada Lovelace,

we could not renew US 70 with the payment method we have: please add another payment method.
Your plan is good until 2026-11-30 00:00 -05:00. We keep the renewal open until 2026-12-03 00:00 -05:00.
""",
    ),
    "verification": (
        the(held(case(charges=1, hold=HoldReason.VERIFICATION, next_at=GRACE_ENDS))),
        "Action needed to renew US 70",
        """Dear Ada Lovelace,

we could not renew US 70 with the payment method we have: please confirm the payment with your bank.
Your plan is good until 2026-11-30 00:00 -05:00. We keep the renewal open until 2026-12-03 00:00 -05:00.
""",
    ),
    "lapsed": (
        the(closed(case(charges=1, stage=Stage.LAPSED, next_at=None))),
        "US 70 was not renewed",
        """Dear Ada Lovelace,

we could not renew US 70 on line line1, which was good until 2026-11-30 00:00 -05:00.
Nothing was charged. You can buy a plan again at any time.
""",
    ),
}


@pytest.mark.parametrize("kind", TO_ADA)
def test_a_letter_to_the_customer_says_this(kind: str) -> None:
    letter, subject, body = TO_ADA[kind]
    assert letter == Notice(
        id=f"sub1/20261130T050000Z/{kind}/1",
        kind=letter.kind,
        subscription_id="sub1",
        recipient="ada@example.org",
        subject=subject,
        body=body,
        created_at=NOON,
        next_at=NOON,
    )
    assert letter.kind == kind


OPERATORS = """Subscription  sub1
Customer      ada
Line          line1
Renewal       sub1/20261130T050000Z
Paid          {}
Reason        {}

See: renewd show sub1
"""
TO_OPERATOR = {
    "review": (
        the(
            closed(case(charges=1, stage=Stage.REVIEW, paid=PRICE, reason="paid, but the carrier refuses: x"))
        ),
        "sub1 needs a look: paid, but the carrier refuses: x",
        OPERATORS.format("70.00 USD", "paid, but the carrier refuses: x"),
    ),
    "held": (
        the(held(case(charges=1, hold=HoldReason.APPROVAL, reason="501.00 USD is above it"))),
        "sub1 is held: 501.00 USD is above it",
        OPERATORS.format("nothing", "501.00 USD is above it"),
    ),
}


@pytest.mark.parametrize("kind", TO_OPERATOR)
def test_a_letter_to_the_operator_says_this(kind: str) -> None:
    letter, subject, body = TO_OPERATOR[kind]
    assert (letter.subject, letter.body) == (subject, body)
    assert (letter.kind, letter.recipient, letter.created_at) == (kind, "", NOON)


HOLDS = {
    HoldReason.PAYMENT_METHOD: "ada@example.org",
    HoldReason.VERIFICATION: "ada@example.org",
    HoldReason.CONTACT: "",
    HoldReason.APPROVAL: "",
    HoldReason.OPERATOR: "",
    HoldReason.PAUSED: None,
    HoldReason.HALTED: None,
    HoldReason.BRAKE: "",
    HoldReason.BREAKER: "",
    HoldReason.WINDOW: None,
}


@pytest.mark.parametrize("reason", HoldReason)
def test_a_hold_is_told_to_whoever_can_end_it(reason: HoldReason) -> None:
    told = held(case(hold=reason))
    assert [letter.recipient for letter in told] == ([] if HOLDS[reason] is None else [HOLDS[reason]])


@pytest.mark.parametrize("reason", [HoldReason.BRAKE, HoldReason.BREAKER])
def test_what_holds_many_renewals_is_told_once_an_hour(reason: HoldReason) -> None:
    here = case(hold=reason, reason="it is so")
    ids = [
        the(letters.held(here, here.renewal, moment(f"2026-11-23 {time}"))).id
        for time in ("12:01", "12:59", "13:00")
    ]
    assert ids == [f"{reason}/it is so/20261123T{hour}" for hour in (17, 17, 18)]
    assert the(held(here)).subject == "Renewals are held: it is so"


@pytest.mark.parametrize("stage", [Stage.EXTENDED, Stage.SKIPPED, Stage.CANCELED])
def test_an_end_that_nobody_need_act_on_makes_no_letter(stage: Stage) -> None:
    assert closed(case(stage=stage)) == ()


@pytest.mark.parametrize("step", [2, 3, 4])
def test_later_rungs_of_the_ladder_stay_quiet(step: int) -> None:
    assert declined(case(ladder_step=step)) == ()


def test_a_customer_without_an_address_gets_no_letter() -> None:
    assert renewed(case(email="", paid=PRICE)) == closed(case(email="", stage=Stage.LAPSED)) == ()


def test_one_occasion_has_one_id_and_the_next_answer_makes_another() -> None:
    first, same = (the(held(case(charges=1, hold=HoldReason.PAYMENT_METHOD))) for _ in range(2))
    later = the(held(case(charges=2, hold=HoldReason.PAYMENT_METHOD)))
    assert first.id == same.id == "sub1/20261130T050000Z/payment_method/1"
    assert later.id == "sub1/20261130T050000Z/payment_method/2"


@pytest.mark.parametrize("zone", ["Europe/Rome", "Asia/Kolkata"])
def test_a_letter_speaks_in_the_subscribers_own_time(zone: str) -> None:
    shown = {"Europe/Rome": "2026-11-30 06:00 +01:00", "Asia/Kolkata": "2026-11-30 10:30 +05:30"}
    assert shown[zone] in the(closed(case(zone=zone, stage=Stage.LAPSED))).body


def test_a_plan_without_a_title_goes_by_its_name() -> None:
    untitled = moment(policy=policy({"title": ""}))
    renewal = case(stage=Stage.LAPSED).renewal
    assert the(letters.closed(case(), renewal, untitled)).subject == "us70 was not renewed"


def test_no_letter_holds_a_payment_token() -> None:
    texts = [letter.body + letter.subject for letter, _, _ in (TO_ADA | TO_OPERATOR).values()]
    assert not [text for text in texts if "pm_" in text or "cus_" in text]
