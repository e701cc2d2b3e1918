"""What follows from a step that calls nobody: waiting, holding, and the ends of a renewal."""

from typing import assert_never

from renewd.renewal import letters
from renewd.renewal.begin import new_charge, sold
from renewd.renewal.change import Change
from renewd.renewal.copying import replace
from renewd.renewal.decide import hold_until
from renewd.renewal.events import event_of
from renewd.renewal.model import (
    ABSENCES_BELIEVED,
    AttemptState,
    Case,
    HoldReason,
    Leg,
    PaymentMethod,
    Renewal,
    Stage,
    SubscriptionState,
    abandoned,
    open_attempt,
)
from renewd.renewal.moment import Moment
from renewd.renewal.step import CheckFirst, Close, Drop, Hold, Wait

# These holds are our own doing: the try stays due and is made when they end, even past the grace period.
OUR_HOLDS = frozenset({HoldReason.HALTED, HoldReason.BRAKE, HoldReason.BREAKER})


def rested(case: Case, step: CheckFirst | Drop | Hold | Wait | Close, moment: Moment) -> Change:
    """Give the rows that follow from a step which calls nobody."""
    match step:
        case Wait(until, hold):
            waiting = replace(_unsure_again(case), next_at=until, hold=hold or case.renewal.hold)
            return Change(moment.now, case, waiting)
        case Hold():
            return held(Change(moment.now, case, _unsure_again(case)), step, moment)
        case CheckFirst(method):
            return _doubted(case, method, moment)
        case Drop():
            return _dropped(case, moment)
        case Close(stage, reason):
            return closed(Change(moment.now, case, case.renewal), stage, reason, moment)
        case _:
            assert_never(step)


def _unsure_again(case: Case) -> Renewal:
    """That a request never arrived is believed for as long as it takes to send it again, and no longer."""
    believed = case.attempt is not None and case.attempt.leg is Leg.CHARGE and case.attempt.absences > 0
    return replace(case.renewal, check_first=True) if believed else case.renewal


def _doubted(case: Case, method: PaymentMethod, moment: Moment) -> Change:
    """Make the attempt without sending it: from here on it is settled like any other that may have arrived.

    One look-up is enough: of what we know not to have arrived nothing can be on its way.
    """
    renewal = replace(case.renewal, check_first=False, hold=None, next_at=moment.now)
    if case.attempt:
        attempt = replace(case.attempt, state=AttemptState.SENT, lookups=0)
    else:
        attempt, renewal = replace(new_charge(case, method, moment), sends=0), sold(renewal, case, moment)
    attempt = replace(attempt, absences=ABSENCES_BELIEVED - 1)
    detail = "the period may have been charged already: the gateway is asked first"
    event = event_of(
        case, "charge.doubted", moment, attempt, outcome="", code="", next_action="lookup", detail=detail
    )
    return Change(moment.now, case, renewal, attempt, events=(event,))


def _dropped(case: Case, moment: Moment) -> Change:
    """Go on to the next number: this key was never used, and never will be."""
    attempt, renewal = abandoned(open_attempt(case), case.renewal, moment.now)
    event = event_of(case, "charge.abandoned", moment, attempt, next_action="charge")
    return Change(moment.now, case, replace(renewal, next_at=moment.now), attempt, events=(event,))


def held_to_the_end(change: Change, hold: Hold, moment: Moment) -> Change:
    """Hold until the grace period ends, whatever `hold.until` says."""
    until = hold_until(change.renewal, moment.policy.terms_for(change.before.subscription), moment.now)
    return held(change, replace(hold, until=until), moment)


def held(change: Change, hold: Hold, moment: Moment) -> Change:
    """Hold for a reason; it is told to whoever can end it when the reason is new."""
    case, renewal = change.before, change.renewal
    due_at = renewal.due_at if hold.reason in OUR_HOLDS else max(hold.until, renewal.due_at)
    held = replace(
        renewal, hold=hold.reason, reason=hold.detail, due_at=due_at, next_at=max(hold.until, moment.now)
    )
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
        attempt, renewal = abandoned(attempt, renewal, moment.now)
        given_up = event_of(case, f"{attempt.leg}.abandoned", moment, attempt)
        change = replace(change, events=(*change.events, given_up))
    subscription = None
    present = case.subscription.current_period_end == renewal.period_start
    if stage is Stage.LAPSED and present and case.subscription.state is SubscriptionState.ACTIVE:
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
