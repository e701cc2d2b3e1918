"""The units as they are shipped, under a real systemd: what an operator does with them, and what may happen to them."""

import json
import signal

import pytest

from tests.service.daemon import until
from tests.service.town import due
from tests.systemd.machine import MOST_EXPOSED, Machine
from tests.systemd.shop import HASTY, KEY, Shop

BAD_CONFIGURATION = "78"
HANG = """\
#!/bin/sh
# What the process $1 writes never becomes durable: every thread but its first, in which the event loop turns, hangs.
pid=$1
shift
for each in /proc/$pid/task/*; do
    [ "${each##*/}" = "$pid" ] || set -- "$@" -p "${each##*/}"
done
exec strace -qq -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:delay_enter=1000000000 "$@"
"""


def test_this_systemd_understands_the_units_and_finds_them_tight(booted: Machine) -> None:
    units = booted.run("sh", "-c", "cd /usr/lib/systemd/system; ls renewd*").stdout.split()
    names = [name.replace("@.", "@one.") for name in units]
    assert booted.run("systemd-analyze", "verify", "--man=no", *names).stderr == ""
    for name in names:
        if name.endswith(".service") and "failure" not in name:
            booted.run("systemd-analyze", "security", f"--threshold={MOST_EXPOSED}", name)


def test_it_is_ready_when_it_is_at_work_and_says_how_it_stands(shop: Shop) -> None:
    shop.systemctl("start")
    assert shop.show("ActiveState") == "active"
    assert len(shop.events("service.started")) == 1
    until(lambda: shop.show("StatusText") == "0 due, nothing planned", "the status")
    shop.subscribe([due(n) for n in range(3)])
    until(lambda: shop.extended() == 3, "the renewals")
    assert shop.ask("/sandbox/summary")["payment_intents"] == {"succeeded": 3}
    assert shop.show("NRestarts") == "0"


def test_the_key_is_a_credential_and_nowhere_else(shop: Shop) -> None:
    shop.systemctl("start")
    pid = shop.show("MainPID")
    assert KEY not in shop.machine.run("cat", f"/proc/{pid}/environ").stdout
    assert KEY not in shop.journal()
    source = shop.machine.run(
        "runuser", "-u", "renewd", "--", "cat", "/etc/credstore/renewd.stripe_key", ok=False
    )
    assert source.returncode


def test_a_key_that_is_missing_keeps_it_from_starting_and_is_named(shop: Shop) -> None:
    shop.machine.run("rm", "/etc/credstore/renewd.stripe_key")
    assert shop.systemctl("start", ok=False)
    assert shop.show("ExecMainStatus") == BAD_CONFIGURATION
    assert "stripe_key" in shop.show("StatusText")
    assert "/etc/renewd/renewd.yaml:" in shop.journal()


def test_a_good_policy_is_taken_by_a_reload_that_waits_for_it(shop: Shop) -> None:
    shop.systemctl("start")
    shop.write_policy(plans={"basic": {**_plan(), "price": "12.50 USD"}})
    shop.systemctl("reload")
    (event,) = shop.events("config.reloaded")
    assert "asked by uid" in event["detail"]
    assert event["actor"] == "renewd"
    shop.subscribe([due(1)])
    until(lambda: shop.extended() == 1, "the renewal")
    assert [each["amount"]["amount_minor"] for each in shop.events("charge.attempted")] == [1250]


def test_a_bad_policy_fails_the_reload_says_why_and_leaves_the_old_one_in_force(shop: Shop) -> None:
    shop.systemctl("start")
    before = json.loads(shop.renewd("ctl", "status", "--json"))["policy"]
    shop.write_policy(plans={"basic": {**_plan(), "period": "1 moon"}})
    told = [line for line in shop.renewd("check", ok=False).splitlines() if ": error: " in line]
    assert shop.systemctl("reload", ok=False)
    assert told
    assert set(told) <= set(shop.journal().replace("renewd: ", "").splitlines())
    assert shop.show("ActiveState") == "active"
    assert json.loads(shop.renewd("ctl", "status", "--json"))["policy"] == before
    assert len(shop.events("config.rejected")) == 1


def test_a_bad_configuration_fails_the_start_at_once_and_somebody_is_told(shop: Shop) -> None:
    shop.write_policy(plans={})
    assert shop.systemctl("start", ok=False)
    assert shop.show("ActiveState") == "failed"
    assert shop.show("ExecMainStatus") == BAD_CONFIGURATION
    assert shop.show("NRestarts") == "0"
    assert "/etc/renewd/policy.yaml:" in shop.show("StatusText")
    teller = f"renewd-failure@{shop.unit}.service"
    until(lambda: "restart renewd.service" in shop.journal(teller), "the failure to be told")
    assert "renewd.service has failed (exit-code, exit status 78)" in shop.journal(teller)


def test_one_that_is_frozen_is_ended_and_begins_anew(shop: Shop) -> None:
    shop.drop_in(HASTY)
    shop.systemctl("start")
    shop.machine.run("kill", "-STOP", shop.show("MainPID"))
    until(lambda: shop.show("NRestarts") == "1" and shop.show("ActiveState") == "active", "another life")
    shop.subscribe([due(1)])
    until(lambda: shop.extended() == 1, "the renewal")


def test_one_whose_disk_hangs_is_ended_although_its_loop_turns_and_says_where_it_hung(shop: Shop) -> None:
    if shop.machine.run("which", "strace", ok=False).returncode:
        pytest.skip("strace, which makes a disk hang, is not installed")
    shop.drop_in(HASTY)
    shop.systemctl("start")
    pid = shop.show("MainPID")
    # What is written never becomes durable, in every thread but the one in which the event loop turns.
    shop.machine.write("/usr/local/bin/hang", HANG, "0755")
    shop.machine.run("systemd-run", "--quiet", "--collect", "--unit=hang", "hang", pid)
    traced = ("grep", "-rlP", "TracerPid:\\t[1-9]", f"/proc/{pid}/task", "--include=status")
    until(lambda: shop.machine.run(*traced, ok=False).stdout, "strace")
    try:
        shop.subscribe([due(1)])
        until(lambda: "Fatal Python error: Aborted" in shop.journal(), "its end")
    finally:
        shop.machine.run("systemctl", "kill", "--signal=KILL", "hang", ok=False)
    journal = shop.journal()
    assert "Watchdog timeout" in journal
    assert "the work stands still" in journal
    assert "in _transaction" in journal


def test_one_that_is_killed_while_it_charges_charges_nobody_twice(shop: Shop) -> None:
    shop.drop_in(HASTY)
    shop.configure(gateways__stripe__deadline="20s", schedule__lease="1m")
    shop.systemctl("start")
    shop.subscribe([due(n, "pm_timeout_after_charge") for n in range(5)])
    until(
        lambda: shop.ask("/sandbox/summary")["payment_intents"] == {"succeeded": 5},
        "charges without an answer",
    )
    shop.machine.run("kill", f"-{signal.SIGKILL:d}", shop.show("MainPID"))
    until(lambda: shop.show("NRestarts") == "1" and shop.show("ActiveState") == "active", "another life")
    assert shop.status()["in_doubt"] == 5
    until(lambda: "unknown" in shop.show("StatusText"), "the status to say what is in doubt")
    shop.subscribe([due(9)])
    until(lambda: shop.extended() == 1, "one that came later")
    assert shop.ask("/sandbox/summary")["double_charges"] == []
    assert shop.ask("/sandbox/summary")["payment_intents"] == {"succeeded": 6}


def test_a_stop_finishes_what_is_in_flight(shop: Shop) -> None:
    shop.serve(latency_ms=1000)
    shop.systemctl("start")
    shop.subscribe([due(n) for n in range(5)])
    until(lambda: shop.events("charge.doubted"), "the first of three calls for each")
    shop.systemctl("stop")
    assert shop.show("Result") == "success"
    answered = len(shop.events("charge.succeeded"))
    assert shop.ask("/sandbox/summary")["payment_intents"].get("succeeded", 0) == answered
    assert len(shop.events("service.stopped")) == 1


def test_a_member_of_its_group_may_halt_it_and_nobody_else(shop: Shop) -> None:
    shop.systemctl("start")
    as_nobody = shop.machine.run("runuser", "-u", "nobody", "--", "renewd", "ctl", "status", ok=False)
    assert as_nobody.returncode == 69
    assert "permission denied" in as_nobody.stderr
    member = ("setpriv", "--reuid=12345", "--regid=renewd", "--clear-groups")
    shop.machine.run(*member, "renewd", "ctl", "halt", "--reason", "drill")
    assert shop.status()["halted"]
    shop.subscribe([due(1)])
    until(lambda: "charging is halted" in shop.show("StatusText"), "the status")
    shop.machine.run(*member, "renewd", "ctl", "unhalt", "--reason", "over")
    until(lambda: shop.extended() == 1, "the renewal")


def test_a_socket_that_was_left_behind_is_replaced_and_another_daemon_sent_away(shop: Shop) -> None:
    shop.drop_in(HASTY + "RuntimeDirectoryPreserve=yes\n")
    shop.systemctl("start")
    shop.machine.run("kill", "-KILL", shop.show("MainPID"))
    until(lambda: shop.show("NRestarts") == "1" and shop.show("ActiveState") == "active", "another life")
    assert str(json.loads(shop.renewd("ctl", "status", "--json"))["pid"]) == shop.show("MainPID")
    credentials = ("systemd-run", "--wait", "--pipe", "--quiet", "--collect", "--property=User=renewd")
    loaded = "--property=LoadCredential=stripe_key:/etc/credstore/renewd.stripe_key"
    second = shop.machine.run(*credentials, loaded, "renewd", "run", ok=False)
    assert second.returncode == 75
    assert "another renewd" in second.stderr


def test_a_pass_by_the_timer_does_what_is_due(shop: Shop) -> None:
    shop.machine.run("install", "-d", "-o", "renewd", "-g", "renewd", "-m", "0700", "/var/lib/renewd")
    shop.subscribe([due(1)])
    shop.machine.run("systemctl", "start", "renewd-once.service")
    assert shop.extended() == 1


def test_one_of_several_daemons_has_its_own_folders(shop: Shop) -> None:
    shop.configure(database="sqlite:///renewd.db")
    shop.unit = "renewd@a.service"
    shop.systemctl("start")
    shop.machine.run("ls", "/var/lib/renewd-a/renewd.db", "/run/renewd-a/control.sock")
    shop.machine.run("renewd", "ctl", "status", "--socket", "/run/renewd-a/control.sock")


def _plan() -> dict[str, str]:
    return {"title": "Basic", "carrier": "tello", "price": "10.00 USD", "period": "1 month"}
