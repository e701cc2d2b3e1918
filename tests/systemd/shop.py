"""A shop in a machine: the sandbox as its providers, the configuration in /etc/renewd, and the shipped units."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from renewd.renewal.record import Record
from tests.service.daemon import until
from tests.service.town import POLICY, settings
from tests.systemd.machine import PYTHON, Machine

PORT = 8480
KEY = "sk_test_canary_of_the_machine"
# As shipped, but that nobody has to wait for it.
HASTY = """\
[Unit]
StartLimitIntervalSec=0
[Service]
RestartSec=1s
WatchdogSec=4s
TimeoutAbortSec=2s
"""
HEADING = "id customer name email gateway_customer plan line zone current_period_end payment_methods".split()


class Shop:
    """One test's worth of everything. Its daemon is `unit`, and commands are given as the daemon's user, `by` this."""

    unit = "renewd.service"
    by: Sequence[str] = ("runuser", "-u", "renewd", "--")

    def __init__(self, machine: Machine) -> None:
        """Write the configuration as an operator would, with the key in the credential store."""
        self.machine = machine
        self.configure()
        self.write_policy()
        machine.write("/etc/credstore/renewd.stripe_key", KEY, "0600")
        self.serve()

    def configure(self, **changes: Any) -> None:
        """Write renewd.yaml; `changes` as for `town.settings`."""
        given = {
            "database": "sqlite:////var/lib/renewd/renewd.db",
            "gateways__stripe__api_key": "{credential stripe_key}",
            "carriers__tello__token": "sandbox",
            **changes,
        }
        self._write("renewd.yaml", settings(f"http://127.0.0.1:{PORT}", **given))

    def write_policy(self, **changes: Any) -> None:
        """Write policy.yaml."""
        self._write("policy.yaml", {**POLICY, **changes})

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        self.machine.write(f"/etc/renewd/{name}", yaml.safe_dump(content, sort_keys=False))

    def serve(self, latency_ms: int = 0) -> None:
        """Start the providers, with an empty ledger."""
        self.machine.run("systemctl", "stop", "sandbox", ok=False)
        self.machine.run(
            *("systemd-run", "--quiet", "--unit=sandbox", "--collect", "--setenv=PYTHONUNBUFFERED=1"),
            *("renewd", "sandbox", f"--port={PORT}", f"--latency-ms={latency_ms}"),
        )
        until(lambda: self.ask("/sandbox/summary") is not None, "the sandbox")

    def ask(self, path: str) -> Any:
        """Read something from the sandbox; None when it does not answer."""
        code = (
            "import sys, urllib.request as u; "
            "sys.stdout.write(u.urlopen(u.Request(sys.argv[1], headers={'Authorization': 'Bearer sk_test_judge'})).read().decode())"
        )
        answer = self.machine.run(*PYTHON, "-c", code, f"http://127.0.0.1:{PORT}{path}", ok=False)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def drop_in(self, text: str) -> None:
        """Change the unit as `systemctl edit` does."""
        self.machine.write(f"/etc/systemd/system/{self.unit}.d/test.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def systemctl(self, verb: str, *, ok: bool = True) -> int:
        """Say something to systemd about the daemon, and give the exit status."""
        return self.machine.run("systemctl", verb, self.unit, ok=ok).returncode

    def show(self, name: str) -> str:
        """Give a property of the unit."""
        return self.machine.run(
            "systemctl", "show", "--value", f"--property={name}", self.unit
        ).stdout.strip()

    def journal(self, unit: str = "") -> str:
        """Give what was logged for a unit."""
        line = ("journalctl", "--no-pager", "--output=cat", f"--unit={unit or self.unit}")
        return self.machine.run(*line).stdout

    def renewd(self, *words: str, ok: bool = True, stdin: str = "") -> str:
        """Run a command as the daemon's user, and give what it prints."""
        done = self.machine.run(*self.by, "renewd", *words, ok=ok, stdin=stdin)
        return done.stdout if ok else done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """Give what `renewd status` says."""
        return dict(json.loads(self.renewd("status", "--json", ok=False)))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the audit log's events of a name."""
        lines = self.renewd("log", "--event", name, "-o", "jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def subscribe(self, records: Sequence[Record]) -> None:
        """Import subscriptions."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(HEADING)
        for each in records:
            owner, card, plan = each.customer, each.methods[0], each.subscription
            end = f"{plan.current_period_end:%Y-%m-%dT%H:%M:%SZ}"
            whose = (owner.id, owner.name, owner.email, owner.gateway_customer)
            writer.writerow(
                (plan.id, *whose, plan.plan, plan.line, plan.zone, end, f"{card.token}|card|{card.label}|")
            )
        self.renewd("import", "-", stdin=out.getvalue())

    def extended(self) -> int:
        """Count what is renewed."""
        return int(self.status()["stages"].get("extended", 0))

    def close(self) -> None:
        """Leave the machine as it was found."""
        run = self.machine.run
        run("systemctl", "stop", self.unit, "sandbox", ok=False)
        run("systemctl", "reset-failed", ok=False)
        leftovers = (
            "/var/lib/renewd* /var/log/renewd* /etc/renewd/* /etc/credstore/* /etc/systemd/system/renewd*"
        )
        run("sh", "-c", f"rm -rf {leftovers}")
        run("sh", "-c", "journalctl --rotate --quiet; journalctl --vacuum-time=1s --quiet", ok=False)
        run("systemctl", "daemon-reload")
