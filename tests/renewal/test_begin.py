"""What is durable before a call: the attempt under its derived key, pinned; sent again it is the same to the byte."""

from dataclasses import replace

import pytest

from renewd.renewal.begin import new_charge, opened
from renewd.renewal.decline import DeclineClass
from renewd.renewal.fold import folded
from renewd.renewal.model import Attempt, AttemptState, Case, Leg, Stage, open_attempt
from renewd.renewal.outcome import (
    Absent,
    ActionRequired,
    Declined,
    Done,
    Finding,
    Mismatch,
    Pending,
    Unknown,
    Unreached,
)
from renewd.renewal.rest import rested
from renewd.renewal.step import Call, Charge, CheckFirst, Extend, Resend, Settle
from tests.renewal.building import (
    AMEX,
    EXPIRY,
    LATER,
    NOON,
    PERIOD_END,
    POLICY,
    PRICE,
    SETTLE_AFTER,
    VISA,
    begun,
    case,
    charged,
    moment,
    policy,
)

SENT = open_attempt(begun(case(), Charge(VISA), moment()))
UNSENT = replace(SENT, state=AttemptState.UNSENT, lookups=3, absences=2)
EXTENDING = open_attempt(begun(charged(), Extend(), moment()))


def test_a_charge_pins_everything_that_is_sent() -> None:
    assert (
        Attempt(
            renewal_id="sub1/20261130T050000Z",
            leg=Leg.CHARGE,
            number=1,
            provider="stripe",
            subscription_id="sub1",
            period_start=EXPIRY,
            policy_digest=POLICY.digest,
            sent_at=NOON,
            begun_at=NOON,
            amount=PRICE,
            method_id="visa",
            method_token="pm_visa",
            method_kind="card",
            gateway_customer="cus_ada",
            line="line1",
            plan="us70",
            extend_to=PERIOD_END,
        )
        == SENT
    )


def test_an_extension_pins_an_absolute_end_and_no_money() -> None:
    assert (
        replace(
            SENT,
            leg=Leg.EXTEND,
            provider="tello",
            amount=None,
            method_id="",
            method_token="",
            method_kind="",
            gateway_customer="",
        )
        == EXTENDING
    )


KEYS = {
    "the first charge": (case(), Charge(VISA), "sub1/20261130T050000Z/charge/1"),
    "the charge after two answers": (case(charges=2), Charge(VISA), "sub1/20261130T050000Z/charge/3"),
    "another method has no key of its own": (case(), Charge(AMEX), "sub1/20261130T050000Z/charge/1"),
    "the first extension": (charged(), Extend(), "sub1/20261130T050000Z/extend/1"),
    "the extension after an answer": (charged(extends=1), Extend(), "sub1/20261130T050000Z/extend/2"),
    "a charge sent again": (case(attempt=UNSENT), Resend(), "sub1/20261130T050000Z/charge/1"),
    "a look-up": (case(attempt=SENT), Settle(), "sub1/20261130T050000Z/charge/1"),
}


@pytest.mark.parametrize(("case", "step", "key"), KEYS.values(), ids=KEYS)
def test_a_key_is_derived_and_never_drawn(case: Case, step: Call, key: str) -> None:
    assert open_attempt(begun(case, step, moment())).key == key
    assert open_attempt(begun(case, step, moment("2026-12-01 12:00"))).key == key


NUMBERS: list[tuple[Finding, int]] = [
    (Done("pi_1"), 1),
    (Declined(DeclineClass.LATER, "insufficient_funds"), 1),
    (ActionRequired("authentication_required"), 1),
    (Pending("pi_1"), 0),
    (Unreached("connection refused"), 0),
    (Unknown("timeout"), 0),
    (Mismatch("another amount", "pi_1"), 0),
    (Absent(), 0),
]


@pytest.mark.parametrize(("answer", "counted"), NUMBERS, ids=lambda value: type(value).__name__)
def test_a_number_advances_only_after_a_definite_answer(answer: Finding, counted: int) -> None:
    charge = folded(begun(case(), Charge(VISA), moment()), Charge(VISA), answer, moment(), 0)
    extension = folded(begun(charged(), Extend(), moment()), Extend(), answer, moment(), 0)
    assert (charge.renewal.charges, charge.renewal.extends) == (counted, 0)
    assert (extension.renewal.charges, extension.renewal.extends) == (1, counted)


def test_a_restored_backup_derives_the_same_attempt() -> None:
    yesterday = case()
    first, again = (open_attempt(begun(yesterday, Charge(VISA), moment())) for _ in range(2))
    assert first == again


def test_sent_again_it_is_the_same_whatever_has_changed_meanwhile() -> None:
    changed = case(
        attempt=UNSENT, plan="us70", line="line2", methods=(AMEX,), gateway_customer="cus_new", charges=0
    )
    dearer = moment(LATER, policy=policy({"price": "75.00 USD"}, gateway="adyen"))
    resent = open_attempt(begun(changed, Resend(), dearer))
    assert resent == replace(SENT, sends=2, sent_at=LATER)


def test_a_look_up_counts_itself_and_changes_nothing_else() -> None:
    looked_up = open_attempt(begun(case(attempt=SENT), Settle(), moment(LATER)))
    assert looked_up == replace(SENT, lookups=1)


def test_what_was_doubted_and_found_nowhere_is_sent_for_the_first_time_and_is_the_same() -> None:
    doubted = rested(case(check_first=True), CheckFirst(VISA), moment()).after()
    found = folded(begun(doubted, Settle(), moment()), Settle(), Absent(), moment(), 0).after()
    assert (open_attempt(found).state, found.renewal.charges) == (AttemptState.UNSENT, 0)
    sent = open_attempt(begun(found, Resend(), moment(LATER)))
    assert sent == replace(SENT, sends=1, sent_at=LATER, outcome="absent")
    assert new_charge(case(), VISA, moment()) == SENT


def test_what_was_doubted_and_found_paid_is_never_sent() -> None:
    doubted = rested(case(check_first=True), CheckFirst(VISA), moment()).after()
    found = folded(begun(doubted, Settle(), moment()), Settle(), Done("pi_1"), moment(), 0)
    assert found.attempt == replace(
        SENT,
        state=AttemptState.DONE,
        sends=0,
        lookups=1,
        absences=1,
        outcome="done",
        reference="pi_1",
        closed_at=NOON,
    )
    assert (found.renewal.stage, found.renewal.paid, found.renewal.charges) == (Stage.CHARGED, PRICE, 1)


def test_a_new_attempt_takes_the_price_of_its_own_moment() -> None:
    dearer = moment(policy=policy({"price": "75.00 USD"}))
    attempt = open_attempt(begun(case(charges=1), Charge(VISA), dearer))
    assert (str(attempt.amount), attempt.policy_digest) == ("75.00 USD", dearer.policy.digest)
    assert dearer.policy.digest != POLICY.digest


OPENINGS = {
    "a charge": (case(), Charge(VISA), "charge.attempted", True),
    "a charge sent again": (case(attempt=UNSENT), Resend(), "charge.attempted", True),
    "a charge looked up": (case(attempt=SENT), Settle(), "charge.lookup", False),
    "an extension": (charged(), Extend(), "extend.attempted", False),
    "an extension sent again": (charged(attempt=EXTENDING), Resend(), "extend.attempted", False),
    "an extension looked up": (charged(attempt=EXTENDING), Settle(), "extend.lookup", False),
}


@pytest.mark.parametrize(("case", "step", "event", "refused_by_a_halt"), OPENINGS.values(), ids=OPENINGS)
def test_what_is_written_before_a_call(case: Case, step: Call, event: str, refused_by_a_halt: bool) -> None:
    change = opened(replace(case, lease=7), step, moment())
    assert [each.name for each in change.events] == [event]
    assert (change.before_call, change.starts_charge, change.goes_on) == (True, refused_by_a_halt, True)
    assert (change.renewal.next_at, change.renewal.hold) == (NOON + SETTLE_AFTER, None)
    assert (change.notices, change.subscription, change.blocked_method) == ((), None, "")
    assert (change.after().attempt, change.after().lease) == (change.attempt, 7)


def test_the_audit_row_of_a_charge_says_what_is_about_to_happen() -> None:
    event = opened(case(), Charge(VISA), moment()).events[0]
    assert (event.subscription, event.renewal, event.key) == ("sub1", "sub1/20261130T050000Z", SENT.key)
    assert (event.leg, event.attempt, event.method, event.amount) == ("charge", 1, "pm_visa", PRICE)
    assert (event.at, event.next_action, event.policy_digest) == (NOON, "answer", POLICY.digest)


def test_an_attempt_that_is_not_open_can_be_neither_resent_nor_looked_up() -> None:
    with pytest.raises(ValueError, match="sub1/20261130T050000Z has no open attempt"):
        opened(case(stage=Stage.DUE), Settle(), moment())
