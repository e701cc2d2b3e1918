"""What a pass would do, without doing it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, assert_never

from renewd.cli.desk import found, subscriptions
from renewd.cli.output import Column, Listing, Row, brief
from renewd.cli.wording import label_of
from renewd.ports import Books
from renewd.renewal.decide import next_step
from renewd.renewal.foresee import case_of, present_renewal
from renewd.renewal.model import Case, Leg, Stage
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.query import Listed, ListQuery
from renewd.renewal.step import (
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

STYLES = {"charge": "bold", "hold": "yellow", "look up": "cyan", "extend": "cyan", "lapsed": "red"}

REHEARSAL = Listing(
    "renewd.scan.v1",
    [
        Column("subscription", "subscription"),
        Column("opens", "opens", show=lambda row: "opens" if row["opens"] else ""),
        Column("does", "does", style=lambda row: STYLES.get(row["does"], "")),
        Column("amount", "amount", kind="money"),
        Column("with", "with", flexible=True),
        Column("due_at", "due", kind="instant"),
        Column("idempotency_key"),
    ],
    "nothing would be done",
)


def rehearsed(books: Books, moment: Moment) -> Iterator[Row]:
    """Say what a pass at this moment would do first with each renewal that is due by then, the longest due first."""
    due = [
        (at, listed)
        for listed in subscriptions(books, ListQuery(), moment.policy)
        if (at := _due_at(listed, moment)) and at <= moment.now
    ]
    for at, listed in sorted(due, key=lambda each: (each[0], each[1].subscription.id)):
        case = case_of(found(books, listed.subscription.id), moment)
        does = _does(case, next_step(case, moment), moment)
        if does:
            opens = present_renewal(listed.subscription, listed.renewal) is None
            yield {"subscription": listed.subscription.id, "opens": opens, "due_at": at} | dict(does)


def totals(rows: list[Row]) -> str:
    """Sum up what would be done."""
    counted = Counter(str(row["does"]) for row in rows)
    sums: Counter[str] = Counter()
    for row in rows:
        if row["does"] == "charge" and row["amount"]:
            sums[row["amount"].currency] += row["amount"].minor
    amounts = ", ".join(str(Money(minor, currency)) for currency, minor in sorted(sums.items()))
    words = ", ".join(f"{count} {does}" for does, count in counted.most_common())
    return f"{words}{f'; {amounts} in all' if amounts else ''}"


def _due_at(listed: Listed, moment: Moment) -> datetime | None:
    """Give when a subscription is to be looked at: its open renewal, or the one to be opened."""
    subscription = listed.subscription
    present = present_renewal(subscription, listed.renewal)
    if present:
        return present.next_at
    return subscription.opens_at if subscription.plan in moment.policy.plans else None


ON_THE_OPEN_ATTEMPT = {Resend: "send again", Settle: "look up", Drop: "give up"}


def _does(case: Case, step: Step, moment: Moment) -> Row | None:
    """Say what a step does; None for one that does nothing."""
    attempt, plans = case.attempt, moment.policy.plans
    # Only what is held or looked up may be on a plan that is gone; none of that needs its terms.
    known = case.subscription.plan in plans
    terms: Any = moment.policy.terms_for(case.subscription) if known else None
    does: dict[str, Any] = {
        "amount": attempt.amount if attempt else None,
        "idempotency_key": attempt.key if attempt else "",
    }
    match step:
        case Charge(method):
            key = f"{case.renewal.id}/{Leg.CHARGE}/{case.renewal.charges + 1}"
            return does | {
                "does": "charge",
                "amount": terms.price,
                "with": label_of(method),
                "idempotency_key": key,
            }
        case Extend():
            key = f"{case.renewal.id}/{Leg.EXTEND}/{case.renewal.extends + 1}"
            with_ = f"{terms.carrier} until {brief(case.renewal.period_end)}"
            return does | {"does": "extend", "with": with_, "idempotency_key": key}
        case Resend() | Settle() | Drop():
            return does | {"does": ON_THE_OPEN_ATTEMPT[type(step)], "with": attempt.key if attempt else ""}
        case Hold(reason, _, detail):
            return does | {"does": "hold", "with": f"{reason.replace('_', ' ')}: {detail}"}
        case Wait(until):
            amount = does["amount"] or (terms and case.renewal.stage is Stage.DUE and terms.price) or None
            return does | {"does": "wait", "amount": amount, "with": f"until {brief(until)}"}
        case Close(stage, reason):
            return does | {"does": str(stage), "with": reason}
        case CheckFirst():
            return does | {
                "does": "look up",
                "amount": terms.price,
                "with": "it may have been charged before",
            }
        case Rest():
            return None
        case _:
            assert_never(step)
