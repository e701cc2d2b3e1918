"""The forms of output: for people at a terminal, for programs in a pipe."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest

from renewd.cli.columns import Column, Listing, visible
from renewd.cli.output import Output, wants_colour
from tests.cli.building import HEADING, ROWS, Shop, sheet

CODES = re.compile(r"\x1b\[[0-9;]*m")


def test_a_pipe_gets_tab_separated_rows_without_a_heading(shop: Shop) -> None:
    assert shop.out("list", "-n", "2") == (
        "S-1\tatt-10gb\t2026-12-10T05:00:00Z\t40.00 USD\tactive\t2026-12-03T22:03:00Z\n"
        "S-2\tatt-10gb\t2026-12-09T06:00:00Z\t33.00 USD\tactive\t2026-12-02T23:44:27Z\n"
    )


def test_json_is_one_object_that_names_its_schema(shop: Shop) -> None:
    found = shop.json("list", "-n", "2")
    assert list(found) == ["schema", "items"]
    assert found["schema"] == "renewd.list.v1"
    assert found["items"][0] == {
        "id": "S-1",
        "customer": "C-1",
        "plan": "att-10gb",
        "line": "8901-1",
        "zone": "America/New_York",
        "state": "active",
        "current_period_end": "2026-12-10T05:00:00Z",
        "price": {"amount_minor": 4000, "currency": "USD"},
        "stage": None,
        "hold": None,
        "reason": None,
        "next_at": "2026-12-03T22:03:00Z",
    }


def test_json_of_nothing_is_still_an_object(empty_shop: Shop) -> None:
    assert empty_shop.json("list") == {"schema": "renewd.list.v1", "items": []}
    assert json.loads(empty_shop.out("list", "--json")) == {"schema": "renewd.list.v1", "items": []}


def test_json_lines_are_one_object_each(shop: Shop) -> None:
    rows = [json.loads(line) for line in shop.out("list", "-o", "jsonl").splitlines()]
    assert [row["id"] for row in rows] == ["S-1", "S-2", "S-3", "S-4", "S-5"]
    assert rows == shop.json("list")["items"]


def test_csv_has_a_heading_and_money_in_two_columns(shop: Shop) -> None:
    rows = list(csv.DictReader(io.StringIO(shop.out("list", "-o", "csv"))))
    assert (rows[1]["price"], rows[1]["price_currency"]) == ("33.00", "USD")
    assert rows[1]["current_period_end"] == "2026-12-09T06:00:00Z"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_of_csv_is_a_formula(shop: Shop, start: str) -> None:
    shop.out("pause", "S-1", "--reason", f"{start}cmd|' /C calc'!A0", "--yes")
    text = shop.out("log", "--event", "operator.paused", "-o", "csv")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["detail"] == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["a,b", 'a "b"', "a\nb", "a\r\nb", "", "\ta", "\rb", "\0c", "Zoë"])
def test_what_csv_says_is_what_was_given(capsys: pytest.CaptureFixture[str], text: str) -> None:
    listing = Listing("renewd.test.v1", [Column("one"), Column("two")])
    Output("csv", colour=False).listing(listing, [{"one": text, "two": "2"}])
    written = capsys.readouterr().out
    assert written.startswith("one,two\r\n")
    assert written.endswith("\r\n")
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows[1] == [text if not text.startswith(("\t", "\r", "\0")) else f"'{text}", "2"]


def test_a_table_fits_the_terminal(shop: Shop) -> None:
    shown = shop.terminal("list", "--no-color", size=(24, 60))
    assert shown.stdout == (
        "ID   PLAN      EXPIRES                PRICE  STANDING\n"
        "S-1  att-10gb  2026-12-10 05:00Z  40.00 USD  active\n"
        "S-2  att-10gb  2026-12-09 06:00Z  33.00 USD  active\n"
        "S-3  att-7d    2026-12-05 23:00Z   9.00 USD  active\n"
        "S-4  att-10gb  2026-12-08 00:00Z  40.00 USD  active\n"
        "S-5  att-10gb  2027-01-20 00:00Z  40.00 USD  paused\n"
    )


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("command", ["list", "log", "status", "show S-2", "explain S-2", "forecast"])
def test_no_line_is_wider_than_the_terminal(later: Shop, command: str, width: int) -> None:
    shown = later.terminal(*command.split(), NO_COLOR="1", size=(24, width))
    assert shown.code in (0, 3), shown
    least = {"list": 60, "log": 80, "forecast": 50}.get(command, 0)
    assert max(map(len, shown.stdout.splitlines())) <= max(width, least), shown.stdout


def test_a_terminal_gets_colours_and_a_reader_who_wants_none_gets_none(shop: Shop) -> None:
    assert CODES.search(shop.terminal("list").stdout)
    assert "\x1b" not in shop.terminal("list", NO_COLOR="1").stdout
    assert "\x1b" not in shop.terminal("list", TERM="dumb").stdout
    assert "\x1b" not in shop.terminal("list", "--no-color").stdout
    assert "\x1b" not in shop.process("list", "-o", "table").stdout
    assert CODES.search(shop.process("list", "-o", "table", FORCE_COLOR="1").stdout)


@pytest.mark.parametrize(
    ("no_color", "environ", "terminal", "expected"),
    [
        (False, {}, True, True),
        (False, {}, False, False),
        (True, {}, True, False),
        (True, {"FORCE_COLOR": "1"}, True, False),
        (False, {"NO_COLOR": "1"}, True, False),
        (False, {"NO_COLOR": ""}, True, True),
        (False, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (False, {"FORCE_COLOR": "1"}, False, True),
        (False, {"TERM": "dumb"}, True, False),
    ],
)
def test_colour_follows_the_reader_then_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
    no_color: bool,
    environ: dict[str, str],
    terminal: bool,
    expected: bool,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert wants_colour(no_color, environ) is expected


def test_data_cannot_move_the_cursor() -> None:
    assert visible("a\x1b[2Jb\nc\td\x9b") == "a\ufffd[2Jb c d\ufffd"


def test_an_encoding_without_a_character_does_not_end_the_command(shop: Shop) -> None:
    path = shop.write("more.csv", sheet(ROWS[0].replace("Ada", "Zoë")))
    shop.out("import", str(path))
    assert "Zo? Lane" in shop.process("show", "S-1", PYTHONIOENCODING="ascii").stdout


def test_a_pipe_that_closes_ends_the_command_quietly(shop: Shop) -> None:
    rows = [ROWS[0].replace("S-1", f"S-{n}") for n in range(100, 3100)]
    shop.out("import", str(shop.write("many.csv", sheet(*rows, heading=HEADING))))
    ended = subprocess.run(
        ["/bin/bash", "-c", f"{sys.executable} -m renewd list | head -1; exit ${{PIPESTATUS[0]}}"],
        env=shop.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 141
    assert ended.stdout.startswith("S-1\t")
    assert ended.stderr == ""


def test_what_is_empty_is_said_to_people_and_not_to_programs(empty_shop: Shop) -> None:
    ran = empty_shop.run("list", "-o", "table")
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "no subscription is like that\n")
    ran = empty_shop.run("list")
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "")
