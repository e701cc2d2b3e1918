"""Declines over time: the ladder is climbed, then the next card pays, then we wait, and a look-up ends with a person."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from renewd.renewal.change import Change
from renewd.renewal.decide import next_step
from renewd.renewal.decline import DeclineAction, DeclineClass
from renewd.renewal.fold import folded
from renewd.renewal.model import AttemptState, Case, HoldReason, Stage, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import Absent, Declined, Finding, Pending, Unknown
from renewd.renewal.step import Charge, Close, Extend, Settle
from tests.renewal.building import (
    AMEX,
    DAY,
    GRACE_ENDS,
    HOUR,
    MINUTE,
    NOON,
    VISA,
    at,
    begun,
    case,
    charged,
    moment,
    policy,
)
from tests.renewal.telling import told

NO_FUNDS = Declined(DeclineClass.LATER, "insufficient_funds")
LOST = Declined(DeclineClass.NEVER, "lost_card")
ALL_DAY = policy(charge_window="00:00-23:59")
SENT = open_attempt(begun(case(), Charge(VISA), moment()))


def declined(
    case: Case, now: datetime | str = NOON, answer: Declined = NO_FUNDS, **changes: object
) -> Change:
    """Charge the case's next method and have it declined."""
    instant: Moment = moment(now, **{"policy": ALL_DAY} | changes)
    step = next_step(case, instant)
    assert isinstance(step, Charge), step
    return folded(begun(case, step, instant), step, answer, instant, 0)


def test_each_soft_decline_climbs_one_rung_and_the_last_waits_for_another_card() -> None:
    now, here, waits = NOON, case(), []
    while True:
        change = declined(here, now)
        here = change.after()
        if here.renewal.hold:
            break
        assert here.renewal.next_at is not None
        waits.append(here.renewal.next_at - now)
        now = here.renewal.next_at
    assert waits == [6 * HOUR, DAY, 2 * DAY, 2 * DAY]
    assert (here.renewal.ladder_step, here.renewal.charges) == (4, 5)
    assert (here.renewal.hold, here.renewal.spent) == (HoldReason.PAYMENT_METHOD, ("pm_visa",))
    assert here.renewal.next_at == GRACE_ENDS


def test_each_rung_waits_for_its_place_in_the_charge_window() -> None:
    change = declined(case(), "2026-11-23 12:30", policy=policy())
    assert told(change) == "due; 2026-11-24 17:47; attempt declined; charge.declined; letter declined"


def test_only_the_first_rung_writes_a_letter() -> None:
    first = declined(case())
    second = declined(first.after(), first.renewal.next_at or NOON)
    assert ([each.kind for each in first.notices], second.notices) == (["declined"], ())


def test_the_networks_advice_lengthens_a_wait_and_never_shortens_it() -> None:
    advised = [declined(case(), answer=replace(NO_FUNDS, wait_at_least=wait)) for wait in (HOUR, 2 * DAY)]
    assert [each.renewal.next_at for each in advised] == [NOON + 6 * HOUR, NOON + 2 * DAY]


def test_a_rung_past_the_grace_period_gives_way_to_the_next_card() -> None:
    advice = replace(NO_FUNDS, wait_at_least=10 * DAY)
    alone, accompanied = (declined(case(methods=cards), answer=advice) for cards in ((VISA,), (VISA, AMEX)))
    assert told(alone).startswith("due held for payment_method; 2026-12-03 00:00")
    assert told(accompanied) == "due; now; attempt declined; charge.declined"
    assert next_step(accompanied.after(), moment()) == Charge(AMEX)


def test_the_backup_card_has_one_try_once_the_ladder_is_climbed() -> None:
    climbed = case(methods=(VISA, AMEX), ladder_step=4, charges=4)
    first = declined(climbed)
    assert (first.renewal.spent, first.renewal.next_at) == (("pm_visa",), NOON)
    second = declined(first.after())
    assert (second.renewal.spent, second.renewal.hold) == (("pm_visa", "pm_amex"), HoldReason.PAYMENT_METHOD)


def test_a_forbidden_card_is_blocked_and_the_next_is_charged_at_once() -> None:
    change = declined(case(methods=(VISA, AMEX)), answer=LOST)
    assert (change.blocked_method, change.renewal.spent, change.renewal.ladder_step) == (
        "visa",
        ("pm_visa",),
        0,
    )
    assert next_step(change.after(), moment()) == Charge(AMEX)


def test_a_card_without_a_successor_is_waited_for_until_the_grace_period_ends() -> None:
    held = declined(case(), answer=LOST).after()
    assert (held.renewal.hold, held.renewal.next_at) == (HoldReason.PAYMENT_METHOD, GRACE_ENDS)
    assert next_step(held, moment(GRACE_ENDS)) == Close(Stage.LAPSED, "declined: lost_card")


def test_declined_after_the_grace_period_it_is_held_until_the_period_is_over() -> None:
    late = case(due_at=GRACE_ENDS - HOUR, next_at=GRACE_ENDS - HOUR)
    change = declined(late, "2026-12-05 12:00", LOST)
    assert (change.renewal.next_at, change.renewal.due_at) == (at("2026-12-30 00:00"),) * 2


ACTIONS = {
    DeclineAction.RETRY: "due; +6h; attempt declined; charge.declined; letter declined",
    DeclineAction.NEXT_METHOD: "due; now; attempt declined; charge.declined",
    DeclineAction.HOLD: (
        "due held for payment_method; 2026-12-03 00:00; attempt declined; charge.declined renewal.held; "
        "letter payment_method"
    ),
    DeclineAction.STOP: "lapsed; at rest; attempt declined; charge.declined renewal.lapsed; letter lapsed",
}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_policy_chooses_what_a_decline_leads_to(action: DeclineAction) -> None:
    chosen = policy(charge_window="00:00-23:59", on_decline={"later": str(action)})
    assert told(declined(case(methods=(VISA, AMEX)), policy=chosen)) == ACTIONS[action]


@pytest.mark.parametrize(
    "decline_class", [DeclineClass.NEVER, DeclineClass.FIX_DATA, DeclineClass.CUSTOMER_ACTION]
)
def test_a_policy_that_forgets_the_networks_rules_is_overruled(decline_class: DeclineClass) -> None:
    lenient = policy(on_decline={str(decline_class): "retry"})
    change = declined(case(methods=(VISA, AMEX)), answer=Declined(decline_class, "x"), policy=lenient)
    assert change.renewal.hold in {HoldReason.PAYMENT_METHOD, HoldReason.VERIFICATION}
    assert change.renewal.ladder_step == 0


def test_a_lapse_ends_the_subscription_and_leaves_its_expiry_alone() -> None:
    change = declined(case(), policy=policy(on_decline={"later": "stop"}))
    assert change.subscription is not None
    assert (change.subscription.state, change.subscription.opens_at) == ("lapsed", None)
    assert change.subscription.current_period_end == case().subscription.current_period_end


def looked_up_forever(answer: Finding, extending: bool) -> tuple[list[timedelta], Change]:
    """Look an attempt up again and again: the waits in between, and the last change."""
    here, now, waits = charged() if extending else case(), NOON, []
    step = Extend() if extending else Charge(VISA)
    change = folded(begun(here, step, moment()), step, answer, moment(), 0)
    while change.renewal.next_at:
        waits.append(change.renewal.next_at - now)
        now = change.renewal.next_at
        change = folded(begun(change.after(), Settle(), moment(now)), Settle(), answer, moment(now), 0)
    return waits, change


@pytest.mark.parametrize("extending", [False, True])
def test_what_is_never_understood_is_looked_up_for_four_days_and_then_shown_to_a_person(
    extending: bool,
) -> None:
    waits, change = looked_up_forever(Unknown("502"), extending)
    assert waits == [10 * MINUTE, HOUR, 6 * HOUR, DAY, DAY, DAY, DAY]
    leg = "extend" if extending else "charge"
    assert told(change) == f"review; at rest; attempt sent; {leg}.unknown renewal.review; letter review"
    assert change.renewal.reason == f"the {leg} is unknown and stays so: 502"


@pytest.mark.parametrize("extending", [False, True])
def test_what_stays_pending_is_looked_up_for_a_week_and_then_shown_to_a_person(extending: bool) -> None:
    waits, change = looked_up_forever(Pending("pi_1"), extending)
    assert waits == [15 * MINUTE, HOUR, 6 * HOUR, *[DAY] * 7]
    leg = "extend" if extending else "charge"
    assert told(change) == f"review; at rest; attempt sent; {leg}.pending renewal.review; letter review"


def test_sent_again_an_attempt_has_all_its_look_ups_before_it() -> None:
    exhausted = replace(SENT, lookups=6, absences=1)
    absent = folded(begun(case(attempt=exhausted), Settle(), moment()), Settle(), Absent(), moment(), 0)
    assert (absent.attempt or SENT).state is AttemptState.UNSENT
    again = open_attempt(begun(absent.after(), next_call(absent), moment()))
    assert (again.lookups, again.absences, again.sends, again.key) == (0, 0, 2, SENT.key)


def next_call(change: Change) -> Charge | Extend | Settle:
    step = next_step(change.after(), moment())
    assert not isinstance(step, Close)
    return step  # type: ignore[return-value]
