"""A provider that the service does not have: the operator is told in words, and nothing is taken to be undone."""

from dataclasses import replace

import pytest

from renewd.renewal.decide import next_step
from renewd.renewal.model import AttemptState, Case, HoldReason, Stage, SubscriptionState, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.rest import rested
from renewd.renewal.step import Charge, CheckFirst, Close, Extend, Hold, Settle
from tests.renewal.building import HOUR, NOON, VISA, at, begun, case, charged, moment

CHARGING, EXTENDING = begun(case(), Charge(VISA), moment()), begun(charged(), Extend(), moment())
HERE = moment(NOON + HOUR, gateways={"stripe"}, carriers={"tello"})
NO_GATEWAY, NO_CARRIER = replace(HERE, gateways={"adyen"}), replace(HERE, carriers=frozenset())


def unsent(case: Case, *, check_first: bool = False) -> Case:
    attempt = replace(open_attempt(case), state=AttemptState.UNSENT)
    return replace(case, attempt=attempt, renewal=replace(case.renewal, check_first=check_first))


def held(detail: str) -> Hold:
    return Hold(HoldReason.OPERATOR, HERE.now + HOUR, detail)


@pytest.mark.parametrize(
    ("here", "now", "detail"),
    [
        (
            CHARGING,
            NO_GATEWAY,
            "gateway stripe is not configured, and charge 1 of sub1/20261130T050000Z may have been made there",
        ),
        (
            unsent(CHARGING),
            NO_GATEWAY,
            "gateway stripe is not configured, and charge 1 of sub1/20261130T050000Z waits to be made there",
        ),
        (
            unsent(CHARGING, check_first=True),
            NO_GATEWAY,
            "gateway stripe is not configured, and charge 1 of sub1/20261130T050000Z may have been made there",
        ),
        (
            EXTENDING,
            NO_CARRIER,
            "carrier tello is not configured, and extension 1 of sub1/20261130T050000Z may have been made there",
        ),
        (
            unsent(EXTENDING),
            NO_CARRIER,
            "carrier tello is not configured, and extension 1 of sub1/20261130T050000Z waits to be made there",
        ),
        (case(), NO_GATEWAY, "gateway stripe is not configured, and sub1 is charged there"),
        (
            case(overrides={"gateway": "paypal"}),
            HERE,
            "gateway paypal is not configured, and sub1 is charged there",
        ),
        (case(), NO_CARRIER, "carrier tello is not configured, and sub1 is extended there"),
        (charged(), NO_CARRIER, "carrier tello is not configured, and sub1 is extended there"),
    ],
)
def test_what_needs_a_provider_that_is_not_there_is_held_for_the_operator(
    here: Case, now: Moment, detail: str
) -> None:
    here = replace(here, renewal=replace(here.renewal, next_at=HERE.now))
    assert next_step(here, now) == held(detail)


def test_an_attempt_is_settled_where_it_was_made_whatever_the_policy_says_now() -> None:
    moved = replace(CHARGING, subscription=replace(CHARGING.subscription, overrides={"gateway": "adyen"}))
    assert next_step(moved, replace(HERE, gateways={"stripe"})) == Settle()
    assert isinstance(next_step(moved, NO_GATEWAY), Hold)


def test_who_is_paid_needs_the_gateway_no_more() -> None:
    assert next_step(charged(), NO_GATEWAY) == Extend()
    assert next_step(EXTENDING, NO_GATEWAY) == Settle()


def test_what_ends_without_a_provider_still_ends() -> None:
    canceled = case(state=SubscriptionState.CANCELED)
    assert next_step(canceled, NO_GATEWAY) == Close(Stage.CANCELED, "the subscription was canceled")
    late = replace(NO_GATEWAY, now=at("2026-12-31 12:00"))
    assert next_step(case(), late) == Close(Stage.LAPSED, "the whole period passed unpaid")


def test_what_may_have_been_charged_elsewhere_does_not_lapse_without_a_person() -> None:
    doubted = case(check_first=True)
    late = replace(NO_GATEWAY, now=at("2026-12-31 12:00"))
    step = next_step(doubted, late)
    assert isinstance(step, CheckFirst)
    assert isinstance(next_step(rested(doubted, step, late).after(), late), Hold)


def test_the_operator_is_told_once_until_the_provider_is_back() -> None:
    here = replace(CHARGING, renewal=replace(CHARGING.renewal, next_at=HERE.now))
    step = next_step(here, NO_GATEWAY)
    assert isinstance(step, Hold)
    first = rested(here, step, NO_GATEWAY)
    assert [(each.recipient, each.subject) for each in first.notices] == [
        ("", f"sub1 is held: {step.detail}")
    ]
    an_hour_on = replace(NO_GATEWAY, now=step.until)
    again = next_step(first.after(), an_hour_on)
    assert isinstance(again, Hold)
    assert not rested(first.after(), again, an_hour_on).notices
    assert next_step(first.after(), replace(HERE, now=step.until)) == Settle()
