"""What is to come: the instant of a charge, what stands in its way, and the ladder with its dates."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from renewd.renewal import step
from renewd.renewal.begin import opened
from renewd.renewal.decide import next_step, planned
from renewd.renewal.foresee import (
    case_of,
    ladder,
    looked_at,
    outlook,
    present_renewal,
    prospect,
    replanned,
    unbarred,
)
from renewd.renewal.model import (
    AttemptState,
    Case,
    HoldReason,
    Renewal,
    Stage,
    SubscriptionState,
    open_attempt,
)
from renewd.renewal.query import Dossier
from tests.renewal.building import (
    AMEX,
    DAY,
    EXPIRY,
    HOUR,
    NOON,
    PERIOD_END,
    POLICY,
    PRICE,
    VISA,
    at,
    case,
    moment,
    policy,
    renewal,
    seat,
    subscription,
)

OPENS = at("2026-11-20 12:00")


def rungs(given: Case, **defaults: Any) -> list[tuple[datetime, bool]]:
    terms = policy(**defaults).terms_for(given.subscription)
    return [(rung.at, rung.in_time) for rung in ladder(given, terms, NOON)]


def test_every_rung_falls_into_the_charge_window() -> None:
    assert rungs(case(), retry=["2h", "6h", "1d"]) == [
        (NOON + 2 * HOUR, True),
        (seat("2026-11-24"), True),
        (seat("2026-11-25"), True),
    ]


def test_a_ladder_goes_on_from_the_rung_that_was_reached() -> None:
    assert rungs(case(ladder_step=2), retry=["2h", "6h", "1d"]) == [(NOON + DAY, True)]


def test_a_ladder_that_is_climbed_has_no_rung_left() -> None:
    assert rungs(case(ladder_step=3), retry=["2h", "6h", "1d"]) == []


def test_a_rung_past_the_deadline_is_never_reached_nor_any_after_it() -> None:
    found = rungs(case(), retry=["5d", "6d", "1h"], charge_window="00:00-23:59")
    assert found == [(NOON + 5 * DAY, True), (NOON + 11 * DAY, False), (NOON + 11 * DAY + HOUR, False)]


@pytest.mark.parametrize(
    ("renewal_", "changes", "expected"),
    [
        (None, {"opens_at": OPENS}, OPENS),
        (None, {"opens_at": None}, None),
        (None, {"opens_at": OPENS, "plan": "gone"}, None),
        (renewal(next_at=NOON + DAY), {"plan": "gone"}, NOON + DAY),
        (renewal(stage=Stage.CHARGED), {}, NOON),
        (renewal(stage=Stage.SKIPPED, next_at=None), {"opens_at": OPENS}, None),
        (renewal(period_start=EXPIRY - 30 * DAY, stage=Stage.EXTENDED), {"opens_at": OPENS}, OPENS),
    ],
)
def test_a_pass_looks_where_the_renewal_or_the_plan_says(
    renewal_: Renewal | None, changes: dict[str, Any], expected: datetime | None
) -> None:
    assert looked_at(subscription(**changes), renewal_, POLICY) == expected


TIRED = tuple(("visa", NOON - HOUR) for _ in range(10))


@pytest.mark.parametrize(
    ("given", "now", "then", "expected"),
    [
        (case(), NOON, NOON, step.Charge(VISA)),
        (case(), at("2026-11-23 20:00"), seat("2026-11-24"), step.Charge(VISA)),
        (case(next_at=NOON + 2 * HOUR), NOON, NOON + 2 * HOUR, step.Charge(VISA)),
        (case(declines=TIRED), NOON, NOON + 23 * HOUR, step.Charge(VISA)),
        (case(declines=TIRED, methods=(VISA, AMEX)), NOON, NOON, step.Charge(AMEX)),
        (case(state=SubscriptionState.CANCELED), NOON, NOON, "the subscription was canceled"),
        (case(), PERIOD_END, PERIOD_END, "the whole period passed unpaid"),
        (case(stage=Stage.CHARGED), NOON, NOON, step.Extend()),
        (case(stage=Stage.EXTENDED, next_at=None), NOON, NOON, step.Rest()),
    ],
)
def test_an_outlook_is_what_the_decisions_come_to_in_time(
    given: Case, now: datetime, then: datetime, expected: step.Step | str
) -> None:
    found = outlook(given, moment(now))
    told = found.step.reason if isinstance(found.step, step.Close) else found.step
    assert (found.moment.now, told, found.asked_first) == (then, expected, False)


def test_what_the_gateway_is_asked_about_first_is_charged_if_it_knows_nothing() -> None:
    late = moment(NOON + DAY)
    given = replace(case(), renewal=planned(subscription(opens_at=OPENS), late).renewal)
    assert isinstance(next_step(given, late), step.CheckFirst)
    found = outlook(given, late)
    assert (found.step, found.asked_first) == (step.Resend(), True)
    assert found.charge is not None
    assert (found.charge.key, found.charge.amount) == (f"{given.renewal.id}/charge/1", PRICE)


def test_what_may_have_arrived_is_looked_up_whatever_comes_of_that() -> None:
    given = opened(case(), step.Charge(VISA), moment()).after()
    found = outlook(given, moment())
    assert (found.step, found.charge) == (step.Settle(), None)
    assert found.moment.now == given.renewal.next_at


def test_a_card_that_was_blocked_meanwhile_gives_way_to_the_next_number() -> None:
    unsent = replace(
        open_attempt(opened(case(), step.Charge(VISA), moment()).after()), state=AttemptState.UNSENT
    )
    found = outlook(case(attempt=unsent, methods=(replace(VISA, blocked=True), AMEX)), moment())
    assert found.step == step.Charge(AMEX)
    assert found.charge is not None
    assert found.charge.number == 2


def test_a_new_policy_moves_only_what_has_not_been_opened() -> None:
    earlier = policy(renew_before="10d")
    moved = replanned(subscription(opens_at=NOON), None, earlier).opens_at
    assert moved is not None
    assert moved < NOON - DAY
    assert replanned(subscription(opens_at=None), renewal(), earlier).opens_at is None


def test_only_the_renewal_of_the_present_period_counts() -> None:
    assert present_renewal(subscription(), renewal()) == renewal()
    assert present_renewal(subscription(current_period_end=PERIOD_END), renewal()) is None
    assert present_renewal(subscription(), None) is None


@pytest.mark.parametrize(
    ("changes", "now", "barred"),
    [
        ({}, NOON, {}),
        ({"state": SubscriptionState.PAUSED}, NOON, {"state": "the subscription is paused"}),
        ({"halted": True}, NOON, {"halt": "all charging is halted by the operator"}),
        ({"email": ""}, NOON, {"contact": "the customer has no e-mail address to be told at"}),
        ({"methods": ()}, NOON, {"payment_method": "no payment method is left to try"}),
        ({"spent": ("pm_visa",)}, NOON, {"payment_method": "no payment method is left to try"}),
        (
            {"overrides": {"price": "900.00 USD"}},
            NOON,
            {"max_amount": "900.00 USD is above brake.max_amount (500.00 USD)"},
        ),
        (
            {"declines": tuple(("visa", NOON - HOUR) for _ in range(10))},
            NOON,
            {"card_limits": "the card rests until 2026-11-24 16:00Z"},
        ),
        (
            {"hold": HoldReason.BREAKER, "reason": "the gateway does not answer"},
            NOON,
            {"breaker": "the gateway does not answer"},
        ),
        (
            {"halted": True, "email": "", "methods": ()},
            NOON,
            {
                "halt": "all charging is halted by the operator",
                "contact": "the customer has no e-mail address to be told at",
                "payment_method": "no payment method is left to try",
            },
        ),
    ],
)
def test_everything_that_stands_in_the_way_is_named(
    changes: dict[str, Any], now: datetime, barred: dict[str, str]
) -> None:
    clear, bars = unbarred(case(**changes), moment(now))
    assert {name: how for name, how in bars.items() if how} == barred
    assert clear.charge is not None, "once nothing is in the way it is charged"


def test_an_outlook_without_bars_still_knows_the_payment_method() -> None:
    clear, _ = unbarred(case(halted=True, methods=(VISA, AMEX), declines=TIRED), moment())
    assert clear.step == step.Charge(AMEX)


def test_what_does_not_renew_is_looked_at_as_if_it_did() -> None:
    given = dossier(subscription=subscription(state=SubscriptionState.PAUSED, opens_at=None))
    found = prospect(given, moment("2026-11-01 12:00"))
    assert found.at is not None
    assert at("2026-11-22 09:00") <= found.at < at("2026-11-23 18:00")
    assert isinstance(found.outlook.step, step.Hold)
    assert isinstance(found.clear.step, step.Charge)


def dossier(**changes: Any) -> Dossier:
    given = case()
    return replace(Dossier(given.subscription, given.customer, given.methods, (), ()), **changes)


def test_a_case_is_that_of_the_renewal_under_way_with_its_open_attempt() -> None:
    attempt = replace(_attempt(), state=AttemptState.SENT)
    done = replace(_attempt(), number=9, state=AttemptState.DECLINED)
    given = dossier(renewals=(renewal(),), attempts=(done, attempt), halted="drill")
    found = case_of(given, moment(running_since=NOON - DAY))
    assert (found.renewal, found.attempt, found.halted) == (renewal(), attempt, True)


def test_what_is_open_is_asked_about_first_by_a_daemon_that_has_yet_to_start() -> None:
    given = dossier(renewals=(renewal(),))
    running, starting = prospect(given, moment(running_since=NOON - DAY)), prospect(given, moment())
    assert [each.outlook.asked_first for each in (running, starting)] == [False, True]
    assert [each.outlook.moment.now for each in (running, starting)] == [NOON, NOON]


def test_a_case_without_a_renewal_is_that_of_the_one_to_be_opened() -> None:
    found = case_of(dossier(), moment())
    assert (found.renewal.period_start, found.renewal.period_end) == (EXPIRY, PERIOD_END)
    assert (found.attempt, found.halted) == (None, False)


def _attempt() -> Any:
    return opened(case(), step.Charge(VISA), moment()).attempt
