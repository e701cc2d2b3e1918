"""What is to come: when a renewal will be charged, what stands in its way, its whole ladder, and the days ahead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from renewd.renewal.decide import CATCH_UP_SPACING, deadline, opens_at, planned, usable_methods
from renewd.renewal.model import (
    OPEN_ATTEMPTS,
    Case,
    HoldReason,
    PaymentMethod,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
)
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.period import into_window, next_end
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Listed
from renewd.renewal.terms import Terms

# These end by themselves; what is held for any other reason is not foreseen to be charged.
PASSING_HOLDS = frozenset({None, HoldReason.BRAKE, HoldReason.BREAKER})


@dataclass(frozen=True, slots=True)
class Rung:
    """A further try after a soft decline: `wait` since the try before, and the instant that this leads to.

    One that is not `in_time` would come after the deadline, and so is never made.
    """

    wait: timedelta
    at: datetime
    in_time: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge that is foreseen."""

    at: datetime
    amount: Money


def present_renewal(subscription: Subscription, renewal: Renewal | None) -> Renewal | None:
    """Give the latest renewal if it is the one that the present period leads to."""
    return renewal if renewal and renewal.period_start == subscription.current_period_end else None


def replanned(subscription: Subscription, renewal: Renewal | None, policy: Policy) -> Subscription:
    """Plan the next renewal under this policy, as a daemon does when it takes a new one up."""
    if present_renewal(subscription, renewal):
        return subscription
    return replace(subscription, opens_at=opens_at(subscription, policy))


def charge_at(subscription: Subscription, renewal: Renewal | None, moment: Moment) -> datetime | None:
    """Give when the next charge would be tried if nothing stood in its way; None when there is none to come.

    What is paused or lapsed is looked at as if it were active.
    """
    present = present_renewal(subscription, renewal)
    if present:
        return max(present.next_at, moment.now) if present.stage is Stage.DUE and present.next_at else None
    active = replace(subscription, state=SubscriptionState.ACTIVE)
    opens = subscription.opens_at or opens_at(active, moment.policy)
    return max(opens, moment.now) if opens else None


def case_of(dossier: Dossier, moment: Moment) -> Case:
    """Give the case as it stands: of the renewal that is under way or, when none is, of the one to be opened.

    Raises KeyError when a renewal would have to be opened for a plan that is not in the catalogue.
    """
    latest = dossier.renewals[-1] if dossier.renewals else None
    renewal = present_renewal(dossier.subscription, latest)
    if renewal is None:
        renewal = planned(dossier.subscription, moment).renewal
    return Case(
        renewal=renewal,
        subscription=dossier.subscription,
        customer=dossier.customer,
        methods=dossier.methods,
        attempt=next(
            (
                each
                for each in dossier.attempts
                if each.renewal_id == renewal.id and each.state in OPEN_ATTEMPTS
            ),
            None,
        ),
        declines=dossier.declines,
        halted=bool(dossier.halted),
    )


def ladder(case: Case, terms: Terms, first: datetime) -> tuple[Rung, ...]:
    """Give every further try of the ladder if the one at `first` and all after it met soft declines."""
    rungs: list[Rung] = []
    at, renewal = first, case.renewal
    step = renewal.ladder_step
    while (wait := terms.ladder.wait(step, renewal.id)) is not None:
        at = into_window(at + wait, terms.charge_window, case.subscription.zone, renewal.id)
        late = at >= deadline(renewal, terms) or (bool(rungs) and not rungs[-1].in_time)
        rungs.append(Rung(wait, at, not late))
        step += 1
    return tuple(rungs)


def next_method(case: Case, moment: Moment) -> tuple[PaymentMethod, datetime] | None:
    """Give the payment method that the next charge would take, and from when its card limits let it be tried."""
    free = [
        (method, _rested(case, method, moment))
        for method in usable_methods(case, case.renewal.spent, moment.now)
    ]
    return next(
        (each for each in free if each[1] <= moment.now), min(free, key=lambda each: each[1], default=None)
    )


def bars(case: Case, moment: Moment) -> Mapping[str, str]:
    """Say of everything that can stand in the way of a charge how it does; empty where it does not."""
    subscription, renewal = case.subscription, case.renewal
    terms, most = moment.policy.terms_for(subscription), moment.policy.brake.max_amount
    found = next_method(case, moment)
    rested = found[1] if found else moment.now
    too_much = terms.price.currency != most.currency or terms.price.minor > most.minor
    unreachable = terms.require_email and not case.customer.email
    return {
        "state": "" if subscription.state is SubscriptionState.ACTIVE else f"it is {subscription.state}",
        "halt": "all charging is halted by the operator" if case.halted else "",
        "contact": "the customer has no e-mail address" if unreachable else "",
        "max_amount": f"{terms.price} is above brake.max_amount ({most})" if too_much else "",
        "payment_method": "" if found else "no payment method is left to try",
        "card_limits": f"the card rests until {rested:%Y-%m-%d %H:%MZ}" if rested > moment.now else "",
        "verification": _held(renewal, HoldReason.VERIFICATION),
        "operator": _held(renewal, HoldReason.OPERATOR),
        "brake": _held(renewal, HoldReason.BRAKE),
        "breaker": _held(renewal, HoldReason.BREAKER),
    }


def forecast(listed: Listed, moment: Moment, until: datetime) -> Iterator[Charge]:
    """Give the charges of one subscription before `until`, if each one succeeds at its first try."""
    subscription, policy = listed.subscription, moment.policy
    if subscription.state is not SubscriptionState.ACTIVE or subscription.plan not in policy.plans:
        return
    terms, most = policy.terms_for(subscription), policy.brake.max_amount
    if terms.price.currency != most.currency or terms.price.minor > most.minor:
        return
    present = present_renewal(subscription, listed.renewal)
    if present and present.stage is Stage.CHARGED:
        subscription = _moved(subscription, present.period_end)
        at = opens_at(subscription, policy, moment.now)
    elif present and present.hold not in PASSING_HOLDS:
        return
    else:
        at = charge_at(subscription, present, moment)
    while at and at < until:
        end = next_end(subscription.current_period_end, subscription.anchor, terms.period, subscription.zone)
        if end <= moment.now:
            return
        yield Charge(at, terms.price)
        subscription = _moved(subscription, end)
        at = opens_at(subscription, policy, at + CATCH_UP_SPACING)


def _moved(subscription: Subscription, end: datetime) -> Subscription:
    return replace(subscription, current_period_end=end, opens_at=None)


def _rested(case: Case, method: PaymentMethod, moment: Moment) -> datetime:
    declines = [at for method_id, at in case.declines if method_id == method.id]
    return moment.policy.limits.open_at(declines, moment.now)


def _held(renewal: Renewal, reason: HoldReason) -> str:
    return renewal.reason if renewal.hold is reason else ""
