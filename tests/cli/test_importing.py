"""Importing subscriptions: what is taken, what is refused and with which words, and that it can be done again."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.building import HEADING, ROWS, SETTINGS, Shop, problems, sheet

GOOD = ROWS[0]
CARD = "4242 4242 4242 4242"

# What is changed in the good row, from what to what, and the complaint.
WRONG = {
    "no id": ("S-1,C-1", ",C-1", "2:1: id: is empty"),
    "an id with a space": ("S-1,", "S 1,", "2:1: id: must be up to 64 letters, digits, dots, underscores or hyphens"),
    "an id too long": ("S-1,", f"{'S' * 65},", "2:1: id: must be up to 64 letters, digits, dots, underscores or hyphens"),
    "no name": ("Ada Lane", "", "2:3: name: is empty"),
    "a name with an escape": ("Ada", "\x1b[2J", "2:3: name: holds a character that cannot be printed"),
    "no e-mail address": ("ada@", "ada", '2:4: email: not an e-mail address; write e.g. "renewals@example.com"'),
    "a gateway's customer with a space": (
        "cus_1", "cus 1", '2:5: gateway_customer: not the gateway\'s id of a customer; write e.g. "cus_9s6XKzkN"',
    ),
    "an unknown plan": (
        "att-10gb", "att-10g", '2:6: plan: no plan "att-10g" in the catalogue; did you mean "att-10gb"?',
    ),
    "a line with a space": ("8901-1", "89 1", "2:7: line: must be up to 64 letters, digits, and + . _ : -"),
    "an unknown zone": (
        "America/New_York", "America/New_Yrok",
        '2:8: zone: no time zone "America/New_Yrok"; did you mean "America/New_York"?',
    ),
    "a time without an offset": (
        "05:00:00Z", "05:00:00",
        '2:9: current_period_end: not an instant with an offset; write e.g. "2026-11-23T09:00:00Z" or "...-05:00"',
    ),
    "a day that does not exist": ("12-10T", "02-30T", "2:9: current_period_end: there is no such day or time"),
    "an unknown state": (
        "Z,,,pm", "Z,activ,,pm",
        '2:10: state: "activ" is none of: active, paused, canceled, lapsed; did you mean "active"?',
    ),
    "a tag with a space": (
        "Z,,,pm", "Z,,very important,pm", '2:11: tags: must be a name: letters, digits, ".", "_" and "-", 64 at most',
    ),
    "a method without a token": (
        "pm_ok_1|", "|",
        '2:12: payment_methods: without the gateway\'s token; write e.g. "pm_1Nv0|card|Visa 4242|2028-04"',
    ),
    "a method with five parts": (
        "2028-04", "2028-04|x",
        '2:12: payment_methods: more than four parts; write e.g. "pm_1Nv0|card|Visa 4242|2028-04"',
    ),
    "a month that does not exist": (
        "2028-04", "2028-13", '2:12: payment_methods: not the month in which a card expires; write e.g. "2028-04"',
    ),
    "a method twice": ("2028-04", "2028-04;pm_ok_1", '2:12: payment_methods: "pm_ok_1" stands there twice'),
    "a price without a currency": ("2028-04,", "2028-04,33.00", '2:13: price: not an amount of money; write e.g. "70.00 USD"'),
    "a price with too many digits": (
        "2028-04,", "2028-04,33.000 USD", '2:13: price: USD has 2 decimal digits; write e.g. "70.00 USD"',
    ),
    "a price of nothing": ("2028-04,", "2028-04,0.00 USD", "2:13: price: what costs nothing cannot be charged"),
    "a price in another currency": (
        "2028-04,", "2028-04,33.00 EUR",
        "2:13: price: not in the currency of brake.max_amount (100.00 USD): it would never be charged",
    ),
    "a gateway that is not configured": (
        "2028-04,", "2028-04,,stripy", '2:14: gateway: no gateway "stripy" in renewd.yaml; did you mean "stripe"?',
    ),
    "a gateway with a space": (
        "2028-04,", "2028-04,,my stripe", '2:14: gateway: must be a name: letters, digits, ".", "_" and "-", 64 at most',
    ),
    "too few cells": (",pm_ok_1|card|Visa 4242|2028-04,", "", "2:11: 11 cells, but the heading has 13"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "complaint"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_told_with_its_row_and_column(
    empty_shop: Shop, old: str, new: str, complaint: str
) -> None:
    assert old in GOOD
    row = GOOD.replace(old, new)
    heading = f"{HEADING},gateway" if complaint.startswith("2:14:") else HEADING
    told = problems(empty_shop, sheet(row, heading=heading))
    assert told == [complaint, "renewd: 1 problem; nothing is imported"]


@pytest.mark.parametrize("column", range(len(HEADING.split(","))))
def test_a_card_number_is_refused_in_every_column_and_never_shown(empty_shop: Shop, column: int) -> None:
    cells = GOOD.split(",")
    cells[column] = f"{cells[column]} {CARD}" if column != 11 else f"{CARD}|card|Visa|2028-04"
    told = "\n".join(problems(empty_shop, sheet(",".join(cells))))
    assert f"2:{column + 1}: {HEADING.split(',')[column]}: looks like a card number" in told
    assert "4242 4242" not in told


@pytest.mark.parametrize(
    "value",
    [
        {"token": CARD},
        {"token": "pm_1", "label": f"Visa {CARD}"},
        {"token": "pm_1", "expires": "2028-04", "kind": CARD.replace(" ", "-")},
    ],
)
def test_a_card_number_is_refused_inside_json_too(empty_shop: Shop, value: dict[str, str]) -> None:
    row = dict(zip(HEADING.split(",")[:9], GOOD.split(",")[:9], strict=True)) | {"payment_methods": [value]}
    told = "\n".join(problems(empty_shop, json.dumps(row), "subs.jsonl"))
    assert "payment_methods: looks like a card number" in told
    assert "4242" not in told


def test_a_file_without_a_heading_does_not_give_a_card_number_away(empty_shop: Shop) -> None:
    told = "\n".join(problems(empty_shop, f"S-1,Ada,{CARD}\n"))
    assert "1:3: unknown column it" in told
    assert "4242" not in told


def test_every_problem_of_a_file_is_told_at_once(empty_shop: Shop) -> None:
    rows = [GOOD.replace("att-10gb", "gold"), ROWS[1], ROWS[2].replace("Berlin", "Bern").replace("S-3", "")]
    assert [line.split(":")[:3] for line in problems(empty_shop, sheet(*rows))[:-1]] == [
        ["2", "6", " plan"],
        ["4", "1", " id"],
        ["4", "8", " zone"],
    ]


def test_only_the_first_hundred_problems_are_shown(empty_shop: Shop) -> None:
    rows = [GOOD.replace("S-1", f"S-{number}").replace("att-10gb", "gold") for number in range(130)]
    told = problems(empty_shop, sheet(*rows))
    assert len(told) == 101
    assert told[-1] == "renewd: 130 problems (30 more are not shown); nothing is imported"


def test_an_id_may_stand_only_once(empty_shop: Shop) -> None:
    told = problems(empty_shop, sheet(GOOD, ROWS[1], GOOD))
    assert told[0] == "4:1: id: S-1 stands in row 2 already"


def test_one_customer_may_not_be_given_in_two_ways(empty_shop: Shop) -> None:
    other = GOOD.replace("S-1", "S-9").replace("Ada Lane", "Ada Long").replace("Visa 4242", "Visa 4243")
    assert problems(empty_shop, sheet(GOOD, other))[:2] == [
        "3:3: name: customer C-1 has another name in row 2; make them the same",
        "3:12: payment_methods: customer C-1 has another payment_methods in row 2; make them the same",
    ]


def test_a_payment_method_has_one_owner(empty_shop: Shop) -> None:
    other = ROWS[1].replace("pm_ok_2", "pm_ok_1")
    assert (
        problems(empty_shop, sheet(GOOD, other))[0]
        == '3:12: payment_methods: "pm_ok_1" is customer C-1\'s in row 2'
    )


def test_a_payment_method_of_a_customer_in_the_database_is_not_taken_over(shop: Shop) -> None:
    path = shop.write(
        "more.csv", sheet(GOOD.replace("S-1", "S-9").replace("C-1", "C-9").replace("cus_1", "cus_9"))
    )
    ran = shop.run("import", str(path))
    assert ran.code == 1
    assert '2:12: payment_methods: "pm_ok_1" is customer C-1\'s; take it from there first' in ran.stderr


def test_json_lines_say_the_same_as_csv(shop: Shop) -> None:
    row = {
        **dict(zip(HEADING.split(",")[:9], ROWS[1].split(",")[:9], strict=True)),
        "tags": ["vip"],
        "payment_methods": [
            {"token": "pm_insufficient_funds_2", "kind": "card", "label": "Visa 0002", "expires": "2028-04"},
            {"token": "pm_ok_2", "label": "Amex 0003", "expires": "2029-01"},
        ],
        "price": "33.00 USD",
        "state": None,
    }
    path = shop.write("subs.jsonl", f"\n{json.dumps(row)}\n")
    assert shop.out("import", str(path)) == "0 added, 0 changed, 1 unchanged\n"


def test_a_subscription_may_have_a_gateway_of_its_own(empty_shop: Shop) -> None:
    other = "gateways:\n  adyen: {kind: stripe, api_base: http://127.0.0.1:8481, api_key: sk_test_other}"
    empty_shop.write("renewd.yaml", SETTINGS.replace("gateways:", other))
    path = empty_shop.write("subs.csv", sheet(f"{GOOD},adyen", heading=f"{HEADING},gateway"))
    empty_shop.out("import", str(path))
    assert empty_shop.json("explain", "S-1")["gateway"] == "adyen"


def test_importing_again_changes_nothing(shop: Shop) -> None:
    assert shop.out("import", str(shop.folder / "subscriptions.csv")) == "0 added, 0 changed, 5 unchanged\n"


def test_what_expired_too_long_ago_is_counted_among_the_new(empty_shop: Shop) -> None:
    path = empty_shop.write("old.csv", sheet(*ROWS).replace("2026-12-05", "2026-11-05"))
    lapsed = "; 1 of the new ones expired too long ago, and has lapsed"
    assert empty_shop.out("import", str(path)) == f"5 added, 0 changed, 0 unchanged{lapsed}\n"
    assert empty_shop.out("list", "--state", "lapsed").startswith("S-3\t")
    assert empty_shop.out("import", str(path)) == "0 added, 0 changed, 5 unchanged\n"


def test_importing_again_does_not_undo_a_renewal_or_a_pause(later: Shop) -> None:
    later.out("pause", "S-2", "--reason", "abroad", "--yes")
    later.out("import", str(later.folder / "subscriptions.csv"))
    assert later.json("show", "S-1")["subscription"]["current_period_end"] == "2027-01-10T05:00:00Z"
    assert later.json("show", "S-2")["subscription"]["state"] == "paused"


def test_a_dry_run_says_what_would_change_and_writes_nothing(shop: Shop) -> None:
    new = (
        GOOD.replace("S-1", "S-6")
        .replace("C-1", "C-6")
        .replace("pm_ok_1", "pm_ok_6")
        .replace("cus_1", "cus_6")
    )
    path = shop.write("more.csv", sheet(GOOD.replace("ada@", "lane@"), ROWS[1], new))
    before = shop.out("list", "-o", "jsonl"), shop.out("log", "-o", "jsonl")
    ran = shop.run("import", "--dry-run", str(path))
    assert ran.stdout == "1 added, 1 changed, 1 unchanged\n"
    assert ran.stderr == "nothing is written; it would be:\n"
    assert (shop.out("list", "-o", "jsonl"), shop.out("log", "-o", "jsonl")) == before


def test_an_import_reads_standard_input(empty_shop: Shop) -> None:
    ran = empty_shop.run("import", "-", stdin=sheet())
    assert ran.stdout == "5 added, 0 changed, 0 unchanged\n"
    assert (
        "stdin:2:6: plan: "
        in empty_shop.run("import", "-", stdin=sheet(GOOD.replace("att-10gb", "gold"))).stderr
    )


def test_an_import_is_in_the_audit_log(shop: Shop) -> None:
    (row,) = shop.json("log", "--event", "operator.imported")["items"]
    assert row["detail"] == "5 added, 0 changed, 0 unchanged"
    assert row["actor"]


def test_a_long_file_shows_how_far_it_has_come_and_only_at_a_terminal(empty_shop: Shop) -> None:
    rows = [
        GOOD.replace("S-1", f"S-{n}")
        .replace("C-1", f"C-{n}")
        .replace("pm_ok_1", f"pm_ok_{n}")
        .replace("Ada", "A" * 90)
        for n in range(1200)
    ]
    path = empty_shop.write("long.csv", sheet(*rows))
    assert path.stat().st_size > 1 << 18
    shown = empty_shop.terminal("import", "--dry-run", str(path))
    assert "reading" in shown.stdout
    assert "writing" in shown.stdout
    piped = empty_shop.process("import", str(path))
    assert (piped.stdout, piped.stderr) == ("1200 added, 0 changed, 0 unchanged\n", "")


def test_no_card_number_ever_reaches_the_database(empty_shop: Shop) -> None:
    empty_shop.run("import", "-", stdin=sheet(GOOD.replace("Visa 4242", CARD)))
    with sqlite3.connect(empty_shop.folder / "var" / "renewd.db") as database:
        assert CARD not in "\n".join(database.iterdump())
    assert CARD not in Path(empty_shop.config).read_text()
