"""Taking the time, and telling it beside something that it can be held against."""

import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

LEAST = (50, 9, 5, 5)  # widths, so that the parts of the benchmark line up


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, and what it is held against."""

    what: str
    measured: str = ""
    noise: str = ""
    beside: str = ""
    ratio: str = ""


@dataclass(slots=True)
class Spent:
    """Seconds on the wall and on the processor, filled in when the work is done."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure what is done inside, in all threads of this process."""
    spent, wall, cpu = Spent(), time.perf_counter(), _cpu()
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - wall, _cpu() - cpu


def peak_rss() -> float:
    """Give the most memory this process has had, in MB; `ru_maxrss` would begin with that of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def middle(values: Sequence[float]) -> float:
    """Give the median."""
    return median(values)


def noise(values: Sequence[float]) -> str:
    """Say how far the repetitions lie apart, as a share of their median."""
    return f"{(max(values) - min(values)) / median(values):.0%}" if len(values) > 1 and median(values) else ""


def table(rows: Sequence[Row]) -> str:
    """Align the rows; one without anything to the right is a heading, and may run on."""
    heading = Row("", "measured", "noise", "to, in the same run", "ratio")
    lines = [(each.what, each.measured, each.noise, each.ratio, each.beside) for each in (heading, *rows)]
    aligned = [line for line in lines if any(line[1:])]
    widths = [max(least, *(len(line[n]) for line in aligned)) for n, least in enumerate(LEAST)]
    return "\n".join(
        "  ".join((what.ljust(widths[0]), *map(str.rjust, numbers, widths[1:]), beside)).rstrip()
        for what, *numbers, beside in lines
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
