"""A sandbox, a configuration for it and the subscriptions that are due: what a daemon is let loose on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml
from sqlalchemy import text

from renewd.adapters.store.connect import connect_to_read
from renewd.ports import Books
from renewd.renewal.audit import Event
from renewd.renewal.model import Customer, PaymentMethod, Renewal, Subscription
from renewd.renewal.query import ListQuery, LogQuery
from renewd.renewal.record import Record
from renewd.sandbox.process import SandboxProcess
from renewd.service.wiring import Configuration, load_configuration, open_books
from tests.service.daemon import SECRETS

DAY = timedelta(days=1)
PRICE = "10.00 USD"

POLICY: dict[str, Any] = {
    "version": 1,
    "defaults": {
        "gateway": "stripe",
        "renew_before": "7d",
        "charge_window": "00:00-23:59",
        "grace": "3d",
        "retry": ["6h", "1d", "2d", "2d"],
    },
    "plans": {"basic": {"title": "Basic", "carrier": "tello", "price": PRICE, "period": "1 month"}},
    "brake": {"max_charges_per_hour": 100_000, "max_amount": "500.00 USD"},
}


def settings(url: str, **changes: Any) -> dict[str, Any]:
    """Give settings for the sandbox at `url`; `schedule__concurrency=8` changes one of them."""
    provider = {"api_base": url, "deadline": "2s", "max_concurrent": 8}
    given: dict[str, Any] = {
        "version": 1,
        "database": "sqlite:///renewd.db",
        "operator_email": "operator@example.com",
        "schedule": {"scan_every": "1s", "concurrency": 32, "lease": "30s", "settle_after": "90s"},
        "gateways": {"stripe": {"kind": "stripe", **provider, "api_key": "{env RENEWD_TEST_KEY}"}},
        "carriers": {"tello": {"kind": "http", **provider, "token": "{env RENEWD_TEST_TOKEN}"}},
        "messengers": {"email": {"kind": "maildir", "path": "mail", "sender": "R <r@example.com>"}},
        "breaker": {"failures": 5, "probe_after": "1s", "probe_at_most": "1s"},
    }
    for path, value in changes.items():
        *sections, name = path.split("__")
        place = given
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return given


class Town:
    """Everything around a daemon, in one folder. `path` is its `renewd.yaml`."""

    def __init__(self, folder: Path, latency_ms: int = 0, **changes: Any) -> None:
        """Start the sandbox and write the configuration; `changes` as for `settings`."""
        self.folder, self._latency_ms, self._down = folder, latency_ms, False
        self.url = changes.get("database", f"sqlite:///{self.database}")
        self._ledger = folder / "ledger.jsonl"
        self.sandbox = SandboxProcess(self._ledger, latency_ms)
        self.path, self.policy_path = folder / "renewd.yaml", folder / "policy.yaml"
        self.path.write_text(yaml.safe_dump(settings(self.sandbox.url, **changes), sort_keys=False))
        self.set_price(PRICE)
        self._http = httpx.Client(headers={"Authorization": "Bearer sk_test_judge"}, trust_env=False)

    @property
    def database(self) -> Path:
        """The database's file."""
        return self.folder / "var" / "renewd.db"

    def configuration(self) -> Configuration:
        """Read the configuration as it stands."""
        return load_configuration(self.path)

    @contextmanager
    def books(self) -> Iterator[Books]:
        """Open the books; by the configuration of the first time, for a test may have spoilt it since."""
        with closing(open_books(self._first_configuration, SECRETS)) as books:
            yield books

    @cached_property
    def _first_configuration(self) -> Configuration:
        return self.configuration()

    def set_price(self, price: str) -> None:
        """Write the policy, with a price for its one plan."""
        plan = {**POLICY["plans"]["basic"], "price": price}
        self.write_policy(plans={"basic": plan})

    def set_brake(self, most: int) -> None:
        """Write the policy, with so many charges an hour."""
        self.write_policy(brake={**POLICY["brake"], "max_charges_per_hour": most})

    def write_policy(self, **changes: Any) -> None:
        """Write the policy, with some of its sections put otherwise."""
        self.policy_path.write_text(yaml.safe_dump({**POLICY, **changes}, sort_keys=False))

    def subscribe(self, records: Sequence[Record]) -> None:
        """Import subscriptions."""
        with self.books() as books:
            books.import_records(records, self._first_configuration.policy, "tester", now(), lambda _: None)

    def events(self, pattern: str = "") -> list[Event]:
        """Give the audit log's events with such a name, in the order in which they were committed."""
        with self.books() as books:
            return [row.event for row in books.log(LogQuery(event=pattern))]

    def renewals(self) -> list[Renewal]:
        """Give the latest renewal of each subscription."""
        with self.books() as books:
            return [each.renewal for each in books.subscriptions(ListQuery()) if each.renewal]

    def stages(self) -> Counter[str]:
        """Count the renewals by stage."""
        return Counter(each.stage.value for each in self.renewals())

    def count(self, table: str, where: str = "1 = 1") -> int:
        """Count rows without asking for the database's lock: a daemon that stands still may hold it."""
        engine = connect_to_read(self.url)
        with closing(engine.connect()) as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())  # noqa: S608

    def written(self) -> set[str]:
        """Give the keys of the attempts to be sent that are durable; some are only looked up, and have no sends."""
        engine = connect_to_read(self.url)
        with closing(engine.connect()) as connection:
            return set(connection.execute(text("SELECT key FROM attempts WHERE sends > 0")).scalars())

    def intents(self) -> Iterator[dict[str, Any]]:
        """Read the gateway's own list."""
        return self._pages("/v1/payment_intents", 100, "starting_after", "id")

    def requests(self) -> list[dict[str, Any]]:
        """Read every POST that reached the sandbox."""
        return list(self._pages("/sandbox/requests", 1000, "after", "seq"))

    def summary(self) -> Mapping[str, Any]:
        """Read the sandbox's sums."""
        found: Mapping[str, Any] = self._http.get(f"{self.sandbox.url}/sandbox/summary").json()
        return found

    def set_clock(self, instant: datetime) -> None:
        """Put the sandbox's clock."""
        text = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._http.post(f"{self.sandbox.url}/sandbox/clock", json={"now": text}).raise_for_status()

    def take_down(self) -> None:
        """Kill the sandbox, as if the provider's machine had failed."""
        self._down = True
        self.sandbox.kill()

    def bring_up(self, latency_ms: int | None = None) -> None:
        """Start the sandbox again, at its address and with what it knew; if wanted, quicker or slower to answer."""
        self._latency_ms = self._latency_ms if latency_ms is None else latency_ms
        self.sandbox = SandboxProcess(self._ledger, self._latency_ms, self.sandbox.port)
        self._down = False

    def close(self) -> None:
        """End the sandbox."""
        self._http.close()
        if not self._down:
            self.sandbox.stop()

    def _pages(self, path: str, limit: int, cursor: str, name: str) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {"limit": limit}
        while True:
            page = self._http.get(f"{self.sandbox.url}{path}", params=query).raise_for_status().json()
            yield from page["data"]
            if not page["has_more"]:
                return
            query[cursor] = page["data"][-1][name]


def now() -> datetime:
    """Give the present instant, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def due(
    number: int,
    method: str = "pm_ok",
    line: str = "extend_ok",
    email: str = "c@example.com",
    ends_in: timedelta = 5 * DAY,
) -> Record:
    """Make a subscription whose renewal is due. It is noon where it lives, so that the charge window is open."""
    name, end = f"S-{number:05}", now() + ends_in
    customer = Customer(f"C-{number:05}", f"Customer {number}", email, f"cus_{number}")
    card = PaymentMethod(f"{method}_{number}", customer.id, f"{method}_{number}", label="Visa 4242")
    line = f"{line}_{number}"
    return Record(
        Subscription(name, customer.id, "basic", line, _zone_at_noon(), end, end), customer, (card,)
    )


def _zone_at_noon() -> str:
    # In these names the sign is turned round: Etc/GMT-3 is three hours ahead of UTC.
    ahead = 12 - now().hour
    return f"Etc/GMT{-ahead:+d}"
