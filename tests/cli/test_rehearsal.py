"""What a pass would do, and the scan that only opens: nothing is charged by either."""

import fcntl
import json
import os
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from renewd.adapters.clock import SystemClock
from renewd.cli.rehearsal import as_run
from renewd.renewal.fleet import Daemon
from tests.cli.building import NOW, POLICY, Shop
from tests.renewal.building import moment

UNLESS = "unless the gateway has a charge already"


@pytest.mark.parametrize("since", [NOW, None])
def test_a_running_daemon_asks_about_nothing_that_came_after_it(since: datetime | None) -> None:
    running = [Daemon("one", since, NOW)] if since else []
    books: Any = SimpleNamespace(daemons=lambda now: running)
    assert as_run(books, moment(NOW + timedelta(days=3))).running_since == since


def test_a_dry_run_says_what_a_pass_would_do_and_writes_nothing(shop: Shop) -> None:
    before = shop.out("list", "-o", "jsonl"), shop.out("log", "-o", "jsonl")
    ran = shop.run("scan", "--dry-run", "--at", "2026-12-04T15:00:00Z")
    assert ran.stdout.splitlines() == [
        "S-4\ttrue\thold\t\tcontact: the customer has no e-mail address to be told at\t2026-12-01T15:07:48Z",
        f"S-2\ttrue\tcharge\t33.00 USD\tVisa 0002, {UNLESS}\t2026-12-02T23:44:27Z",
        f"S-1\ttrue\tcharge\t40.00 USD\tVisa 4242, {UNLESS}\t2026-12-03T22:03:00Z",
        f"S-3\ttrue\tcharge\t9.00 USD\tVisa 0004, {UNLESS}\t2026-12-04T10:22:15Z",
    ]
    assert ran.stderr == "as of 2026-12-04 15:00Z, nothing written: 3 charge, 1 hold; 82.00 USD in all\n"
    assert (shop.out("list", "-o", "jsonl"), shop.out("log", "-o", "jsonl")) == before


@pytest.mark.parametrize(("at", "count"), [("2026-12-02T23:50:00Z", 1), ("2026-12-04T15:00:00Z", 3)])
def test_a_dry_run_tells_the_key_that_each_charge_would_have(shop: Shop, at: str, count: int) -> None:
    ran = shop.run("scan", "--dry-run", "--at", at, "-o", "jsonl")
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [row["idempotency_key"] for row in rows if row["does"] == "charge"] == [
        "S-2/20261209T060000Z/charge/1",
        "S-1/20261210T050000Z/charge/1",
        "S-3/20261205T230000Z/charge/1",
    ][:count]


def test_a_scan_opens_what_is_due_and_charges_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromisoformat("2026-12-03T23:00:00+00:00"))
    for told in ("3 renewals opened\n", "0 renewals opened\n"):
        ran = shop.run("scan")
        assert (ran.code, ran.stderr) == (0, told)
    assert [row["id"] for row in shop.json("list", "--stage", "due")["items"]] == ["S-1", "S-2", "S-4"]
    assert shop.out("log", "--event", "charge.*") == ""


def test_a_scan_beside_a_daemon_is_told_to_try_later(shop: Shop) -> None:
    descriptor = os.open(shop.folder / "var" / "renewd.db.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        ran = shop.run("scan")
    finally:
        os.close(descriptor)
    assert (ran.code, "another renewd owns" in ran.stderr) == (75, True)


def test_nobody_is_charged_ahead_of_time(shop: Shop) -> None:
    ran = shop.run("scan", "--at", "+4d")
    assert (ran.code, "--at needs --dry-run" in ran.stderr) == (2, True)


def test_a_dry_run_leaves_out_what_is_on_a_plan_that_is_gone(shop: Shop) -> None:
    everybody = {row["subscription"] for row in shop.json("scan", "--dry-run", "--at", "+30d")["items"]}
    shop.write("policy.yaml", POLICY.replace("att-10gb", "att-11gb"))
    there = {row["subscription"] for row in shop.json("scan", "--dry-run", "--at", "+30d")["items"]}
    assert there < everybody
