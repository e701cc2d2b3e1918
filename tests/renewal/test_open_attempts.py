"""What becomes of an attempt that is open: in doubt it is looked up before all else; unsent, it goes out again as it was."""

from dataclasses import replace

import pytest

from renewd.renewal.decide import next_step
from renewd.renewal.model import AttemptState, Case, HoldReason, Stage, SubscriptionState, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.step import Charge, Close, Extend, Hold, Resend, Settle, Step, Wait
from tests.renewal.building import (
    GRACE_ENDS,
    LATER,
    MINUTE,
    NOON,
    PERIOD_END,
    VISA,
    begun,
    case,
    charged,
    moment,
    resting,
    seat,
)

CANCELED, PAUSED = SubscriptionState.CANCELED, SubscriptionState.PAUSED
SENT = open_attempt(begun(case(), Charge(VISA), moment()))
EXTEND_SENT = open_attempt(begun(charged(), Extend(), moment()))
UNSENT = replace(SENT, state=AttemptState.UNSENT)
EXTEND_UNSENT = replace(EXTEND_SENT, state=AttemptState.UNSENT)

Row = tuple[Case, Moment, Step]

ATTEMPTS: dict[str, Row] = {
    "a charge in doubt is looked up": (case(attempt=SENT), moment(), Settle()),
    "a charge in doubt is looked up at night": (case(attempt=SENT), moment("2026-11-24 03:00"), Settle()),
    "a charge in doubt is looked up though canceled": (
        case(attempt=SENT, state=CANCELED),
        moment(),
        Settle(),
    ),
    "a charge in doubt is looked up though halted": (case(attempt=SENT, halted=True), moment(), Settle()),
    "a charge in doubt is looked up though lapsing": (
        case(attempt=SENT, due_at=GRACE_ENDS),
        moment(PERIOD_END),
        Settle(),
    ),
    "a charge in doubt is looked up though the brake is on": (
        case(attempt=SENT),
        moment(brake_until=NOON + 3 * MINUTE),
        Settle(),
    ),
    "a charge in doubt is looked up though the carrier is down": (
        case(attempt=SENT),
        moment(carrier_until=LATER),
        Settle(),
    ),
    "a charge in doubt waits for its gateway": (
        case(attempt=SENT),
        moment(gateway_until=LATER),
        resting("gateway"),
    ),
    "a charge that never arrived is sent again": (case(attempt=UNSENT), moment(), Resend()),
    "one that never arrived waits for the window": (
        case(attempt=UNSENT),
        moment("2026-11-24 03:00"),
        Wait(seat("2026-11-24"), HoldReason.WINDOW),
    ),
    "one that never arrived is not sent when canceled": (
        case(attempt=UNSENT, state=CANCELED),
        moment(),
        Close(Stage.CANCELED, "the subscription was canceled"),
    ),
    "one that never arrived is not sent when halted": (
        case(attempt=UNSENT, halted=True),
        moment(),
        Hold(HoldReason.HALTED, GRACE_ENDS, "all charging is halted by the operator"),
    ),
    "one that never arrived counts for the brake": (
        case(attempt=UNSENT),
        moment(brake_until=NOON + 3 * MINUTE),
        Hold(HoldReason.BRAKE, LATER, "brake.max_charges_per_hour is reached"),
    ),
    "an extension in doubt is looked up": (charged(attempt=EXTEND_SENT), moment(), Settle()),
    "an extension in doubt is looked up though canceled": (
        charged(attempt=EXTEND_SENT, state=CANCELED),
        moment(),
        Settle(),
    ),
    "an extension in doubt waits for its carrier": (
        charged(attempt=EXTEND_SENT),
        moment(carrier_until=LATER),
        resting("carrier"),
    ),
    "an extension in doubt does not wait for the gateway": (
        charged(attempt=EXTEND_SENT),
        moment(gateway_until=LATER),
        Settle(),
    ),
    "an extension that never arrived is sent again": (charged(attempt=EXTEND_UNSENT), moment(), Resend()),
    "one that never arrived is not sent when paused": (
        charged(attempt=EXTEND_UNSENT, state=PAUSED),
        moment(),
        Close(Stage.REVIEW, "paid, but paused before it was extended; refund or extend by hand"),
    ),
}


@pytest.mark.parametrize(("situation", "moment", "expected"), (ATTEMPTS).values(), ids=ATTEMPTS)
def test_an_open_attempt_comes_first(situation: Case, moment: Moment, expected: Step) -> None:
    assert next_step(situation, moment) == expected
