"""A provider or the database that is away: nothing is lost, no rung is spent, and the daemon goes on by itself."""

from datetime import timedelta

from tests.service.conftest import Build
from tests.service.daemon import finished, running, until
from tests.service.town import Town, due

FEW_MINUTES = timedelta(minutes=5)


def paid(town: Town) -> int:
    return town.count("renewals", "stage = 'extended'")


def test_a_gateway_that_is_down_at_the_start_costs_no_rung_and_no_operator(build: Build) -> None:
    town = build(
        schedule__concurrency=4, gateways__stripe__max_concurrent=4, carriers__tello__max_concurrent=4
    )
    town.subscribe([due(n, "pm_insufficient_funds_x2" if n % 3 == 0 else "pm_ok") for n in range(30)])
    town.take_down()
    with running(town.path) as daemon:
        until(lambda: held(town) >= 10, "the breaker")
        assert town.count("renewals", "ladder_step > 0 OR charges > 0") == 0
        assert town.count("attempts", "state = 'declined'") == 0
        town.bring_up()
        until(lambda: held(town) == 0 and paid(town) >= 1, "the renewals that were held")
        assert daemon.stop() == 0

    # What was tried while nobody answered waits for a minute; of every three renewals one is declined at first.
    _later(town)
    assert paid(town) == 20
    assert town.count("renewals", "stage = 'due' AND ladder_step = 1") == 10
    assert town.summary()["double_charges"] == []


def _later(town: Town) -> None:
    for times in (1, 2, 14, 15):  # a look-up that was cut short is made again an hour later
        ended = finished(town.path, "once", ahead=times * FEW_MINUTES)
    assert ended.returncode == 0, ended.stderr


def held(town: Town) -> int:
    return town.count("renewals", "hold = 'breaker'")


def test_a_gateway_that_goes_down_and_comes_back_is_seen_by_itself(build: Build) -> None:
    town = build(
        latency_ms=20,
        schedule__concurrency=4,
        gateways__stripe__max_concurrent=4,
        carriers__tello__max_concurrent=4,
    )
    town.subscribe([due(n) for n in range(150)])
    with running(town.path) as daemon:
        until(lambda: paid(town) >= 10, "some renewals")
        town.take_down()
        until(lambda: town.count("audit_log", "name = 'breaker.opened'"), "the breaker")
        town.bring_up()
        until(lambda: held(town) == 0 and paid(town) >= 10, "the rest")
        assert daemon.stop() == 0
    _later(town)
    assert town.stages() == {"extended": 150}
    assert town.summary()["payment_intents"] == {"succeeded": 150}
    assert town.summary()["double_charges"] == []


def test_a_breaker_that_opens_is_seen_in_the_log(build: Build) -> None:
    town = build()
    town.take_down()
    town.subscribe([due(n) for n in range(10)])
    with running(town.path) as daemon:
        until(lambda: town.count("audit_log", "name = 'breaker.opened'"), "the breaker")
        until(lambda: daemon.said("breaker.opened"), "the line of the log", seconds=5)
