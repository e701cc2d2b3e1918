"""What a renewal needs next: one row for each situation, and what stands before what when several hold at once."""

from dataclasses import replace

import pytest

from renewd.renewal.decide import next_step
from renewd.renewal.model import AttemptState, Case, HoldReason, Stage, SubscriptionState, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.step import Charge, CheckFirst, Close, Extend, Hold, Rest, Settle, Step, Wait
from tests.renewal.building import (
    AMEX,
    DAY,
    GRACE_ENDS,
    HOUR,
    LATER,
    MINUTE,
    NOON,
    PERIOD_END,
    VISA,
    begun,
    case,
    charged,
    moment,
    policy,
    resting,
    seat,
)

SENT = open_attempt(begun(case(), Charge(VISA), moment()))
CANCELED, PAUSED = SubscriptionState.CANCELED, SubscriptionState.PAUSED
DEAR = policy({"price": "501.00 USD"})
EUROS = policy({"price": "70.00 EUR"})
BRAKED = Hold(HoldReason.BRAKE, LATER, "brake.max_charges_per_hour is reached")
NO_EMAIL = Hold(HoldReason.CONTACT, GRACE_ENDS, "the customer has no e-mail address to be told at")
HALTED = Hold(HoldReason.HALTED, GRACE_ENDS, "all charging is halted by the operator")

Row = tuple[Case, Moment, Step]

ENDS: dict[str, Row] = {
    f"{stage} is an end": (case(stage=stage), moment(), Rest())
    for stage in (Stage.EXTENDED, Stage.LAPSED, Stage.REVIEW, Stage.SKIPPED, Stage.CANCELED)
} | {
    "nothing to look at is an end": (case(next_at=None), moment(), Rest()),
    "before its time it waits": (case(next_at=LATER), moment(), Wait(LATER)),
    "at its very instant it is charged": (case(next_at=NOON), moment(), Charge(VISA)),
}

CHARGES: dict[str, Row] = {
    "due, with a card and in the window": (case(), moment(), Charge(VISA)),
    "an hour before the grace period ends": (
        case(),
        moment("2026-12-02 17:00"),
        Charge(VISA),
    ),
    "paid: extended at once": (charged(), moment(), Extend()),
    "paid: extended by night as well": (charged(), moment("2026-11-24 03:00"), Extend()),
    "paid: extended although charging is halted": (charged(halted=True), moment(), Extend()),
    "paid: extended although the gateway does not answer": (charged(), moment(gateway_until=LATER), Extend()),
    "paid: extended although the brake is on": (charged(), moment(brake_until=NOON + 3 * MINUTE), Extend()),
    "paid: extended although the customer cannot be told": (charged(email=""), moment(), Extend()),
    "paid: extended weeks after the grace period": (charged(), moment("2027-02-01 12:00"), Extend()),
    "paid: extended although the subscription has lapsed meanwhile": (
        charged(state=SubscriptionState.LAPSED),
        moment(),
        Extend(),
    ),
}

DOUBTS: dict[str, Row] = {
    "what may have been charged before is looked up first": (
        case(check_first=True),
        moment(),
        CheckFirst(VISA),
    ),
    "with the method that would be charged": (
        case(check_first=True, methods=(AMEX, VISA), spent=("pm_visa",)),
        moment(),
        CheckFirst(AMEX),
    ),
    "once its card is free": (
        case(check_first=True, busy=("visa",)),
        moment(),
        Wait(NOON + MINUTE),
    ),
    "not by night": (
        case(check_first=True),
        moment("2026-11-24 03:00"),
        Wait(seat("2026-11-24"), HoldReason.WINDOW),
    ),
    "not while charging is halted": (case(check_first=True, halted=True), moment(), HALTED),
    "not while the gateway does not answer": (
        case(check_first=True),
        moment(gateway_until=LATER),
        resting("gateway"),
    ),
    "not without a card": (
        case(check_first=True, methods=()),
        moment(),
        Hold(HoldReason.PAYMENT_METHOD, GRACE_ENDS, "no payment method is left to try"),
    ),
    "an attempt that was made is looked up as any other": (
        case(check_first=True, attempt=SENT),
        moment(),
        Settle(),
    ),
    "one that was not sent is looked up before it is": (
        case(check_first=True, attempt=replace(SENT, state=AttemptState.UNSENT)),
        moment(),
        CheckFirst(VISA),
    ),
    "paid it is extended without a look": (charged(check_first=True), moment(), Extend()),
}

BARS: dict[str, Row] = {
    "canceled": (case(state=CANCELED), moment(), Close(Stage.CANCELED, "the subscription was canceled")),
    "renewed by hand": (
        case(current_period_end=PERIOD_END),
        moment(),
        Close(Stage.SKIPPED, "its expiry was changed by hand: this period is not ours to sell"),
    ),
    "the whole period is over": (
        case(due_at=PERIOD_END - DAY),
        moment(PERIOD_END),
        Close(Stage.LAPSED, "the whole period passed unpaid"),
    ),
    "unpaid at the end of the grace period": (
        case(due_at=GRACE_ENDS),
        moment(GRACE_ENDS),
        Close(Stage.LAPSED, "unpaid at the end of the grace period"),
    ),
    "unpaid for a known reason at the end of the grace period": (
        case(due_at=GRACE_ENDS, reason="declined: lost_card", hold=HoldReason.PAYMENT_METHOD),
        moment(GRACE_ENDS),
        Close(Stage.LAPSED, "declined: lost_card"),
    ),
    "halted": (case(halted=True), moment(), HALTED),
    "halted past the grace period": (
        case(halted=True),
        moment("2026-12-05 12:00"),
        Hold(HoldReason.HALTED, PERIOD_END, "all charging is halted by the operator"),
    ),
    "paused": (
        case(state=PAUSED),
        moment(),
        Hold(HoldReason.PAUSED, GRACE_ENDS, "the subscription is paused"),
    ),
    "without an e-mail address": (case(email=""), moment(), NO_EMAIL),
    "dearer than the brake allows": (
        case(),
        moment(policy=DEAR),
        Hold(HoldReason.APPROVAL, GRACE_ENDS, "501.00 USD is above brake.max_amount (500.00 USD)"),
    ),
    "just as dear as the brake allows": (
        case(),
        moment(policy=policy({"price": "500.00 USD"})),
        Charge(VISA),
    ),
    "in another currency than the brake's": (
        case(),
        moment(policy=EUROS),
        Hold(HoldReason.APPROVAL, GRACE_ENDS, "70.00 EUR is above brake.max_amount (500.00 USD)"),
    ),
    "the gateway does not answer": (case(), moment(gateway_until=LATER), resting("gateway")),
    "the carrier does not answer, so nobody pays": (case(), moment(carrier_until=LATER), resting("carrier")),
    "the gateway answers again": (case(), moment(gateway_until=NOON), Charge(VISA)),
    "the brake is on": (case(), moment(brake_until=NOON + 3 * MINUTE), BRAKED),
    "the brake is off again": (case(), moment(brake_until=NOON), Charge(VISA)),
    "the plan is unknown": (
        case(plan="gone"),
        moment(),
        Hold(HoldReason.OPERATOR, NOON + HOUR, "plan gone is not in the catalogue"),
    ),
    "paid, but canceled": (
        charged(state=CANCELED),
        moment(),
        Close(Stage.REVIEW, "paid, but canceled before it was extended; refund or extend by hand"),
    ),
    "paid, but paused": (
        charged(state=PAUSED),
        moment(),
        Close(Stage.REVIEW, "paid, but paused before it was extended; refund or extend by hand"),
    ),
    "paid, but renewed by hand as well": (
        charged(current_period_end=PERIOD_END),
        moment(),
        Close(Stage.REVIEW, "paid, but its expiry was changed by hand meanwhile; refund or extend by hand"),
    ),
    "paid, and the carrier does not answer": (charged(), moment(carrier_until=LATER), resting("carrier")),
}

# Each bar stands before the ones below it: a case to which two apply gets the upper one.
ORDER: dict[str, Row] = {
    "an unknown plan before a cancel": (
        case(plan="gone", state=CANCELED),
        moment(),
        Hold(HoldReason.OPERATOR, NOON + HOUR, "plan gone is not in the catalogue"),
    ),
    "a cancel before a renewal by hand": (
        case(state=CANCELED, current_period_end=PERIOD_END),
        moment(),
        Close(Stage.CANCELED, "the subscription was canceled"),
    ),
    "a renewal by hand before a lapse": (
        case(current_period_end=PERIOD_END, due_at=GRACE_ENDS),
        moment(GRACE_ENDS),
        Close(Stage.SKIPPED, "its expiry was changed by hand: this period is not ours to sell"),
    ),
    "a lapse before a halt": (
        case(halted=True, due_at=GRACE_ENDS),
        moment(GRACE_ENDS),
        Close(Stage.LAPSED, "unpaid at the end of the grace period"),
    ),
    "a halt before a pause": (case(halted=True, state=PAUSED), moment(), HALTED),
    "a pause before a missing address": (
        case(state=PAUSED, email=""),
        moment(),
        Hold(HoldReason.PAUSED, GRACE_ENDS, "the subscription is paused"),
    ),
    "a missing address before an approval": (case(email=""), moment(policy=DEAR), NO_EMAIL),
    "an approval before the window": (
        case(),
        moment("2026-11-24 03:00", policy=DEAR),
        Hold(HoldReason.APPROVAL, GRACE_ENDS, "501.00 USD is above brake.max_amount (500.00 USD)"),
    ),
    "the gateway before the carrier": (
        case(),
        moment(gateway_until=LATER, carrier_until=NOON + HOUR),
        resting("gateway"),
    ),
    "a provider before the brake": (
        case(),
        moment(carrier_until=LATER, brake_until=NOON + HOUR),
        resting("carrier"),
    ),
    "the brake before a missing card": (case(methods=()), moment(brake_until=NOON + 3 * MINUTE), BRAKED),
}


@pytest.mark.parametrize(
    ("situation", "moment", "expected"),
    (ENDS | CHARGES | DOUBTS | BARS | ORDER).values(),
    ids=ENDS | CHARGES | DOUBTS | BARS | ORDER,
)
def test_a_situation_has_one_next_step(situation: Case, moment: Moment, expected: Step) -> None:
    assert next_step(situation, moment) == expected
