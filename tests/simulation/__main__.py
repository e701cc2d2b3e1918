"""Lead many lives in parallel, or one of them at length: `python -m tests.simulation --seeds 1000`, `--seed 7 -v`."""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice

from tests.simulation.driver import Verdict, kind_of, lead
from tests.simulation.storage import STORAGES
from tests.simulation.telling import told

CHUNK = 20


def main() -> int:
    """Lead the lives asked for, and say how they went; 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many lives to lead")
    parser.add_argument("--start", type=int, default=0, help="the seed of the first")
    parser.add_argument("--seed", type=int, help="lead this one only")
    parser.add_argument("--on", choices=STORAGES, help="lead only lives on this kind of database")
    parser.add_argument("-v", action="store_true", help="tell its whole diary")
    asked = parser.parse_args()
    if asked.seed is not None:
        verdict = lead(asked.seed)
        print(told(verdict, whole=asked.v))
        return bool(verdict.violations)
    wanted = (seed for seed in count(asked.start) if asked.on in (None, kind_of(seed).storage))
    return _many(list(islice(wanted, asked.seeds)))


def _many(seeds: Sequence[int]) -> int:
    began, done, charges, crashes = time.monotonic(), 0, 0, 0
    broken: list[Verdict] = []
    with ProcessPoolExecutor() as pool:
        for verdict in pool.map(lead, seeds, chunksize=CHUNK):
            done, charges, crashes = done + 1, charges + verdict.charges, crashes + verdict.crashes
            broken += [verdict] if verdict.violations else []
            if done % CHUNK == 0 or done == len(seeds):
                _progress(
                    f"{done}/{len(seeds)} lives, {charges} charges, {crashes} crashes, {len(broken)} broken"
                )
    print(f"\n{len(seeds) / (time.monotonic() - began):.0f} lives a second")
    for verdict in broken[:3]:
        print(told(verdict))
    if broken:
        print("broken seeds:", *[verdict.seed for verdict in broken])
    return bool(broken)


def _progress(text: str) -> None:
    print(f"\r{text}" if sys.stdout.isatty() else text, end="" if sys.stdout.isatty() else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
