"""Daemons and the PostgreSQL that they share, killed at random moments. Full size: `tests.service.fleet_kills`."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.service.crashing import Server, crashing_server
from tests.service.daemon import running, until
from tests.service.fleet_kills import trial
from tests.service.town import Town, due


@pytest.fixture
def server() -> Iterator[Server]:
    with crashing_server() as server:
        yield server


def test_daemons_and_their_server_killed_again_and_again_lose_nobody_and_charge_nobody_twice(
    tmp_path: Path,
) -> None:
    findings, troubles = trial(tmp_path, seconds=10, renewals=100, seed=5)
    wrong = [*troubles.wrong, *findings.faults]
    assert not wrong, "\n".join(wrong[:20])
    assert findings.reckoning.stages.total() == 100
    # Both have been killed while something was under way, or the trial has shown nothing.
    assert troubles.kills >= 3
    assert troubles.crashes >= 1
    assert findings.settled >= 10


def test_a_daemon_goes_on_by_itself_when_its_server_is_back(tmp_path: Path, server: Server) -> None:
    with closing(Town(tmp_path, latency_ms=50, database=server.url)) as town:
        town.subscribe([due(n) for n in range(100)])
        with running(town.path) as daemon:
            until(lambda: town.count("renewals", "stage = 'extended'") >= 5, "some renewals")
            server.crash()
            until(lambda: said_of_the_database(daemon.lines()), "the line of the log")
            server.start()
            until(lambda: town.count("renewals", "stage = 'extended'") >= 50, "the work to go on")
            assert daemon.stop() == 0
        assert town.summary()["double_charges"] == []


def test_a_server_that_was_restarted_while_nobody_asked_is_not_worth_a_word(
    tmp_path: Path, server: Server
) -> None:
    with (
        closing(Town(tmp_path, database=server.url, schedule__scan_every="1h")) as town,
        running(town.path) as daemon,
    ):
        until(lambda: town.count("daemons", "seen_at > started_at"), "the first tick to be over")
        server.crash()
        server.start()
        beat = "seen_at > (SELECT max(at) FROM audit_log)"
        until(lambda: town.count("daemons", beat), "a sign of life")
        assert not said_of_the_database(daemon.lines())


def test_a_daemon_can_be_stopped_while_its_server_is_away(tmp_path: Path, server: Server) -> None:
    with closing(Town(tmp_path, database=server.url)) as town, running(town.path) as daemon:
        server.crash()
        try:
            assert daemon.stop() == 0
            assert daemon.said("stopped while the database cannot be used")
        finally:
            server.start()


def said_of_the_database(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [line for line in lines if str(line["event"]).startswith("the database cannot be used")]
