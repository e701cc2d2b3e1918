"""`python -m tests.service.kills --kills 100 --renewals 2000`: a daemon that is killed again and again.

Each life of the daemon is a process of its own on a clock that is further ahead, so that what the last one left in
doubt is looked up, and what was declined is tried again, by a daemon that is killed in turn. At the end the engine
finishes what is left, and the sandbox's own ledger is the judge.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from renewd.cli.reconcile import Ledger, Reconciliation, reconciled
from renewd.renewal.model import OPEN_STAGES, Stage
from renewd.renewal.query import LogQuery
from renewd.renewal.record import Record
from renewd.service.loop import Loop
from renewd.service.wiring import demo_clock, running_engine
from tests.service.daemon import SECRETS, Daemon
from tests.service.town import DAY, Town, due, now

METHODS = {
    "pm_ok": 60,
    "pm_insufficient_funds_x2": 6,
    "pm_do_not_honor_x1": 5,
    "pm_insufficient_funds": 4,
    "pm_lost_card": 3,
    "pm_authentication_required": 2,
    "pm_reset_after_charge": 6,
    "pm_500_after_charge": 4,
    "pm_garbage_after_charge": 2,
    "pm_reset_before": 3,
    "pm_processing": 3,
    "pm_429": 2,
}
LINES = {
    "extend_ok": 80,
    "extend_500_after": 7,
    "extend_reset_after": 7,
    "extend_pending": 4,
    "extend_refused": 2,
}
# Every declined renewal has had its last try by then: seven days ahead of expiry, and three of grace.
ALL_OVER = 12 * DAY
HALF_A_WEEK = DAY * 3.5


@dataclass(slots=True)
class Findings:
    """What came of it. `unaccounted` are requests without a row of their own in the audit log."""

    kills: int
    reckoning: Reconciliation
    settled: int = 0
    double: int = 0
    lost: list[str] = field(default_factory=list)
    open_attempts: int = 0
    unaccounted: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [
            *self.reckoning.problems,
            *(f"{each} is lost" for each in self.lost),
            *(f"{each} was sent more often than it was written down" for each in self.unaccounted),
            *([f"{self.double} charged twice"] if self.double or self.reckoning.charged_twice else []),
            *([f"{self.open_attempts} attempts were never settled"] if self.open_attempts else []),
        ]

    def __str__(self) -> str:
        reckoning = self.reckoning
        stages = ", ".join(f"{count} {stage}" for stage, count in sorted(reckoning.stages.items()))
        return (
            f"{self.kills} kills; {stages}; {reckoning.attempts} attempts, {reckoning.requests} requests, "
            f"{self.settled} in doubt and settled; {self.double} charged twice, {len(self.lost)} lost"
        )


def trial(folder: Path, kills: int, renewals: int, seed: int) -> Findings:
    """Let a daemon work through so many renewals, killing it so often."""
    # What a life gets done in a quarter of a second, and a little more, so that work is left for the last ones.
    a_second = max(8 * renewals // max(kills, 1) // 2, 10)
    town = Town(
        folder,
        latency_ms=10,
        schedule__concurrency=16,
        gateways__stripe__rate=f"{a_second}/s",
        breaker__failures=20,
    )
    with closing(town):
        dice = random.Random(seed)
        town.subscribe(mixed(dice, renewals))
        start = now()
        for number in range(kills):
            _one_life(town, dice, HALF_A_WEEK * number / kills)
        asyncio.run(finish(town, start + HALF_A_WEEK, start + ALL_OVER))
        return judged(town, kills)


def mixed(dice: random.Random, count: int) -> list[Record]:
    """Make subscriptions that are due, with cards and lines that behave in every way there is."""
    methods, lines = (dice.choices([*mix], [*mix.values()], k=count) for mix in (METHODS, LINES))
    return [due(n, *behaviours) for n, behaviours in enumerate(zip(methods, lines, strict=True))]


def _one_life(town: Town, dice: random.Random, ahead: timedelta) -> None:
    town.set_clock(now() + ahead)
    daemon = Daemon(town.path, ahead)
    try:
        if dice.random() < 0.1:  # some die while they start
            time.sleep(dice.uniform(0.1, 0.6))
        else:
            daemon.ready()
            time.sleep(dice.uniform(0.05, 0.4))
    finally:
        daemon.kill()


async def finish(town: Town, start: datetime, until: datetime) -> None:
    """Run the same engine on a clock that jumps to whatever is due, until nothing can be."""

    def moved(instant: datetime) -> None:
        town.set_clock(instant)
        if instant >= until:
            loop.stop()

    town.set_clock(start)
    configuration = town.configuration()
    clock = demo_clock(start, 0.0, moved, until)
    async with running_engine(configuration, clock, lambda _: None, SECRETS) as engine:
        loop = Loop(engine, DAY, lambda: configuration.policy)
        await loop.run()


def judged(town: Town, kills: int) -> Findings:
    """Hold what the database says against the sandbox's own ledger, when nothing can be due any more."""
    renewals = town.renewals()
    with town.books() as books:
        log = list(books.log(LogQuery()))
    requests = town.requests()
    ledger = Ledger(list(town.intents()), requests)
    written = Counter(row.event.key for row in log if row.event.name.endswith(".attempted"))
    # A request that was turned away with 429 is sent again inside one attempt.
    sent = Counter(str(each["key"]) for each in requests if each["status"] != 429)
    looked_up = {row.event.key for row in log if row.event.name.endswith(".lookup")}
    untaken = town.count("subscriptions", f"opens_at < '{now() + ALL_OVER:%Y-%m-%d}'")
    return Findings(
        kills,
        reconciled(ledger, log, renewals, untaken),
        settled=len(looked_up),
        double=len(town.summary()["double_charges"]),
        lost=[each.id for each in renewals if each.stage in OPEN_STAGES] + ["a subscription"] * untaken,
        open_attempts=town.count("attempts a JOIN renewals r ON r.id = a.renewal_id", _NEVER_SETTLED),
        unaccounted=[key for key, times in sent.items() if times > written[key]],
    )


_NEVER_SETTLED = f"a.closed_at IS NULL AND r.stage != '{Stage.REVIEW}'"


def main() -> None:
    """Run one trial and say what was found; exits with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.service.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--renewals", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        findings = trial(Path(folder), chosen.kills, chosen.renewals, chosen.seed)
        print(findings)
        print(*findings.faults[:20], sep="\n")
        raise SystemExit(1 if findings.faults else 0)


if __name__ == "__main__":
    main()
