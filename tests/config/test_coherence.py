"""What each value alone allows and all of them together do not is refused, where it was decided."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from renewd.renewal.coherence import late
from renewd.renewal.model import Subscription
from renewd.renewal.policy import Policy
from tests.config.files import POLICY, SETTINGS, complaints

VIP = "rules: [{name: vip, when: {tag: vip}, %s}]\n"
POLICIES = {
    "a ladder past expiry and grace": (
        "defaults: {retry: [2d, 3d, 5d]}\n",
        "4:19: error: defaults.retry: the ladder may take 10d18h, counted in charge windows, but renew_before + grace "
        "is 10d; shorten the waits or lengthen the grace (plan basic)",
    ),
    "a ladder that only its windows make too long": (
        "defaults: {retry: [6h, 6h, 6h, 6h], renew_before: 3d, grace: 1d}\n",
        "4:19: error: defaults.retry: the ladder may take 4d18h, counted in charge windows, but renew_before + grace "
        "is 4d; shorten the waits or lengthen the grace (plan basic)",
    ),
    "a ladder that only its jitter makes too long": (
        "defaults: {retry: {first: 3d, attempts: 3, factor: 1, jitter: 10%}}\n",
        "4:19: error: defaults.retry: the ladder may take 12d18h, counted in charge windows, but renew_before + grace "
        "is 10d; shorten the waits or lengthen the grace (plan basic)",
    ),
    "a grace cut under a ladder by a rule": (
        VIP % "grace: 0d, renew_before: 5d",
        "1:1: error: defaults.retry: the ladder may take 6d18h, counted in charge windows, but renew_before + grace "
        "is 5d; shorten the waits or lengthen the grace (plan basic)",
    ),
    "more tries in a day than the limits allow": (
        "defaults: {retry: [1h, 1h, 1h]}\ncard_limits: {declines_per_day: 3}\n",
        "4:19: error: defaults.retry: the ladder tries one card 4 times in 24 hours; card_limits.declines_per_day allows 3 "
        "(plan basic)",
    ),
    "more tries in a month than the limits allow": (
        "defaults: {retry: [1d, 1d, 1d]}\ncard_limits: {declines_per_30_days: 3}\n",
        "4:19: error: defaults.retry: the ladder tries one card 4 times in 30 days; card_limits.declines_per_30_days "
        "allows 3 (plan basic)",
    ),
    "a retry that the networks forbid": (
        "defaults: {on_decline: {never: retry}}\n",
        '4:32: error: defaults.on_decline.never: card-network rules forbid "retry" here; write one of: '
        "hold, next_method, stop",
    ),
    "a retry that the networks forbid, in a rule": (
        VIP % "on_decline: {fix_data: retry}",
        '4:62: error: rules.0.on_decline.fix_data: card-network rules forbid "retry" here; write one of: '
        "hold, next_method, stop",
    ),
    "a charge longer ahead than the period": (
        "defaults: {renew_before: 28d}\n",
        "4:26: error: defaults.renew_before: not shorter than the period (1 month): it would be charged at once, again "
        "and again (plan basic)",
    ),
    "a grace as long as the period": (
        "defaults: {grace: 30d}\n",
        "4:19: error: defaults.grace: not shorter than the period (1 month): what is paid for would be over (plan basic)",
    ),
    "a price above the brake": (
        "brake: {max_amount: 39.99 USD}\n",
        "3:32: error: plans.basic.price: above brake.max_amount (39.99 USD): it would never be charged",
    ),
    "a price in another currency than the brake": (
        "brake: {max_amount: 500.00 EUR}\n",
        "3:32: error: plans.basic.price: not in the currency of brake.max_amount (500.00 EUR): it would never be charged",
    ),
    "a rule for nobody": (
        "rules: [{name: a, when: {period: 1 year}, grace: 4d}]\n",
        "4:25: error: rules.0.when: no plan of the catalogue is like this: the rule is for nobody",
    ),
    "a rule for everybody": (
        "rules: [{name: a, when: {}, grace: 4d}]\n",
        "4:25: error: rules.0.when: empty: it is for everybody, and belongs into defaults",
    ),
    "an unknown gateway": (
        "defaults: {gateway: adyen}\n",
        '4:21: error: defaults.gateway: no gateway "adyen" in renewd.yaml',
    ),
    "an unknown carrier in a rule": (
        "rules: [{name: a, when: {carrier: [att, telna]}, grace: 4d}]\n",
        '4:41: error: rules.0.when.carrier.1: no carrier "telna" in renewd.yaml',
    ),
}
SETTINGS_TOO = {
    "a settle wait under the deadline": (
        SETTINGS.replace("token: sandbox", "token: sandbox, deadline: 2m") + "schedule: {settle_after: 2m}\n",
        "10:26: error: schedule.settle_after: too short: at least 3m, the longest deadline (2m) and 1m more",
    ),
    "a lease under two calls": (
        SETTINGS + "schedule: {lease: 30s}\n",
        "10:19: error: schedule.lease: too short: at least 40s, twice the longest deadline (20s)",
    ),
    "more calls than renewals": (
        SETTINGS.replace("token: sandbox", "token: sandbox, max_concurrent: 65"),
        "7:88: error: carriers.att.max_concurrent: never reached: schedule.concurrency is 64",
    ),
    "a longest pause under the first": (
        SETTINGS + "breaker: {probe_after: 10m}\n",
        "10:1: error: breaker.probe_at_most: shorter than breaker.probe_after (10m)",
    ),
    "no carrier of a plan": (
        SETTINGS.replace("  att:", "  other:"),
        'policy.yaml:3:20: error: plans.basic.carrier: no carrier "att" in renewd.yaml',
    ),
    "no default gateway": (
        SETTINGS.replace("  stripe:", "  adyen:"),
        'policy.yaml:1:1: error: defaults.gateway: no gateway "stripe" in renewd.yaml',
    ),
}


@pytest.mark.parametrize(("text", "complaint"), POLICIES.values(), ids=POLICIES)
def test_an_incoherent_policy_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaints(tmp_path, policy=POLICY + text) == [f"policy.yaml:{complaint}"]


@pytest.mark.parametrize(("text", "complaint"), SETTINGS_TOO.values(), ids=SETTINGS_TOO)
def test_settings_that_do_not_fit_together_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    expected = complaint if complaint.startswith("policy") else f"renewd.yaml:{complaint}"
    assert complaints(tmp_path, settings=text) == [expected]


def test_a_ladder_that_two_tags_together_make_late_is_found(tmp_path: Path) -> None:
    rules = (
        "rules:\n"
        "  - {name: patient, when: {tag: patient}, retry: [2d, 2d, 2d]}\n"
        "  - {name: late, when: {tag: late}, renew_before: 4d}\n"
        "  - {name: strict, when: {tag: strict}, grace: 2d}\n"
        "defaults: {retry: [6h]}\n"
    )
    found = complaints(tmp_path, policy=POLICY + rules)
    assert len(found) == 1
    assert found[0].startswith("policy.yaml:5:50: error: rules.0.retry: the ladder may take 6d18h")


def test_a_ladder_written_below_its_key_is_shown_at_the_key(tmp_path: Path) -> None:
    ladder = "defaults:\n  retry:\n    - 2d\n    - 10d\n"
    assert complaints(tmp_path, policy=POLICY + ladder)[0].startswith(
        "policy.yaml:5:3: error: defaults.retry: "
    )


def test_the_same_fault_under_many_plans_is_told_once(tmp_path: Path) -> None:
    more = POLICY + "".join(f"  p{n}: {{carrier: att, price: 1.00 USD, period: 30d}}\n" for n in range(9))
    assert len(complaints(tmp_path, policy=more + "defaults: {retry: [10d]}\n")) == 1


def test_the_terms_of_one_subscription_can_be_proved_too() -> None:
    policy = Policy.model_validate(
        {"version": 1, "plans": {"p": {"carrier": "c", "price": "1.00 USD", "period": "30d"}}}
    )
    epoch = datetime(2026, 1, 1, tzinfo=UTC)
    subscription = Subscription("S-1", "C-1", "p", "l", "UTC", epoch, epoch, overrides={"renew_before": "1d"})
    assert [term for term, _ in late(policy.terms_for(subscription))] == ["retry"]
