"""The letters that a change owes: one for each occasion, in words for the person who reads it."""

from datetime import datetime

from renewd.renewal.copying import replace
from renewd.renewal.model import Case, HoldReason, Renewal, Stage
from renewd.renewal.moment import Moment
from renewd.renewal.notice import Notice, NoticeKind, notice_id
from renewd.renewal.period import local_text
from renewd.renewal.policy import Policy

_HOLD_KINDS = {
    HoldReason.PAYMENT_METHOD: NoticeKind.PAYMENT_METHOD,
    HoldReason.VERIFICATION: NoticeKind.VERIFICATION,
    HoldReason.CONTACT: NoticeKind.HELD,
    HoldReason.APPROVAL: NoticeKind.HELD,
    HoldReason.OPERATOR: NoticeKind.HELD,
    HoldReason.BRAKE: NoticeKind.HELD,
    HoldReason.BREAKER: NoticeKind.HELD,
}
# These hold many renewals at once: the operator is told once an hour, not once each.
_SHARED = frozenset({HoldReason.BRAKE, HoldReason.BREAKER})


def renewed(case: Case, renewal: Renewal, moment: Moment) -> tuple[Notice, ...]:
    """Confirm a paid and extended renewal to the customer."""
    subject = f"{_title(case, moment.policy)} is renewed"
    body = (
        f"we charged {renewal.paid} and extended {_title(case, moment.policy)} on line {case.subscription.line}.\n"
        f"It is now good until {_local(case, renewal.period_end)}.\n\nYour order record is {renewal.id}."
    )
    return _to_customer(case, NoticeKind.RENEWED, subject, body, renewal, moment.now)


def declined(case: Case, renewal: Renewal, moment: Moment) -> tuple[Notice, ...]:
    """Tell the customer of the first decline and of the next try; later rungs of the ladder stay quiet."""
    if renewal.ladder_step > 1 or renewal.next_at is None:
        return ()
    subject = f"Your payment for {_title(case, moment.policy)} did not go through"
    body = (
        f"your bank did not approve the payment for {_title(case, moment.policy)}.\n"
        f"We will try again on {_local(case, renewal.next_at)}. Your plan is good until "
        f"{_local(case, renewal.period_start)}.\n\nYou need not do anything, unless you wish to pay another way."
    )
    return _to_customer(case, NoticeKind.DECLINED, subject, body, renewal, moment.now)


def held(case: Case, renewal: Renewal, moment: Moment) -> tuple[Notice, ...]:
    """Tell whoever can end the hold; holds that end by themselves make no letter."""
    kind = _HOLD_KINDS.get(renewal.hold) if renewal.hold else None
    if kind is None:
        return ()
    if renewal.hold in _SHARED:
        notice = _to_operator(case, kind, f"Renewals are held: {renewal.reason}", renewal, moment.now)[0]
        return (replace(notice, id=f"{renewal.hold}/{renewal.reason}/{moment.now:%Y%m%dT%H}"),)
    if kind is NoticeKind.HELD:
        return _to_operator(
            case, kind, f"{case.subscription.id} is held: {renewal.reason}", renewal, moment.now
        )
    asked = (
        "please confirm the payment with your bank"
        if kind is NoticeKind.VERIFICATION
        else "please add another payment method"
    )
    subject = f"Action needed to renew {_title(case, moment.policy)}"
    body = (
        f"we could not renew {_title(case, moment.policy)} with the payment method we have: {asked}.\n"
        f"Your plan is good until {_local(case, renewal.period_start)}. We keep the renewal open until "
        f"{_local(case, renewal.next_at or renewal.period_start)}."
    )
    return _to_customer(case, kind, subject, body, renewal, moment.now)


def closed(case: Case, renewal: Renewal, moment: Moment) -> tuple[Notice, ...]:
    """Tell the customer of a lapse, and the operator of what a person must look at."""
    if renewal.stage is Stage.REVIEW:
        return _to_operator(
            case,
            NoticeKind.REVIEW,
            f"{case.subscription.id} needs a look: {renewal.reason}",
            renewal,
            moment.now,
        )
    if renewal.stage is not Stage.LAPSED:
        return ()
    subject = f"{_title(case, moment.policy)} was not renewed"
    body = (
        f"we could not renew {_title(case, moment.policy)} on line {case.subscription.line}, which was good until "
        f"{_local(case, renewal.period_start)}.\nNothing was charged. You can buy a plan again at any time."
    )
    return _to_customer(case, NoticeKind.LAPSED, subject, body, renewal, moment.now)


def _to_customer(
    case: Case, kind: NoticeKind, subject: str, body: str, renewal: Renewal, now: datetime
) -> tuple[Notice, ...]:
    if not case.customer.email:
        return ()
    return (
        _notice(kind, case.customer.email, subject, f"Dear {case.customer.name},\n\n{body}\n", renewal, now),
    )


def _to_operator(
    case: Case, kind: NoticeKind, subject: str, renewal: Renewal, now: datetime
) -> tuple[Notice, ...]:
    body = (
        f"Subscription  {case.subscription.id}\nCustomer      {case.customer.id}\nLine          {case.subscription.line}\n"
        f"Renewal       {renewal.id}\nPaid          {renewal.paid or 'nothing'}\nReason        {renewal.reason}\n\n"
        f"See: renewd show {case.subscription.id}\n"
    )
    return (_notice(kind, "", subject, body, renewal, now),)


def _notice(
    kind: NoticeKind, recipient: str, subject: str, body: str, renewal: Renewal, now: datetime
) -> Notice:
    return Notice(
        notice_id(renewal.id, renewal.hold or kind, renewal.charges),
        kind,
        renewal.subscription_id,
        recipient,
        subject,
        body,
        now,
        now,
    )


def _title(case: Case, policy: Policy) -> str:
    plan = policy.plans.get(case.subscription.plan)
    return (plan.title if plan else "") or case.subscription.plan


def _local(case: Case, instant: datetime) -> str:
    return local_text(instant, case.subscription.zone)
