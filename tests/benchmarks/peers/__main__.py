"""`make bench-peers`: ARGS="--quick" for a small run, ARGS="--only celery" for a part of it."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from tests.benchmarks.__main__ import machine
from tests.benchmarks.peers.ours import LOOP, RENEWD, TWO
from tests.benchmarks.peers.report import LATENCIES, Failed, Measured, Tally, remarks, table
from tests.benchmarks.peers.running import Queue
from tests.benchmarks.peers.tools import TOOLS, VENV, Tool, missing, python_of, redis_server

NAMES = tuple(dict.fromkeys(tool.family for tool in TOOLS))
QUICK = 60  # renewals
SMALL = "This was a small run: it shows that all works, and its figures mean nothing."
ONCE = "Each renewal was charged, extended and logged exactly once."


@dataclass(frozen=True, slots=True)
class Turn:
    """One tool, as often as its turn comes."""

    measured: Measured
    shares: tuple[int, int]
    measure: Callable[[int, int], tuple[float, Tally]]

    def take(self, renewals: int, latency: int) -> None:
        """Measure once more; what has failed at a latency is not tried there again."""
        if latency in self.measured.failed:
            return
        share = self.shares[LATENCIES.index(latency)]
        try:
            rate, tally = self.measure(-(-renewals // share), latency)
        except Failed as failure:
            self.measured.failed.add(latency)
            self.measured.remarks.append(f"at {latency} ms {failure}")
        else:
            self.measured.rates.setdefault(latency, []).append(rate)
            self.measured.remarks += [f"at {latency} ms {complaint}" for complaint in tally.complaints()]


def main() -> None:
    """Measure everything in turns, so that a busy minute of the machine is shared by all."""
    wanted = _wanted()
    tools = [tool for tool in TOOLS if tool.family in (wanted.only or NAMES)]
    turns, skipped = _turns(tools)
    repeat, renewals = (1, QUICK) if wanted.quick else (wanted.repeat, wanted.renewals)
    print(machine(), *remarks(skipped), sep="\n", flush=True)
    for number, latency, turn in product(range(repeat), LATENCIES, turns):
        print(f"  {number + 1} of {repeat}, {latency} ms: {turn.measured.name}", file=sys.stderr)
        turn.take(renewals, latency)
    measured = [turn.measured for turn in turns]
    print(
        f"\n{table(measured)}\n", *(remarks(measured) or [ONCE]), *([SMALL] if wanted.quick else []), sep="\n"
    )


def _wanted() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-peers ARGS=...", description="Make the renewals of renewd with other tools."
    )
    parser.add_argument("--quick", action="store_true", help="a small run: whether it works, not how fast")
    parser.add_argument("--only", action="append", choices=NAMES, help="one tool; may be given again")
    parser.add_argument("--renewals", type=int, default=3000, help="how many are renewed in each run")
    parser.add_argument("--repeat", type=int, default=3, help="how often each run is repeated")
    return parser.parse_args()


def _turns(tools: Sequence[Tool]) -> tuple[list[Turn], list[Measured]]:
    """Give the turns of what can be measured here, and what cannot with the reason."""
    python, redis = python_of(VENV), redis_server(VENV)
    turns = [Turn(Measured(our.name, our.setting), our.shares, our.measured) for our in (RENEWD, TWO, LOOP)]
    skipped = []
    for tool in tools:
        measured = Measured(tool.name, tool.setting)
        if reason := missing(tool, python, redis):
            measured.remarks.append(f"skipped: {reason}")
            skipped.append(measured)
        else:
            turns.append(Turn(measured, tool.shares, Queue(tool, str(python), redis).measured))
    return turns, skipped


if __name__ == "__main__":
    main()
