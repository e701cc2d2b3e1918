"""A YAML file that was read: its data, and where in the file each key and each value stands."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from renewd.adapters.configuration.problems import (
    Problem,
    opens_secret,
    visible,
    without_guarded,
    without_secrets,
)

KeyPath: TypeAlias = tuple[str | int, ...]

PATH_SHOWN = 200  # characters of a dotted path
DEEPEST_SHOWN_KEY = 3  # in `api_key: {hunter2}` it is the key in the braces that is secret


class Spot(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


class Span(NamedTuple):
    """Where something begins, and the place after its end."""

    start: Spot
    end: Spot


class Finding(NamedTuple):
    """What is wrong at a path; `at_key` says that the key itself is meant, not its value."""

    path: KeyPath
    message: str
    help: str = ""
    at_key: bool = False


@dataclass
class Document:
    """Data by path. `findings` are what the file says that is no part of our YAML, each with its place.

    `leaves` are the paths of values that hold no others, `secret` those of them that must never be shown (None:
    nobody knows yet which those are).
    """

    file: str
    digest: str
    lines: list[str]
    data: Any = None
    keys: dict[KeyPath, Span] = field(default_factory=dict)
    values: dict[KeyPath, Span] = field(default_factory=dict)
    findings: list[tuple[Spot, Finding]] = field(default_factory=list)
    leaves: set[KeyPath] = field(default_factory=set)
    secret: frozenset[KeyPath] | None = None

    def spot_of(self, path: KeyPath, *, at_key: bool = False) -> Spot:
        """Give the place of a value or its key; for what is not in the file, of the nearest thing around it.

        A list or a mapping that begins below its key is better shown at the key.
        """
        value, key = self.values.get(path), self.keys.get(path)
        if (
            value
            and not at_key
            and (path in self.leaves or key is None or value.start.line == key.start.line)
        ):
            return value.start
        for length in range(len(path), 0, -1):
            span = self.keys.get(path[:length]) or self.values.get(path[:length])
            if span:
                return span.start
        return self.values[()].start if () in self.values else Spot(1, 1)

    def holds(self, path: KeyPath) -> bool:
        """Say whether the file itself says something at this path."""
        return path in self.values

    def problem(self, finding: Finding, spot: Spot | None = None) -> Problem:
        """Make of a finding what a person is told."""
        spot = spot or self.spot_of(finding.path, at_key=finding.at_key)
        path = without_secrets(visible(".".join(map(str, finding.path))))[:PATH_SHOWN]
        return Problem(self.file, *spot, path, finding.message, self._shown(spot.line), finding.help)

    def _shown(self, number: int) -> str:
        line = self.lines[number - 1] if number <= len(self.lines) else ""
        if self.secret is None:
            follows = number > 1 and opens_secret(self.lines[number - 2])
            return "***" if follows else visible(without_secrets(without_guarded(line)))
        for path in self.secret:
            line = _masked(line, number, self.values[path])
            if len(path) > DEEPEST_SHOWN_KEY and path in self.keys:
                line = _masked(line, number, self.keys[path])
        return visible(without_secrets(line))


def _masked(line: str, number: int, span: Span) -> str:
    if not span.start.line <= number <= span.end.line:
        return line
    start = span.start.column - 1 if number == span.start.line else 0
    end = span.end.column - 1 if number == span.end.line else len(line)
    return line[:start] + "*" * (end - start) + line[end:]
