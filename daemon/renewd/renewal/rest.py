"""What follows from a step that calls nobody: waiting, holding, and the ends of a renewal."""

from dataclasses import replace
from typing import assert_never

from renewd.renewal import letters
from renewd.renewal.change import Change
from renewd.renewal.decide import hold_until
from renewd.renewal.events import event_of
from renewd.renewal.model import AttemptState, Case, HoldReason, Stage, SubscriptionState, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.step import Close, Drop, Hold, Wait

# These holds are our own doing: the try stays due and is made when they end, even past the grace period.
OUR_HOLDS = frozenset({HoldReason.HALTED, HoldReason.BRAKE, HoldReason.BREAKER})


def rested(case: Case, step: Drop | Hold | Wait | Close, moment: Moment) -> Change:
    """Give the rows that follow from a step which calls nobody."""
    match step:
        case Wait(until):
            return Change(moment.now, case, replace(case.renewal, next_at=until))
        case Hold():
            return held(Change(moment.now, case, case.renewal), step, moment)
        case Drop():
            return _dropped(case, moment)
        case Close(stage, reason):
            return closed(Change(moment.now, case, case.renewal), stage, reason, moment)
        case _:
            assert_never(step)


def _dropped(case: Case, moment: Moment) -> Change:
    """Go on to the next number: this key was never used, and never will be."""
    attempt = replace(open_attempt(case), state=AttemptState.ABANDONED, closed_at=moment.now)
    renewal = replace(case.renewal, charges=case.renewal.charges + 1, next_at=moment.now)
    event = event_of(case, "charge.abandoned", moment, attempt, next_action="charge")
    return Change(moment.now, case, renewal, attempt, events=(event,))


def held_to_the_end(change: Change, hold: Hold, moment: Moment) -> Change:
    """Hold until the grace period ends, whatever `hold.until` says."""
    until = hold_until(change.renewal, moment.policy.terms_for(change.before.subscription), moment.now)
    return held(change, replace(hold, until=until), moment)


def held(change: Change, hold: Hold, moment: Moment) -> Change:
    """Hold for a reason; it is told to whoever can end it when the reason is new."""
    case, renewal = change.before, change.renewal
    due_at = renewal.due_at if hold.reason in OUR_HOLDS else max(hold.until, renewal.due_at)
    held = replace(renewal, hold=hold.reason, reason=hold.detail, due_at=due_at, next_at=hold.until)
    change = replace(change, renewal=held)
    if renewal.hold is hold.reason:
        return change
    event = event_of(
        case,
        "renewal.held",
        moment,
        change.attempt,
        code=hold.reason,
        detail=hold.detail,
        next_action="look",
        next_at=hold.until,
    )
    return replace(
        change,
        events=(*change.events, event),
        notices=(*change.notices, *letters.held(case, held, moment)),
    )


def closed(change: Change, stage: Stage, reason: str, moment: Moment) -> Change:
    """End the renewal at `stage`; an attempt that never arrived ends with it, one in doubt stays open."""
    case, attempt = change.before, change.attempt or change.before.attempt
    renewal = replace(
        change.renewal, stage=stage, reason=reason, hold=None, next_at=None, closed_at=moment.now
    )
    if attempt and attempt.state is AttemptState.UNSENT:
        attempt = replace(attempt, state=AttemptState.ABANDONED, closed_at=moment.now)
    subscription = None
    if stage is Stage.LAPSED:
        subscription = replace(case.subscription, state=SubscriptionState.LAPSED, opens_at=None)
    event = event_of(
        case, f"renewal.{stage}", moment, attempt, detail=reason, next_action=_after_close(stage)
    )
    return replace(
        change,
        renewal=renewal,
        attempt=attempt,
        subscription=subscription,
        events=(*change.events, event),
        notices=(*change.notices, *letters.closed(case, renewal, moment)),
    )


def _after_close(stage: Stage) -> str:
    return "operator" if stage is Stage.REVIEW else "none"
