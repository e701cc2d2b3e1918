"""Faults that once were: each test shows one, and holds now that it is mended."""

from dataclasses import replace
from datetime import timedelta

from renewd.renewal import letters
from renewd.renewal.command import Verb, commanded
from renewd.renewal.decide import next_step
from renewd.renewal.decline import CardLimits
from renewd.renewal.fold import folded
from renewd.renewal.model import AttemptState, HoldReason, Leg, Stage, open_attempt
from renewd.renewal.outcome import Done, Unreached
from renewd.renewal.period import Period, next_end
from renewd.renewal.standing import Standing
from renewd.renewal.step import Charge, Extend, Hold, Resend, Settle, Wait
from renewd.service.breaker import Breaker
from renewd.service.engine import Engine
from tests.renewal.building import (
    DAY,
    GRACE_ENDS,
    HOUR,
    MINUTE,
    NOON,
    PRICE,
    VISA,
    at,
    begun,
    case,
    charged,
    moment,
    policy,
)
from tests.scenarios.world import FrozenClock, Mailbox, ScriptedCarrier, ScriptedGateway


def test_the_letter_of_thanks_speaks_english() -> None:
    paid = charged(stage=Stage.EXTENDED)
    (letter,) = letters.renewed(paid, paid.renewal, moment())
    assert letter.subject == "US 70 is renewed"
    assert letter.body == (
        "Dear Ada Lovelace,\n\nwe charged 70.00 USD and extended US 70 on line line1.\n"
        "It is now good until 2026-12-30 00:00 -05:00.\n\nYour order record is sub1/20261130T050000Z.\n"
    )


def test_two_holds_for_two_reasons_are_two_letters_to_the_operator() -> None:
    reasons = (HoldReason.CONTACT, HoldReason.APPROVAL)
    held = [letters.held(case(), replace(case().renewal, hold=reason), moment()) for reason in reasons]
    assert held[0][0].id != held[1][0].id


def test_an_expiry_that_was_moved_further_by_hand_is_never_moved_back() -> None:
    extending = begun(charged(), Extend(), moment())
    by_hand = replace(extending.subscription, current_period_end=at("2027-01-30 00:00"))
    change = folded(replace(extending, subscription=by_hand), Extend(), Done("ext_1"), moment(), 0)
    assert change.subscription is None or change.subscription.current_period_end >= at("2027-01-30 00:00")


def test_a_try_that_was_kept_back_past_the_grace_period_survives_the_operators_retry() -> None:
    kept_back = case(hold=HoldReason.HALTED, due_at=NOON, next_at=at("2026-12-30 00:00"))
    now = moment("2026-12-10 12:00")
    standing = Standing(kept_back.subscription, kept_back.renewal)
    after, _ = commanded(Verb.RETRY, standing, now, "ops", "")
    assert after.renewal is not None
    assert next_step(replace(kept_back, renewal=after.renewal), now) == Charge(VISA)


def test_a_card_that_rests_past_the_last_window_is_not_charged_after_the_grace_period() -> None:
    rested = tuple(("visa", at("2026-12-01 20:00")) for _ in range(10))
    step = next_step(case(declines=rested), moment("2026-12-02 12:00"))
    assert not isinstance(step, Wait) or step.until < GRACE_ENDS


def test_declines_from_before_a_clock_was_set_back_still_count() -> None:
    declines = [NOON + 30 * MINUTE] * 10
    assert CardLimits().open_at(declines, NOON) > NOON + DAY


def test_a_move_to_another_zone_never_sells_a_period_of_an_hour() -> None:
    anchor, end = (
        at("2026-01-31 23:30"),
        at("2026-06-30 23:30"),
    )  # a New York line moves to Puerto Rico in summer
    assert next_end(end, anchor, Period(1, "month"), "America/Puerto_Rico") - end > timedelta(days=27)


def engine(*down: Leg) -> Engine:
    """An engine whose providers of these legs went down at NOON and half an hour later, each to rest for an hour."""
    breakers = {each: Breaker(1, HOUR, HOUR) for each in ((Leg.CHARGE, "stripe"), (Leg.EXTEND, "tello"))}
    for index, leg in enumerate(down):
        name = "stripe" if leg is Leg.CHARGE else "tello"
        breakers[leg, name].heard(Unreached("down"), NOON + index * 30 * MINUTE)
    all_day, clock = policy(charge_window="00:00-23:59"), FrozenClock(NOON)
    gateways, carriers = {"stripe": ScriptedGateway(clock)}, {"tello": ScriptedCarrier(clock)}
    return Engine(None, gateways, carriers, Mailbox(), clock, all_day, breakers, lambda _: None)  # type: ignore[arg-type]


def test_who_only_needs_the_carrier_does_not_use_up_the_gateways_probe() -> None:
    running = engine(Leg.CHARGE)
    paid = charged(paid=PRICE)
    assert isinstance(next_step(paid, running.moment(paid, NOON + HOUR)), Extend)
    assert next_step(case(), running.moment(case(), NOON + HOUR)) == Charge(VISA)


def test_two_providers_that_were_down_are_both_probed_in_the_end() -> None:
    running, here, now = engine(Leg.CHARGE, Leg.EXTEND), case(), NOON + HOUR
    for _ in range(20):
        step = next_step(replace(here, renewal=replace(here.renewal, next_at=now)), running.moment(here, now))
        if step == Charge(VISA):
            return
        now = step.until  # type: ignore[union-attr]
    raise AssertionError("each look at the one uses up the probe of the other")


def test_a_charge_in_doubt_is_settled_although_its_plan_has_left_the_catalogue() -> None:
    gone = replace(case().subscription, plan="gone")
    assert (
        next_step(replace(begun(case(), Charge(VISA), moment()), subscription=gone), moment(NOON + HOUR))
        == Settle()
    )


def test_a_brake_that_ends_on_the_full_five_minutes_holds_nobody_for_five_more() -> None:
    step = next_step(case(), moment(brake_until=NOON + 5 * MINUTE))
    assert isinstance(step, Hold)
    assert step.until == NOON + 5 * MINUTE


def test_a_charge_that_never_arrived_is_not_sent_again_to_a_card_that_was_blocked_meanwhile() -> None:
    unsent = replace(open_attempt(begun(case(), Charge(VISA), moment())), state=AttemptState.UNSENT)
    step = next_step(case(attempt=unsent, methods=(replace(VISA, blocked=True),)), moment())
    assert not isinstance(step, Resend)
