"""An operator's word beside a busy daemon: from its commit on, no charge begins that it forbids."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from renewd.ports import Books
from renewd.renewal.audit import Event
from renewd.renewal.command import Verb
from renewd.renewal.moment import Moment
from tests.service.conftest import Build
from tests.service.daemon import running, until
from tests.service.town import Town, due, now

COUNT = 160


@contextmanager
def under_load(build: Build) -> Iterator[tuple[Town, Books]]:
    """A daemon in the middle of its work, and the operator's books beside it."""
    town = build(latency_ms=60)
    town.subscribe([due(n) for n in range(COUNT)])
    with running(town.path), town.books() as books:
        until(lambda: begun(town) >= 10, "charges under way")
        yield town, books


def begun(town: Town) -> int:
    return town.count("audit_log", "name = 'charge.attempted'")


def after(events: list[Event], name: str, subscription: str = "") -> list[str]:
    """Name the events that were committed after the last one called `name`."""
    places = [n for n, each in enumerate(events) if (each.name, each.subscription) == (name, subscription)]
    return [each.name for each in events[places[-1] :] if subscription in ("", each.subscription)]


@pytest.mark.parametrize(("verb", "past"), [(Verb.PAUSE, "paused"), (Verb.CANCEL, "canceled")])
def test_no_charge_begins_after_a_pause_or_a_cancel(build: Build, verb: Verb, past: str) -> None:
    stopped = [f"S-{n:05}" for n in range(0, COUNT, 2)]
    with under_load(build) as (town, books):
        moment = Moment(
            now(), town.configuration().policy, town.configuration().settings.schedule.settle_after
        )
        for each in stopped:
            assert books.command(verb, each, moment, "tester", "under load")
        until(
            lambda: town.count("renewals", "lease_until IS NOT NULL OR next_at < datetime('now')") == 0,
            "rest",
        )
        until(lambda: town.count("renewals", "stage = 'extended'") >= COUNT // 2, "everybody else")

    events = town.events()
    for each in stopped:
        assert not {"charge.attempted", "extend.attempted"} & set(after(events, f"operator.{past}", each))
    paid = {intent["metadata"]["subscription"] for intent in town.intents()}
    for renewal in town.renewals():
        unwanted = renewal.subscription_id in stopped and renewal.stage != "extended"
        # Money that was on its way when the word came is a person's to look at; nobody else was charged.
        assert not unwanted or (renewal.stage == "review") == (renewal.subscription_id in paid)
    assert town.summary()["double_charges"] == []


def test_no_charge_begins_between_a_halt_and_its_end(build: Build) -> None:
    with under_load(build) as (town, books):
        books.halt("something is wrong", "tester", now())
        until(lambda: town.count("renewals", "hold = 'halted' OR stage = 'extended'") == COUNT, "the halt")
        halted = town.events()
        assert "charge.attempted" not in after(halted, "operator.halted")

        books.unhalt("it is well again", "tester", now())
        until(lambda: town.count("renewals", "stage = 'extended'") == COUNT, "the rest")
    assert town.summary()["payment_intents"] == {"succeeded": COUNT}
    assert town.summary()["double_charges"] == []


def test_a_halt_outlives_the_daemon(build: Build) -> None:
    town = build()
    town.subscribe([due(n) for n in range(5)])
    with town.books() as books:
        books.halt("before the first start", "tester", now())
        with running(town.path) as daemon:
            until(lambda: town.count("renewals", "hold = 'halted'") == 5, "the halt")
            assert daemon.stop() == 0
        assert town.requests() == []
        books.unhalt("go", "tester", now())
    with running(town.path):
        until(lambda: town.count("renewals", "stage = 'extended'") == 5, "the renewals")
