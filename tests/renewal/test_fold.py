"""What follows from each answer, on each leg, to each kind of call: one line of consequence for each."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from renewd.renewal.change import Change
from renewd.renewal.decline import DeclineClass
from renewd.renewal.fold import folded
from renewd.renewal.model import AttemptState, Case, HoldReason, Leg, Stage, SubscriptionState, open_attempt
from renewd.renewal.moment import Moment
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
from renewd.renewal.step import Call, Charge, Extend, Resend, Settle
from tests.renewal.building import (
    HOUR,
    MINUTE,
    PERIOD_END,
    PRICE,
    SETTLE_AFTER,
    VISA,
    begun,
    case,
    charged,
    moment,
)
from tests.renewal.telling import told

SENT = open_attempt(begun(case(), Charge(VISA), moment()))
EXTENDING = open_attempt(begun(charged(), Extend(), moment()))
UNSENT, UNEXTENDED = (replace(each, state=AttemptState.UNSENT) for each in (SENT, EXTENDING))

CALLS: dict[str, tuple[Case, Call]] = {
    "charge": (case(), Charge(VISA)),
    "charge again": (case(attempt=UNSENT), Resend()),
    "charge look-up": (case(attempt=SENT), Settle()),
    "extend": (charged(), Extend()),
    "extend again": (charged(attempt=UNEXTENDED), Resend()),
    "extend look-up": (charged(attempt=EXTENDING), Settle()),
}
ANSWERS: dict[str, Finding] = {
    "done": Done("pi_1"),
    "no funds": Declined(DeclineClass.LATER, "insufficient_funds"),
    "lost card": Declined(DeclineClass.NEVER, "lost_card"),
    "old card": Declined(DeclineClass.FIX_DATA, "expired_card"),
    "ask the bank": Declined(DeclineClass.CUSTOMER_ACTION, "call_issuer"),
    "line fault": Declined(DeclineClass.TECHNICAL, "processing_error"),
    "our fault": Declined(DeclineClass.OURS, "invalid_amount"),
    "verify": ActionRequired("authentication_required"),
    "pending": Pending("pi_1"),
    "unreached": Unreached("connection refused"),
    "busy": Unreached("429", retry_after=2 * HOUR),
    "refused": Unreached("401", refused=True),
    "unknown": Unknown("timeout"),
    "absent": Absent(),
    "mismatch": Mismatch("another amount", "pi_1"),
}
PAID = "charged; now; attempt done; charge.succeeded"
RENEWED = "extended; at rest; attempt done; extend.succeeded renewal.completed; letter renewed"
REFUSED = "review; at rest; attempt declined; extend.{} renewal.review; letter review"
NEXT_DAY = "due; 2026-11-24 17:47; attempt declined; charge.declined; letter declined"
HELD = "due held for {}; 2026-12-03 00:00; attempt declined; charge.{} renewal.held; letter {}"
CONSEQUENCES: dict[str, dict[str, str]] = {
    "charge": {
        "done": PAID,
        "no funds": "due; 2026-11-24 17:47; attempt declined; charge.declined; letter declined",
        "line fault": "due; 2026-11-24 17:47; attempt declined; charge.declined; letter declined",
        "lost card": HELD.format("payment_method", "declined", "payment_method"),
        "old card": HELD.format("payment_method", "declined", "payment_method"),
        "ask the bank": HELD.format("verification", "declined", "verification"),
        "our fault": HELD.format("operator", "declined", "held"),
        "verify": HELD.format("verification", "action_required", "verification"),
        "pending": "due; +15m; attempt sent; charge.pending",
        "unreached": "due; +1m; attempt unsent; charge.unreached",
        "busy": "due; +2h; attempt unsent; charge.unreached",
        "refused": "due; +1m; attempt unsent; charge.unreached",
        "unknown": "due; +10m; attempt sent; charge.unknown",
    },
    "charge look-up": {
        "pending": "due; +1h; attempt sent; charge.pending",
        "unreached": "due; +1m; attempt sent; charge.unreached",
        "busy": "due; +2h; attempt sent; charge.unreached",
        "refused": "due; +1m; attempt sent; charge.unreached",
        "unknown": "due; +1h; attempt sent; charge.unknown",
        "absent": "due; +10m; attempt sent; charge.absent",
        "mismatch": "review; at rest; attempt sent; charge.mismatch renewal.review; letter review",
    },
    "extend": {
        "done": RENEWED,
        "verify": REFUSED.format("action_required"),
        **{
            each: REFUSED.format("declined")
            for each in ("no funds", "lost card", "old card", "ask the bank", "line fault", "our fault")
        },
        "pending": "charged; +15m; attempt sent; extend.pending",
        "unreached": "charged; +1m; attempt unsent; extend.unreached",
        "busy": "charged; +2h; attempt unsent; extend.unreached",
        "refused": "charged; +1m; attempt unsent; extend.unreached",
        "unknown": "charged; +10m; attempt sent; extend.unknown",
    },
    "extend look-up": {
        "pending": "charged; +1h; attempt sent; extend.pending",
        "unreached": "charged; +1m; attempt sent; extend.unreached",
        "busy": "charged; +2h; attempt sent; extend.unreached",
        "refused": "charged; +1m; attempt sent; extend.unreached",
        "unknown": "charged; +1h; attempt sent; extend.unknown",
        "absent": "charged; +10m; attempt sent; extend.absent",
        "mismatch": "review; at rest; attempt sent; extend.mismatch renewal.review; letter review",
    },
}
# Sent a second time, an answer means what it meant the first time, but for the wait after one more "not reached".
for leg in ("charge", "extend"):
    CONSEQUENCES[f"{leg} look-up"] = CONSEQUENCES[leg] | CONSEQUENCES[f"{leg} look-up"]
    CONSEQUENCES[f"{leg} again"] = {
        answer: line.replace("+1m", "+2m") for answer, line in CONSEQUENCES[leg].items()
    }
ROWS = [(call, answer, line) for call, rows in CONSEQUENCES.items() for answer, line in rows.items()]


def fold(case: Case, step: Call, answer: Finding, at: Moment | None = None) -> Change:
    """Make the call and take its answer, both at one moment."""
    instant = at or moment()
    return folded(begun(case, step, instant), step, answer, instant, 42)


@pytest.mark.parametrize(("call", "answer", "expected"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_an_answer_has_one_consequence(call: str, answer: str, expected: str) -> None:
    assert told(fold(*CALLS[call], ANSWERS[answer])) == expected


def test_the_table_leaves_no_answer_out() -> None:
    look_up_only = {"absent", "mismatch"}
    for call, rows in CONSEQUENCES.items():
        assert set(rows) == set(ANSWERS) - (set() if call.endswith("look-up") else look_up_only)


def test_a_paid_charge_remembers_what_was_paid_and_goes_on_to_the_carrier() -> None:
    change = fold(*CALLS["charge"], Done("pi_1"))
    assert (change.renewal.paid, change.renewal.charges, change.goes_on) == (PRICE, 1, True)
    assert (change.attempt or SENT).reference == "pi_1"
    assert change.after().attempt is None
    assert change.subscription is None


def test_an_extension_moves_the_expiry_exactly_one_period_and_plans_the_next() -> None:
    change = fold(*CALLS["extend"], Done("ext_1"))
    assert change.subscription is not None
    assert change.subscription.current_period_end == PERIOD_END
    assert change.subscription.opens_at is not None
    assert PERIOD_END - timedelta(days=7) < change.subscription.opens_at < PERIOD_END - timedelta(days=6)
    assert change.renewal.closed_at == change.at


def test_only_a_card_that_may_never_be_tried_again_is_blocked() -> None:
    blocked = {name: fold(*CALLS["charge"], answer).blocked_method for name, answer in ANSWERS.items()}
    assert {name for name, method in blocked.items() if method} == {"lost card"}
    assert blocked["lost card"] == "visa"


@pytest.mark.parametrize("changes", [{"state": SubscriptionState.CANCELED}, {"plan": "gone"}])
def test_such_a_card_is_blocked_whatever_becomes_of_the_renewal(changes: dict[str, Any]) -> None:
    charging = begun(case(), Charge(VISA), moment())
    meanwhile = replace(charging, subscription=replace(charging.subscription, **changes))
    change = folded(meanwhile, Charge(VISA), ANSWERS["lost card"], moment(), 42)
    assert change.blocked_method == "visa"


def test_a_carrier_that_refuses_blocks_no_card() -> None:
    assert fold(*CALLS["extend"], ANSWERS["lost card"]).blocked_method == ""


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_stands_first_among_the_events_with_all_that_is_known_of_it(call: str) -> None:
    change = fold(*CALLS[call], Unknown("read timeout"))
    event = change.events[0]
    assert (event.outcome, event.code, event.duration_ms) == ("unknown", "read timeout", 42)
    assert (event.next_action, event.next_at) == ("lookup", change.renewal.next_at)
    assert event.leg == (Leg.CHARGE if "charge" in call else Leg.EXTEND)


@pytest.mark.parametrize(
    ("answer", "next_action"),
    [
        ("done", "extend"),
        ("no funds", "charge"),
        ("lost card", "payment_method"),
        ("pending", "lookup"),
        ("unreached", "charge"),
        ("mismatch", "review"),
    ],
)
def test_the_audit_log_says_what_comes_next(answer: str, next_action: str) -> None:
    assert fold(*CALLS["charge"], ANSWERS[answer]).events[0].next_action == next_action


def test_an_answer_ends_the_hold_that_was_there_before_it() -> None:
    held = case(hold=HoldReason.BREAKER, reason="the gateway does not answer")
    paid = fold(held, Charge(VISA), Done("pi_1")).renewal
    assert (paid.hold, paid.reason, paid.stage) == (None, "", Stage.CHARGED)


@pytest.mark.parametrize(
    ("sends", "wait"),
    [(1, MINUTE), (2, 2 * MINUTE), (3, 4 * MINUTE), (6, 32 * MINUTE), (7, HOUR), (99, HOUR)],
)
def test_waits_for_a_provider_that_is_not_reached_double_up_to_an_hour(sends: int, wait: timedelta) -> None:
    attempt = replace(UNSENT, sends=sends - 1)
    change = fold(case(attempt=attempt), Resend(), Unreached("down"))
    assert change.renewal.next_at == change.at + wait


def test_not_being_reached_spends_neither_the_ladder_nor_the_look_ups() -> None:
    change = fold(
        case(attempt=replace(SENT, lookups=3), ladder_step=2, charges=2), Settle(), Unreached("down")
    )
    assert ((change.attempt or SENT).lookups, change.renewal.ladder_step, change.renewal.charges) == (3, 2, 2)


def test_two_absences_in_a_row_and_spaced_mean_that_it_never_arrived() -> None:
    first = fold(case(attempt=SENT), Settle(), Absent())
    second = fold(first.after(), Settle(), Absent(), moment(first.at + SETTLE_AFTER))
    assert (first.attempt or SENT).absences == 1
    assert told(second) == "due; now; attempt unsent; charge.absent"
    assert second.goes_on


def test_an_absence_counts_only_next_to_another() -> None:
    first = fold(case(attempt=SENT), Settle(), Absent())
    between = fold(first.after(), Settle(), Unknown("timeout"), moment(first.at + SETTLE_AFTER))
    third = fold(between.after(), Settle(), Absent(), moment(first.at + HOUR))
    assert (third.attempt or SENT).absences == 1
    assert told(third) == "due; +10m; attempt sent; charge.absent"
