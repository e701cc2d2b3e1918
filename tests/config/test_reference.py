"""`docs/configuration.md` is what the models make of it, and leaves no key without a word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from renewd.adapters.configuration import reference
from renewd.adapters.configuration.reference import DECLINES
from renewd.cli import cli
from renewd.renewal.decline import DeclineClass

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def unsaid(page: str) -> Iterator[str]:
    """Find the rows of a key that lack its meaning, or, where it is no section, a default and an example."""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5:
            key, value, _default, example, meaning = cells
            if not meaning or not (example or "section" in value):
                yield key


def test_the_reference_is_what_the_models_make_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "the models have changed: make reference"


def test_the_command_writes_the_reference() -> None:
    done = CliRunner().invoke(cli, ["config", "reference"])
    assert done.output == reference()


def test_every_key_has_a_meaning_and_an_example() -> None:
    assert not list(unsaid(reference()))
    assert reference().count("| `") > 80


@pytest.mark.parametrize(
    "mutant", ["| `a` | text |  | `x` |  |", "| `a` | text | required |  | what it is |"]
)
def test_a_key_without_a_word_is_noticed(mutant: str) -> None:
    assert list(unsaid(mutant))


def test_every_class_of_declines_is_told() -> None:
    assert list(DECLINES) == list(DeclineClass)
