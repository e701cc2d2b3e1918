"""What must hold between the two files, and between the parts of the service's own."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from renewd.adapters.configuration.document import Finding, KeyPath
from renewd.adapters.configuration.problems import did_you_mean, quoted
from renewd.renewal.coherence import layers
from renewd.renewal.period import format_duration
from renewd.renewal.policy import Policy
from renewd.settings import Settings

# An answer that comes after the deadline may still be on its way for so long.
LATEST_ARRIVAL = timedelta(minutes=1)


def in_settings(settings: Settings) -> Iterator[Finding]:
    """Find what the values of `renewd.yaml` cannot be together."""
    schedule, breaker = settings.schedule, settings.breaker
    longest = max(provider.deadline for _, provider in settings.providers())
    if schedule.lease < 2 * longest:
        yield _too_short("lease", 2 * longest, f"twice the longest deadline ({format_duration(longest)})")
    if schedule.settle_after < longest + LATEST_ARRIVAL:
        reason = (
            f"the longest deadline ({format_duration(longest)}) and {format_duration(LATEST_ARRIVAL)} more"
        )
        yield _too_short("settle_after", longest + LATEST_ARRIVAL, reason)
    if breaker.probe_at_most < breaker.probe_after:
        message = f"shorter than breaker.probe_after ({format_duration(breaker.probe_after)})"
        yield Finding(("breaker", "probe_at_most"), message)
    for path, provider in settings.providers():
        if "max_concurrent" in provider.model_fields_set and provider.max_concurrent > schedule.concurrency:
            message = f"never reached: schedule.concurrency is {schedule.concurrency}"
            yield Finding((*path, "max_concurrent"), message)


def in_policy(settings: Settings, policy: Policy) -> Iterator[Finding]:
    """Find the names in `policy.yaml` that nothing in `renewd.yaml` has."""
    for path, layer in layers(policy):
        if layer.gateway is not None:
            yield from _unknown((*path, "gateway"), "gateway", layer.gateway, settings.gateways)
    for name, plan in policy.plans.items():
        yield from _unknown(("plans", name, "carrier"), "carrier", plan.carrier, settings.carriers)
    for index, rule in enumerate(policy.rules):
        for place, carrier in enumerate(rule.when.carrier):
            yield from _unknown(
                ("rules", index, "when", "carrier", place), "carrier", carrier, settings.carriers
            )
        for place, plan_name in enumerate(rule.when.plan):
            if plan_name not in policy.plans:
                message = f"no plan {quoted(plan_name)} in the catalogue"
                where = ("rules", index, "when", "plan", place)
                yield Finding(where, message, did_you_mean(plan_name, policy.plans))


def _too_short(key: str, least: timedelta, reason: str) -> Finding:
    return Finding(("schedule", key), f"too short: at least {format_duration(least)}, {reason}")


def _unknown(path: KeyPath, what: str, name: str, known: Iterable[str]) -> Iterator[Finding]:
    if name not in known:
        yield Finding(path, f"no {what} {quoted(name)} in renewd.yaml", did_you_mean(name, known))
