"""What each value of a policy allows and all of them together do not: found before the first charge, at its place."""

from typing import Any

import pytest

from renewd.renewal.coherence import incoherences
from renewd.renewal.policy import Policy
from tests.renewal.building import policy

LONG = ["1d", "2d", "3d", "4d"]
FAULTS: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "a ladder that outlasts the grace": (
        {"retry": LONG},
        ("defaults", "retry"),
        "the ladder may take 10d18h, counted in charge windows, but renew_before + grace is 10d; "
        "shorten the waits or lengthen the grace (plan us70)",
    ),
    "a grace that cuts a good ladder short": (
        {"plan": {"grace": "0s", "renew_before": "5d"}},
        ("defaults", "retry"),
        "the ladder may take 6d18h, counted in charge windows, but renew_before + grace is 5d; "
        "shorten the waits or lengthen the grace (plan us70)",
    ),
    "charged earlier than the period is long": (
        {"plan": {"period": "7d"}},
        ("defaults", "renew_before"),
        "not shorter than the period (7d): it would be charged at once, again and again (plan us70)",
    ),
    "a grace longer than the period": (
        {"plan": {"period": "1 month", "grace": "28d"}},
        ("plans", "us70", "grace"),
        "not shorter than the period (1 month): what is paid for would be over (plan us70)",
    ),
    "retry after a decline that forbids it": (
        {"on_decline": {"never": "retry"}},
        ("defaults", "on_decline", "never"),
        'card-network rules forbid "retry" here; write one of: hold, next_method, stop',
    ),
    "another card for a fault of ours": (
        {"plan": {"on_decline": {"ours": "next_method"}}},
        ("plans", "us70", "on_decline", "ours"),
        'card-network rules forbid "next_method" here; write one of: hold, stop',
    ),
    "more tries in a day than a card may have": (
        {"retry": ["1h", "1h", "1h"], "card_limits": {"declines_per_day": 3}},
        ("defaults", "retry"),
        "the ladder tries one card 4 times in 24 hours; card_limits.declines_per_day allows 3 (plan us70)",
    ),
    "more tries in a month than a card may have": (
        {"card_limits": {"declines_per_30_days": 4}},
        ("defaults", "retry"),
        "the ladder tries one card 5 times in 30 days; card_limits.declines_per_30_days allows 4 (plan us70)",
    ),
    "a price above the brake": (
        {"plan": {"price": "500.01 USD"}},
        ("plans", "us70", "price"),
        "above brake.max_amount (500.00 USD): it would never be charged",
    ),
    "a price in another currency": (
        {"plan": {"price": "70.00 EUR"}},
        ("plans", "us70", "price"),
        "not in the currency of brake.max_amount (500.00 USD): it would never be charged",
    ),
    "a plan that costs nothing": (
        {"plan": {"price": "0.00 USD"}},
        ("plans", "us70", "price"),
        "what costs nothing cannot be charged; leave the plan out of the catalogue",
    ),
    "a rule for everybody": (
        {"rules": [{"name": "all", "when": {}}]},
        ("rules", 0, "when"),
        "empty: it is for everybody, and belongs into defaults",
    ),
    "a rule for nobody": (
        {"rules": [{"name": "none", "when": {"plan": "eu20"}}]},
        ("rules", 0, "when"),
        "no plan of the catalogue is like this: the rule is for nobody",
    ),
    "a rule that makes the ladder too long for those it is for": (
        {"rules": [{"name": "patient", "when": {"tag": "patient"}, "retry": LONG}]},
        ("rules", 0, "retry"),
        "the ladder may take 10d18h, counted in charge windows, but renew_before + grace is 10d; "
        "shorten the waits or lengthen the grace (plan us70)",
    ),
}


@pytest.mark.parametrize(("values", "path", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_at_its_place(
    values: dict[str, Any], path: tuple[str | int, ...], message: str
) -> None:
    assert list(incoherences(policy(**values))) == [(path, message)]


def test_two_rules_of_one_name_are_both_named() -> None:
    rules = [{"name": "r", "when": {"tag": tag}} for tag in ("a", "b")]
    message = 'another rule is called "r" too'
    assert list(incoherences(policy(rules=rules))) == [
        (("rules", 0, "name"), message),
        (("rules", 1, "name"), message),
    ]


def test_an_empty_catalogue_renews_nothing() -> None:
    empty = Policy.model_validate({"version": 1, "plans": {}})
    assert list(incoherences(empty)) == [(("plans",), "the catalogue is empty: nothing could be renewed")]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"retry": []},
        {"charge_window": "00:00-23:59", "retry": ["6h", "1d", "2d", "2d"]},
        {"plan": {"period": "30d"}},
        {"rules": [{"name": "vip", "when": {"tag": "vip"}, "grace": "5d"}]},
        {"on_decline": {"later": "hold", "technical": "next_method"}},
    ],
)
def test_a_policy_that_coheres_has_no_fault(values: dict[str, Any]) -> None:
    assert list(incoherences(policy(**values))) == []
