"""Two daemons on one machine and one PostgreSQL, as `renewd@a` and `renewd@b`, with its password as a credential."""

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.service.daemon import PATIENCE, until
from tests.service.town import due
from tests.systemd.postgres import PASSWORD, URL, Postgres
from tests.systemd.shop import Shop

pytestmark = pytest.mark.usefixtures("_asked")

BOTH = ("a", "b")
COUNT = 200
CREDENTIAL = "/etc/credstore/renewd.database_url"
NOT_AGAIN = "[Service]\nRestart=no\n"
# As docs/operating.md says it: a command by hand that is given the same credential.
BY_HAND = f"systemd-run --quiet --pipe --wait --collect -p User=renewd -p LoadCredential=database_url:{CREDENTIAL}".split()


@pytest.fixture
def postgres(shop: Shop) -> Iterator[Postgres]:
    made = Postgres(shop.machine)
    yield made
    shop.machine.run("systemctl", "stop", "renewd@*", ok=False)
    made.close()


@pytest.fixture
def pair(shop: Shop, postgres: Postgres) -> Shop:
    """Start both."""
    shop.by = BY_HAND
    shop.unit = "renewd@.service"
    shop.drop_in(NOT_AGAIN)
    quick = {"concurrency": 8, "lease": "30s", "settle_after": "65s", "scan_every": "1s"}
    shop.configure(database="{credential database_url}", schedule=quick)
    shop.machine.write(CREDENTIAL, URL, "0600")
    shop.machine.run("systemctl", "start", *(f"renewd@{each}" for each in BOTH))
    until(lambda: len(shop.status()["daemons"]) == len(BOTH), "both of them")
    return shop


def test_both_are_ready_share_the_work_and_renew_each_once(pair: Shop) -> None:
    assert [_show(pair, each, "ActiveState") for each in BOTH] == ["active", "active"]
    pair.serve(latency_ms=20)
    pair.subscribe([due(n) for n in range(COUNT)])
    until(lambda: pair.extended() == COUNT, "all to be renewed")
    by = {each: _charged(pair, each) for each in BOTH}
    assert all(by.values())
    assert Counter([*by["a"], *by["b"]]) == Counter(f"S-{n:05}" for n in range(COUNT))
    assert pair.ask("/sandbox/summary")["payment_intents"] == {"succeeded": COUNT}
    told = pair.renewd("status", ok=False)
    assert "2 running" in told
    assert len(re.findall(r" since .*", told)) == len(BOTH)
    for each in BOTH:
        assert PASSWORD not in pair.journal(f"renewd@{each}")


def test_what_a_killed_one_has_left_is_finished_by_the_other(pair: Shop) -> None:
    pair.serve(latency_ms=100)
    pair.subscribe([due(n) for n in range(COUNT)])
    until(lambda: pair.extended() > COUNT / 4, "a quarter")
    pair.machine.run("kill", "-KILL", _show(pair, "a", "MainPID"))
    until(lambda: _show(pair, "a", "ActiveState") == "failed", "systemd to notice")
    until(lambda: pair.extended() == COUNT, "the rest", seconds=4 * PATIENCE)
    assert _show(pair, "b", "NRestarts") == "0"
    assert pair.ask("/sandbox/summary")["double_charges"] == []
    assert pair.ask("/sandbox/summary")["payment_intents"] == {"succeeded": COUNT}


def test_one_that_is_stopped_finishes_its_own_and_leaves_the_rest_to_the_other(pair: Shop) -> None:
    pair.serve(latency_ms=100)
    pair.subscribe([due(n) for n in range(COUNT)])
    until(lambda: pair.extended() > COUNT / 4, "a quarter")
    pair.machine.run("systemctl", "stop", "renewd@a")
    assert _show(pair, "a", "Result") == "success"
    assert len(pair.status()["daemons"]) == 1
    until(lambda: pair.extended() == COUNT, "the rest", seconds=4 * PATIENCE)
    assert pair.events("*.unknown") == []
    assert pair.ask("/sandbox/summary")["payment_intents"] == {"succeeded": COUNT}


def _show(shop: Shop, instance: str, name: str) -> str:
    line = ("systemctl", "show", "--value", f"--property={name}", f"renewd@{instance}")
    return shop.machine.run(*line).stdout.strip()


def _charged(shop: Shop, instance: str) -> list[str]:
    """Give the subscriptions that one of them has charged, from the journal."""
    line = f"journalctl --output=json --unit=renewd@{instance} RENEWD_EVENT=charge.succeeded"
    return [
        json.loads(each)["RENEWD_SUBSCRIPTION"]
        for each in shop.machine.run(*line.split()).stdout.splitlines()
    ]
