"""What the YAML parser cannot read, said so that it can be mended."""

from collections.abc import Sequence
from typing import Any

from yaml import YAMLError

Place = tuple[int, int]

_INDENTATION = "the indentation does not fit the lines above"
_MEANINGS = (
    (
        "mapping values are not allowed",
        'a ":" where no key can stand: put the value in quotes, or mend the indentation',
    ),
    ("could not find expected ':'", 'a line without ":" where a key was expected'),
    ("expected <block end>", _INDENTATION),
    ("did not find expected '-' indicator", _INDENTATION),
    ("did not find expected key", _INDENTATION),
    (
        "unknown escape character",
        "an escape that YAML does not know; write \\\\ for a backslash, or use single quotes",
    ),
    (
        "block sequence entries are not allowed",
        'a "-" where no list can begin: put the value in quotes, or begin a new line',
    ),
)
_NEVER_CLOSED = {
    "[": 'this "[" is never closed',
    "{": 'this "{" is never closed',
    '"': "this quote is never closed",
}


def complaint(error: YAMLError, lines: Sequence[str]) -> tuple[Place, str]:
    """Give the place of a syntax error, counting from 1, and what is wrong there."""
    place = _place(getattr(error, "problem_mark", None), lines)
    opened = _place(getattr(error, "context_mark", None), lines)
    if place is None:
        return (1, 1), "not valid YAML"
    opening = _character(lines, opened) if opened else ""
    if opening in _NEVER_CLOSED and _is_last(place, lines) and opened:
        return opened, _NEVER_CLOSED[opening]
    if "node content" in str(error) and _is_last(place, lines):
        return place, "the file ends inside of brackets that are never closed"
    return place, _meaning(str(getattr(error, "problem", None) or ""), _character(lines, place))


def _meaning(problem: str, character: str) -> str:
    if "cannot start any token" in problem:
        if character == "\t":
            return "a tab cannot indent YAML; use spaces"
        return f'a plain value cannot begin with "{character}"; put it in quotes'
    for words, meaning in _MEANINGS:
        if words in problem:
            return meaning
    return f"not valid YAML: {problem}"


def _place(mark: Any, lines: Sequence[str]) -> Place | None:
    """Turn a mark of the parser, which may lie past the end of the file, into a place in it."""
    if mark is None:
        return None
    line = min(mark.line, len(lines) - 1)
    column = mark.column if line == mark.line else len(lines[line])
    return line + 1, min(column, len(lines[line])) + 1


def _character(lines: Sequence[str], place: Place) -> str:
    line, column = place
    return lines[line - 1][column - 1 : column].replace("'", '"')


def _is_last(place: Place, lines: Sequence[str]) -> bool:
    """Say whether nothing but blank lines follows the place."""
    line, column = place
    return not lines[line - 1][column - 1 :].strip() and not any(each.strip() for each in lines[line:])
