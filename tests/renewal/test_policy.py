"""The policy: which layer decides a term, what a changed policy looks like, and what a file may not say."""

from datetime import timedelta
from typing import Any

import pytest

from renewd.renewal.decline import DEFAULT_ACTIONS, CardLimits, DeclineAction, DeclineClass
from renewd.renewal.model import Subscription
from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow, Period
from renewd.renewal.policy import Policy
from renewd.renewal.terms import Ladder, Terms
from tests.renewal.building import DAY, HOUR, MINUTE, POLICY, policy, subscription

VIP = {"name": "vip", "when": {"tag": "vip"}, "grace": "5d"}
TELLO = {"name": "tello", "when": {"carrier": "tello"}, "grace": "4d", "renew_before": "6d"}
ADA = subscription(tags=("vip",))


def test_what_nobody_says_is_as_the_tour_tells_it() -> None:
    assert POLICY.terms_for(ADA) == Terms(
        plan="us70",
        carrier="tello",
        gateway="stripe",
        price=Money(7000, "USD"),
        period=Period(1, "month"),
        renew_before=7 * DAY,
        charge_window=ChargeWindow.parse("09:00-18:00"),
        grace=3 * DAY,
        ladder=Ladder((6 * HOUR, DAY, 2 * DAY, 2 * DAY)),
        on_decline=DEFAULT_ACTIONS,
        require_email=True,
    )
    assert (POLICY.limits, POLICY.brake.max_charges_per_hour) == (CardLimits(10, 15), 500)


LAYERS: dict[str, tuple[Policy, Subscription, timedelta, tuple[str | int, ...]]] = {
    "nobody": (policy(), ADA, 3 * DAY, ("defaults", "grace")),
    "the defaults": (policy(grace="2d"), ADA, 2 * DAY, ("defaults", "grace")),
    "a rule over the defaults": (policy(rules=[VIP], grace="2d"), ADA, 5 * DAY, ("rules", 0, "grace")),
    "a rule for others": (policy(rules=[VIP], grace="2d"), subscription(), 2 * DAY, ("defaults", "grace")),
    "the lower of two rules": (policy(rules=[TELLO, VIP]), ADA, 5 * DAY, ("rules", 1, "grace")),
    "the plan over every rule": (
        policy({"grace": "6d"}, rules=[TELLO, VIP]),
        ADA,
        6 * DAY,
        ("plans", "us70", "grace"),
    ),
    "the subscription over all": (
        policy({"grace": "6d"}, rules=[TELLO, VIP]),
        subscription(tags=("vip",), overrides={"grace": "1d"}),
        DAY,
        ("subscription", "grace"),
    ),
}


@pytest.mark.parametrize(("policy", "who", "grace", "origin"), LAYERS.values(), ids=LAYERS)
def test_the_nearest_layer_decides(
    policy: Policy, who: Subscription, grace: timedelta, origin: tuple[str | int, ...]
) -> None:
    assert policy.terms_for(who).grace == grace
    assert policy.origins(who)["grace"] == (origin, grace)


def test_each_term_has_an_origin_of_its_own() -> None:
    layered = policy({"renew_before": "5d"}, rules=[TELLO], gateway="adyen")
    origins = layered.origins(subscription(overrides={"price": "59.00 USD"}))
    assert {name: path for name, (path, _) in origins.items() if path[0] != "defaults"} == {
        "grace": ("rules", 0, "grace"),
        "renew_before": ("plans", "us70", "renew_before"),
        "carrier": ("plans", "us70", "carrier"),
        "title": ("plans", "us70", "title"),
        "name": ("rules", 0, "name"),
        "when": ("rules", 0, "when"),
        "period": ("plans", "us70", "period"),
        "price": ("subscription", "price"),
    }
    assert origins["gateway"] == (("defaults", "gateway"), "adyen")


def test_declines_are_decided_class_by_class() -> None:
    rule = {"name": "r", "when": {"plan": "us70"}, "on_decline": {"later": "hold"}}
    layered = policy({"on_decline": {"technical": "stop"}}, rules=[rule], on_decline={"never": "stop"})
    chosen = layered.terms_for(ADA).on_decline
    assert chosen == DEFAULT_ACTIONS | {
        DeclineClass.NEVER: DeclineAction.STOP,
        DeclineClass.LATER: DeclineAction.HOLD,
        DeclineClass.TECHNICAL: DeclineAction.STOP,
    }
    assert layered.origins(ADA)["on_decline.later"][0] == ("rules", 0, "on_decline", "later")


@pytest.mark.parametrize(
    ("when", "meant"),
    [
        ({}, True),
        ({"tag": "vip"}, True),
        ({"tag": ["staff", "vip"]}, True),
        ({"tag": "staff"}, False),
        ({"carrier": "tello", "tag": "vip"}, True),
        ({"carrier": "other", "tag": "vip"}, False),
        ({"plan": ["us50", "us70"]}, True),
        ({"plan": "us50"}, False),
        ({"period": "1 month"}, True),
        ({"period": "30d"}, False),
    ],
)
def test_a_rule_is_for_those_who_meet_every_condition(when: dict[str, Any], meant: bool) -> None:
    ruled = policy(rules=[{"name": "r", "when": when, "grace": "5d"}])
    assert (ruled.terms_for(ADA).grace == 5 * DAY) is meant


LADDERS = {
    "a list of waits": (["30m", "6h", "2d"], Ladder((30 * MINUTE, 6 * HOUR, 2 * DAY))),
    "no second try": ([], Ladder(())),
    "a ladder that doubles": ({"first": "6h"}, Ladder((6 * HOUR, 12 * HOUR, DAY, 2 * DAY))),
    "with a factor and a most": (
        {"first": "1h", "factor": 3, "max": "6h", "attempts": 4},
        Ladder((HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR)),
    ),
    "with jitter": ({"first": "1d", "attempts": 1, "jitter": "10%"}, Ladder((DAY,), 10)),
    "whose first is above its most": ({"first": "2d", "max": "1d", "attempts": 2}, Ladder((DAY, DAY))),
}


@pytest.mark.parametrize(("retry", "ladder"), LADDERS.values(), ids=LADDERS)
def test_a_ladder_is_a_list_or_grows(retry: Any, ladder: Ladder) -> None:
    assert policy(retry=retry).terms_for(ADA).ladder == ladder


LAST_TRIES = {
    "in the window, each wait counts as whole days": ("09:00-18:00", 18 * HOUR + 6 * DAY),
    "in a window over midnight as well": ("22:00-06:00", 30 * HOUR + 6 * DAY),
    "until midnight as well": ("20:00-24:00", 24 * HOUR + 6 * DAY),
    "the whole day, each wait counts as it is": ("00:00-24:00", 24 * HOUR + 5 * DAY + 6 * HOUR),
    "or all of it but a minute": ("00:00-23:59", 23 * HOUR + 59 * MINUTE + 5 * DAY + 6 * HOUR),
}


@pytest.mark.parametrize(("window", "last"), LAST_TRIES.values(), ids=LAST_TRIES)
def test_the_last_try_may_come_so_long_after_the_first_day_began(window: str, last: timedelta) -> None:
    assert policy(charge_window=window).terms_for(ADA).last_try() == last


CHANGES: list[Policy] = [
    policy({"price": "70.01 USD"}),
    policy({"title": "US seventy"}),
    policy(rules=[VIP]),
    policy(grace="4d"),
    policy(retry=["6h", "1d", "2d"]),
    policy(on_decline={"later": "hold"}),
    policy(brake={"max_charges_per_hour": 499}),
    policy(card_limits={"declines_per_day": 9}),
]


def test_the_digest_changes_with_everything_and_with_nothing_else() -> None:
    digests = {POLICY.digest, *(each.digest for each in CHANGES)}
    assert len(digests) == 1 + len(CHANGES)
    assert policy().digest == policy(grace="3d").digest == policy(grace="72h").digest == POLICY.digest
    assert len(POLICY.digest) == 12


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"gracee": "3d"}, "Extra inputs are not permitted"),
    "a duration without a unit": ({"grace": "3"}, 'write e.g. "7d"'),
    "a number for a duration": ({"grace": 3}, 'must be written as text; write e.g. "7d"'),
    "longer than ten years": ({"grace": "4000d"}, "must be at most 3650d"),
    "a price without a currency": ({"plan": {"price": "70"}}, 'write e.g. "70.00 USD"'),
    "a number for a price": ({"plan": {"price": 70.0}}, 'must be written as text; write e.g. "70.00 USD"'),
    "an endless period": ({"plan": {"period": "11 years"}}, "must be at most 10 years"),
    "an unknown class": ({"on_decline": {"sometimes": "retry"}}, "Input should be 'never'"),
    "an unknown action": ({"on_decline": {"later": "shrug"}}, "Input should be 'retry'"),
    "a ladder of neither form": ({"retry": "6h"}, "must be a list of waits"),
    "a window that never opens": ({"charge_window": "09:00-09:00"}, "an empty charge window"),
    "text for a truth": ({"require_email": "yes"}, "Input should be a valid boolean"),
    "a name with a blank": ({"gateway": "my gateway"}, "must be a name"),
    "a jitter of a hundred": ({"retry": {"first": "6h", "jitter": "100%"}}, "not a percentage"),
    "a brake that lets nothing through": (
        {"brake": {"max_charges_per_hour": 0}},
        "greater than or equal to 1",
    ),
}


@pytest.mark.parametrize(("values", "complaint"), REFUSALS.values(), ids=REFUSALS)
def test_what_a_file_may_not_say_is_refused_with_what_to_write(
    values: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        policy(**values)
    assert complaint in str(refusal.value)


def test_a_plan_that_is_not_in_the_catalogue_has_no_terms() -> None:
    with pytest.raises(KeyError):
        POLICY.terms_for(subscription(plan="gone"))
