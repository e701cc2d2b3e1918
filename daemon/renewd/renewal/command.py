"""What an operator's word does to a subscription and to its renewal. Pure, like every other decision."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from renewd.renewal import settle
from renewd.renewal.audit import Event
from renewd.renewal.copying import replace
from renewd.renewal.decide import CATCH_UP_SPACING, opens_at, planned
from renewd.renewal.model import (
    AttemptState,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
    abandoned,
)
from renewd.renewal.moment import Moment
from renewd.renewal.standing import RefusedError, Standing


class Verb(StrEnum):
    """What an operator can ask for."""

    PAUSE = "pause"
    RESUME = "resume"
    SKIP = "skip"
    RETRY = "retry"
    CANCEL = "cancel"
    SETTLE_EXTENDED = "settle --extended"
    SETTLE_REFUNDED = "settle --refunded"
    SETTLE_UNPAID = "settle --unpaid"


# How an operator has settled, outside of renewd, what was in review.
SETTLED = {
    Verb.SETTLE_EXTENDED: "extended",
    Verb.SETTLE_REFUNDED: "refunded",
    Verb.SETTLE_UNPAID: "unpaid",
}
PAST = {
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
    Verb.SKIP: "skipped",
    Verb.RETRY: "retried",
    Verb.CANCEL: "canceled",
    **dict.fromkeys(SETTLED, "settled"),
}


def concerned(verb: Verb, renewals: Sequence[Renewal]) -> Renewal | None:
    """Give the renewal that a command is about, of all of a subscription from the first on.

    It is the latest. What is settled is the first in review: an import may have moved the expiry past it.
    """
    if verb in SETTLED:
        return next((each for each in renewals if each.stage is Stage.REVIEW), None)
    return renewals[-1] if renewals else None


def commanded(
    verb: Verb, standing: Standing, moment: Moment, actor: str, reason: str
) -> tuple[Standing, Event]:
    """Carry a command out: the standing that it leads to, and what the audit log says of it.

    Raises RefusedError when there is nothing that it could mean.
    """
    after = _COMMANDS[verb](standing, moment)
    renewal = after.renewal
    event = Event(
        f"operator.{PAST[verb]}",
        moment.now,
        actor=actor,
        subscription=standing.subscription.id,
        renewal=renewal.id if renewal else "",
        next_action=renewal.stage if renewal else after.subscription.state,
        next_at=renewal.next_at if renewal else after.subscription.opens_at,
        policy_digest=moment.policy.digest,
        code=SETTLED.get(verb, ""),
        amount=standing.renewal.paid if standing.renewal and verb in SETTLED else None,
        detail=reason,
    )
    given_up = after.attempt if after.attempt != standing.attempt else None
    if given_up:
        event = replace(event, leg=given_up.leg, attempt=given_up.number, key=given_up.key)
    return after, event


def _pause(standing: Standing, moment: Moment) -> Standing:
    _expect(standing.subscription, SubscriptionState.ACTIVE)
    paused = replace(standing.subscription, state=SubscriptionState.PAUSED, opens_at=None)
    return replace(standing, subscription=paused, renewal=_woken(standing, moment.now))


def _cancel(standing: Standing, moment: Moment) -> Standing:
    if standing.subscription.state is SubscriptionState.CANCELED:
        raise RefusedError(f"{standing.subscription.id} is canceled already")
    canceled = replace(standing.subscription, state=SubscriptionState.CANCELED, opens_at=None)
    return replace(standing, subscription=canceled, renewal=_woken(standing, moment.now))


def _resume(standing: Standing, moment: Moment) -> Standing:
    _expect(standing.subscription, SubscriptionState.PAUSED)
    active = replace(standing.subscription, state=SubscriptionState.ACTIVE)
    if not _has_renewal(standing):
        last = standing.renewal.closed_at if standing.renewal else None
        active = replace(active, opens_at=opens_at(active, moment.policy, last and last + CATCH_UP_SPACING))
    return replace(standing, subscription=active, renewal=_due_now(standing, moment.now))


def _skip(standing: Standing, moment: Moment) -> Standing:
    subscription, renewal = standing.subscription, standing.renewal
    if renewal is None or not _has_renewal(standing):
        _expect(subscription, SubscriptionState.ACTIVE, SubscriptionState.PAUSED)
        renewal = planned(subscription, moment).renewal
        due_at = subscription.opens_at or moment.now
    else:
        due_at = min(renewal.due_at, moment.now)
    if renewal.stage is not Stage.DUE:
        raise RefusedError(
            f"the renewal of {subscription.id} is {renewal.stage}; only one that is not yet paid can be skipped"
        )
    if _in_doubt(standing):
        raise RefusedError(
            f"a charge of {subscription.id} may be under way; wait until it is settled: renewd show {subscription.id}"
        )
    attempt = standing.attempt
    if attempt:
        attempt, renewal = abandoned(attempt, renewal, moment.now)
    skipped = replace(
        renewal,
        stage=Stage.SKIPPED,
        due_at=due_at,
        hold=None,
        reason="skipped by the operator",
        next_at=None,
        closed_at=moment.now,
    )
    return Standing(replace(subscription, opens_at=None), skipped, attempt)


def _retry(standing: Standing, moment: Moment) -> Standing:
    subscription, renewal = standing.subscription, standing.renewal
    if renewal is None or not _has_renewal(standing):
        raise RefusedError(
            f"{subscription.id} has no renewal to retry; its next opens by itself: renewd explain {subscription.id}"
        )
    match renewal.stage:
        case Stage.DUE:
            again = _due_now(standing, moment.now)
        case Stage.REVIEW:
            stage = Stage.CHARGED if renewal.paid else Stage.DUE
            again = replace(renewal, stage=stage, closed_at=None, due_at=moment.now, next_at=moment.now)
        case Stage.LAPSED | Stage.SKIPPED if subscription.state is SubscriptionState.CANCELED:
            raise RefusedError(f"{subscription.id} is canceled; nothing is charged for it any more")
        case Stage.LAPSED | Stage.SKIPPED if renewal.period_end > moment.now:
            due_at = moment.now
            if renewal.stage is Stage.LAPSED:
                subscription = replace(subscription, state=SubscriptionState.ACTIVE)
            else:
                # It may have been skipped ahead of its time.
                due_at = max(moment.now, renewal.due_at)
            again = replace(
                renewal,
                stage=Stage.DUE,
                closed_at=None,
                opened_at=moment.now,
                due_at=due_at,
                next_at=due_at,
                spent=(),
                ladder_step=0,
                check_first=True,
                reason="",
            )
        case _:
            why = f" ({renewal.reason})" if renewal.reason else ""
            raise RefusedError(
                f"the renewal of {subscription.id} is {renewal.stage}{why}; there is nothing to retry"
            )
    return replace(standing, subscription=subscription, renewal=again)


_COMMANDS = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.SKIP: _skip,
    Verb.RETRY: _retry,
    Verb.CANCEL: _cancel,
    Verb.SETTLE_EXTENDED: settle.extended,
    Verb.SETTLE_REFUNDED: settle.refunded,
    Verb.SETTLE_UNPAID: settle.unpaid,
}


def _expect(subscription: Subscription, *states: SubscriptionState) -> None:
    if subscription.state not in states:
        raise RefusedError(f"{subscription.id} is {subscription.state}, not {' or '.join(states)}")


def _has_renewal(standing: Standing) -> bool:
    """Say whether the present period's renewal has been opened."""
    renewal = standing.renewal
    return renewal is not None and renewal.period_start == standing.subscription.current_period_end


def _in_doubt(standing: Standing) -> bool:
    return standing.attempt is not None and standing.attempt.state is AttemptState.SENT


def _woken(standing: Standing, now: datetime) -> Renewal | None:
    """Have the renewal looked at now; one in doubt keeps its time, since its request may still arrive."""
    renewal = standing.renewal
    if renewal is None or renewal.next_at is None or _in_doubt(standing):
        return renewal
    return replace(renewal, next_at=now)


def _due_now(standing: Standing, now: datetime) -> Renewal | None:
    renewal = _woken(standing, now)
    if renewal is None or renewal.next_at is None:
        return renewal
    # What was due before is due since then: a try that we kept from being made is not late by our doing.
    return replace(renewal, hold=None, reason="", spent=(), due_at=min(renewal.due_at, now))
