"""The auto-renew policy: defaults, rules, the plan catalogue and the brake.

The models are the shape of `policy.yaml`; `config/policy.schema.json` is made from them. What must hold between the values is in
`coherence`. Precedence is defaults < rules (from top to bottom, each that matches) < plan < subscription.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from renewd.renewal.decline import (
    DEFAULT_ACTIONS,
    MAX_DECLINES_PER_30_DAYS,
    MAX_DECLINES_PER_DAY,
    CardLimits,
    DeclineAction,
    DeclineClass,
)
from renewd.renewal.fields import (
    DurationText,
    MoneyText,
    Name,
    Names,
    PercentText,
    PeriodText,
    Section,
    WindowText,
)
from renewd.renewal.model import Subscription, UnreadableError
from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow
from renewd.renewal.terms import MOST_KEPT, Ladder, Terms

Path = tuple[str | int, ...]


def _retry_form(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return "waits"
    return "backoff" if isinstance(value, dict | Backoff) else None


ClassName = Annotated[DeclineClass, Field(strict=False)]
ActionName = Annotated[DeclineAction, Field(strict=False)]


class Backoff(Section):
    """A dunning ladder that grows: `first`, then each wait `factor` times the last, at most `max`."""

    first: DurationText = Field(description="wait after the first soft decline", examples=["6h"])
    factor: Annotated[int, Field(ge=1, le=10, description="how much longer each wait is than the last")] = 2
    max: DurationText = Field(timedelta(days=7), description="the longest wait")
    attempts: Annotated[int, Field(ge=1, le=14, description="how many waits, so how many retries")] = 4
    jitter: PercentText = Field("0%", description="lengthens each wait by up to so much, to spread retries")

    def ladder(self) -> Ladder:
        """Give the ladder it describes."""
        waits = [min(self.first, self.max)]
        while len(waits) < self.attempts:
            waits.append(min(waits[-1] * self.factor, self.max))
        return Ladder(tuple(waits), int(self.jitter.rstrip("%")))


Retry = Annotated[
    Annotated[list[DurationText], Tag("waits")] | Annotated[Backoff, Tag("backoff")],
    Discriminator(
        _retry_form,
        custom_error_type="retry_form",
        custom_error_message='must be a list of waits, e.g. [6h, 1d, 2d], or a mapping with the key "first"',
    ),
]
_TERMS = {
    "gateway": "name of the gateway in renewd.yaml that charges",
    "renew_before": "how long before expiry the plan is charged",
    "charge_window": "hours in which charges start, subscriber's zone",
    "retry": "waits after each soft decline: a list, or a ladder that grows",
    "on_decline": "what to do about each decline class",
    "grace": "how long after expiry a renewal may still be paid",
    "require_email": "charge nobody whom we cannot tell about it",
}


_EXAMPLES: dict[str, Any] = {
    "gateway": "stripe",
    "retry": ["6h", "1d", "2d"],
    "on_decline": {"technical": "stop"},
    "require_email": False,
}


def _term(name: str, default: Any = None) -> Any:
    return Field(default, description=_TERMS[name], examples=[_EXAMPLES[name]] if name in _EXAMPLES else None)


class TermsLayer(Section):
    """Terms that any layer may set; what a layer leaves out stays as the layer before it has it."""

    gateway: Name | None = _term("gateway")
    renew_before: DurationText | None = _term("renew_before")
    charge_window: WindowText | None = _term("charge_window")
    retry: Retry | None = _term("retry")
    on_decline: dict[ClassName, ActionName] = _term("on_decline", {})
    grace: DurationText | None = _term("grace")
    require_email: bool | None = _term("require_email")


class Defaults(TermsLayer):
    """The terms of every subscription that nothing else is said about."""

    gateway: Name = _term("gateway", "stripe")
    renew_before: DurationText = _term("renew_before", timedelta(days=7))
    charge_window: WindowText = _term("charge_window", ChargeWindow.parse("09:00-18:00"))
    retry: Retry = _term("retry", [timedelta(hours=6), *map(timedelta, (1, 2, 2))])
    grace: DurationText = _term("grace", timedelta(days=3))
    require_email: bool = _term("require_email", default=True)


class When(Section):
    """Which subscriptions a rule is for: each condition given must hold; a list means any of its entries."""

    carrier: Names = Field([], description="the plan's carrier", examples=[["airwave", "nomadesim"]])
    plan: Names = Field([], description="the plan's name in the catalogue", examples=["att-10gb"])
    period: PeriodText | None = Field(None, description="the plan's period")
    tag: Names = Field([], description="a tag of the subscription", examples=["vip"])

    def meets(self, plan_name: str, plan: "Plan") -> bool:
        """Say whether subscriptions on this plan can be meant."""
        return (
            (not self.carrier or plan.carrier in self.carrier)
            and (not self.plan or plan_name in self.plan)
            and (self.period is None or plan.period == self.period)
        )

    def matches(self, plan_name: str, plan: "Plan", tags: tuple[str, ...]) -> bool:
        """Say whether a subscription on this plan with these tags is meant."""
        return self.meets(plan_name, plan) and (not self.tag or any(tag in self.tag for tag in tags))


class Rule(TermsLayer):
    """Terms for the subscriptions that `when` describes."""

    name: Name = Field(description="what the rule is called where it is shown", examples=["vip"])
    when: When = Field(description="which subscriptions it is for")


class Plan(TermsLayer):
    """A plan of the catalogue: what is sold, at which carrier, for how much and for how long."""

    carrier: Name = Field(
        description="name of the carrier in renewd.yaml that extends the plan", examples=["att"]
    )
    title: str = Field("", description="what the customer knows the plan as", examples=["Unlimited Plus"])
    price: MoneyText = Field(description="what one period costs")
    period: PeriodText = Field(description="how long one payment is good for; a month is a calendar month")


class Brake(Section):
    """Above these nothing is charged and a person is told."""

    max_charges_per_hour: Annotated[int, Field(ge=1, description="charges of all gateways together")] = 500
    max_amount: MoneyText = Field(Money(50_000, "USD"), description="the most that one charge may take")


class CardLimitsSection(Section):
    """Declines of one payment method after which it rests; never above what the networks allow."""

    declines_per_day: Annotated[int, Field(ge=1, le=MAX_DECLINES_PER_DAY)] = Field(
        MAX_DECLINES_PER_DAY, description="in any 24 hours"
    )
    declines_per_30_days: Annotated[int, Field(ge=1, le=MAX_DECLINES_PER_30_DAYS)] = Field(
        15, description="in any 30 days"
    )


class Overrides(Section):
    """The terms that one subscription may have of its own."""

    price: MoneyText | None = None
    renew_before: DurationText | None = None
    charge_window: WindowText | None = None
    grace: DurationText | None = None
    gateway: Name | None = None

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """Read a subscription's own terms. Raises UnreadableError."""
        try:
            return cls.model_validate(dict(subscription.overrides))
        except ValidationError as error:
            named = ", ".join(str(each["loc"][0]) for each in error.errors())
            raise UnreadableError(f"override {named}", error) from error


class Policy(Section):
    """The whole of `policy.yaml`."""

    version: Literal[1] = Field(description="of the form of this file")
    defaults: Defaults = Defaults()
    rules: list[Rule] = Field([], description="from top to bottom; each that matches applies")
    plans: dict[Name, Plan] = Field(description="the catalogue")
    brake: Brake = Brake()
    card_limits: CardLimitsSection = CardLimitsSection()

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that change when anything in the policy does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @cached_property
    def limits(self) -> CardLimits:
        """How often one payment method may be declined."""
        return CardLimits(self.card_limits.declines_per_day, self.card_limits.declines_per_30_days)

    @cached_property
    def _resolved(self) -> dict[object, Terms]:
        return {}

    def terms_for(self, subscription: Subscription) -> Terms:
        """Give the terms of a subscription. Raises KeyError when its plan is not in the catalogue, and UnreadableError."""
        known = (subscription.plan, subscription.tags, tuple(sorted(subscription.overrides.items())))
        if len(self._resolved) > MOST_KEPT:
            self._resolved.clear()
        if known not in self._resolved:
            self._resolved[known] = self._resolve(subscription)
        return self._resolved[known]

    def origins(self, subscription: Subscription) -> dict[str, tuple[Path, object]]:
        """Give, for each term by name, the path of the key that decided it and the value it has there.

        A path starts with `defaults`, `rules`, `plans` or `subscription`; declines are named `on_decline.<class>`.
        """
        decided: dict[str, tuple[Path, object]] = {}
        for path, layer in self._layers(subscription):
            for name, value in layer.items():
                if isinstance(value, Mapping):
                    decided.update(
                        {f"{name}.{key}": ((*path, name, key), each) for key, each in value.items()}
                    )
                elif value is not None:
                    decided[name] = ((*path, name), value)
        return decided

    def _layers(self, subscription: Subscription) -> Iterator[tuple[Path, Mapping[str, object]]]:
        plan = self.plans[subscription.plan]
        actions = {**DEFAULT_ACTIONS, **self.defaults.on_decline}
        yield ("defaults",), {**_fields(self.defaults), "on_decline": actions}
        for index, rule in enumerate(self.rules):
            if rule.when.matches(subscription.plan, plan, subscription.tags):
                yield ("rules", index), _fields(rule)
        yield ("plans", subscription.plan), _fields(plan)
        yield ("subscription",), _fields(Overrides.of(subscription))

    def _resolve(self, subscription: Subscription) -> Terms:
        settled: dict[str, Any] = {name: value for name, (_, value) in self.origins(subscription).items()}
        retry = settled["retry"]
        return Terms(
            plan=subscription.plan,
            ladder=retry.ladder() if isinstance(retry, Backoff) else Ladder(tuple(retry)),
            on_decline={each: settled[f"on_decline.{each}"] for each in DeclineClass},
            **{each.name: settled[each.name] for each in fields(Terms) if each.name in settled},
        )


def _fields(section: Section) -> dict[str, object]:
    return {name: getattr(section, name) for name in type(section).model_fields}
