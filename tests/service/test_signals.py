"""A daemon told to stop finishes what is in flight, begins nothing more, and loses nothing."""

import signal

import pytest

from tests.service.conftest import Build
from tests.service.daemon import running, until
from tests.service.town import Town, due

SLOTS = 8


def begun(town: Town) -> int:
    return town.count("audit_log", "name = 'charge.attempted'")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_finish_and_starts_nothing_more(
    build: Build, number: signal.Signals
) -> None:
    town = build(latency_ms=300, schedule__concurrency=SLOTS)
    town.subscribe([due(n) for n in range(30)])
    with running(town.path) as daemon:
        until(lambda: begun(town) >= SLOTS, "charges in flight")
        daemon.signal(signal.SIGSTOP)
        before = begun(town)
        daemon.signal(number)
        daemon.signal(signal.SIGCONT)
        assert daemon.ended() == 0
        assert daemon.err.read_text() == ""

    # Each slot may have been on its way into one more call when the signal came.
    assert before <= begun(town) <= before + SLOTS
    assert town.count("attempts", "state = 'sent'") == 0
    assert town.stages()["charged"] == 0
    assert [each.name for each in town.events("service.*")] == ["service.started", "service.stopped"]

    with running(town.path):
        until(lambda: town.stages()["extended"] == 30, "the rest after a restart")
    assert town.summary()["payment_intents"] == {"succeeded": 30}
    assert town.summary()["double_charges"] == []


def test_an_idle_daemon_stops_at_once(build: Build) -> None:
    with running(build(schedule__scan_every="1h").path) as daemon:
        assert daemon.stop() == 0
