"""Which payment method is charged, and at which hour."""

from dataclasses import replace
from datetime import datetime

import pytest

from renewd.renewal.decide import next_step
from renewd.renewal.model import Case, HoldReason, PaymentMethod, Stage
from renewd.renewal.moment import Moment
from renewd.renewal.step import Charge, Close, Hold, Step, Wait
from tests.renewal.building import (
    AMEX,
    DAY,
    GRACE_ENDS,
    HOUR,
    NOON,
    PERIOD_END,
    VISA,
    at,
    case,
    moment,
    seat,
)

NO_METHOD = "no payment method is left to try"

Row = tuple[Case, Moment, Step]

METHODS: dict[str, Row] = {
    "no method at all": (case(methods=()), moment(), Hold(HoldReason.PAYMENT_METHOD, GRACE_ENDS, NO_METHOD)),
    "no method, past the grace period": (
        case(methods=()),
        moment("2026-12-05 12:00"),
        Hold(HoldReason.PAYMENT_METHOD, PERIOD_END, NO_METHOD),
    ),
    "the lowest rank first, in whatever order they stand": (
        case(methods=(AMEX, VISA)),
        moment(),
        Charge(VISA),
    ),
    "of equal ranks the lower id": (
        case(methods=(VISA, replace(AMEX, rank=0))),
        moment(),
        Charge(replace(AMEX, rank=0)),
    ),
    "a spent method is passed over": (case(methods=(VISA, AMEX), spent=("pm_visa",)), moment(), Charge(AMEX)),
    "a blocked method is passed over": (
        case(methods=(replace(VISA, blocked=True), AMEX)),
        moment(),
        Charge(AMEX),
    ),
    "an expired card is passed over": (
        case(methods=(replace(VISA, expires="2026-10"), AMEX)),
        moment(),
        Charge(AMEX),
    ),
    "a card is good in its last month": (
        case(methods=(replace(VISA, expires="2026-11"),)),
        moment(),
        Charge(replace(VISA, expires="2026-11")),
    ),
    "every method spent": (
        case(methods=(VISA, AMEX), spent=("pm_visa", "pm_amex")),
        moment(),
        Hold(HoldReason.PAYMENT_METHOD, GRACE_ENDS, NO_METHOD),
    ),
    "every method blocked or expired": (
        case(methods=(replace(VISA, blocked=True), replace(AMEX, expires="2020-01"))),
        moment(),
        Hold(HoldReason.PAYMENT_METHOD, GRACE_ENDS, NO_METHOD),
    ),
}


def declined(method: PaymentMethod, times: int, last: datetime) -> tuple[tuple[str, datetime], ...]:
    return tuple((method.id, last - count * HOUR) for count in range(times))


BUDGETS: dict[str, Row] = {
    "one try left today": (case(declines=declined(VISA, 9, NOON - HOUR)), moment(), Charge(VISA)),
    "none left today, one on the next card": (
        case(methods=(VISA, AMEX), declines=declined(VISA, 10, NOON - HOUR)),
        moment(),
        Charge(AMEX),
    ),
    "none left today: when the first of ten is a day old": (
        case(declines=declined(VISA, 10, NOON - HOUR)),
        moment(),
        Wait(seat("2026-11-24"), HoldReason.WINDOW),
    ),
    "none left this month before the grace period ends": (
        case(declines=declined(VISA, 15, NOON - 11 * DAY)),
        moment(),
        Hold(HoldReason.PAYMENT_METHOD, GRACE_ENDS, NO_METHOD),
    ),
    "declines of another card do not count": (
        case(declines=declined(AMEX, 20, NOON)),
        moment(),
        Charge(VISA),
    ),
}

HOURS: dict[str, Row] = {
    "at night it waits for the day": (
        case(),
        moment("2026-11-24 03:00"),
        Wait(seat("2026-11-24"), HoldReason.WINDOW),
    ),
    "in the evening it waits for the next day": (
        case(),
        moment("2026-11-23 18:00"),
        Wait(seat("2026-11-24"), HoldReason.WINDOW),
    ),
    "on the last evening of grace it is charged at once": (case(), moment("2026-12-02 18:00"), Charge(VISA)),
    "caught up in the night after a long outage: by day": (
        case(opened_at=at("2026-12-20 03:00")),
        moment("2026-12-20 03:00"),
        Wait(seat("2026-12-20"), HoldReason.WINDOW),
    ),
    "caught up by day after a long outage: at once": (
        case(opened_at=at("2026-12-20 12:00")),
        moment("2026-12-20 12:00"),
        Charge(VISA),
    ),
    "kept from a try in time, it is still made after the grace period": (
        case(due_at=GRACE_ENDS - HOUR),
        moment("2026-12-10 12:00"),
        Charge(VISA),
    ),
    "opened late, it has its grace from then on": (
        case(opened_at=at("2026-12-20 12:00"), due_at=at("2026-12-22 12:00")),
        moment("2026-12-22 12:00"),
        Charge(VISA),
    ),
    "opened late, that grace ends too": (
        case(opened_at=at("2026-12-20 12:00"), due_at=at("2026-12-23 12:00")),
        moment("2026-12-23 12:00"),
        Close(Stage.LAPSED, "unpaid at the end of the grace period"),
    ),
}


@pytest.mark.parametrize(
    ("situation", "moment", "expected"), (METHODS | BUDGETS | HOURS).values(), ids=METHODS | BUDGETS | HOURS
)
def test_a_charge_has_its_method_and_its_hour(situation: Case, moment: Moment, expected: Step) -> None:
    assert next_step(situation, moment) == expected
