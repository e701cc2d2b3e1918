"""Rows that cannot be read: who asks is told which and why, the others go on, and an import mends what it can."""

import json
import sqlite3
from datetime import datetime, timedelta

import pytest

from renewd.adapters.clock import SystemClock
from tests.cli.building import ROWS, Shop, sheet

# What a file says, and so an import can put right: the column, what stands there, and what is told of it.
MENDED = [
    ("tags", "{canary", "subscriptions.tags cannot be read (JSONDecodeError)"),
    ("tags", "7", "subscription.tags cannot be read (TypeError)"),
    ("tags", '{"canary": 1}', "subscription.tags cannot be read (TypeError)"),
    ("overrides", "canary", "subscriptions.overrides cannot be read (JSONDecodeError)"),
    ("overrides", '{"price": "canary"}', "override price cannot be read (ValidationError)"),
    ("overrides", '{"colour": "canary"}', "override colour cannot be read (ValidationError)"),
    ("state", "canary", "subscription.state cannot be read (ValueError)"),
    ("zone", "Mars/Canary", "subscription.zone cannot be read (ValueError)"),
]
LEFT = [
    ("subscriptions", "anchor", "canary", "subscriptions.anchor cannot be read (ValueError)"),
    ("renewals", "stage", "canary", "renewal.stage cannot be read (ValueError)"),
    ("renewals", "spent", "canary", "renewals.spent cannot be read (JSONDecodeError)"),
]
ADVICE = "; importing it again mends whatever the file says\n"
DUE = datetime.fromisoformat("2026-12-03T22:03:00+00:00")


@pytest.mark.parametrize("command", ["show", "explain", "config show --for", "pause --reason x --yes"])
@pytest.mark.parametrize(("column", "value", "why"), MENDED)
def test_what_is_asked_of_it_ends_with_its_name_and_the_reason(
    shop: Shop, command: str, column: str, value: str, why: str
) -> None:
    shop.garble("subscriptions", column, value, "S-1")
    ran = shop.run(*command.split(), "S-1")
    assert (ran.code, ran.stdout, ran.stderr) == (1, "", f"renewd: S-1: {why}{ADVICE}")


@pytest.mark.parametrize(("table", "column", "value", "why"), LEFT)
def test_so_does_what_is_asked_of_one_whose_renewal_cannot_be_read(
    later: Shop, table: str, column: str, value: str, why: str
) -> None:
    later.garble(table, column, value, "S-1" if table == "subscriptions" else "S-1/20261210T050000Z")
    ran = later.run("show", "S-1")
    assert (ran.code, ran.stdout, ran.stderr) == (1, "", f"renewd: S-1: {why}{ADVICE}")


def test_a_customer_who_is_missing_is_told_too(shop: Shop) -> None:
    shop.garble("subscriptions", "customer_id", "C-9", "S-1")
    assert shop.run("show", "S-1").stderr == f"renewd: S-1: customer C-9 is missing{ADVICE}"


def test_its_log_can_be_read_all_the_same(later: Shop) -> None:
    later.garble("subscriptions", "tags", "{", "S-1")
    assert "charge.succeeded" in later.out("log", "--subscription", "S-1")


@pytest.mark.parametrize(("column", "value", "why"), MENDED[:-1])
def test_the_others_are_listed(shop: Shop, column: str, value: str, why: str) -> None:
    shop.garble("subscriptions", column, value, "S-2")
    ran = shop.run("list")
    assert [line.split("\t")[0] for line in ran.stdout.splitlines()] == ["S-1", "S-3", "S-4", "S-5"]
    assert (ran.code, ran.stderr) == (3, f"renewd: left out: S-2 ({why})\n")


def test_a_program_gets_the_others_whole(shop: Shop) -> None:
    shop.garble("subscriptions", "tags", "{", "S-2")
    ran = shop.run("list", "-o", "json")
    assert [row["id"] for row in json.loads(ran.stdout)["items"]] == ["S-1", "S-3", "S-4", "S-5"]
    assert json.loads(ran.stderr)["exit_code"] == 3


def test_of_many_only_some_are_named(shop: Shop) -> None:
    for row in ("S-1", "S-2", "S-3", "S-4", "S-5"):
        shop.garble("subscriptions", "tags", "{", row)
    path = shop.write("more.csv", sheet(*(row.replace("-5,", "-6,").replace("_5", "_6") for row in ROWS[4:])))
    shop.out("import", str(path))
    shop.garble("subscriptions", "tags", "{", "S-6")
    ran = shop.run("list")
    assert (ran.code, ran.stdout) == (3, "")
    assert ran.stderr.endswith(", S-5 (subscriptions.tags cannot be read (JSONDecodeError)), and 1 more\n")


@pytest.mark.parametrize(("column", "value", "why"), MENDED)
@pytest.mark.parametrize(
    ("command", "rows"), [("forecast --days 5 -o tsv", 4), ("scan --dry-run --at 2026-12-04T15:00:00Z", 3)]
)
def test_the_others_are_foreseen(
    shop: Shop, command: str, rows: int, column: str, value: str, why: str
) -> None:
    assert len(shop.out(*command.split()).splitlines()) == 4
    shop.garble("subscriptions", column, value, "S-2")
    ran = shop.run(*command.split())
    assert (ran.code, f"renewd: left out: S-2 ({why})\n" in ran.stderr) == (3, True)
    assert ("S-2" not in ran.stdout, "33.00" not in ran.stdout) == (True, True)
    assert len(ran.stdout.splitlines()) == rows


def test_the_others_are_rehearsed_when_only_its_customer_is_missing(shop: Shop) -> None:
    shop.garble("subscriptions", "customer_id", "C-9", "S-2")
    ran = shop.run("scan", "--dry-run", "--at", "2026-12-04T15:00:00Z")
    assert (ran.code, len(ran.stdout.splitlines())) == (3, 3)
    assert ran.stderr.endswith("renewd: left out: S-2 (customer C-9 is missing)\n")


def test_a_plan_that_only_it_is_on_can_be_asked_for(shop: Shop) -> None:
    shop.garble("subscriptions", "plan", "att-8d", "S-3")
    shop.garble("subscriptions", "tags", "{", "S-3")
    assert shop.run("list", "--plan", "att-8d").code == 3


@pytest.mark.parametrize(("column", "value", "why"), MENDED)
def test_an_import_mends_what_the_file_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, column: str, value: str, why: str
) -> None:
    whole = shop.json("show", "S-1")["subscription"]
    shop.garble("subscriptions", column, value, "S-1")
    ran = shop.run("import", str(shop.folder / "subscriptions.csv"))
    assert (ran.code, ran.stdout) == (0, "0 added, 1 changed, 4 unchanged\n")
    state = "paused" if column == "state" else "active"
    noticed = why.startswith("subscription") and column != "zone"
    assert ran.stderr == (f"S-1 could not be read; it is mended, and {state}\n" if noticed else "")
    (*_, row) = shop.json("log", "--event", "operator.imported")["items"]
    assert ("1 changed, 1 of them mended, 4" in row["detail"]) is noticed
    if column == "state":
        shop.out("resume", "S-1", "--reason", "it was never paused", "--yes")
    assert shop.json("show", "S-1")["subscription"] == whole
    shop.live(DUE)
    monkeypatch.setattr(SystemClock, "now", lambda _: DUE)
    assert shop.json("show", "S-1")["renewals"][0]["stage"] == "extended"


def test_what_is_mended_while_it_is_being_renewed_is_looked_at_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = sheet(ROWS[0].replace("pm_ok_1|", "pm_insufficient_funds_1|"))
    path = shop.write("short.csv", row)
    shop.out("import", str(path))
    shop.live(DUE)
    shop.garble("subscriptions", "tags", "{", "S-1")
    late = DUE + timedelta(days=1)
    shop.live(late, DUE)
    monkeypatch.setattr(SystemClock, "now", lambda _: late)
    shop.run("import", str(path))
    (renewal,) = shop.json("show", "S-1")["renewals"]
    assert (renewal["stage"], renewal["next_at"]) == ("due", "2026-12-04T22:03:00Z")


def test_nobody_who_may_have_been_canceled_is_charged(shop: Shop) -> None:
    shop.garble("subscriptions", "state", "canceled by hand", "S-1")
    shop.run("import", str(shop.folder / "subscriptions.csv"))
    shop.live(DUE)
    assert shop.out("log", "--subscription", "S-1", "--event", "charge.*") == ""


@pytest.mark.parametrize(("table", "column", "value", "why"), LEFT)
def test_an_import_leaves_alone_what_no_file_says_and_goes_on_with_the_others(
    later: Shop, table: str, column: str, value: str, why: str
) -> None:
    later.garble(table, column, value, "S-1" if table == "subscriptions" else "S-1/20261210T050000Z")
    later.garble("subscriptions", "tags", '["kept"]', "S-1")
    path = later.write("new.csv", sheet().replace("ada@", "lane@").replace("bo@", "reed@"))
    ran = later.run("import", str(path))
    assert (ran.code, ran.stdout) == (3, "0 added, 1 changed, 3 unchanged\n")
    assert ran.stderr.startswith("renewd: left as they are: S-1 (")
    assert "canary" not in ran.stderr
    with sqlite3.connect(later.database) as database:
        assert database.execute("SELECT tags FROM subscriptions WHERE id = 'S-1'").fetchall() == [
            ('["kept"]',)
        ]
    database.close()
    assert later.json("show", "S-2")["customer"]["email"] == "reed@example.com"
    assert later.run("show", "S-1").stderr == f"renewd: S-1: {why}{ADVICE}"


def test_a_rehearsed_import_mends_nothing(shop: Shop) -> None:
    shop.garble("subscriptions", "tags", "{", "S-1")
    ran = shop.run("import", "--dry-run", str(shop.folder / "subscriptions.csv"))
    assert (ran.code, ran.stdout) == (0, "0 added, 1 changed, 4 unchanged\n")
    assert shop.run("show", "S-1").code == 1


def test_the_whole_overview_ends_in_one_line_where_a_count_cannot_be_made(shop: Shop) -> None:
    shop.garble("subscriptions", "opens_at", "!", "S-1")
    ran = shop.run("status")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr == "renewd: something in the database is wrong: it cannot be read (ValueError)\n"
