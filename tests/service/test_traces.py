"""Spans: what a collector gets to see of a real renewal, and that one that is dead or deaf changes nothing."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus

import pytest

from renewd import __version__
from renewd.adapters.otel import Otel
from renewd.service.wiring_health import tracing
from renewd.watching import Kind
from tests.service.collector import Collector, collecting, facts
from tests.service.conftest import Build
from tests.service.daemon import finished, running, until
from tests.service.test_once import TRY_LATER
from tests.service.town import due

CLIENT, ERROR = 3, 2
WARNING = "traces do not arrive; renewals go on"


def test_a_renewal_is_a_trace_of_its_own_and_its_lines_in_the_log_lead_to_it(build: Build) -> None:
    with collecting() as collector:
        town = build(traces__endpoint=collector.url, log__level="debug")
        town.subscribe([due(1)])
        ran = finished(town.path, "once")
    assert ran.returncode == 0, ran
    about = collector.about()
    assert (about["service.name"], about["service.version"]) == ("renewd", __version__)
    assert about["telemetry.sdk.name"] == "opentelemetry"
    spans = collector.spans()
    (root,) = [each for each in spans if each.name == "renewal"]
    inside = [each for each in spans if each.trace_id == root.trace_id and each is not root]
    assert {each.name for each in inside} == {"commit", "charge.lookup", "charge", "extend"}
    assert [each.name for each in inside if each.name != "commit"] == ["charge.lookup", "charge", "extend"]
    assert {each.parent_span_id for each in inside} == {root.span_id}
    assert all(root.start_time_unix_nano <= each.start_time_unix_nano for each in inside)
    assert all(each.end_time_unix_nano <= root.end_time_unix_nano for each in inside)
    *_, charge, commit, extend, _ = inside
    assert facts(commit.attributes) == {"db.system.name": "sqlite", "db.operation.name": "commit"}
    renewal = facts(root.attributes)["renewd.renewal"]
    told = facts(charge.attributes)
    assert told.pop("renewd.reference").startswith("pi_")
    assert told == {
        "service.peer.name": "stripe",
        "renewd.subscription": "S-00001",
        "renewd.renewal": renewal,
        "renewd.leg": "charge",
        "renewd.provider": "stripe",
        "renewd.attempt": 1,
        "renewd.amount": "10.00 USD",
        "renewd.key": f"{renewal}/charge/1",
        "renewd.outcome": "done",
    }
    assert {charge.kind, extend.kind, commit.kind} == {CLIENT}
    ticks = {each.span_id: each.trace_id for each in spans if each.name == "tick"}
    (link,) = root.links
    assert ticks[link.span_id] == link.trace_id
    around = {each.name for each in spans if each.parent_span_id == link.span_id}
    assert around == {"scan", "claim", "letter"}
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    (paid,) = [line for line in lines if line["event"] == "charge.succeeded"]
    assert (paid["trace_id"], paid["span_id"]) == (root.trace_id.hex(), root.span_id.hex())


def test_a_call_that_fails_says_so_and_a_card_that_is_declined_is_no_fault(build: Build) -> None:
    with collecting() as collector:
        town = build(traces__endpoint=collector.url)
        town.subscribe([due(1, "pm_500_after_charge"), due(2, "pm_insufficient_funds_x2")])
        assert finished(town.path, "once").returncode == TRY_LATER
    told = {
        (facts(each.attributes)["renewd.outcome"], each.status.code, facts(each.attributes).get("error.type"))
        for each in collector.spans()
        if each.name == "charge"
    }
    assert told == {("unknown", ERROR, "unknown"), ("declined", 0, None)}


NOBODY = nullcontext(Collector(url="http://127.0.0.1:9"))


@pytest.mark.parametrize(
    "collector",
    [NOBODY, collecting(HTTPStatus.UNAUTHORIZED), collecting(hangs=True)],
    ids=["gone", "refuses", "hangs"],
)
def test_a_collector_that_takes_nothing_costs_one_warning(
    build: Build, collector: AbstractContextManager[Collector]
) -> None:
    with collector as taken:
        town = build(traces__endpoint=taken.url)
        town.subscribe([due(n) for n in range(3)])
        with running(town.path) as daemon:
            until(lambda: town.count("renewals", "stage = 'extended'") == 3, "the renewals")
            until(lambda: town.count("notices", "next_at IS NOT NULL") == 0, "the letters")
            assert daemon.stop() == 0
    assert len(daemon.said(WARNING)) == 1
    assert not [line for line in daemon.lines() if line["level"] in ("error", "critical")]
    assert town.summary()["double_charges"] == []


def test_a_collector_that_comes_back_is_told_of_when_it_goes_again() -> None:
    told: list[str] = []
    with collecting(HTTPStatus.UNAUTHORIZED) as collector:
        kept = Otel(collector.url, {}, "sqlite", told.append)
        for status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNAUTHORIZED, HTTPStatus.OK, HTTPStatus.FORBIDDEN):
            collector.status = status
            with kept.span("tick", Kind.WORK, {}):
                pass
            kept._provider.force_flush()
        kept.close()
    assert [each.rpartition(" ")[2] for each in told] == ["Unauthorized", "Forbidden"]


def test_without_it_nothing_of_it_is_imported() -> None:
    program = (
        "import sys, renewd.cli.service, renewd.service.wiring_health, renewd.service.loop\n"
        "sys.exit(any(each.startswith('opentelemetry') for each in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_is_not_installed_is_named(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    town = build(traces={})
    monkeypatch.setitem(sys.modules, "renewd.adapters.otel", None)
    with pytest.raises(ValueError, match=r"pip install 'renewd\[otel\]'"):
        tracing(town.configuration())
