"""How things stand, for Prometheus: read from the engine as it is at the scrape, and from the last glance at the books."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from renewd import __version__
from renewd.renewal.model import HoldReason, Stage, SubscriptionState
from renewd.renewal.query import Status
from renewd.service.engine import Engine
from renewd.service.health import Health


@dataclass(frozen=True, slots=True)
class Glance:
    """The books as they stood at one instant, and how long it took to see that, in seconds."""

    status: Status
    at: datetime
    took: float


class Gauges(Collector):
    """Collects them. `glance` is None until somebody has looked at the books, and in a daemon that does not lead."""

    def __init__(self, engine: Engine, health: Health, scan_every: timedelta) -> None:
        """Tell of this engine and of the loop that drives it."""
        self.glance: Glance | None = None
        self._engine, self._health, self._scan_every = engine, health, scan_every
        self._started = engine.clock.now()

    def describe(self) -> list[Metric]:
        """Give nothing: a registry would otherwise collect once only to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give every family."""
        now = self._engine.clock.now()
        yield from self._daemon()
        yield from self._loop()
        yield from self._providers(now)
        if self.glance:
            yield from _books(self.glance)
            yield from _waiting(self.glance.status, now)

    def _daemon(self) -> Iterator[Metric]:
        policy = self._engine.policy
        yield _gauge("build_info", "The version that runs.", {(__version__,): 1}, "version")
        yield _gauge("policy_info", "The policy in force.", {(policy.digest,): 1}, "digest")
        fleet = self._engine.fleet
        yield _one(
            "daemons", "Daemons that share the database, this one included.", fleet.size if fleet else 1
        )
        yield _one(
            "leads", "Whether this daemon scans, sends letters and tells of the books.", self._engine.leads
        )

    def _loop(self) -> Iterator[Metric]:
        health, every = self._health, self._scan_every.total_seconds()
        ticks = CounterMetricFamily(
            "renewd_ticks", "Ticks of the loop, by whether they came to their end.", None, ["outcome"]
        )
        ticks.add_metric(["succeeded"], health.succeeded)
        ticks.add_metric(["failed"], health.failed)
        yield ticks
        yield _one("scan_interval_seconds", "How often the loop ticks at the least.", every)
        yield _one(
            "last_tick_success_timestamp_seconds",
            "When a tick last succeeded; 0 for never.",
            _unix(health.ticked_at),
        )
        yield _one(
            "last_scan_success_timestamp_seconds",
            "When a scan last succeeded; 0 for never.",
            _unix(health.scanned_at),
        )
        yield _one(
            "config_last_reload_successful",
            "Whether the policy file was taken when it was last read.",
            not health.reload_problem,
        )
        reloaded = _unix(health.reloaded_at or self._started)
        yield _one(
            "config_last_reload_success_timestamp_seconds", "When the policy file was last taken.", reloaded
        )

    def _providers(self, now: datetime) -> Iterator[Metric]:
        engine, labels = self._engine, "leg provider"
        calls = engine.pulse.in_flight
        flying = {each: float(calls[each]) for each in engine.breakers}
        resting = {each: float(breaker.is_open) for each, breaker in engine.breakers.items()}
        yield _gauge("calls_in_flight", "Calls under way.", flying, labels)
        yield _gauge("breaker_open", "Whether a provider counts as down and is left alone.", resting, labels)
        most = engine.policy.brake.max_charges_per_hour
        yield _one(
            "brake_on", "Whether the brake keeps charges back.", engine.brake.until(now, most) is not None
        )
        yield _one("brake_charges_per_hour", "How many charges the brake lets begin in an hour.", most)


def _books(glance: Glance) -> Iterator[Metric]:
    status = glance.status
    yield _one("books_read_timestamp_seconds", "When the books were last looked at.", _unix(glance.at))
    yield _one("books_read_duration_seconds", "How long that took.", glance.took)
    yield _gauge("subscriptions", "Subscriptions.", _counts(SubscriptionState, status.subscriptions), "state")
    yield _gauge("renewals", "Renewals, by how far they have come.", _counts(Stage, status.stages), "stage")
    yield _gauge(
        "renewals_on_hold", "Renewals, by what they wait for.", _counts(HoldReason, status.holds), "reason"
    )
    yield _one("halted", "Whether the operator has halted all charging.", bool(status.halted))
    yield _one(
        "renewals_overdue",
        "Renewals whose try is over five minutes late and that wait for no person and no charge window.",
        status.overdue,
    )
    yield _one(
        "attempts_in_doubt", "Calls that may have arrived and are still being settled.", status.in_doubt
    )
    yield _one(
        "set_aside",
        "Renewals and subscriptions that stand still after an error or because they cannot be read.",
        status.set_aside,
    )
    yield _one(
        "subscriptions_unplanned",
        "Active subscriptions that will never renew: their plan is not in the catalogue.",
        status.unplanned,
    )
    yield _one("letters_owed", "Letters that are still to be sent.", status.notices_owed)


def _waiting(status: Status, now: datetime) -> Iterator[Metric]:
    for what, since, about in (
        ("due", status.oldest_due, "what is due and waits for no person and no charge window"),
        ("doubt", status.oldest_doubt, "a call of which nothing is known"),
        ("paid", status.oldest_paid, "a payment whose plan is not extended yet"),
        ("letter", status.oldest_notice, "a letter that is still to be sent"),
    ):
        age = max((now - since).total_seconds(), 0.0) if since else 0.0
        yield _one(f"oldest_{what}_age_seconds", f"Age of the oldest of: {about}; 0 when there is none.", age)


def _counts(known: Iterable[str], found: Mapping[str, int]) -> Mapping[tuple[str], float]:
    """Give a count for each word that there is; what a later version has written counts as `other`."""
    counts = dict.fromkeys(known, 0)
    other = sum(count for word, count in found.items() if word not in counts)
    counts |= {word: count for word, count in found.items() if word in counts}
    return {
        (word,): float(count) for word, count in {**counts, **({"other": other} if other else {})}.items()
    }


def _one(name: str, about: str, value: float) -> Metric:
    return _gauge(name, about, {(): value})


def _gauge(name: str, about: str, samples: Mapping[Any, float], labels: str = "") -> Metric:
    """Make a family of samples by the values of their labels, a tuple each."""
    family = GaugeMetricFamily(f"renewd_{name}", about, labels=labels.split())
    for values, value in samples.items():
        family.add_metric(list(values), float(value))
    return family


def _unix(instant: datetime | None) -> float:
    return instant.timestamp() if instant else 0.0
