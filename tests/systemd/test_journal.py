"""The log of the service in systemd's own journal, and the audit log's file under the logrotate of the distribution."""

import json
from typing import Any

import pytest

from tests.service.daemon import until
from tests.service.town import due
from tests.systemd.machine import PYTHON, UNITS
from tests.systemd.shop import HASTY, Shop

pytestmark = pytest.mark.usefixtures("_asked")

FILE = "audit.jsonl"
AUDIT = f"/var/log/renewd/{FILE}"
LOGROTATE = UNITS.parent / "config/logrotate/renewd"
BROKEN = f"""\
#!/bin/sh
# A renewd in which every tick meets an error that nobody has thought of.
export PYTHONPATH=/opt/renewd/daemon:/opt/renewd/packages
exec {" ".join(PYTHON)} -P -c '
from renewd.cli import main
from renewd.service import loop

async def tick(engine):
    raise ZeroDivisionError("canary")

loop.tick = tick
main()
' "$@"
"""


def records(shop: Shop, *which: str) -> list[dict[str, Any]]:
    """Give what journalctl finds, with all its fields."""
    found = shop.machine.run("journalctl", "--unit=renewd", "--output=json", "--all", *which)
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_a_person_finds_a_customer_an_event_or_a_warning(shop: Shop) -> None:
    shop.systemctl("start")
    shop.subscribe([due(1), due(2), due(3, "pm_timeout_after_charge")])
    until(lambda: shop.extended() == 2 and shop.events("charge.unknown"), "renewals, and one in doubt")
    mine = records(shop, "RENEWD_SUBSCRIPTION=S-00001")
    assert {each["RENEWD_EVENT"] for each in mine} >= {
        "charge.succeeded",
        "extend.succeeded",
        "renewal.completed",
    }
    assert {each["RENEWD_SUBSCRIPTION"] for each in mine} == {"S-00001"}
    paid = records(shop, "RENEWD_EVENT=charge.succeeded")
    assert sorted(each["RENEWD_SUBSCRIPTION"] for each in paid) == ["S-00001", "S-00002"]
    assert {(each["PRIORITY"], each["SYSLOG_IDENTIFIER"], each["RENEWD_PROVIDER"]) for each in paid} == {
        ("6", "renewd", "stripe")
    }
    warned = {each.get("RENEWD_EVENT") for each in records(shop, "--priority=warning")}
    assert "charge.unknown" in warned
    assert not warned & {"charge.succeeded", "renewal.completed", "service.started"}


def test_a_traceback_is_one_entry(shop: Shop) -> None:
    shop.machine.write("/usr/local/bin/renewd-broken", BROKEN, "0755")
    shop.drop_in("[Service]\nExecStart=\nExecStart=/usr/local/bin/renewd-broken run\n")
    shop.systemctl("start")
    until(lambda: records(shop, "--priority=err"), "an error")
    wrong = records(shop, "--priority=err")[0]
    said = wrong["MESSAGE"].splitlines()
    assert said[0] == "a tick failed; the next one goes on"
    assert "Traceback" in said[1]
    assert said[-1].strip() == "ZeroDivisionError: canary"
    assert (wrong["CODE_FUNC"], wrong["PRIORITY"]) == ("tick", "3")


def test_a_checkpoint_can_be_carried_away_by_the_journal(shop: Shop) -> None:
    shop.configure(audit={"seal_every": "1s"})
    shop.systemctl("start")
    until(lambda: records(shop, "RENEWD_EVENT=audit.sealed"), "a checkpoint")
    notes = "".join(each["RENEWD_NOTE"] for each in records(shop, "RENEWD_EVENT=audit.sealed"))
    assert "as it was sealed" in shop.renewd("audit", "verify", "--against", "-", stdin=notes)


def test_why_it_does_not_start_is_an_error_and_all_that_is_told_of_the_failure(shop: Shop) -> None:
    """And nothing of the lives before."""
    shop.systemctl("start")
    shop.systemctl("stop")
    shop.write_policy(plans={})
    assert shop.systemctl("start", ok=False)
    said = [
        each["MESSAGE"] for each in records(shop, "--priority=err") if each["SYSLOG_IDENTIFIER"] == "renewd"
    ]
    assert said[0].startswith("/etc/renewd/policy.yaml:")
    teller = "renewd-failure@renewd.service.service"
    until(lambda: f"\n{said[0]}\n" in shop.journal(teller), "its last words")
    assert "service.started" not in shop.journal(teller)


def test_one_that_is_started_again_is_not_said_to_be_lost(shop: Shop) -> None:
    """Systemd calls OnFailure= at every restart from 254 on, and before only at the last."""
    shop.drop_in(HASTY)
    shop.systemctl("start")
    shop.machine.run("kill", "-KILL", shop.show("MainPID"))
    until(lambda: shop.show("NRestarts") == "1" and shop.show("ActiveState") == "active", "another life")
    assert "no plan is renewed by it" not in shop.journal("renewd-failure@renewd.service.service")


def test_logrotate_takes_the_audit_file_away_and_no_line_is_lost(shop: Shop) -> None:
    """Rotated in the midst of the work, three times, the last while no daemon runs."""
    if shop.machine.run("which", "logrotate", ok=False).returncode:
        pytest.skip("logrotate is not installed here")
    shop.configure(audit={"file": "audit.jsonl"})
    shop.machine.write("/etc/logrotate.d/renewd", LOGROTATE.read_text())
    shop.serve(latency_ms=50)
    shop.systemctl("start")
    shop.subscribe([due(n) for n in range(150)])
    inodes = [rotated(shop, day) for day in (1, 2)]
    shop.systemctl("stop")
    inodes.append(rotated(shop, 3))
    shop.systemctl("start")
    until(lambda: shop.extended() == 150, "the renewals")
    shop.systemctl("stop")
    names = shop.machine.run("sh", "-c", f"cd /var/log/renewd; ls {FILE}-*; ls {FILE}").stdout.split()
    assert names == [f"{FILE}-20000101.gz", f"{FILE}-20000102.gz", f"{FILE}-20000103", FILE]
    lines = shop.machine.run("sh", "-c", f"cd /var/log/renewd; zcat -f {' '.join(names)}").stdout
    assert lines == shop.renewd("log", "-o", "jsonl")
    assert len({*inodes, *shop.machine.run("stat", "--format=%i", AUDIT).stdout.split()}) == 4
    modes = shop.machine.run("sh", "-c", "stat --format='%a %U:%G' /var/log/renewd/*").stdout.splitlines()
    assert modes == ["640 renewd:renewd"] * 4


def rotated(shop: Shop, day: int) -> str:
    """Rotate as logrotate.service does, name the file as if it had been on another day, and give its inode."""
    until(lambda: shop.machine.run("test", "-s", AUDIT, ok=False).returncode == 0, "lines in the file")
    inode = shop.machine.run("stat", "--format=%i", AUDIT).stdout.strip()
    shop.machine.run("logrotate", "--force", "/etc/logrotate.d/renewd")
    shop.machine.run("sh", "-c", f"mv {AUDIT}-20[!0]* {AUDIT}-2000010{day}")
    return inode
