"""What is to come: when a renewal will be charged, what stands in its way, its whole ladder, and the days ahead.

Nothing is judged here: what would happen is found by asking the same functions that the service asks, at later instants.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from renewd.renewal import step
from renewd.renewal.begin import opened
from renewd.renewal.copying import replace
from renewd.renewal.decide import (
    deadline,
    extended_subscription,
    next_step,
    opens_at,
    planned,
    usable_methods,
)
from renewd.renewal.fold import folded
from renewd.renewal.model import (
    OPEN_ATTEMPTS,
    Attempt,
    Case,
    Customer,
    HoldReason,
    PaymentMethod,
    Renewal,
    Stage,
    Subscription,
    SubscriptionState,
)
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.outcome import Absent
from renewd.renewal.period import into_window
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Listed
from renewd.renewal.rest import rested
from renewd.renewal.terms import Terms

# These end by themselves; what is held for any other reason is not foreseen to be charged.
PASSING_HOLDS = frozenset({None, HoldReason.BRAKE, HoldReason.BREAKER, HoldReason.WINDOW})
# What a decision finds by itself, each time it is made; the others are kept in the renewal's row.
BARS = {
    HoldReason.PAUSED: "state",
    HoldReason.HALTED: "halt",
    HoldReason.CONTACT: "contact",
    HoldReason.APPROVAL: "max_amount",
    HoldReason.PAYMENT_METHOD: "payment_method",
}
KEPT = (HoldReason.VERIFICATION, HoldReason.OPERATOR, HoldReason.BRAKE, HoldReason.BREAKER)
SENDS = step.Charge | step.Resend
LONG_AGO = datetime.min.replace(tzinfo=UTC)
SOMEBODY, SOME_CARD = Customer("", "", "somebody", ""), PaymentMethod("", "", "")


@dataclass(frozen=True)
class Rung:
    """A further try after a soft decline: `wait` since the try before, and the instant that this leads to.

    One that is not `in_time` would come after the deadline, and so is never made.
    """

    wait: timedelta
    at: datetime
    in_time: bool


@dataclass(frozen=True)
class Charge:
    """A charge that is foreseen."""

    at: datetime
    amount: Money


@dataclass(frozen=True)
class Outlook:
    """What a renewal needs once it needs more than time: `step`, at `moment`, when the case has become `case`.

    With `asked_first` the gateway's list is read before that, and the step is what follows if it has no charge.
    """

    case: Case
    moment: Moment
    step: step.Step
    asked_first: bool

    @property
    def charge(self) -> Attempt | None:
        """The attempt to charge that the step would send, as it would be pinned, if it is one that sends a charge."""
        if not isinstance(self.step, SENDS):
            return None
        return opened(self.case, self.step, self.moment).attempt


@dataclass(frozen=True)
class Prospect:
    """What is to come of the renewal that a subscription's present period leads to.

    `renewal` is looked at next `at` (None for never again), and `outlook` is what comes of that; `clear` is what
    would come if nothing stood in the way, and `bars` says what does, see `unbarred`.
    """

    renewal: Renewal
    at: datetime | None
    outlook: Outlook
    clear: Outlook
    bars: Mapping[str, str]


def present_renewal(subscription: Subscription, renewal: Renewal | None) -> Renewal | None:
    """Give the latest renewal if it is the one that the present period leads to."""
    return renewal if renewal and renewal.period_start == subscription.current_period_end else None


def replanned(subscription: Subscription, renewal: Renewal | None, policy: Policy) -> Subscription:
    """Plan the next renewal under this policy, as a daemon does when it takes a new one up."""
    if present_renewal(subscription, renewal):
        return subscription
    return replace(subscription, opens_at=opens_at(subscription, policy))


def looked_at(subscription: Subscription, renewal: Renewal | None, policy: Policy) -> datetime | None:
    """Give when a pass takes a subscription up: its renewal that is open, or the one to be opened; None for never."""
    present = present_renewal(subscription, renewal)
    if present:
        return present.next_at
    return subscription.opens_at if subscription.plan in policy.plans else None


def case_of(dossier: Dossier, moment: Moment) -> Case:
    """Give the case as it stands: of the renewal that is under way or, when none is, of the one to be opened.

    When no daemon is running, what is not yet paid is in doubt, as it will be for the one to start. Raises KeyError
    when a renewal would have to be opened for a plan that is not in the catalogue.
    """
    latest = dossier.renewals[-1] if dossier.renewals else None
    renewal = present_renewal(dossier.subscription, latest)
    if renewal is None:
        renewal = planned(dossier.subscription, moment).renewal
    elif renewal.stage is Stage.DUE and moment.running_since is None:
        renewal = replace(renewal, check_first=True)
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


def prospect(dossier: Dossier, moment: Moment) -> Prospect:
    """Give what is to come of a subscription. One that does not renew is looked at when it would be if it did.

    Raises KeyError when its plan is not in the catalogue.
    """
    subscription, renewal = dossier.subscription, dossier.renewals[-1] if dossier.renewals else None
    at = looked_at(subscription, renewal, moment.policy)
    if at is None and not present_renewal(subscription, renewal):
        at = opens_at(replace(subscription, state=SubscriptionState.ACTIVE), moment.policy)
    then = replace(moment, now=max(at or moment.now, moment.now))
    case = case_of(dossier, then)
    # What waits for somebody may be seen to at once.
    clear, bars = unbarred(case, then if case.renewal.hold in PASSING_HOLDS else moment)
    return Prospect(case.renewal, at and then.now, outlook(case, then), clear, bars)


def outlook(case: Case, moment: Moment) -> Outlook:
    """Let time pass, as the service would, until the renewal needs something else; see `Outlook`."""
    asked = False
    while True:
        found = next_step(case, moment)
        match found:
            case step.Wait() | step.Drop() | step.CheckFirst():
                change = rested(case, found, moment)
            case step.Settle() if asked:
                change = folded(opened(case, found, moment).after(), found, Absent(), moment, 0)
            case _:
                return Outlook(case, moment, found, asked)
        asked = asked or isinstance(found, step.CheckFirst)
        case = change.after()
        moment = replace(moment, now=max(moment.now, case.renewal.next_at or moment.now))


def unbarred(case: Case, moment: Moment) -> tuple[Outlook, Mapping[str, str]]:
    """Give the outlook if the renewal were looked at now and nothing stood in the way; and of everything that can, how it does.

    What does not stand in the way is in there too, empty.
    """
    renewal = case.renewal
    rests = [_rested(case, each, moment) for each in usable_methods(case, renewal.spent, moment.now)]
    rested_at = min(rests, default=moment.now)
    resting = f"the card rests until {rested_at:%Y-%m-%d %H:%MZ}" if rested_at > moment.now else ""
    case, found = replace(case, renewal=replace(renewal, next_at=moment.now)), dict[HoldReason, str]()
    while True:
        coming = outlook(case, moment)
        held = coming.step
        if not isinstance(held, step.Hold) or held.reason in found:
            break
        found[held.reason] = held.detail
        case, moment = _without(held.reason, case, moment)
    kept = {each.value: renewal.reason if renewal.hold is each else found.get(each, "") for each in KEPT}
    return coming, {name: found.get(each, "") for each, name in BARS.items()} | {
        "card_limits": resting
    } | kept


def _without(reason: HoldReason, case: Case, moment: Moment) -> tuple[Case, Moment]:
    """Take away what a renewal would be held for."""
    match reason:
        case HoldReason.PAUSED:
            active = replace(case.subscription, state=SubscriptionState.ACTIVE)
            return replace(case, subscription=active), moment
        case HoldReason.HALTED:
            return replace(case, halted=False), moment
        case HoldReason.CONTACT:
            return replace(case, customer=SOMEBODY), moment
        case HoldReason.APPROVAL:
            price = moment.policy.terms_for(case.subscription).price
            amount = (case.attempt and case.attempt.amount) or price
            brake = moment.policy.brake.model_copy(update={"max_amount": amount})
            return case, replace(moment, policy=moment.policy.model_copy(update={"brake": brake}))
        case HoldReason.PAYMENT_METHOD:
            return replace(case, methods=(SOME_CARD,)), moment
        case HoldReason.OPERATOR:
            return case, replace(moment, gateways=None, carriers=None)
        case _:
            return case, moment


def ladder(case: Case, terms: Terms, first: datetime) -> tuple[Rung, ...]:
    """Give every further try of the ladder if the one at `first` and all after it met soft declines."""
    rungs: list[Rung] = []
    at, renewal = first, case.renewal
    number = renewal.ladder_step
    while (wait := terms.ladder.wait(number, renewal.id)) is not None:
        at = into_window(at + wait, terms.charge_window, case.subscription.zone, renewal.id)
        late = at >= deadline(renewal, terms) or (bool(rungs) and not rungs[-1].in_time)
        rungs.append(Rung(wait, at, not late))
        number += 1
    return tuple(rungs)


def forecast(listed: Listed, moment: Moment, until: datetime) -> Iterator[Charge]:
    """Give the charges of one subscription before `until`, if each one succeeds at its first try.

    Whether the gateway is asked first is left out: it moves no charge to another day.
    """
    subscription, present = listed.subscription, present_renewal(listed.subscription, listed.renewal)
    at, moment = looked_at(subscription, present, moment.policy), replace(moment, running_since=LONG_AGO)
    if present and present.hold not in PASSING_HOLDS:
        return
    while at and at < until:
        moment = replace(moment, now=max(at, moment.now))
        renewal = present or planned(subscription, moment).renewal
        coming = outlook(Case(renewal, subscription, SOMEBODY, (SOME_CARD,)), moment)
        if isinstance(coming.step, SENDS) and coming.moment.now < until:
            yield Charge(coming.moment.now, moment.policy.terms_for(subscription).price)
        elif not isinstance(coming.step, step.Extend):
            return
        case = coming.case
        subscription = extended_subscription(case.subscription, case.renewal, coming.moment)
        present, at = None, subscription.opens_at


def _rested(case: Case, method: PaymentMethod, moment: Moment) -> datetime:
    declines = [at for method_id, at in case.declines if method_id == method.id]
    return moment.policy.limits.open_at(declines, moment.now)
