"""What came of the measurements: who lost or repeated what, and the table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

OURS = "renewd"
LATENCIES = (0, 50)  # milliseconds
_HEADING = ("tool", "setting", "0 ms", "renewd/it", "50 ms", "renewd/it")


class Failed(Exception):
    """A tool did not get through; the message says how far it came."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One run, as the stub and the database have it; of requests: all, and all but repetitions."""

    asked: int
    charges: tuple[int, int]
    extensions: tuple[int, int]
    renewed: int
    logged: int

    def complaints(self) -> list[str]:
        """Say what was lost and what was done more than once."""
        counts = {
            "not renewed": self.asked - self.renewed,
            "charged but not renewed": max(self.charges[1] - self.renewed, 0),
            "renewed without a charge": max(self.renewed - self.charges[1], 0),
            "renewed without an extension": max(self.renewed - self.extensions[1], 0),
            "charged again": self.charges[0] - self.charges[1],
            "extended again": self.extensions[0] - self.extensions[1],
            "missing from the audit log": max(self.renewed - self.logged, 0),
            "too many in the audit log": max(self.logged - self.renewed, 0),
        }
        return [f"{count} of {self.asked} {what}" for what, count in counts.items() if count]


@dataclass(slots=True)
class Measured:
    """The renewals a second of one tool at each latency, and what must be said of it."""

    name: str
    setting: str
    rates: dict[int, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)  # latencies

    def rate(self, latency: int) -> float | None:
        """Give the median, or None if no run came to an end."""
        rates = self.rates.get(latency)
        return median(rates) if rates else None


def pace(instants: Sequence[datetime]) -> float:
    """Give how many a second were done after the first tenth: starting a worker does not count."""
    done = sorted(instants)
    first = len(done) // 10
    seconds = (done[-1] - done[first]).total_seconds()
    return (len(done) - 1 - first) / seconds if seconds else float("inf")


def table(measured: Sequence[Measured]) -> str:
    """Align the rates, each with the ratio of renewd's to it."""
    ours = next((each for each in measured if each.name == OURS), None)
    lines = [_HEADING, *(_line(each, ours) for each in measured if each.rates)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEADING))]
    return "\n".join(_aligned(line, widths) for line in lines)


def remarks(measured: Iterable[Measured]) -> list[str]:
    """Say of each tool what the table does not: skipped, hung, lost, repeated."""
    return [f"{each.name}: {remark}" for each in measured for remark in dict.fromkeys(each.remarks)]


def _line(each: Measured, ours: Measured | None) -> tuple[str, ...]:
    cells = [each.name, each.setting]
    for latency in LATENCIES:
        rate, our_rate = each.rate(latency), ours.rate(latency) if ours else None
        cells.append(f"{rate:.0f}/s" if rate else "-")
        cells.append(f"{our_rate / rate:.2f}" if rate and our_rate else "-")
    return tuple(cells)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    words, numbers = line[:2], line[2:]
    return "  ".join((*map(str.ljust, words, widths), *map(str.rjust, numbers, widths[2:]))).rstrip()
