"""Closing by hand what is in review: an operator has settled it at the carrier or at the gateway, and says how."""

from datetime import datetime

from renewd.renewal.copying import replace
from renewd.renewal.decide import extended_subscription
from renewd.renewal.model import Renewal, Stage, Subscription, abandoned
from renewd.renewal.moment import Moment
from renewd.renewal.standing import RefusedError, Standing


def extended(standing: Standing, moment: Moment) -> Standing:
    """Take over that the line is extended: the expiry moves one period on, unless an import has moved it that far.

    Raises RefusedError.
    """
    renewal, subscription = _in_review(standing), standing.subscription
    if subscription.current_period_end < renewal.period_end:
        _movable(renewal, subscription)
        subscription = extended_subscription(subscription, renewal, moment)
    # What was never paid to us was given away by the import, and is no income of ours.
    stage = Stage.EXTENDED if renewal.paid else Stage.SKIPPED
    closed = _closed(standing, renewal, stage, "extended by the operator", moment.now)
    return replace(closed, subscription=subscription)


def refunded(standing: Standing, moment: Moment) -> Standing:
    """Take over that the customer has the money back. No command opens a canceled renewal again. Raises RefusedError."""
    renewal = replace(_in_review(standing), paid=None)
    return _closed(standing, renewal, Stage.CANCELED, "refunded by the operator", moment.now)


def unpaid(standing: Standing, moment: Moment) -> Standing:
    """Take over that nothing was ever paid: the renewal is left out, as if it had been skipped. Raises RefusedError."""
    renewal = _in_review(standing)
    if renewal.paid:
        raise RefusedError(
            f"{renewal.paid} was paid for the renewal of {standing.subscription.id}; settle it --extended or --refunded"
        )
    return _closed(standing, renewal, Stage.SKIPPED, "never paid, says the operator", moment.now)


def _in_review(standing: Standing) -> Renewal:
    name, renewal = standing.subscription.id, standing.renewal
    if renewal is None or renewal.stage is not Stage.REVIEW:
        raise RefusedError(f"{name} has no renewal in review; where it stands: renewd show {name}")
    return renewal


def _movable(renewal: Renewal, subscription: Subscription) -> None:
    """Check that the expiry may be moved over the renewal's period: it is paid for, and begins at the expiry."""
    name, end = subscription.id, subscription.current_period_end
    if not renewal.paid:
        raise RefusedError(
            f"renewd knows of no payment for the renewal of {name}: settle it --unpaid; or, if the gateway has the "
            "money and the line is extended, import its new current_period_end first"
        )
    if end != renewal.period_start:
        raise RefusedError(
            f"the expiry of {name} was changed to {end:%Y-%m-%d %H:%MZ}, but it is paid until "
            f"{renewal.period_end:%Y-%m-%d %H:%MZ}: first import the current_period_end that it has at the carrier now"
        )


def _closed(standing: Standing, renewal: Renewal, stage: Stage, reason: str, now: datetime) -> Standing:
    """Close it, and the call that was never answered with it: the operator knows what became of that."""
    attempt = standing.attempt
    if attempt:
        attempt, renewal = abandoned(attempt, renewal, now)
    renewal = replace(renewal, stage=stage, reason=reason, closed_at=now)
    return replace(standing, renewal=renewal, attempt=attempt)
