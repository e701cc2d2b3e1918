"""What must be durable before a call is made: the attempt, pinned, under its derived key."""

from typing import assert_never

from renewd.renewal.change import Change
from renewd.renewal.copying import replace
from renewd.renewal.events import event_of
from renewd.renewal.model import Attempt, AttemptState, Case, Leg, PaymentMethod, Renewal, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.period import next_end
from renewd.renewal.step import Call, Charge, Extend, Resend, Settle


def opened(case: Case, step: Call, moment: Moment) -> Change:
    """Give the rows that must be durable before the call that `step` asks for is made."""
    attempt = _attempt(case, step, moment)
    verb = "lookup" if isinstance(step, Settle) else "attempted"
    renewal = replace(case.renewal, hold=None, next_at=moment.now + moment.settle_after)
    if isinstance(step, Charge):
        renewal = sold(renewal, case, moment)
    return Change(
        at=moment.now,
        before=case,
        renewal=renewal,
        attempt=attempt,
        events=(
            event_of(
                case, f"{attempt.leg}.{verb}", moment, attempt, next_action="answer", outcome="", code=""
            ),
        ),
        before_call=True,
        starts_charge=attempt.leg is Leg.CHARGE and not isinstance(step, Settle),
        most_per_hour=moment.policy.brake.max_charges_per_hour,
    )


def _attempt(case: Case, step: Call, moment: Moment) -> Attempt:
    match step:
        case Charge(method):
            return new_charge(case, method, moment)
        case Extend():
            carrier = moment.policy.terms_for(case.subscription).carrier
            return _new_attempt(case, Leg.EXTEND, case.renewal.extends + 1, carrier, moment)
        case Resend():
            attempt = open_attempt(case)
            return replace(
                attempt,
                state=AttemptState.SENT,
                sends=attempt.sends + 1,
                sent_at=moment.now,
                absences=0,
                lookups=0,
            )
        case Settle():
            attempt = open_attempt(case)
            return replace(attempt, lookups=attempt.lookups + 1)
        case _:
            assert_never(step)


def sold(renewal: Renewal, case: Case, moment: Moment) -> Renewal:
    """Pin what the charge buys: the plan, and the period that goes with its price, as they are now."""
    subscription, terms = case.subscription, moment.policy.terms_for(case.subscription)
    end = next_end(renewal.period_start, subscription.anchor, terms.period, subscription.zone)
    return replace(renewal, sold_plan=subscription.plan, period_end=end)


def new_charge(case: Case, method: PaymentMethod, moment: Moment) -> Attempt:
    """Pin the next charge of a renewal: its number, its amount and its method."""
    terms = moment.policy.terms_for(case.subscription)
    return replace(
        _new_attempt(case, Leg.CHARGE, case.renewal.charges + 1, terms.gateway, moment),
        amount=terms.price,
        method_id=method.id,
        method_token=method.token,
        method_kind=method.kind,
        gateway_customer=case.customer.gateway_customer,
    )


def _new_attempt(case: Case, leg: Leg, number: int, provider: str, moment: Moment) -> Attempt:
    return Attempt(
        renewal_id=case.renewal.id,
        leg=leg,
        number=number,
        provider=provider,
        subscription_id=case.subscription.id,
        period_start=case.renewal.period_start,
        policy_digest=moment.policy.digest,
        sent_at=moment.now,
        begun_at=moment.now,
        line=case.subscription.line,
        plan=case.subscription.plan,
        extend_to=case.renewal.period_end,
    )
