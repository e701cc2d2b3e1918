"""One of the things that are measured, and what its repetitions have given."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.benchmarks.alone import Job, alone
from tests.benchmarks.measure import middle
from tests.postgres import empty_database


class Provider(Protocol):
    """A running gateway and carrier: a sandbox, or a bare stub."""

    @property
    def url(self) -> str:
        """Where it listens."""

    def stop(self) -> object:
        """End it."""


class Figures:
    """What the repetitions of one job have measured."""

    def __init__(self, renewals: int) -> None:
        self.renewals = renewals
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, measured: dict[str, float]) -> None:
        for name, value in measured.items():
            self._values[name].append(value)

    def rates(self, name: str = "renew") -> list[float]:
        """Renewals a second."""
        return [self.renewals / seconds for seconds in self._values[name]]

    def rate(self, name: str = "renew") -> float:
        return middle(self.rates(name))

    def cpu(self, *names: str) -> list[float]:
        """Seconds of processor time for 1,000 renewals."""
        each = zip(*(self._values[f"{name}_cpu"] for name in names or ("renew",)), strict=True)
        return [1000 * sum(parts) / self.renewals for parts in each]

    def rss(self) -> float:
        return max(self._values["rss"])


@dataclass(frozen=True, slots=True)
class Work:
    """A job, how many renewals it is for, and what they are done beside: a provider if there is one, a database."""

    job: Job
    renewals: int
    provider: Callable[[], Provider] | None = None
    database: str = "SQLite"
    options: dict[str, int] = field(default_factory=dict)

    def done(self) -> dict[str, float]:
        """Do it in a process, a folder and a database of its own, against a provider of its own."""
        options: dict[str, Any] = dict(self.options)
        if self.database == "PostgreSQL":
            options["server"] = empty_database(durable=True)
        provider = self.provider() if self.provider else None
        try:
            with tempfile.TemporaryDirectory(prefix="renewd-bench-") as folder:
                url = provider.url if provider else ""
                return alone(self.job, folder=folder, url=url, renewals=self.renewals, **options)
        finally:
            if provider:
                provider.stop()


def measured(works: Mapping[str, Work], repeat: int) -> dict[str, Figures]:
    """Do every work so many times, in turns, so that a busy minute of the machine is shared by all."""
    figures = {name: Figures(work.renewals) for name, work in works.items()}
    for _ in range(repeat):
        for name, work in works.items():
            figures[name].add(work.done())
    return figures
