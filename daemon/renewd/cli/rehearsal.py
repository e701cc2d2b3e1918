"""What a pass would do, without doing it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from renewd.cli.columns import Column, Listing, Row, brief
from renewd.cli.desk import as_planned, known, readable
from renewd.cli.wording import label_of
from renewd.ports import Books
from renewd.renewal.begin import opened
from renewd.renewal.decide import next_step
from renewd.renewal.foresee import Outlook, case_of, looked_at, outlook, present_renewal
from renewd.renewal.model import Attempt, Case, UnreadableError, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.money import Money
from renewd.renewal.query import Listed, ListQuery
from renewd.renewal.step import Charge, CheckFirst, Close, Drop, Extend, Hold, Resend, Rest, Settle, Wait
from renewd.service.wiring import system_clock

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


def as_run(books: Books, moment: Moment) -> Moment:
    """Give the moment as the running daemon has it, if there is one: it has asked the gateway about all that is older."""
    running = books.daemons(system_clock().now())
    return replace(moment, running_since=min(each.started_at for each in running)) if running else moment


def rehearsed(books: Books, moment: Moment, left: dict[str, UnreadableError]) -> Iterator[Row]:
    """Say what a pass at this moment would do first with each renewal that is due by then, the longest due first.

    Where the gateway is asked before it is charged, that charge is told. What cannot be read goes to `left`.
    """
    policy, moment, due = moment.policy, as_run(books, moment), list[tuple[datetime, Listed]]()
    for listed in readable(books, ListQuery(), as_planned(books, policy), left):
        at = looked_at(listed.subscription, listed.renewal, policy)
        if at and at <= moment.now:
            due.append((at, listed))
    for at, listed in sorted(due, key=lambda each: (each[0], each[1].subscription.id)):
        subscription = listed.subscription
        try:
            dossier = replace(known(books, subscription.id, policy), subscription=subscription)
        except UnreadableError as error:
            left[subscription.id] = error
            continue
        does = _does(case_of(dossier, moment), moment)
        if does:
            opens = present_renewal(subscription, listed.renewal) is None
            yield {"subscription": subscription.id, "opens": opens, "due_at": at} | dict(does)


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


def _does(case: Case, moment: Moment) -> Row | None:
    """Say what is done with a renewal; None when that is nothing."""
    step, coming = next_step(case, moment), outlook(case, moment)
    charge = coming.charge
    match step:
        case Charge(method):
            return _row("charge", label_of(method), charge)
        case CheckFirst():
            return _asks_first(case, coming, moment)
        case Resend():
            return _row("send again", "", charge)
        case Wait(until):
            return _row("wait", f"until {brief(until)}", charge)
        case Extend():
            attempt = open_attempt(opened(case, step, moment).after())
            return _row("extend", f"{attempt.provider} until {brief(case.renewal.period_end)}", attempt)
        case Settle() | Drop():
            return _row("look up" if isinstance(step, Settle) else "give up", "", case.attempt)
        case Hold(reason, _, detail):
            return _row("hold", f"{reason.replace('_', ' ')}: {detail}", case.attempt)
        case Close(stage, reason):
            return _row(str(stage), reason, case.attempt)
        case Rest():
            return None
        case _:
            assert_never(step)


def _asks_first(case: Case, coming: Outlook, moment: Moment) -> Row:
    charge = coming.charge
    if charge is None or coming.moment != moment:
        return _row("look up", "it may have been charged before", charge)
    labels = {each.token: label_of(each) for each in case.methods}
    label = labels.get(charge.method_token, charge.method_token)
    return _row("charge", f"{label}, unless the gateway has a charge already", charge)


def _row(does: str, how: str, attempt: Attempt | None) -> Row:
    key = attempt.key if attempt else ""
    amount = attempt.amount if attempt else None
    return {"does": does, "with": how or key, "amount": amount, "idempotency_key": key}
