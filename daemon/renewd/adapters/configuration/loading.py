"""One file, from its path to its model, with everything that is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from renewd.adapters.configuration.document import Document, Finding, KeyPath
from renewd.adapters.configuration.problems import ConfigurationError, Problem
from renewd.adapters.configuration.validation import validated
from renewd.adapters.configuration.yaml_file import read
from renewd.renewal.fields import Section

Model = TypeVar("Model", bound=Section)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Model]):
    """A file and what it means."""

    value: Model
    document: Document

    @property
    def file(self) -> str:
        """The path by which the file was read."""
        return self.document.file

    @property
    def digest(self) -> str:
        """Twelve hex digits of the file's bytes."""
        return self.document.digest

    def line_of(self, path: KeyPath) -> int:
        """Give the line of a key, or of the nearest thing around it that is in the file."""
        return self.document.spot_of(path, at_key=True).line


@dataclass(slots=True)
class Draft(Generic[Model]):
    """A file on its way to be loaded: what could be made of it so far, and what is wrong with it."""

    document: Document | None = None
    value: Model | None = None
    problems: list[Problem] = field(default_factory=list)

    def report(self, findings: Iterable[Finding]) -> None:
        """Take in what was found to be wrong."""
        if self.document:
            self.problems += [self.document.problem(each) for each in findings]

    def loaded(self) -> Loaded[Model]:
        """Give the file as it is meant. Raises ConfigurationError when anything is wrong with it."""
        if self.problems or self.value is None or self.document is None:
            raise ConfigurationError(self.problems)
        return Loaded(self.value, self.document)


def draft(path: Path, model: type[Model]) -> Draft[Model]:
    """Read a file as far as it can be read."""
    try:
        document = read(path)
    except ConfigurationError as error:
        return Draft(problems=list(error.problems))
    value, findings = validated(document, model)
    made = Draft(document, value, [document.problem(finding, spot) for spot, finding in document.findings])
    # Of what only follows from a refused alias or key, nothing more need be said.
    refused = [finding.path for _, finding in document.findings if finding.path]
    made.report(each for each in findings if not any(each.path[: len(path)] == path for path in refused))
    return made


def load(path: Path, model: type[Model]) -> Loaded[Model]:
    """Read one file. Raises ConfigurationError with every problem of its shape; coherence is not looked at."""
    return draft(path, model).loaded()
