"""What has happened since the daemon started, for Prometheus: every fact is an event of the audit log, counted once it is in it.

They count what this daemon did. What an operator does by command is in the audit log, and in the gauges.
"""

from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram

from renewd.renewal.audit import Event
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import OPEN_STAGES, HoldReason, Leg, Stage
from renewd.renewal.money import exponent

ANSWERS = "succeeded declined action_required pending unreached unknown absent mismatch".split()
# An extension that is done ends its renewal, in the same commit: that is what `completed` says.
ENDS: Mapping[str, str] = {
    "completed": Stage.EXTENDED,
    **{stage: stage for stage in Stage if stage not in OPEN_STAGES and stage is not Stage.EXTENDED},
}
LATER_TRIES = 6  # tries of that number and beyond are counted as one: a label has few values
TRIES = [*map(str, range(1, LATER_TRIES)), f"{LATER_TRIES}+"]
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80)


# By name: the labels, and what is counted.
FAMILIES = {
    "answers": (
        "leg provider outcome",
        "Answers of gateways and carriers to charges, extensions and look-ups.",
    ),
    "declines": (
        "provider decline_class",
        "Charges that a gateway declined, by what the decline means for the next try.",
    ),
    "payments": (
        "provider attempt",
        "Charges that were paid, by the number of the try: 1 is the first, each later one was recovered.",
    ),
    "paid_amount": (
        "currency",
        "Money that was paid, in whole units of its currency: 12.34 is 12.34 EUR. Refunds are not taken off.",
    ),
    "renewals_opened": ("", "Renewals that were opened."),
    "renewals_ended": ("stage", "Renewals that came to an end."),
    "renewals_held": ("reason", "Renewals that began to wait for something."),
    "renewals_set_aside": (
        "",
        "Times that a row could not be read, or that renewd itself met an error with it.",
    ),
    "letters": ("outcome", "Letters, by whether they went out."),
}


class Counters:
    """The counters. Whatever a label can be is there from the start, at 0, so that the first of anything is an increase."""

    def __init__(self, registry: CollectorRegistry, providers: Iterable[tuple[Leg, str]]) -> None:
        """Count into `registry`, for these providers."""
        self._families = {
            name: Counter(f"renewd_{name}", about, labels.split(), registry=registry)
            for name, (labels, about) in FAMILIES.items()
        }
        self._seconds = Histogram(
            "renewd_call_duration_seconds",
            "How long calls of gateways and carriers took, quick repeats included.",
            ("leg", "provider"),
            registry=registry,
            buckets=SECONDS,
        )
        self._begin(list(providers))

    def _begin(self, providers: list[tuple[Leg, str]]) -> None:
        gateways = [name for leg, name in providers if leg is Leg.CHARGE]
        for each in providers:
            self._seconds.labels(*each)
        for name, values in {
            "answers": [(*each, outcome) for each in providers for outcome in ANSWERS],
            "declines": product(gateways, DeclineClass),
            "payments": product(gateways, TRIES),
            "renewals_ended": product(ENDS.values()),
            # Waiting for a charge window is no event.
            "renewals_held": product(each for each in HoldReason if each is not HoldReason.WINDOW),
            "letters": product(("sent", "failed")),
        }.items():
            for labels in values:
                self._families[name].labels(*labels)

    def expect(self, currencies: Iterable[str]) -> None:
        """Have a sum for each of these currencies from the start."""
        for each in currencies:
            self._families["paid_amount"].labels(each)

    def tell(self, event: Event) -> None:
        """Count an event that is in the audit log."""
        noun, _, verb = event.name.partition(".")
        match noun, verb:
            case "charge" | "extend", _ if event.duration_ms is not None:
                self._seconds.labels(event.leg, event.provider).observe(event.duration_ms / 1000)
                self._add("answers", event.leg, event.provider, verb)
                if noun == "charge":
                    self._charged(event, verb)
            case "renewal", "opened" | "set_aside":
                self._families[f"renewals_{verb}"].inc()
            case "renewal", "held":
                self._add("renewals_held", event.code)
            case "renewal", _ if verb in ENDS:
                self._add("renewals_ended", ENDS[verb])
            case "notice", _:
                self._add("letters", verb)

    def _charged(self, event: Event, verb: str) -> None:
        if verb == "declined":
            self._add("declines", event.provider, event.decline_class)
        if verb == "succeeded":
            number = min(event.attempt or 1, LATER_TRIES)
            self._add("payments", event.provider, TRIES[number - 1])
            if event.amount:
                units = event.amount.minor / 10 ** exponent(event.amount.currency)
                self._add("paid_amount", event.amount.currency, amount=units)

    def _add(self, name: str, *labels: str, amount: float = 1) -> None:
        self._families[name].labels(*labels).inc(amount)
