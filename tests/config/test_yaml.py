"""The part of YAML that is read, the part that is refused, and what is never raised."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.adapters.configuration.problems import ConfigurationError
from renewd.adapters.configuration.yaml_file import DEEPEST, MOST_BYTES, read
from tests.config.files import complaints

EXACT: dict[str, Any] = {
    "no": "no",
    "yes": "yes",
    "on": "on",
    "True": "True",
    "1.10": "1.10",
    "12.50": "12.50",
    "12:30": "12:30",
    "012": "012",
    "0x10": "0x10",
    "1e3": "1e3",
    "1_000": "1_000",
    "+5": "+5",
    ".inf": ".inf",
    "2026-01-01": "2026-01-01",
    "70.00 USD": "70.00 USD",
    "'5'": "5",
    '"true"': "true",
    "''": "",
    "true": True,
    "false": False,
    "0": 0,
    "-12": -12,
    "": None,
    "~": None,
    "null": None,
    "9" * 40: "9" * 40,
}

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a duplicate key": ("a: 1\nb: 2\na: 3\n", '3:1: error: duplicate key "a" (first at line 1)'),
    "a nested duplicate": ("p:\n  x: 1\n  'x': 2\n", '3:3: error: p: duplicate key "x" (first at line 2)'),
    "an alias": (
        "a: *b\n",
        "1:4: error: a: aliases are refused; write the value out, or in quotes if it begins with *",
    ),
    "an anchor": (
        "a: &b 1\n",
        "1:4: error: a: anchors are refused; take it out, or write the value in quotes if it begins with &",
    ),
    "a billion laughs": (
        "a: &a [x, x]\nb: [*a, *a]\n",
        "1:4: error: a: anchors are refused; take it out, or write the value in quotes if it begins with &",
    ),
    "a merge key": (
        "a:\n  <<: {b: 1}\n",
        '2:3: error: a.<<: merge keys ("<<") are refused; write the keys out',
    ),
    "a tag": (
        "a: !!python/object:os.system x\n",
        "1:4: error: a: tags are refused; take it out, or write the value in quotes if it begins with !",
    ),
    "a plain tag": (
        "a: !x 1\n",
        "1:4: error: a: tags are refused; take it out, or write the value in quotes if it begins with !",
    ),
    "a directive": (
        "%YAML 1.1\n---\na: 1\n",
        '1:1: error: directives ("%YAML", "%TAG") are refused; take the line out',
    ),
    "two documents": ("a: 1\n---\nb: 2\n", "2:1: error: several documents in one file; keep one"),
    "a numeric key": ("1: a\n", '1:1: error: 1: a key must be text; write "1" in quotes'),
    "a boolean key": ("true: a\n", '1:1: error: true: a key must be text; write "true" in quotes'),
    "a list as a key": ("? [a]\n: b\n", "1:3: error: a key must be text"),
    "a tab": ("a:\n\tb: 1\n", "2:1: error: a tab cannot indent YAML; use spaces"),
    "an at sign": ("a: @b\n", '1:4: error: a plain value cannot begin with "@"; put it in quotes'),
    "a colon too many": (
        "a: b: c\n",
        '1:5: error: a ":" where no key can stand: put the value in quotes, or mend the indentation',
    ),
    "a wrong indentation": ("a:\n  - b\n c: d\n", "3:2: error: the indentation does not fit the lines above"),
    "an open bracket": ("a: [1\n\n", '1:4: error: this "[" is never closed'),
    "an open list": ("a: [1,\n\n", "3:1: error: the file ends inside of brackets that are never closed"),
    "an open brace": ("a: {b: 1\n", '1:4: error: this "{" is never closed'),
    "an open quote": ('a: "b\n', "1:4: error: this quote is never closed"),
    "an empty file": ("", "1:1: error: the file is empty"),
    "only comments": ("# nothing\n", "1:1: error: the file is empty"),
    "a NUL": ("a: 1\nb: \0\n", "2:4: error: a NUL character; take it out"),
    "a control character": ("a: \x1b[31m\n", "1:4: error: a control character (U+001B); take it out"),
    "Latin-1": (b"a: 1\nb: caf\xe9\n", "2:7: error: not UTF-8 (the byte 0xe9); save the file as UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "1:1: error: not UTF-8 (the byte 0xff); save the file as UTF-8"),
    "over 1 MiB": ("#" * (MOST_BYTES + 1), "1:1: error: larger than 1 MiB"),
    "5,000 brackets": ("[" * 5000, f"1:{DEEPEST + 1}: error: nested deeper than {DEEPEST} levels"),
    "5,000 braces": ("{a: " * 5000, f"1:{4 * DEEPEST + 1}: error: nested deeper than {DEEPEST} levels"),
    "a list at the top": ("- a\n", '1:1: error: must be a mapping of keys to values, as in "version: 1"'),
    "text at the top": ("hello\n", '1:1: error: must be a mapping of keys to values, as in "version: 1"'),
}


@pytest.mark.parametrize(("written", "meant"), EXACT.items(), ids=repr)
def test_a_value_is_exactly_what_is_written(tmp_path: Path, written: str, meant: Any) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"a: {written}\nb: [{written}]\n")
    data = read(file).data
    assert data["a"] == meant
    assert type(data["a"]) is type(meant)
    if written:
        assert data["b"] == [meant]


@pytest.mark.parametrize(("text", "complaint"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_at_its_place(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    assert f"policy.yaml:{complaint}" in complaints(tmp_path, policy=text)


def test_nesting_is_allowed_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("[" * DEEPEST + "]" * DEEPEST)
    assert read(file).data == eval("[" * DEEPEST + "]" * DEEPEST)  # noqa: S307 a list of lists


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.yaml", "no such file or directory"),
        (".", "is a directory"),
        ("a\0b", "not the name of a file"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_too(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"1:1: error: cannot be read: {reason}"):
        read(tmp_path / name)


def test_a_value_knows_its_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("plans:\n  basic:\n    price: 1.00 USD\n  list: [a, bé, c]\n")
    document = read(file)
    assert document.spot_of(("plans", "basic", "price")) == (3, 12)
    assert document.spot_of(("plans", "basic", "price"), at_key=True) == (3, 5)
    assert document.spot_of(("plans", "list", 2)) == (4, 17)
    assert document.spot_of(("plans", "basic", "absent")) == (2, 3)
    assert document.spot_of(("absent",)) == (1, 1)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    document = read(file)
    assert document.data == {"a": 1, "b": "x"}
    assert document.spot_of(("b",)) == (2, 4)


PIECES = st.sampled_from(
    "a b 1 : - , [ ] { } \" ' # & * ! | > % @ ` ? ~ \n \t \0 \x85 \u2028 é 日 << --- ... version plans 7d".split(
        " "
    )
)
YAMLISH = st.lists(PIECES | st.just(" ") | st.just("\n  "), max_size=40).map("".join)


@given(text=st.binary(max_size=200) | YAMLISH.map(str.encode) | st.text(max_size=80).map(str.encode))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for settings, policy in (
        (text, text),
        (b"version: 1\ngateways: " + text, b"version: 1\nplans:\n  a: " + text),
    ):
        assert complaints(folder, settings, policy)
