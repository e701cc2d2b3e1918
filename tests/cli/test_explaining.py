"""Explaining one charge and foreseeing all: the words, the dates, the lines of the policy that decided."""

from datetime import datetime, timedelta
from textwrap import dedent

import pytest

from renewd.adapters.clock import SystemClock
from renewd.cli.explaining import counts
from renewd.renewal.foresee import Charge
from renewd.renewal.money import Money
from tests.cli.building import NOW, ROWS, Shop, sheet

UNLESS = "unless the gateway has a charge already"
COMING = """\
    S-1          AT&T 10 GB (att-10gb), America/New_York, line 8901-1
    expires      2026-12-10 00:00 -05:00 = 05:00Z, in 9 days
    standing     active
    charge at    2026-12-03 17:03 -05:00 = 22:03Z, in 2 days
                 renew_before 7d                                 policy.yaml:3 defaults.renew_before
                 charge_window 09:00-18:00                       policy.yaml:4 defaults.charge_window
    amount       40.00 USD                                       policy.yaml:11 plans.att-10gb.price
    method       Visa 4242 (pm_ok_1), 1 of 1
    gateway      stripe                                          built in defaults.gateway
    key          S-1/20261210T050000Z/charge/1
    buys         until 2027-01-10 00:00 -05:00 (1 month at att)  policy.yaml:11 plans.att-10gb.period
    not blocked  by state, halt, contact, max amount, payment method, card limits, verification, operator, brake, breaker
    if declined  technical, later: tried again, on the ladder    built in defaults.on_decline.technical
                 never, fix data: the next payment method        built in defaults.on_decline.never
                 customer action, ours: waits for a person       built in defaults.on_decline.customer_action
    ladder       [6h, 1d, 2d]                                    policy.yaml:5 defaults.retry
                 +6h     2026-12-04 09:10 -05:00
                 +1d     2026-12-05 09:10 -05:00
                 +2d     2026-12-07 09:10 -05:00
                 then it waits for another payment method
    lapses       2026-12-13 00:00 -05:00 if unpaid (grace 3d)    built in defaults.grace
"""


def explain(shop: Shop, *args: str) -> dict[str, str]:
    """The lines of an explanation by their label; those without one belong to the label before."""
    found: dict[str, str] = {}
    label = ""
    for line in shop.out("explain", *args).splitlines():
        label = line[:13].strip() or label
        found[label] = (found.get(label, "") + " " + " ".join(line[13:].split())).strip()
    return found


def test_a_coming_charge_is_explained_whole(shop: Shop) -> None:
    told = shop.out("explain", "S-1")
    assert told == dedent(COMING), told


def test_what_is_explained_is_what_then_happens(later: Shop, shop: Shop) -> None:
    (event,) = later.json("log", "--subscription", "S-1", "--event", "charge.attempted")["items"]
    assert (event["at"], event["key"]) == ("2026-12-03T22:03:00Z", "S-1/20261210T050000Z/charge/1")


@pytest.mark.parametrize(
    ("subscription", "label", "told"),
    [
        ("S-2", "key", "S-2/20261209T060000Z/charge/4"),
        ("S-2", "amount", "33.00 USD subscription"),
        ("S-2", "ladder", "[6h, 1d, 2d] policy.yaml:5 defaults.retry then Amex 0003, at once"),
        ("S-2", "lapses", "2026-12-14 00:00 -06:00 if unpaid (grace 5d) policy.yaml:9 rules.0.grace"),
        ("S-3", "method", "none is left to try"),
        ("S-3", "blocked by", "payment method: no payment method is left to try"),
        (
            "S-3",
            "looked at",
            "2026-12-09 00:00 +01:00 = 2026-12-08 23:00Z, in 2 days then the gateway is asked",
        ),
        ("S-4", "blocked by", "contact: the customer has no e-mail address"),
        ("S-5", "blocked by", "state: the subscription is paused"),
        ("S-5", "standing", "paused"),
    ],
)
def test_what_stands_in_the_way_is_named(later: Shop, subscription: str, label: str, told: str) -> None:
    assert explain(later, subscription)[label].startswith(told)


def test_several_bars_are_all_named(shop: Shop) -> None:
    shop.out("halt", "--reason", "drill", "--yes")
    shop.out("pause", "S-4", "--reason", "abroad", "--yes")
    assert explain(shop, "S-4")["blocked by"] == (
        "state: the subscription is paused halt: all charging is halted by the operator "
        "contact: the customer has no e-mail address to be told at"
    )


def test_a_gateway_that_is_not_configured_is_named(later: Shop) -> None:
    later.garble("subscriptions", "overrides", '{"gateway": "adyen"}', "S-2")
    held = "gateway adyen is not configured, and S-2 is charged there"
    assert explain(later, "S-2")["blocked by"] == f"operator: {held}"
    found = later.json("explain", "S-2")
    assert (found["charge_at"], found["blocked_by"]) == (None, {"operator": held})
    assert f"S-2\tfalse\thold\t\toperator: {held}" in later.out("scan", "--dry-run", "--at", "+6h")


def test_a_skipped_renewal_is_not_charged(shop: Shop) -> None:
    shop.out("skip", "S-1", "--reason", "moving", "--yes")
    assert explain(shop, "S-1")["charge"] == "none: the renewal is skipped: skipped by the operator"


def test_a_plan_that_is_not_in_the_catalogue_is_never_charged(shop: Shop) -> None:
    policy = shop.folder / "policy.yaml"
    whole = policy.read_text()
    policy.write_text(whole[: whole.index("  att-7d:")] + whole[whole.index("brake:") :])
    assert explain(shop, "S-3")["charge"] == "never: its plan is not in the catalogue"
    assert "which is not in the catalogue" in shop.out("show", "S-3")
    assert shop.run("config", "show", "--for", "S-3").code == 1


def test_a_changed_policy_is_explained_before_the_daemon_takes_it_up(shop: Shop) -> None:
    shop.live(NOW)
    policy = shop.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("renew_before: 7d", "renew_before: 4d"))
    assert explain(shop, "S-1")["charge at"].startswith("2026-12-06 17:03 -05:00")


def test_an_explanation_can_be_asked_for_another_time(shop: Shop) -> None:
    assert "in 1 hour" in explain(shop, "S-1", "--at", "2026-12-03T21:00:00Z")["charge at"]
    assert "now unless the gateway has a charge" in explain(shop, "S-1", "--at", "+5d6h")["charge at"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-12-05T18:00:00Z", "2026-12-05T18:00:00Z"),
        ("2026-12-06T03:00:00Z", "2026-12-06T14:10:22Z"),
        ("2026-12-12T18:00:00Z", "2026-12-12T18:00:00Z"),
        ("2027-01-12T18:00:00Z", None),
    ],
    ids=["in the charge window", "at night", "after its expiry", "after the whole period"],
)
def test_what_is_overdue_is_explained_as_it_then_happens(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, now: str, told: str | None
) -> None:
    then = datetime.fromisoformat(now)
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    found = shop.json("explain", "S-1")
    (row,) = [row for row in shop.json("scan", "--dry-run")["items"] if row["subscription"] == "S-1"]
    shop.live(then + timedelta(days=1), then)
    tries = shop.json("log", "--subscription", "S-1", "--event", "charge.attempted")["items"]
    assert [each["at"] for each in tries[:1]] == ([told] if told else [])
    assert found["charge_at"] == told
    assert [each["key"] for each in tries[:1]] == ([row["idempotency_key"]] if told else [])


def test_what_is_in_doubt_is_told_with_its_next_look(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ROWS[0].replace("pm_ok_1|", "pm_500_after_charge_1|")
    shop.out("import", str(shop.write("doubtful.csv", sheet(row))))
    then = datetime.fromisoformat("2026-12-03T22:03:30+00:00")
    shop.live(then)
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    told = explain(shop, "S-1")
    assert told["in doubt"] == "S-1/20261210T050000Z/charge/1 was sent at 2026-12-03 22:03Z"
    assert told["looked up"].startswith(
        "2026-12-03 17:13 -05:00 = 22:13Z, in 10 minutes; nothing is charged before"
    )
    found = shop.json("explain", "S-1")
    assert (found["charge_at"], found["looked_at"]) == (None, "2026-12-03T22:13:00Z")


def test_a_charge_that_will_not_be_is_told_with_its_reason(shop: Shop) -> None:
    told = explain(shop, "S-1", "--at", "2027-01-12T18:00:00Z")
    assert told["charge"] == "none: the whole period passed unpaid"
    assert told["lapsed"].endswith(f"= 18:00Z, now {UNLESS}: it is asked first")
    shop.out("cancel", "S-4", "--reason", "moved", "--yes")
    assert explain(shop, "S-4")["charge"] == "none: the subscription was canceled"


def test_a_program_reads_the_explanation(shop: Shop) -> None:
    found = shop.json("explain", "S-1")
    assert found["schema"] == "renewd.explain.v1"
    assert found["charge_at"] == "2026-12-03T22:03:00Z"
    assert found["amount"] == {"amount_minor": 4000, "currency": "USD"}
    assert found["terms"]["renew_before"] == {
        "value": "7d",
        "where": "policy.yaml:3",
        "path": "defaults.renew_before",
    }
    assert [rung["after"] for rung in found["ladder"]] == ["6h", "1d", "2d"]
    assert found["lapses_at"] == "2026-12-13T05:00:00Z"


def test_a_forecast_has_a_row_a_day_and_totals(shop: Shop) -> None:
    rows = shop.out("forecast", "--days", "5", "-o", "table").splitlines()
    assert rows == [
        "DAY             CHARGES     AMOUNT",
        "Tue 2026-12-01        1  40.00 USD  ████████████████████████",
        "Wed 2026-12-02        1  33.00 USD  ████████████████████████",
        "Thu 2026-12-03        1  40.00 USD  ████████████████████████",
        "Fri 2026-12-04        1   9.00 USD  ████████████████████████",
        "",
        "5 days: 4 charges, 122.00 USD",
    ]


def test_a_forecast_follows_a_short_plan_through_its_periods(shop: Shop) -> None:
    rows = shop.json("forecast", "--days", "28", "--plan", "att-7d")["items"]
    assert [row["day"] for row in rows if row["charges"]] == [
        "2026-12-04",
        "2026-12-11",
        "2026-12-18",
        "2026-12-25",
    ]


def test_a_forecast_goes_from_the_first_charge_to_the_last_and_in_a_pipe_without_bars(shop: Shop) -> None:
    rows = shop.out("forecast", "--days", "14", "--plan", "att-7d").splitlines()
    assert (rows[0], rows[1], rows[-1]) == (
        "2026-12-04\t1\t9.00 USD",
        "2026-12-05\t0\t0.00 USD",
        "2026-12-11\t1\t9.00 USD",
    )
    assert len(rows) == 8


def test_a_forecast_can_be_asked_for_another_time(shop: Shop) -> None:
    rows = shop.json("forecast", "--days", "2", "--at", "2026-12-03")["items"]
    assert [(row["day"], row["charges"]) for row in rows] == [("2026-12-03", 3), ("2026-12-04", 1)]


def test_a_forecast_leaves_out_what_waits_for_somebody(later: Shop) -> None:
    rows = later.json("forecast", "--days", "10")["items"]
    assert [(row["day"], row["charges"]) for row in rows if row["charges"]] == [("2026-12-06", 1)]


def test_a_forecast_of_a_plan_that_is_not_there_says_which_is(shop: Shop) -> None:
    ran = shop.run("forecast", "--plan", "att-7g")
    assert (ran.code, 'did you mean "att-7d"?' in ran.stderr) == (2, True), ran


def test_a_forecast_of_nothing_says_so(empty_shop: Shop) -> None:
    ran = empty_shop.run("forecast", "-o", "table")
    assert (ran.code, ran.stderr) == (0, "no charge is foreseen\n")


def test_charges_are_counted_by_day_and_currency() -> None:
    charges = [Charge(NOW, Money(100, "USD")), Charge(NOW, Money(50, "USD")), Charge(NOW, Money(9, "JPY"))]
    assert counts(charges) == {(NOW.date(), "USD"): (2, 150), (NOW.date(), "JPY"): (1, 9)}


def test_the_ladder_that_is_foreseen_is_the_one_that_is_climbed(shop: Shop) -> None:
    foreseen = [rung["at"] for rung in shop.json("explain", "S-2")["ladder"]]
    shop.live(datetime.fromisoformat("2026-12-08T12:00:00+00:00"))
    tries = shop.json("log", "--subscription", "S-2", "--event", "charge.attempted")["items"]
    assert [row["at"] for row in tries][1:4] == foreseen
