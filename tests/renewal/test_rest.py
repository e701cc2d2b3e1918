"""What follows when nobody is called: waiting, holding and its letters, and the ends of a renewal."""

from dataclasses import replace
from datetime import datetime

import pytest

from renewd.renewal.model import Attempt, AttemptState, HoldReason, Leg, Stage, open_attempt
from renewd.renewal.rest import rested
from renewd.renewal.step import Charge, CheckFirst, Close, Hold, Wait
from tests.renewal.building import (
    DAY,
    GRACE_ENDS,
    HOUR,
    LATER,
    NOON,
    POLICY,
    PRICE,
    VISA,
    begun,
    case,
    charged,
    moment,
)
from tests.renewal.telling import told

OURS, THEIRS = NOON - DAY, GRACE_ENDS
SENT = open_attempt(begun(case(), Charge(VISA), moment()))
UNSENT = replace(SENT, state=AttemptState.UNSENT)

# A hold of ours leaves the try due when it was, so that it is made late; any other moves it to the end of the hold.
HOLDS: dict[HoldReason, tuple[datetime, str]] = {
    HoldReason.PAYMENT_METHOD: (THEIRS, "; letter payment_method"),
    HoldReason.VERIFICATION: (THEIRS, "; letter verification"),
    HoldReason.CONTACT: (THEIRS, "; letter held"),
    HoldReason.APPROVAL: (THEIRS, "; letter held"),
    HoldReason.OPERATOR: (THEIRS, "; letter held"),
    HoldReason.PAUSED: (THEIRS, ""),
    HoldReason.HALTED: (OURS, ""),
    HoldReason.BRAKE: (OURS, "; letter held"),
    HoldReason.BREAKER: (OURS, "; letter held"),
}


@pytest.mark.parametrize("reason", [each for each in HoldReason if each is not HoldReason.WINDOW])
def test_a_hold_says_until_when_and_to_whom(reason: HoldReason) -> None:
    due_at, letter = HOLDS[reason]
    change = rested(case(due_at=NOON - DAY), Hold(reason, GRACE_ENDS, "it is so"), moment())
    assert told(change) == f"due held for {reason}; 2026-12-03 00:00; no attempt; renewal.held{letter}"
    assert (change.renewal.due_at, change.renewal.reason) == (due_at, "it is so")


def test_the_same_hold_once_more_is_told_to_nobody() -> None:
    held = case(hold=HoldReason.CONTACT)
    change = rested(held, Hold(HoldReason.CONTACT, GRACE_ENDS, "it is so"), moment())
    assert told(change) == "due held for contact; 2026-12-03 00:00; no attempt; no event"


def test_a_short_hold_never_brings_a_later_try_forward() -> None:
    change = rested(case(due_at=NOON + DAY), Hold(HoldReason.OPERATOR, NOON + HOUR, ""), moment())
    assert (change.renewal.due_at, change.renewal.next_at) == (NOON + DAY, NOON + HOUR)


def test_waiting_changes_nothing_but_the_time() -> None:
    change = rested(case(hold=HoldReason.BRAKE), Wait(LATER), moment())
    assert change.renewal == replace(case(hold=HoldReason.BRAKE).renewal, next_at=LATER)
    assert told(change) == "due held for brake; +5m; no attempt; no event"


@pytest.mark.parametrize("hold", [None, HoldReason.BRAKE, HoldReason.HALTED])
def test_what_waits_for_its_charge_window_says_so_and_is_due_since_it_was(hold: HoldReason | None) -> None:
    waiting = case(hold=hold, due_at=OURS)
    change = rested(waiting, Wait(LATER, HoldReason.WINDOW), moment())
    assert told(change) == "due held for window; +5m; no attempt; no event"
    assert change.renewal == replace(waiting.renewal, next_at=LATER, hold=HoldReason.WINDOW)


BELIEVED = replace(open_attempt(begun(case(), Charge(VISA), moment())), state=AttemptState.UNSENT, absences=2)


@pytest.mark.parametrize("step", [Wait(LATER), Hold(HoldReason.HALTED, LATER, "")], ids=["wait", "hold"])
@pytest.mark.parametrize(
    ("attempt", "unsure"),
    [(BELIEVED, True), (replace(BELIEVED, absences=0), False), (replace(BELIEVED, leg=Leg.EXTEND), False)],
    ids=["not found", "not reached", "extension not found"],
)
def test_what_was_not_found_is_looked_up_again_after_a_wait(
    step: Wait | Hold, attempt: Attempt, unsure: bool
) -> None:
    assert rested(case(attempt=attempt), step, moment()).renewal.check_first is unsure


def test_what_is_doubted_is_the_attempt_that_would_be_made_not_sent_and_looked_up_at_once() -> None:
    doubtful = case(check_first=True, hold=HoldReason.BRAKE, charges=1, due_at=OURS)
    change = rested(doubtful, CheckFirst(VISA), moment())
    assert told(change) == "due; now; attempt sent; charge.doubted"
    assert change.renewal == replace(
        doubtful.renewal, check_first=False, hold=None, next_at=NOON, sold_plan="us70"
    )
    assert change.attempt == replace(
        open_attempt(begun(doubtful, Charge(VISA), moment())), sends=0, absences=1, state=AttemptState.SENT
    )
    assert (change.goes_on, change.before_call, change.starts_charge) == (True, False, False)
    (event,) = change.events
    assert (event.key, event.attempt, event.amount) == ("sub1/20261130T050000Z/charge/2", 2, PRICE)
    assert (event.method, event.next_action, event.policy_digest) == ("pm_visa", "lookup", POLICY.digest)


ENDS = {
    Stage.LAPSED: "lapsed; at rest; no attempt; renewal.lapsed; letter lapsed",
    Stage.SKIPPED: "skipped; at rest; no attempt; renewal.skipped",
    Stage.CANCELED: "canceled; at rest; no attempt; renewal.canceled",
    Stage.REVIEW: "review; at rest; no attempt; renewal.review; letter review",
}


@pytest.mark.parametrize("stage", ENDS)
def test_an_end_is_told_and_final(stage: Stage) -> None:
    change = rested(case(hold=HoldReason.CONTACT), Close(stage, "it is so"), moment())
    assert told(change) == ENDS[stage]
    assert (change.renewal.reason, change.renewal.hold, change.renewal.closed_at) == ("it is so", None, NOON)


def test_only_a_lapse_ends_the_subscription_with_the_renewal() -> None:
    ended = {stage: rested(case(), Close(stage, ""), moment()).subscription for stage in ENDS}
    assert [stage for stage, subscription in ended.items() if subscription] == [Stage.LAPSED]


@pytest.mark.parametrize(("attempt", "state"), [(UNSENT, AttemptState.ABANDONED), (SENT, AttemptState.SENT)])
def test_what_never_arrived_ends_with_the_renewal_and_what_is_in_doubt_stays_open(
    attempt: Attempt, state: AttemptState
) -> None:
    change = rested(replace(charged(), attempt=attempt), Close(Stage.REVIEW, ""), moment())
    assert change.attempt is not None
    assert (change.attempt.state, change.attempt.closed_at is None) == (state, state is AttemptState.SENT)
