"""What an operator's word about a review leads to: told in one line each, and what follows from it."""

from dataclasses import replace
from typing import Any

import pytest

from renewd.renewal.command import SETTLED, Verb, commanded, concerned
from renewd.renewal.fold import folded
from renewd.renewal.model import AttemptState, Leg, Renewal, Stage, SubscriptionState, open_attempt
from renewd.renewal.outcome import Done
from renewd.renewal.period import local_text
from renewd.renewal.record import Record, settled_end
from renewd.renewal.standing import RefusedError, Standing
from renewd.renewal.step import Charge, Extend
from tests.renewal.building import (
    DAY,
    EXPIRY,
    NEW_YORK,
    NOON,
    PERIOD_END,
    PRICE,
    VISA,
    at,
    begun,
    case,
    charged,
    moment,
    subscription,
)

SENT = open_attempt(begun(case(), Charge(VISA), moment()))
EXTENDING = open_attempt(begun(charged(), Extend(), moment()))
CANCELED, PAUSED = {"state": SubscriptionState.CANCELED}, {"state": SubscriptionState.PAUSED}
BY_HAND, HALFWAY = at("2026-12-30 00:00"), at("2026-12-10 00:00")
EXTENDED, REFUNDED, UNPAID = SETTLED


def standing(**changes: Any) -> Standing:
    """Ada's, in review since yesterday; a keyword is as for `case`."""
    review = {"stage": Stage.REVIEW, "next_at": None, "closed_at": NOON - DAY, "reason": "a person must look"}
    there = case(**review | {"charges": 1} | changes)
    return Standing(there.subscription, there.renewal, there.attempt)


def paid(**changes: Any) -> Standing:
    return standing(paid=PRICE, **changes)


def told(after: Standing) -> str:
    """The renewal's end and its reason; the attempt; the subscription, its expiry and when it renews."""
    subscription, renewal = after.subscription, after.renewal
    assert renewal is not None
    assert (renewal.next_at, renewal.closed_at) == (None, NOON)
    opens = (
        f"opens {local_text(subscription.opens_at, NEW_YORK)[:16]}"
        if subscription.opens_at
        else "never opens"
    )
    parts = [
        str(renewal.stage) + (f", {renewal.paid}" if renewal.paid else ""),
        renewal.reason,
        f"{after.attempt.leg} {after.attempt.state}" if after.attempt else "",
        f"{subscription.state} until {local_text(subscription.current_period_end, NEW_YORK)[:10]}",
        opens,
    ]
    return "; ".join(part for part in parts if part)


BY_OPERATOR = "extended by the operator"
BACK, NEVER = "refunded by the operator", "never paid, says the operator"
TABLE = {
    "refused by the carrier, extended": (
        EXTENDED,
        paid(),
        f"extended, 70.00 USD; {BY_OPERATOR}; active until 2026-12-30; opens 2026-12-23 13:30",
    ),
    "extended, of which the carrier never spoke": (
        EXTENDED,
        paid(attempt=EXTENDING),
        f"extended, 70.00 USD; {BY_OPERATOR}; extend abandoned; active until 2026-12-30; opens 2026-12-23 13:30",
    ),
    "extended, although canceled: it renews no more": (
        EXTENDED,
        paid(**CANCELED),
        f"extended, 70.00 USD; {BY_OPERATOR}; canceled until 2026-12-30; never opens",
    ),
    "extended, although paused: it renews once it is resumed": (
        EXTENDED,
        paid(**PAUSED),
        f"extended, 70.00 USD; {BY_OPERATOR}; paused until 2026-12-30; never opens",
    ),
    "extended, and imported before: no expiry moves twice": (
        EXTENDED,
        paid(current_period_end=BY_HAND, opens_at=NOON + DAY),
        f"extended, 70.00 USD; {BY_OPERATOR}; active until 2026-12-30; opens 2026-11-24 12:00",
    ),
    "extended and imported, of a payment that is not ours": (
        EXTENDED,
        standing(current_period_end=BY_HAND, opens_at=NOON + DAY, attempt=SENT),
        f"skipped; {BY_OPERATOR}; charge abandoned; active until 2026-12-30; opens 2026-11-24 12:00",
    ),
    "refunded": (REFUNDED, paid(), f"canceled; {BACK}; active until 2026-11-30; never opens"),
    "refunded, canceled": (
        REFUNDED,
        paid(**CANCELED),
        f"canceled; {BACK}; canceled until 2026-11-30; never opens",
    ),
    "refunded, another amount": (
        REFUNDED,
        standing(attempt=SENT),
        f"canceled; {BACK}; charge abandoned; active until 2026-11-30; never opens",
    ),
    "refunded, and renewed by an import": (
        REFUNDED,
        paid(current_period_end=BY_HAND, opens_at=NOON + DAY),
        f"canceled; {BACK}; active until 2026-12-30; opens 2026-11-24 12:00",
    ),
    "never paid": (
        UNPAID,
        standing(attempt=SENT),
        f"skipped; {NEVER}; charge abandoned; active until 2026-11-30; never opens",
    ),
    "never paid, canceled": (
        UNPAID,
        standing(**CANCELED),
        f"skipped; {NEVER}; canceled until 2026-11-30; never opens",
    ),
}


@pytest.mark.parametrize(("verb", "before", "line"), TABLE.values(), ids=TABLE)
def test_a_review_is_closed(verb: Verb, before: Standing, line: str) -> None:
    after, _ = commanded(verb, before, moment(), "ops", "")
    assert told(after) == line


NOT_IN_REVIEW = "sub1 has no renewal in review; where it stands: renewd show sub1"
REFUSED = {
    **{
        f"{verb}, {stage}": (verb, standing(stage=stage), NOT_IN_REVIEW)
        for verb in SETTLED
        for stage in Stage
        if stage is not Stage.REVIEW
    },
    **{f"{verb}, never opened": (verb, Standing(subscription()), NOT_IN_REVIEW) for verb in SETTLED},
    "under way": (EXTENDED, Standing(subscription(), charged().renewal, EXTENDING), NOT_IN_REVIEW),
    "extended, unpaid": (
        EXTENDED,
        standing(),
        "renewd knows of no payment for the renewal of sub1: settle it --unpaid; or, if the gateway has the money and "
        "the line is extended, import its new current_period_end first",
    ),
    "extended, imported to within the period": (
        EXTENDED,
        paid(current_period_end=HALFWAY),
        "the expiry of sub1 was changed to 2026-12-10 05:00Z, but it is paid until 2026-12-30 05:00Z: first import the "
        "current_period_end that it has at the carrier now",
    ),
    "unpaid, but paid": (
        UNPAID,
        paid(),
        "70.00 USD was paid for the renewal of sub1; settle it --extended or --refunded",
    ),
}


@pytest.mark.parametrize(("verb", "before", "why"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_and_says_what_does(verb: Verb, before: Standing, why: str) -> None:
    with pytest.raises(RefusedError) as refused:
        commanded(verb, before, moment(), "ops", "")
    assert str(refused.value) == why


def test_extended_by_hand_or_by_the_carrier_the_subscription_goes_on_alike() -> None:
    by_carrier = folded(begun(charged(), Extend(), moment()), Extend(), Done("ext_1"), moment(), 0)
    by_hand, _ = commanded(EXTENDED, paid(), moment(), "ops", "")
    assert by_hand.subscription == by_carrier.subscription


def test_extended_when_the_next_one_is_due_already_it_opens_a_day_later() -> None:
    after, _ = commanded(EXTENDED, paid(), moment(PERIOD_END - DAY), "ops", "")
    assert after.subscription.opens_at == PERIOD_END


def test_the_log_says_who_did_what_with_which_money_and_which_call_was_given_up() -> None:
    _, event = commanded(EXTENDED, paid(attempt=EXTENDING), moment(), "ops", "by phone")
    assert (event.name, event.actor, event.detail, event.code) == (
        "operator.settled",
        "ops",
        "by phone",
        "extended",
    )
    assert (event.amount, event.leg, event.key) == (PRICE, Leg.EXTEND, EXTENDING.key)
    assert (event.next_action, event.next_at) == ("extended", None)


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in (Verb.PAUSE, Verb.CANCEL)])
def test_no_command_charges_for_what_was_refunded(verb: Verb) -> None:
    after, _ = commanded(REFUNDED, paid(**PAUSED), moment(), "ops", "")
    then = moment(NOON + DAY)
    if verb is Verb.RESUME:
        resumed, _ = commanded(verb, after, then, "ops", "")
        assert (resumed.renewal, resumed.subscription.opens_at) == (after.renewal, None)
    else:
        with pytest.raises(RefusedError):
            commanded(verb, after, then, "ops", "")


def test_what_was_never_paid_can_still_be_tried_again_and_is_looked_up_first() -> None:
    after, _ = commanded(UNPAID, standing(attempt=SENT), moment(), "ops", "")
    again, _ = commanded(Verb.RETRY, replace(after, attempt=None), moment(NOON + DAY), "ops", "")
    assert again.renewal is not None
    assert (again.renewal.stage, again.renewal.check_first, again.renewal.charges) == (Stage.DUE, True, 2)


@pytest.mark.parametrize(("verb", "end"), [(EXTENDED, EXPIRY), (REFUNDED, HALFWAY)])
def test_an_import_may_give_some_of_a_period_once_its_money_is_back(verb: Verb, end: Any) -> None:
    after, _ = commanded(verb, paid(), moment(), "ops", "")
    record = Record(subscription(current_period_end=HALFWAY), case().customer, ())
    assert settled_end(record.subscription, subscription(), after.renewal) == end


def test_what_is_settled_is_the_first_in_review_and_any_other_word_is_about_the_latest() -> None:
    first = case(stage=Stage.REVIEW).renewal
    one, two, three = (replace(first, period_start=EXPIRY + n * 30 * DAY) for n in range(3))
    renewals = [replace(one, stage=Stage.EXTENDED), two, replace(three, stage=Stage.DUE)]
    assert [concerned(verb, renewals) for verb in SETTLED] == [two] * 3
    assert concerned(Verb.RETRY, renewals) == renewals[-1]
    nothing: list[Renewal] = []
    assert [concerned(verb, nothing) for verb in Verb] == [None] * len(Verb)


def test_what_was_never_answered_is_spent_with_its_number() -> None:
    after, _ = commanded(REFUNDED, standing(attempt=SENT, charges=0), moment(), "ops", "")
    assert after.attempt == replace(SENT, state=AttemptState.ABANDONED, closed_at=NOON)
    assert after.renewal is not None
    assert after.renewal.charges == 1
