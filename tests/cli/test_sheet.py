"""Files as programs write them: which are read, and what is said of the others."""

import pytest

from tests.cli.building import HEADING, ROWS, Shop, problems, sheet

GOOD = ROWS[0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    {
        "empty": ("", "1:1: the file is empty"),
        "blank": ("\n \n", "1:1: the file is empty"),
        "a heading only": (HEADING + "\n", "1:1: there is no row below the heading"),
        "a misspelt column": (
            sheet(GOOD, heading=HEADING.replace("plan", "plann")),
            '1:6: unknown column "plann"; did you mean "plan"?',
        ),
        "a column twice": (sheet(GOOD, heading=HEADING.replace("price", "plan")), '1:13: a second column "plan"'),
        "semicolons": (
            HEADING.replace(",", ";") + "\n",
            "1:1: only one column; columns are separated by commas, and the first line names them",
        ),
        "an open quote": (sheet('"S-1'), "2:1: not CSV as RFC 4180 has it: unexpected end of data"),
        "Latin-1": (
            sheet(GOOD.replace("Ada", "Zoë")).encode("latin-1"),
            "2:11: not UTF-8 (0xEB); save the file as UTF-8",
        ),
        "UTF-16": (sheet(GOOD).encode("utf-16"), "1:1: this is UTF-16; save the file as UTF-8"),
        "broken JSON": ('{"id": "S-1",}\n', "1:14: not JSON: "),
        "a list in JSON": ('{"id": "S-1"}\n[1]\n', "2:1: not an object; write one a line"),
        "a key twice": ('{"id": "S-1", "id": "S-2"}', "1:1: a key stands twice in one object"),
        "a misspelt key": ('{"id": "S-1", "plam": "x"}', '1:15: unknown key "plam"; did you mean "plan"?'),
        "deep JSON": ('{"id": ' + "[" * 100_000, "1:1: nested too deep"),
        "a number for text": ('{"id": 7}', "1:2: id: must be text, in quotation marks"),
    }.values(),
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(
    empty_shop: Shop, text: str | bytes, complaint: str
) -> None:
    assert any(line.startswith(complaint) for line in problems(empty_shop, text))


def test_a_missing_column_is_named(empty_shop: Shop) -> None:
    assert problems(empty_shop, "id,customer\nS-1,C-1\n")[0] == '1:2: the column "name" is missing'


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + sheet(GOOD),
        sheet(GOOD).replace("\n", "\r\n"),
        sheet(GOOD).rstrip("\n"),
        sheet("", GOOD, ",,,,,,,,,,,,"),
        sheet(GOOD.replace("Ada Lane", '"Ada\nLane"')),
        sheet(GOOD.replace("05:00:00Z", "00:00:00-05:00")),
    ],
    ids=["BOM", "CRLF", "no last newline", "blank rows", "a quoted newline", "an offset"],
)
def test_the_ways_in_which_programs_write_csv_are_all_read(empty_shop: Shop, text: str) -> None:
    path = empty_shop.write("subs.csv", text)
    assert empty_shop.out("import", str(path)) == "1 added, 0 changed, 0 unchanged\n"
    shown = empty_shop.json("show", "S-1")
    assert shown["customer"]["name"] == "Ada Lane"
    assert shown["subscription"]["current_period_end"] == "2026-12-10T05:00:00Z"


def test_rows_below_a_quoted_newline_keep_their_line(empty_shop: Shop) -> None:
    rows = [GOOD.replace("Ada Lane", '"Ada\nLane"'), ROWS[1].replace("att-10gb", "gold")]
    assert problems(empty_shop, sheet(*rows))[0].startswith("4:6: plan:")
