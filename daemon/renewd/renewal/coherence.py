"""What must hold between the values of a policy, when each alone is fine: a policy that fails here is refused."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, combinations

from renewd.renewal.decline import ALLOWED_ACTIONS
from renewd.renewal.model import Subscription
from renewd.renewal.period import Period, format_duration
from renewd.renewal.policy import Path, Plan, Policy, TermsLayer
from renewd.renewal.terms import Terms

Incoherence = tuple[Path, str]

# Three layers decide whether a ladder ends in time (retry, renew_before, grace), so no more tags than that matter.
TAGS_THAT_MATTER = 3
_SPANS = (
    (timedelta(hours=24), "24 hours", "declines_per_day"),
    (timedelta(days=30), "30 days", "declines_per_30_days"),
)


def incoherences(policy: Policy) -> Iterator[Incoherence]:
    """Find what each value alone allows and all of them together do not: where it is, and what is wrong.

    A path may be longer than what the file holds: then its nearest key there is meant.
    """
    if not policy.plans:
        yield ("plans",), "the catalogue is empty: nothing could be renewed"
    for path, layer in layers(policy):
        yield from _forbidden_actions(path, layer)
    yield from _useless_rules(policy)
    reported: set[Incoherence] = set()
    for name, plan in policy.plans.items():
        yield from _impossible_prices(policy, name, plan)
        for terms, subscription in _cases(policy, name):
            found = [*late(terms), *_crowded(terms, policy)]
            origins = policy.origins(subscription) if found else {}
            for term, message in found:
                complaint = (origins[term][0], f"{message} (plan {name})")
                if (complaint[0], message) not in reported:
                    reported.add((complaint[0], message))
                    yield complaint


def layers(policy: Policy) -> Iterator[tuple[Path, TermsLayer]]:
    """Give every layer of terms in the file, with its path."""
    yield ("defaults",), policy.defaults
    yield from ((("rules", index), rule) for index, rule in enumerate(policy.rules))
    yield from ((("plans", name), plan) for name, plan in policy.plans.items())


def late(terms: Terms) -> Iterator[tuple[str, str]]:
    """Find what makes terms impossible to keep in time: the name of the term at fault, and a message."""
    shortest, end = _shortest(terms.period), terms.renew_before + terms.grace
    if terms.renew_before >= shortest:
        yield (
            "renew_before",
            f"not shorter than the period ({terms.period}): it would be charged at once, again and again",
        )
    if terms.grace >= shortest:
        yield "grace", f"not shorter than the period ({terms.period}): what is paid for would be over"
    if terms.ladder.waits and terms.last_try() >= end:
        yield (
            "retry",
            f"the ladder may take {format_duration(terms.last_try())}, counted in charge windows, but renew_before "
            f"+ grace is {format_duration(end)}; shorten the waits or lengthen the grace",
        )


def _crowded(terms: Terms, policy: Policy) -> Iterator[tuple[str, str]]:
    times = list(accumulate(terms.ladder.waits, initial=timedelta(0)))
    for span, words, key in _SPANS:
        most = getattr(policy.card_limits, key)
        tries = max(sum(first <= at < first + span for at in times) for first in times)
        if tries > most:
            yield (
                "retry",
                f"the ladder tries one card {tries} times in {words}; card_limits.{key} allows {most}",
            )


def _forbidden_actions(path: Path, layer: TermsLayer) -> Iterator[Incoherence]:
    for decline_class, action in layer.on_decline.items():
        if action not in ALLOWED_ACTIONS[decline_class]:
            allowed = ", ".join(sorted(ALLOWED_ACTIONS[decline_class]))
            where = (*path, "on_decline", str(decline_class))
            yield where, f'card-network rules forbid "{action}" here; write one of: {allowed}'


def _useless_rules(policy: Policy) -> Iterator[Incoherence]:
    names = Counter(rule.name for rule in policy.rules)
    for index, rule in enumerate(policy.rules):
        if names[rule.name] > 1:
            yield ("rules", index, "name"), f'another rule is called "{rule.name}" too'
        if not rule.when.model_fields_set:
            yield ("rules", index, "when"), "empty: it is for everybody, and belongs into defaults"
        elif not any(rule.when.meets(name, plan) for name, plan in policy.plans.items()):
            yield ("rules", index, "when"), "no plan of the catalogue is like this: the rule is for nobody"


def _impossible_prices(policy: Policy, name: str, plan: Plan) -> Iterator[Incoherence]:
    most = policy.brake.max_amount
    if plan.price.minor == 0:
        yield (
            ("plans", name, "price"),
            "what costs nothing cannot be charged; leave the plan out of the catalogue",
        )
    elif plan.price.currency != most.currency:
        yield (
            ("plans", name, "price"),
            f"not in the currency of brake.max_amount ({most}): it would never be charged",
        )
    elif plan.price.minor > most.minor:
        yield ("plans", name, "price"), f"above brake.max_amount ({most}): it would never be charged"


def _cases(policy: Policy, name: str) -> Iterator[tuple[Terms, Subscription]]:
    """Give the terms of a plan under every set of tags that can make a difference."""
    rules = [rule for rule in policy.rules if rule.when.meets(name, policy.plans[name])]
    tags = sorted({tag for rule in rules for tag in rule.when.tag})
    for count in range(min(TAGS_THAT_MATTER, len(tags)) + 1):
        for some in combinations(tags, count):
            subscription = _specimen(name, some)
            yield policy.terms_for(subscription), subscription


def _specimen(plan_name: str, tags: tuple[str, ...]) -> Subscription:
    epoch = datetime(2026, 1, 1, tzinfo=UTC)
    return Subscription("", "", plan_name, "", "UTC", epoch, epoch, tags=tags)


def _shortest(period: Period) -> timedelta:
    """Give the shortest time that a period can take, clock changes aside."""
    if period.unit == "day":
        return timedelta(days=period.count)
    years, months = divmod(period.count, 12)
    return timedelta(days=365 * years + 28 * min(months, 1) + 30 * max(months - 1, 0))
