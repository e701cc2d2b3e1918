"""`python -m tests.service.fleet_kills --seconds 120`: daemons on one PostgreSQL, and both are killed again and again.

Every second one of the daemons is killed and started again, every ten seconds the server is, with all its processes; it
stays away for a while. At the end all are let go on, each must still be at work and end in order; then the engine
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
from datetime import timedelta
from pathlib import Path

from renewd.renewal.model import Stage
from renewd.renewal.query import ListQuery
from tests.service.crashing import Server, crashing_server
from tests.service.daemon import Daemon, environment, until
from tests.service.kills import ALL_OVER, Findings, finish, judged, mixed
from tests.service.town import Town, now

DAEMONS = 3
HOUR = timedelta(hours=1)
KILL_EVERY, CRASH_EVERY, MOST_AWAY, PAUSE = 1.0, 10.0, 3.0, 1.0  # seconds
STARTING = 0.02  # how likely one is killed that only starts, at each look at which none is at work
A_SECOND = 25  # renewals: what the daemons get done between their ends, and a little more
ENDS_WITHOUT_DATABASE = 69


@dataclass(slots=True)
class Troubles:
    """What was done to the daemons, and how they took it."""

    kills: int = 0
    crashes: int = 0
    starts_without_database: int = 0
    wrong: list[str] = field(default_factory=list)


class Place:
    """Where one daemon of the fleet runs; another is put there when it has ended."""

    def __init__(self, town: Town, number: int) -> None:
        self._town, self._number, self._lives, self._ended_at = town, number, 0, 0.0
        self.daemon = self._another()

    def _another(self) -> Daemon:
        self._lives += 1
        own = self._town.folder / f"run-{self._number}"  # each has a control socket of its own
        own.mkdir(exist_ok=True)
        environ = environment(RUNTIME_DIRECTORY=str(own))
        return Daemon(self._town.path, name=f"daemon-{self._number}-{self._lives}", environ=environ)

    def kill(self) -> None:
        """Kill the daemon, and start another."""
        self.daemon.kill()
        self.daemon = self._another()

    def look_after(self, troubles: Troubles) -> None:
        """Start another if the daemon has ended by itself, which it may do only when it found no database at its start."""
        if self.daemon.status is None:
            return
        if not self._ended_at:
            self._ended_at = time.monotonic()
            self._judge(troubles)
        elif time.monotonic() > self._ended_at + PAUSE:
            self._ended_at, self.daemon = 0.0, self._another()

    def _judge(self, troubles: Troubles) -> None:
        if self.daemon.status == ENDS_WITHOUT_DATABASE and not self.daemon.said("service.started"):
            troubles.starts_without_database += 1
        else:
            troubles.wrong.append(f"a daemon ended with {self.daemon.status}: {self.daemon.err.read_text()}")


def trial(folder: Path, seconds: float, renewals: int, seed: int) -> tuple[Findings, Troubles]:
    """Let daemons work through so many renewals, while they and their database are killed for so long."""
    with crashing_server() as server:
        town = Town(
            folder,
            latency_ms=100,
            database=server.url,
            schedule__concurrency=4,
            schedule__settle_after="62s",
            gateways__stripe__max_concurrent=4,
            carriers__tello__max_concurrent=4,
            breaker__failures=20,
        )
        with closing(town):
            dice = random.Random(seed)
            town.subscribe(mixed(dice, renewals))
            troubles = _trouble(town, server, dice, seconds)
            town.take_down()
            town.bring_up(latency_ms=0)  # what is left has been hard enough
            start = now()
            asyncio.run(finish(town, start + HOUR, start + ALL_OVER))
            troubles.wrong += _misplaced(town)
            return judged(town, troubles.kills), troubles


def _trouble(town: Town, server: Server, dice: random.Random, seconds: float) -> Troubles:
    troubles, places = Troubles(), [Place(town, number) for number in range(DAEMONS)]
    try:
        until(lambda: town.count("renewals", "stage = 'extended'"), "the first renewal")
        _kill_them(places, server, dice, seconds, troubles)
        until(lambda: all(_is_at_work(each, troubles) for each in places), "all of them to be at work")
        beating = f"seen_at > '{now():%Y-%m-%d %H:%M:%S}+00'"
        until(lambda: town.count("daemons", beating) == DAEMONS, "a sign of life of all of them")
        statuses = [each.daemon.stop() for each in places]
        troubles.wrong += [f"a daemon that was asked to stop ended with {each}" for each in statuses if each]
    finally:
        for each in places:
            each.daemon.kill()
    said = "\n".join(each.read_text() for each in town.folder.glob("daemon-*.err"))
    troubles.wrong += ["a daemon left a traceback: " + said] if "Traceback" in said else []
    return troubles


def _is_at_work(place: Place, troubles: Troubles) -> bool:
    place.look_after(troubles)
    return bool(place.daemon.said("service.started"))


def _kill_them(
    places: list[Place], server: Server, dice: random.Random, seconds: float, troubles: Troubles
) -> None:
    """Kill daemons and server by turns until the time is over; the server is back then."""
    began = time.monotonic()
    next_kill, next_crash, back_at = KILL_EVERY, dice.uniform(1, CRASH_EVERY / 2), 0.0
    while (at := time.monotonic() - began) < seconds:
        if back_at and at >= back_at:
            server.start()
            back_at = 0.0
        elif not back_at and at >= next_crash:
            server.crash()
            troubles.crashes += 1
            next_crash, back_at = at + CRASH_EVERY, at + dice.uniform(0, MOST_AWAY)
        at_work = [each for each in places if each.daemon.said("service.started")]
        if at >= next_kill and (doomed := at_work or places[: dice.random() < STARTING]):
            dice.choice(doomed).kill()
            troubles.kills += 1
            next_kill = max(next_kill + KILL_EVERY, at)
        for each in places:
            each.look_after(troubles)
        time.sleep(0.05)
    if back_at:
        server.start()


def _misplaced(town: Town) -> list[str]:
    """Give what does not end when it should, here or at the carrier, and what is set aside without a reason."""
    with town.books() as books:
        listed = [
            (each.subscription, each.renewal) for each in books.subscriptions(ListQuery()) if each.renewal
        ]
    wrong = []
    for subscription, renewal in listed:
        paid_until = renewal.period_end if renewal.stage is Stage.EXTENDED else renewal.period_start
        if subscription.current_period_end != paid_until:
            wrong.append(f"{renewal.id} is {renewal.stage}, and ends {subscription.current_period_end}")
        if renewal.stage is Stage.REVIEW and not renewal.reason:
            wrong.append(f"{renewal.id} is in review without a reason")
    stages, made = Counter(each.stage for _, each in listed), town.summary()["extensions"]
    if not stages[Stage.EXTENDED] <= made <= stages[Stage.EXTENDED] + stages[Stage.REVIEW]:
        wrong.append(f"{made} extensions at the carrier for {stages[Stage.EXTENDED]} that are extended")
    return wrong


def main() -> None:
    """Run one trial and say what was found; exits with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.service.fleet_kills", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--renewals", type=int, help=f"by default {A_SECOND} a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where everything is kept")
    chosen = parser.parse_args()
    renewals = chosen.renewals or int(chosen.seconds * A_SECOND)
    with tempfile.TemporaryDirectory() as folder:
        findings, troubles = trial(chosen.folder or Path(folder), chosen.seconds, renewals, chosen.seed)
        print(
            f"the server crashed {troubles.crashes} times, "
            f"{troubles.starts_without_database} daemons found it away when they started"
        )
        print(findings)
        print(*troubles.wrong[:20], *findings.faults[:20], sep="\n")
        raise SystemExit(1 if findings.faults or troubles.wrong else 0)


if __name__ == "__main__":
    main()
