"""What the service works with: the ports, the policy in force, and what it knows of each provider."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from renewd.ports import Carrier, Clock, Gateway, Messenger, Sealer, Store
from renewd.renewal.audit import Event
from renewd.renewal.fleet import Fleet
from renewd.renewal.model import Attempt, Case, Leg
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import Finding, Outcome
from renewd.renewal.policy import Policy
from renewd.renewal.providers import providers
from renewd.renewal.step import Call, Settle
from renewd.service.brake import HOUR, Brake
from renewd.service.breaker import Breaker
from renewd.service.health import Health
from renewd.service.pulse import Pulse
from renewd.service.tracing import OFF, Tracing

OVERLAP = timedelta(minutes=1)  # what is asked for once more: it may not have been committed the last time


@dataclass(slots=True)
class Engine:
    """One running renewd. Only `policy`, `stopping`, `fleet`, `refused_until` and `in_flight` change.

    `tell` is handed each event once it is in the audit log. `shared` when other daemons may work on the same
    database, and `rated` when some provider allows only so many calls in a while. `concurrency` is how many renewals are worked on at once; `settle_after` see `Moment`; `in_flight` counts the calls under way by leg and provider;
    `most_per_tick` is after how long a tick takes on no more work.
    """

    store: Store
    gateways: Mapping[str, Gateway]
    carriers: Mapping[str, Carrier]
    messenger: Messenger
    clock: Clock
    policy: Policy
    breakers: Mapping[tuple[Leg, str], Breaker]
    tell: Callable[[Event], None]
    operator_email: str = ""
    sealer: Sealer | None = None
    tracing: Tracing = OFF
    shared: bool = False
    rated: bool = False
    concurrency: int = 64
    settle_after: timedelta = timedelta(minutes=10)
    most_per_tick: timedelta = timedelta(minutes=1)
    brake: Brake = field(default_factory=Brake)
    health: Health = field(default_factory=Health)
    stopping: bool = False
    fleet: Fleet | None = None
    refused_until: datetime | None = None
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        """Begin to watch over the work."""
        self.pulse = Pulse(self.clock.elapsed)

    @property
    def providers(self) -> tuple[Gateway | Carrier, ...]:
        """All that are asked."""
        return (*self.gateways.values(), *self.carriers.values())

    @property
    def running_since(self) -> datetime | None:
        """Since when renewd runs without a break on its database; None before it has said that it does."""
        return self.fleet.running_since if self.fleet else None

    @property
    def leads(self) -> bool:
        """Whether this daemon does what one of those on its database must do."""
        return self.fleet is None or self.fleet.leads

    def moment(self, case: Case, now: datetime) -> Moment:
        """Give what holds for a case at `now`."""
        named = providers(case, self.policy)
        return Moment(
            now=now,
            running_since=self.running_since,
            policy=self.policy,
            settle_after=self.settle_after,
            gateways=self.gateways.keys(),
            carriers=self.carriers.keys(),
            gateway_until=self._resting(Leg.CHARGE, named, now),
            carrier_until=self._resting(Leg.EXTEND, named, now),
            brake_until=self.brake.until(now, self.policy.brake.max_charges_per_hour),
            refused_until=self.refused_until,
        )

    @property
    def down(self) -> list[str]:
        """The providers that count as down, by name."""
        return sorted({name for (_, name), breaker in self.breakers.items() if breaker.is_open})

    def breaker(self, attempt: Attempt) -> Breaker | None:
        """Give the breaker of the provider that an attempt calls."""
        return self.breakers.get((attempt.leg, attempt.provider))

    async def ask(self, attempt: Attempt, step: Call) -> Finding | Outcome:
        """Make the call that `step` asks for; the attempt alone says what is sent to whom."""
        with self.tracing.call(attempt, step):
            answer = await self._ask(attempt, step)
            self.tracing.answered(answer)
        return answer

    async def _ask(self, attempt: Attempt, step: Call) -> Finding | Outcome:
        if attempt.leg is Leg.CHARGE:
            gateway = self.gateways[attempt.provider]
            return await (gateway.find(attempt) if isinstance(step, Settle) else gateway.charge(attempt))
        carrier = self.carriers[attempt.provider]
        return await (carrier.find(attempt) if isinstance(step, Settle) else carrier.extend(attempt))

    async def meet(self) -> None:
        """Say that this daemon lives, and share with those that do too what is limited for all together."""
        now = self.clock.now()
        met, self.fleet = self.fleet, await self.store.beat(now)
        if self.fleet.is_new:
            self.refused_until = None  # it may be of a clock that was set back since
        since = now - (HOUR if met is None or self.fleet.is_new else OVERLAP)
        self.brake.remember(await self.store.charges_since(since), since)
        for each in self.providers:
            each.share(self.fleet.size)

    async def log(self, events: Sequence[Event]) -> None:
        """Write events that belong to no renewal to the audit log, then tell them."""
        await self.store.log(events)
        for event in events:
            self.tell(event)

    def _resting(self, leg: Leg, named: Mapping[Leg, str], now: datetime) -> datetime | None:
        breaker = self.breakers.get((leg, named.get(leg, "")))
        return breaker.until(now) if breaker else None
