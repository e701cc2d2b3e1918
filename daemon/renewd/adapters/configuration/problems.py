"""What is wrong with a configuration file, told to a person: where, what, the line itself, and what to write."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal
from unicodedata import combining, east_asian_width

LINE_SHOWN = 120  # characters of a source line
WORD_SHOWN = 48  # characters of a word quoted from the file

# A value under such a key is not shown, wherever it stands.
GUARDED = re.compile(r"key|token|pas+w|pwd|secret|cred|auth", re.IGNORECASE)
_GUARDED_KEY = rf"""(?:{GUARDED.pattern})[\w-]*["']?\s*:\s*"""
_OPENS_SECRET = re.compile(rf"{_GUARDED_KEY}(?:[|>][+-]?\d?\s*)?$", re.IGNORECASE)
_GUARDED_VALUE = re.compile(rf"({_GUARDED_KEY})\S.*", re.IGNORECASE)
_KEY_OF_A_PROVIDER = re.compile(r"\b(?:sk|rk|pk|whsec)_\w+")
_USER_OF_A_URL = re.compile(r"//\S+@")
_PASSWORD_OF_A_URL = re.compile(r"([?&][^=\s]*pass[^=\s]*=)[^&\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file; `line` and `column` count from 1, `path` is dotted (`plans.att-10gb.price`).

    `source_line` is the line as it may be shown: without secrets, with control characters made visible. What is only a
    warning can be used as it is.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    source_line: str = ""
    help: str = ""
    severity: Literal["error", "warning"] = "error"


class ConfigurationError(Exception):
    """A configuration that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: (each.file, each.line, each.column)))
        super().__init__("\n".join(render(each) for each in self.problems))


def render(problem: Problem) -> str:
    """Write a problem for a terminal: `file:line:column: severity: path: message`, the line, and a caret under it."""
    where = f"{problem.path}: " if problem.path else ""
    lines = [f"{problem.file}:{problem.line}:{problem.column}: {problem.severity}: {where}{problem.message}"]
    advice = f"  help: {problem.help}" if problem.help else ""
    if problem.source_line:
        shown, before = _cut(problem.source_line, problem.column - 1)
        lines += [f"{problem.line:>5} | {shown}", f"      | {_blank(before)}^{advice}"]
    elif advice:
        lines.append(f"     {advice}")
    return "\n".join(lines)


def render_for_github(problem: Problem) -> str:
    """Write a problem as a workflow command, which GitHub shows beside the line in a review."""
    where = f"{problem.path}: " if problem.path else ""
    advice = f" ({problem.help})" if problem.help else ""
    file = _escaped(problem.file).replace(":", "%3A").replace(",", "%2C")
    place = f"file={file},line={problem.line},col={problem.column}"
    return f"::{problem.severity} {place}::{_escaped(where + problem.message + advice)}"


def quoted(word: str) -> str:
    """Quote a word of the file in a message: short, printable, and without a secret."""
    return f'"{visible(without_secrets(word[:WORD_SHOWN]))}{"..." if len(word) > WORD_SHOWN else ""}"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is closest to a misspelt one; empty when none is close."""
    close = get_close_matches(word[:WORD_SHOWN].lower(), list(known), 1)
    return f'did you mean "{close[0]}"?' if close else ""


def without_secrets(line: str) -> str:
    """Blank what is a secret by its own looks."""
    line = _PASSWORD_OF_A_URL.sub(r"\1***", _KEY_OF_A_PROVIDER.sub("***", line))
    return _USER_OF_A_URL.sub("//***@", line)


def without_guarded(line: str) -> str:
    """Blank the rest of a line that could not be parsed from the first key on that is named like a secret's."""
    return _GUARDED_VALUE.sub(r"\1***", line)


def opens_secret(line: str) -> bool:
    """Say whether the value of what looks like a secret's key must follow on the next line."""
    return _OPENS_SECRET.search(line) is not None


def visible(line: str) -> str:
    """Show characters that a terminal would act on, or not show at all, as one mark each."""
    return "".join(
        each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in line
    )


def _cut(line: str, column: int) -> tuple[str, str]:
    """Cut a long line to the part around a column; give it, and what of it stands before the column."""
    start = max(0, min(column - LINE_SHOWN // 2, len(line) - LINE_SHOWN))
    return line[start : start + LINE_SHOWN], line[start:column]


def _blank(text: str) -> str:
    return "".join(_blank_for(each) for each in text)


def _blank_for(character: str) -> str:
    if character == "\t" or combining(character):
        return "\t" if character == "\t" else ""
    return "  " if east_asian_width(character) in "WF" else " "


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
