"""What follows from the answer to a call. Pure: old case in, rows to be written out."""

from datetime import datetime, timedelta
from typing import assert_never

from renewd.renewal import letters
from renewd.renewal.change import Change
from renewd.renewal.copying import replace
from renewd.renewal.decide import deadline, extended_subscription, unknown_plan, usable_methods
from renewd.renewal.decline import ALLOWED_ACTIONS, DeclineAction, DeclineClass
from renewd.renewal.events import event_of
from renewd.renewal.model import (
    ABSENCES_BELIEVED,
    Attempt,
    AttemptState,
    Case,
    HoldReason,
    Leg,
    Stage,
    SubscriptionState,
    open_attempt,
)
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
    name_of,
)
from renewd.renewal.period import into_window
from renewd.renewal.rest import closed, held, held_to_the_end
from renewd.renewal.step import Call, Hold, Settle
from renewd.renewal.terms import Terms

# How long to wait before each further look-up of a request whose answer we never understood; then a person looks.
SETTLE_WAITS = (timedelta(0), timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 4)
PENDING_WAITS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 7)
UNREACHED_FIRST, UNREACHED_MOST = timedelta(minutes=1), timedelta(hours=1)
MOST_SENDS = 5

HOLD_AFTER_DECLINE = {
    DeclineClass.CUSTOMER_ACTION: HoldReason.VERIFICATION,
    DeclineClass.OURS: HoldReason.OPERATOR,
}


def folded(
    case: Case,
    step: Call,
    answer: Finding,
    moment: Moment,
    duration_ms: int,
) -> Change:
    """Give the rows that follow from the answer to a call. `case` is the one that `opened` led to."""
    attempt = open_attempt(case)
    name, code = name_of(answer), getattr(answer, "code", getattr(answer, "reason", ""))
    attempt = replace(
        attempt, outcome=name, code=code, reference=getattr(answer, "reference", "") or attempt.reference
    )
    change = Change(moment.now, case, case.renewal, attempt)
    match answer:
        case Done():
            change = _done(change, moment)
        case Declined() | ActionRequired():
            change = _refused(_definite(change, AttemptState.DECLINED, moment.now), answer, moment)
        case Mismatch(reason):
            change = closed(
                change,
                Stage.REVIEW,
                f"the gateway's list does not agree with what we asked: {reason}",
                moment,
            )
        case Absent() if attempt.reference:
            # We hold the provider's own name for it: a list without it is not to be believed.
            change = _look_again(change, SETTLE_WAITS, moment.settle_after, moment)
        case Absent():
            change = _absent(change, moment)
        case Pending():
            change = _look_again(change, PENDING_WAITS, timedelta(0), moment)
        case Unreached(_, retry_after):
            change = _unreached(change, step, retry_after, moment.now)
        case Unknown():
            change = _look_again(change, SETTLE_WAITS, moment.settle_after, moment)
        case _:
            assert_never(answer)
    return _told(change, name, answer, moment, duration_ms)


def _definite(change: Change, state: AttemptState, now: datetime) -> Change:
    """Close the attempt: only a definite answer moves the leg on to its next number, and so to its next key."""
    attempt = written(change)
    charges = change.renewal.charges + (attempt.leg is Leg.CHARGE)
    extends = change.renewal.extends + (attempt.leg is Leg.EXTEND)
    return replace(
        change,
        attempt=replace(attempt, state=state, closed_at=now),
        renewal=replace(change.renewal, charges=charges, extends=extends),
    )


def _done(change: Change, moment: Moment) -> Change:
    change = _definite(change, AttemptState.DONE, moment.now)
    attempt, case = written(change), change.before
    if attempt.leg is Leg.CHARGE:
        paid = replace(
            change.renewal, stage=Stage.CHARGED, paid=attempt.amount, hold=None, reason="", next_at=moment.now
        )
        return replace(change, renewal=paid)
    if case.subscription.current_period_end != case.renewal.period_start:
        reason = "paid and extended, but its expiry was changed by hand meanwhile"
        return closed(change, Stage.REVIEW, reason, moment)
    renewal = replace(
        change.renewal, stage=Stage.EXTENDED, hold=None, reason="", next_at=None, closed_at=moment.now
    )
    renewed = event_of(case, "renewal.completed", moment, attempt, amount=renewal.paid)
    return replace(
        change,
        renewal=renewal,
        subscription=extended_subscription(case.subscription, renewal, moment),
        events=(renewed,),
        notices=letters.renewed(case, renewal, moment),
    )


def _refused(change: Change, answer: Declined | ActionRequired, moment: Moment) -> Change:
    """Follow a definite no: the carrier's after payment, one for a plan that is gone, the customer's bank's."""
    case = change.before
    if written(change).leg is Leg.EXTEND:
        return closed(change, Stage.REVIEW, f"paid, but the carrier refuses: {answer.code}", moment)
    if isinstance(answer, Declined) and answer.decline_class is DeclineClass.NEVER:
        change = replace(change, blocked_method=written(change).method_id)
    if case.subscription.state is SubscriptionState.CANCELED:
        return closed(change, Stage.CANCELED, "the subscription was canceled", moment)
    if case.subscription.plan not in moment.policy.plans:
        return held(change, unknown_plan(case, moment), moment)
    if isinstance(answer, Declined):
        return _declined(change, answer, moment)
    detail = f"the customer must verify the payment ({answer.code})"
    # Verified later, that very payment may still go through: nothing else is tried before the list is read.
    change = replace(change, renewal=replace(change.renewal, check_first=True))
    return held_to_the_end(change, Hold(HoldReason.VERIFICATION, moment.now, detail), moment)


def _declined(change: Change, answer: Declined, moment: Moment) -> Change:
    terms = moment.policy.terms_for(change.before.subscription)
    action = terms.on_decline[answer.decline_class]
    if action not in ALLOWED_ACTIONS[answer.decline_class]:
        action = DeclineAction.HOLD
    change = replace(change, renewal=replace(change.renewal, reason=f"declined: {answer.code}"))
    if action is DeclineAction.RETRY:
        again = _next_rung(change, answer, terms, moment.now)
        if again:
            return replace(again, notices=letters.declined(change.before, again.renewal, moment))
        action = DeclineAction.NEXT_METHOD
    if action is DeclineAction.NEXT_METHOD:
        return _next_method(change, answer, moment)
    if action is DeclineAction.HOLD:
        reason = HOLD_AFTER_DECLINE.get(answer.decline_class, HoldReason.PAYMENT_METHOD)
        return held_to_the_end(change, Hold(reason, moment.now, f"declined: {answer.code}"), moment)
    return closed(change, Stage.LAPSED, f"declined: {answer.code}", moment)


def _next_rung(change: Change, answer: Declined, terms: Terms, now: datetime) -> Change | None:
    """Climb the ladder, unless it is at its end or the next try would come too late."""
    renewal = change.renewal
    wait = terms.ladder.wait(renewal.ladder_step, renewal.id)
    if wait is None:
        return None
    at = into_window(
        now + max(wait, answer.wait_at_least),
        terms.charge_window,
        change.before.subscription.zone,
        renewal.id,
    )
    if at >= deadline(renewal, terms):
        return None
    return replace(
        change, renewal=replace(renewal, ladder_step=renewal.ladder_step + 1, due_at=at, next_at=at)
    )


def _next_method(change: Change, answer: Declined, moment: Moment) -> Change:
    spent = (*change.renewal.spent, written(change).method_token)
    change = replace(change, renewal=replace(change.renewal, spent=spent))
    if usable_methods(change.before, spent, moment.now):
        return replace(change, renewal=replace(change.renewal, due_at=moment.now, next_at=moment.now))
    return held_to_the_end(
        change, Hold(HoldReason.PAYMENT_METHOD, moment.now, f"declined: {answer.code}"), moment
    )


def _unreached(change: Change, step: Call, retry_after: timedelta, now: datetime) -> Change:
    """Wait and try again: no answer was lost, so neither the ladder nor the look-ups are spent."""
    attempt = written(change)
    wait = min(UNREACHED_FIRST * 2 ** min(attempt.sends - 1, 10), UNREACHED_MOST)
    if isinstance(step, Settle):
        attempt = replace(attempt, lookups=attempt.lookups - 1)
    else:
        attempt = replace(attempt, state=AttemptState.UNSENT)
    return replace(
        change, attempt=attempt, renewal=replace(change.renewal, next_at=now + max(wait, retry_after))
    )


def _absent(change: Change, moment: Moment) -> Change:
    """Believe that a request never arrived only when two look-ups, spaced, did not find it."""
    attempt = written(change)
    attempt = replace(attempt, absences=attempt.absences + 1)
    if attempt.absences < ABSENCES_BELIEVED:
        return replace(
            change, attempt=attempt, renewal=replace(change.renewal, next_at=moment.now + moment.settle_after)
        )
    if attempt.sends >= MOST_SENDS:
        reason = f"the {attempt.leg} was sent {attempt.sends} times, and neither answered nor found"
        return closed(replace(change, attempt=attempt), Stage.REVIEW, reason, moment)
    return replace(
        change,
        attempt=replace(attempt, state=AttemptState.UNSENT),
        renewal=replace(change.renewal, check_first=False, next_at=moment.now),
    )


def _look_again(change: Change, waits: tuple[timedelta, ...], least: timedelta, moment: Moment) -> Change:
    attempt = written(change)
    if attempt.lookups >= len(waits):
        return closed(
            change,
            Stage.REVIEW,
            f"the {attempt.leg} is {attempt.outcome} and stays so: {attempt.code}",
            moment,
        )
    at = moment.now + max(waits[attempt.lookups], least)
    return replace(change, attempt=replace(attempt, absences=0), renewal=replace(change.renewal, next_at=at))


def _told(change: Change, name: str, answer: Finding, moment: Moment, duration_ms: int) -> Change:
    """Put the answer itself at the head of the events."""
    attempt, renewal = written(change), change.renewal
    verbs = {"done": "succeeded", "actionrequired": "action_required"}
    event = event_of(
        change.before,
        f"{attempt.leg}.{verbs.get(name, name)}",
        moment,
        attempt,
        decline_class=getattr(answer, "decline_class", ""),
        next_action=_next_action(change),
        next_at=renewal.next_at,
        duration_ms=duration_ms,
    )
    return replace(change, events=(event, *change.events))


def _next_action(change: Change) -> str:
    renewal, attempt = change.renewal, written(change)
    if renewal.hold or renewal.closed_at:
        return renewal.hold or renewal.stage
    if attempt.state is AttemptState.SENT:
        return "lookup"
    return "extend" if renewal.stage is Stage.CHARGED else "charge"


def written(change: Change) -> Attempt:
    """Give the attempt that a change writes. Raises ValueError when it writes none: a bug."""
    if change.attempt is None:
        raise ValueError(f"{change.before.renewal.id}: the change writes no attempt")
    return change.attempt
