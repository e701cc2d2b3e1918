"""All judgement about what a renewal needs next. Pure: a case, the policy and the instant are all it knows."""

from datetime import UTC, datetime, timedelta

from renewd.renewal.audit import Event
from renewd.renewal.change import Opening
from renewd.renewal.copying import replace
from renewd.renewal.model import (
    OPEN_STAGES,
    AttemptState,
    Case,
    HoldReason,
    Leg,
    PaymentMethod,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
)
from renewd.renewal.moment import Moment
from renewd.renewal.period import charge_instant, into_window, next_end
from renewd.renewal.policy import Policy
from renewd.renewal.providers import away
from renewd.renewal.step import (
    OPERATOR_RECHECK,
    Charge,
    CheckFirst,
    Close,
    Drop,
    Extend,
    Hold,
    Resend,
    Rest,
    Settle,
    Step,
    Wait,
)
from renewd.renewal.terms import Terms

# After an outage a subscription is charged once, and again no sooner than this, however many periods it missed.
CATCH_UP_SPACING = timedelta(days=1)
BRAKE_STEP = timedelta(minutes=5)
BUSY_RECHECK = timedelta(minutes=1)


def opens_at(
    subscription: Subscription, policy: Policy, not_before: datetime | None = None
) -> datetime | None:
    """Give the instant at which the subscription's next renewal is to be opened and charged.

    None when it does not renew: not active, or on a plan that is not in the catalogue.
    """
    if subscription.state is not SubscriptionState.ACTIVE or subscription.plan not in policy.plans:
        return None
    terms = policy.terms_for(subscription)
    planned = charge_instant(
        subscription.current_period_end,
        terms.renew_before,
        terms.charge_window,
        subscription.zone,
        subscription.id,
    )
    return max(planned, not_before) if not_before else planned


def replanned_at(subscription: Subscription, policy: Policy, now: datetime) -> datetime | None:
    """Plan a subscription anew: as `opens_at`, but what was held back for later (see CATCH_UP_SPACING) stays so."""
    fresh = opens_at(subscription, policy)
    if fresh and subscription.opens_at:
        return max(fresh, min(subscription.opens_at, now + CATCH_UP_SPACING))
    return fresh


def due(subscription: Subscription, moment: Moment) -> Opening | datetime | None:
    """Open the next renewal of a subscription whose `opens_at` has come, or give when it opens under this policy.

    It may have been planned under an older one that charged earlier; None when it does not renew any more.
    """
    at = replanned_at(subscription, moment.policy, moment.now)
    return planned(subscription, moment) if at and at <= moment.now else at


def planned(subscription: Subscription, moment: Moment) -> Opening:
    """Open the renewal of the period that starts when the subscription's present one ends.

    What could have been charged before this daemon started may have been, by one whose database was since
    replaced by a backup: the gateway is asked first.
    """
    terms = moment.policy.terms_for(subscription)
    chargeable_from = opens_at(subscription, moment.policy) or moment.now
    start = subscription.current_period_end
    renewal = Renewal(
        subscription_id=subscription.id,
        period_start=start,
        period_end=next_end(start, subscription.anchor, terms.period, subscription.zone),
        opened_at=moment.now,
        due_at=min(subscription.opens_at or moment.now, moment.now),
        next_at=moment.now,
        check_first=chargeable_from < (moment.running_since or moment.now),
    )
    opened = Event(
        "renewal.opened",
        moment.now,
        subscription=subscription.id,
        renewal=renewal.id,
        amount=terms.price,
        next_action="charge",
        next_at=moment.now,
        policy_digest=moment.policy.digest,
    )
    return Opening(subscription, renewal, (opened,))


def deadline(renewal: Renewal, terms: Terms) -> datetime:
    """Give the end of the grace period: what is not paid by then lapses.

    A renewal that could only be opened after expiry has its grace period from then on.
    """
    return max(renewal.period_start, renewal.opened_at) + terms.grace


def next_step(case: Case, moment: Moment) -> Step:
    """Decide what the renewal needs next."""
    renewal = case.renewal
    if renewal.stage not in OPEN_STAGES or renewal.next_at is None:
        return Rest()
    if moment.now < renewal.next_at:
        return Wait(renewal.next_at)
    leg = case.attempt.leg if case.attempt else (Leg.CHARGE if renewal.stage is Stage.DUE else Leg.EXTEND)
    if case.attempt and case.attempt.state is AttemptState.SENT:
        return away(case, [leg], moment) or Settle()
    if case.subscription.plan not in moment.policy.plans:
        return unknown_plan(case, moment)
    if leg is Leg.EXTEND:
        barred = _bar_to_extending(case) or away(case, [leg], moment)
        return barred or (Resend() if case.attempt else Extend())
    terms = moment.policy.terms_for(case.subscription)
    barred = _bar_to_charging(case, terms, moment)
    if isinstance(barred, Close) and barred.stage is Stage.LAPSED and case.renewal.check_first:
        return CheckFirst(_any_method(case))
    if barred or not case.attempt:
        return barred or _charge_or_hold(case, terms, moment)
    return CheckFirst(_any_method(case)) if case.renewal.check_first else _resend_or_drop(case, moment)


def unknown_plan(case: Case, moment: Moment) -> Hold:
    """Hold for the operator: without its plan nobody knows what the renewal costs."""
    detail = f"plan {case.subscription.plan} is not in the catalogue"
    return Hold(HoldReason.OPERATOR, moment.now + OPERATOR_RECHECK, detail)


def _bar_to_extending(case: Case) -> Step | None:
    """Find why a paid renewal must not be extended: then a person has to look at the money."""
    if case.subscription.state in (SubscriptionState.CANCELED, SubscriptionState.PAUSED):
        return Close(
            Stage.REVIEW,
            f"paid, but {case.subscription.state} before it was extended; refund or extend by hand",
        )
    if case.renewal.sold_plan not in ("", case.subscription.plan):
        return Close(
            Stage.REVIEW, f"{case.renewal.sold_plan} was paid, but the plan is {case.subscription.plan} now"
        )
    if case.subscription.current_period_end != case.renewal.period_start:
        return Close(
            Stage.REVIEW, "paid, but its expiry was changed by hand meanwhile; refund or extend by hand"
        )
    return None


def _bar_to_charging(case: Case, terms: Terms, moment: Moment) -> Step | None:
    """Find the first reason, if any, why this renewal must not be charged at this instant."""
    return (
        _not_wanted(case, terms, moment.now)
        or _not_allowed(case, terms, moment)
        or _outside_window(case, terms, moment.now)
        # Both are needed: nobody pays for what the carrier cannot extend now.
        or away(case, [Leg.CHARGE, Leg.EXTEND], moment)
        or _braked(moment)
    )


def _not_wanted(case: Case, terms: Terms, now: datetime) -> Step | None:
    renewal, subscription = case.renewal, case.subscription
    if subscription.state is SubscriptionState.CANCELED:
        return Close(Stage.CANCELED, "the subscription was canceled")
    if subscription.current_period_end != renewal.period_start:
        return Close(Stage.SKIPPED, "its expiry was changed by hand: this period is not ours to sell")
    if subscription.state is SubscriptionState.PAUSED and now >= deadline(renewal, terms):
        return Close(Stage.SKIPPED, "paused until after the grace period")
    if renewal.period_end <= now:
        return Close(Stage.LAPSED, "the whole period passed unpaid")
    end = deadline(renewal, terms)
    # A try that was due in time is still made when we were kept from it: an outage of ours must not cost a renewal.
    if now >= end and renewal.due_at >= end:
        return Close(Stage.LAPSED, renewal.reason or "unpaid at the end of the grace period")
    return None


def _not_allowed(case: Case, terms: Terms, moment: Moment) -> Step | None:
    until = hold_until(case.renewal, terms, moment.now)
    if case.halted:
        return Hold(HoldReason.HALTED, until, "all charging is halted by the operator")
    if case.subscription.state is not SubscriptionState.ACTIVE:
        return Hold(HoldReason.PAUSED, until, f"the subscription is {case.subscription.state}")
    if terms.require_email and not case.customer.email:
        return Hold(HoldReason.CONTACT, until, "the customer has no e-mail address to be told at")
    most = moment.policy.brake.max_amount
    amount = (case.attempt and case.attempt.amount) or terms.price
    if amount.currency != most.currency or amount.minor > most.minor:
        return Hold(HoldReason.APPROVAL, until, f"{amount} is above brake.max_amount ({most})")
    return None


def _outside_window(case: Case, terms: Terms, now: datetime) -> Step | None:
    opens = into_window(now, terms.charge_window, case.subscription.zone, case.renewal.id)
    in_time = opens < min(deadline(case.renewal, terms), case.renewal.period_end)
    return Wait(opens, HoldReason.WINDOW) if opens > now and in_time else None


def _braked(moment: Moment) -> Step | None:
    if moment.brake_until and moment.brake_until > moment.now:
        return Hold(
            HoldReason.BRAKE, _rounded_up(moment.brake_until), "brake.max_charges_per_hour is reached"
        )
    return Wait(moment.refused_until) if moment.refused_until and moment.refused_until > moment.now else None


def _rounded_up(instant: datetime) -> datetime:
    """Wake all that wait for the brake together, so that the one due longest is charged first."""
    return instant + (datetime.min.replace(tzinfo=UTC) - instant) % BRAKE_STEP


def _charge_or_hold(case: Case, terms: Terms, moment: Moment) -> Step:
    """Choose the payment method: the first whose card limits let it be tried now, and that nobody else is trying."""
    free = [
        (method, _open_at(case, method, moment))
        for method in usable_methods(case, case.renewal.spent, moment.now)
    ]
    for method, at in free:
        if at <= moment.now:
            if method.id in case.busy:
                return Wait(moment.now + BUSY_RECHECK)
            return CheckFirst(method) if case.renewal.check_first else Charge(method)
    zone = case.subscription.zone
    opening = [into_window(at, terms.charge_window, zone, case.renewal.id) for _, at in free]
    if opening and min(opening) < deadline(case.renewal, terms):
        return Wait(min(opening), HoldReason.WINDOW)
    until = hold_until(case.renewal, terms, moment.now)
    return Hold(HoldReason.PAYMENT_METHOD, until, "no payment method is left to try")


def _any_method(case: Case) -> PaymentMethod:
    """Give a method to look the period up by; the list is read by customer, so any will do, or none."""
    return case.methods[0] if case.methods else PaymentMethod("", case.customer.id, "")


def _resend_or_drop(case: Case, moment: Moment) -> Step:
    """Send the attempt again, unless its card has been blocked or has used its limits up since it was pinned."""
    pinned = case.attempt.method_id if case.attempt else ""
    method = next((method for method in case.methods if method.id == pinned and not method.blocked), None)
    if method is None or _open_at(case, method, moment) > moment.now:
        return Drop()
    return Wait(moment.now + BUSY_RECHECK) if method.id in case.busy else Resend()


def _open_at(case: Case, method: PaymentMethod, moment: Moment) -> datetime:
    declines = [at for method_id, at in case.declines if method_id == method.id]
    return moment.policy.limits.open_at(declines, moment.now)


def usable_methods(case: Case, spent: tuple[str, ...], now: datetime) -> list[PaymentMethod]:
    """Give the customer's payment methods that may still be tried for this renewal, in the order to try them."""
    this_month = now.strftime("%Y-%m")
    return sorted(
        (
            method
            for method in case.methods
            if not method.blocked and method.token not in spent and not ("" < method.expires < this_month)
        ),
        key=lambda method: (method.rank, method.id),
    )


def hold_until(renewal: Renewal, terms: Terms, now: datetime) -> datetime:
    """Give when to look at a held renewal again: the end of grace or, past that, of the period."""
    end = deadline(renewal, terms)
    return end if now < end else renewal.period_end


def extended_subscription(subscription: Subscription, renewal: Renewal, moment: Moment) -> Subscription:
    """Move the expiry exactly one period on, to the end of `renewal`, and plan the renewal after it."""
    moved = replace(subscription, current_period_end=renewal.period_end, opens_at=None)
    return replace(moved, opens_at=opens_at(moved, moment.policy, moment.now + CATCH_UP_SPACING))
