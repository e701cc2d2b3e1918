"""How everything stands, and what somebody should look at."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import event

from renewd.adapters.clock import SystemClock
from renewd.adapters.store import plans
from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.connect import connect
from renewd.service.wiring import load_configuration
from tests.cli.building import NOW, POLICY, ROWS, Shop, sheet

GLANCE = """\
    daemon         not running
    policy         DIGEST in force
    charging       on
    subscriptions  4 active, 1 paused
    renewals       3 due, 1 extended
    waiting for    1 an e-mail address, 1 a payment method
    next due       2026-12-06 17:35Z, in 6 hours
    overdue        none
    in doubt       none
    set aside      none
    letters owed   none
    last event     2026-12-04 17:35Z, 2 days ago
    paid, 30 days  40.00 USD
"""


def test_everything_is_seen_at_a_glance(later: Shop) -> None:
    assert later.out("status") == dedent(GLANCE).replace("DIGEST", digest(later))


def test_a_program_reads_the_same(later: Shop) -> None:
    found = later.json("status")
    assert (found["schema"], found["healthy"], found["findings"]) == ("renewd.status.v1", True, [])
    assert found["holds"] == {"contact": 1, "payment_method": 1}
    assert found["paid_30_days"] == [{"amount_minor": 4000, "currency": "USD"}]
    assert found["next_due"] == "2026-12-06T17:35:13Z"


def test_a_halt_is_a_finding(shop: Shop) -> None:
    shop.out("halt", "--reason", "a drill", "--yes")
    ran = shop.run("status")
    assert ran.code == 3
    assert "charging       halted\n" in ran.stdout
    assert "! all charging is halted (a drill); let it go on with: renewd unhalt --reason ...\n" in ran.stdout


@pytest.mark.parametrize(("options", "code"), [([], 3), (["--fail-if-stale", "2h"], 0)])
def test_what_is_due_and_waits_too_long_is_a_finding(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromisoformat("2026-12-01T16:00:00+00:00"))
    ran = shop.run("status", *options)
    assert ran.code == code
    told = "! what was due at 2026-12-01 15:07Z still waits; the daemon is not running\n"
    assert (told in ran.stdout) is (code == 3)


def test_a_call_long_without_an_answer_is_a_finding(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ROWS[0].replace("pm_ok_1", "pm_500_after_charge_1")
    shop.out("import", str(shop.write("more.csv", sheet(row))))
    monkeypatch.setattr("tests.fakes.FakeGateway.find", _never_found)
    shop.live(datetime.fromisoformat("2026-12-03T22:04:00+00:00"))
    for at, code in (("22:30", 0), ("23:30", 3)):
        now = datetime.fromisoformat(f"2026-12-03T{at}:00+00:00")
        monkeypatch.setattr(SystemClock, "now", lambda _, now=now: now)
        ran = shop.run("status", "--fail-if-stale", "1d")
        assert ("is still without an answer" in ran.stdout, ran.code) == (code == 3, code), ran


async def _never_found(*_: object) -> None:
    raise AssertionError("nothing is looked up in this test")


def test_subscriptions_on_an_unknown_plan_are_a_finding(shop: Shop) -> None:
    policy = shop.folder / "policy.yaml"
    whole = policy.read_text()
    policy.write_text(whole[: whole.index("  att-7d:")] + whole[whole.index("brake:") :])
    shop.live(NOW)
    ran = shop.run("status")
    assert ran.code == 3
    assert "! 1 active, on a plan that is not in the catalogue: they will never renew" in ran.stdout


def test_what_is_set_aside_is_a_finding_until_it_is_taken_up_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.live(datetime.fromisoformat("2026-12-03T00:00:00+00:00"))
    shop.garble("subscriptions", "overrides", '{"colour": "red"}', "S-1")
    shop.garble("subscriptions", "tags", "{", "S-2")
    then = datetime.fromisoformat("2026-12-04T01:30:00+00:00")
    shop.live(then)
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    told = "2 set aside: a row cannot be read, or an error was met; see: renewd log --event renewal.set_aside"
    ran = shop.run("status", "--fail-if-stale", "1d")
    assert (ran.code, "set aside      2\n" in ran.stdout, f"! {told}\n" in ran.stdout) == (3, True, True)
    assert aside(shop) == (2, [told])
    rows = shop.json("log", "--event", "renewal.set_aside")["items"]
    assert {(row["subscription"], row["renewal"]) for row in rows} == {
        ("S-1", None),
        ("S-2", "S-2/20261209T060000Z"),
    }
    assert len(rows) == 4 + 8
    shop.out("import", str(shop.folder / "subscriptions.csv"))
    assert aside(shop) == (1, [told.replace("2", "1")])
    shop.live(datetime.fromisoformat("2026-12-04T02:30:00+00:00"), then)
    assert aside(shop) == (0, [])


def aside(shop: Shop) -> tuple[int, list[str]]:
    found = json.loads(shop.run("status", "--fail-if-stale", "1d", "-o", "json").stdout)
    return found["set_aside"], found["findings"]


def test_no_question_of_it_reads_the_whole_audit_log(shop: Shop) -> None:
    engine, asked = connect(f"sqlite:///{shop.database}"), list[tuple[str, Any]]()
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
    SqlBooks(engine).status(NOW)
    plans = []
    with engine.begin() as connection:
        for statement, values in [each for each in asked if "FROM audit_log" in each[0]]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans += [row[-1] for row in plan if "audit_log" in row[-1]]
    assert [plan.partition(" USING ")[2].split(" (")[0] for plan in plans] == [
        "INDEX audit_log_by_name",
        "COVERING INDEX audit_log_by_time",
    ]


def test_it_says_how_far_a_new_policy_has_taken_effect(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "BATCH", 2)
    engine = connect(f"sqlite:///{shop.database}")
    with engine.begin() as connection:
        plans.replan(connection, "0123456789ab", lambda each: each.opens_at)
    found = shop.json("status")
    active = found["subscriptions"]["active"]
    assert (found["policy"]["in_force"], found["policy"]["replanned"]) == ("0123456789ab", 2)
    assert f"               taking effect: 2 of {active} planned anew\n" in shop.out("status")


def test_a_hold_of_a_later_version_is_counted_too(later: Shop) -> None:
    later.garble("renewals", "hold", "ransom", "S-4/20261208T000000Z")
    assert "waiting for    1 a payment method, 1 ransom\n" in later.out("status")


def test_a_running_daemon_is_seen(shop: Shop) -> None:
    with daemon(shop):
        assert shop.out("status").startswith("daemon         running since 2026-12-01 12:00Z, now\n")
        found = shop.json("status")
        assert (found["running"], [each["started_at"] for each in found["daemons"]]) == (
            True,
            ["2026-12-01T12:00:00Z"],
        )


def test_the_policy_in_force_is_told_beside_the_one_in_the_file(shop: Shop) -> None:
    first = digest(shop)
    assert (
        f"policy         none in force; {first}, on disk, is taken up when the daemon starts\n"
        in shop.out("status")
    )
    shop.live(NOW)
    assert f"policy         {first} in force\n" in shop.out("status")
    shop.write("policy.yaml", POLICY.replace("40.00", "41.00"))
    second = digest(shop)
    assert shop.json("status")["policy"] == {"in_force": first, "on_disk": second, "replanned": None}
    assert (
        f"policy         {first} in force; {second}, on disk, is taken up when the daemon starts\n"
        in shop.out("status")
    )
    with daemon(shop):
        assert f"{second}, on disk, is taken up with: systemctl reload renewd\n" in shop.out("status")
    shop.write("policy.yaml", "version: 1\n")
    assert f"policy         {first} in force; the file cannot be read, see: renewd check\n" in shop.out(
        "status"
    )


def digest(shop: Shop) -> str:
    return load_configuration(shop.config).policy.digest


@contextmanager
def daemon(shop: Shop) -> Iterator[None]:
    """The lock of the database is held, as a daemon holds it."""
    descriptor = os.open(f"{shop.database}.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)
