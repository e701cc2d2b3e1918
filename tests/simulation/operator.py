"""The operator: the real commands, landing at any time, in the middle of a charge too."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from renewd.renewal.audit import Event
from renewd.renewal.command import Verb, commanded, concerned
from renewd.renewal.decide import opens_at
from renewd.renewal.model import OPEN_STAGES, HoldReason, Renewal, Stage, Subscription, SubscriptionState
from renewd.renewal.moment import Moment
from renewd.renewal.period import next_end
from renewd.renewal.policy import Policy
from renewd.renewal.standing import RefusedError, Standing
from tests.simulation.carrier import CarrierBooks
from tests.simulation.desk import Command, Desk, Noun
from tests.simulation.gateway import GatewayBooks
from tests.simulation.policies import POLICIES
from tests.simulation.population import method
from tests.simulation.world import SETTLE_AFTER, World

DAY = timedelta(days=1)
CURABLE = (HoldReason.CONTACT, HoldReason.PAYMENT_METHOD, HoldReason.VERIFICATION)


class Operator:
    """One person with all the commands, each of them one transaction."""

    def __init__(
        self, world: World, desk: Desk, books: tuple[GatewayBooks, CarrierBooks], policy: Policy
    ) -> None:
        self.policy, self.policies = policy, [policy]
        self.moved: dict[tuple[str, datetime], datetime] = {}
        self.helped: set[str] = set()
        self.refunded: dict[tuple[str, datetime], datetime] = {}
        self._world, self._desk, (self._gateway, self._carrier) = world, desk, books
        self._halted = False

    def meddle(self) -> None:
        """Do something, to somebody."""
        deeds: tuple[tuple[Callable[[], None], int], ...] = (
            (lambda: self.say(Verb.CANCEL), 3),
            (lambda: self.say(Verb.PAUSE), 5),
            (lambda: self.say(Verb.RESUME), 6),
            (lambda: self.say(Verb.SKIP), 2),
            (lambda: self.say(Verb.RETRY), 4),
            (self.settle, 4),
            (self.halt, 2),
            (self.unhalt, 5),
            (self.move, 1),
            (self.add_card, 4),
            (self.new_policy, 2),
        )
        weights = [weight for _, weight in deeds]
        self._world.rng.choices([deed for deed, _ in deeds], weights)[0]()

    def settle(self) -> None:
        """Settle a review at the gateway or at the carrier, and say so."""
        reviews = [each for each in self._desk.renewals() if each.stage is Stage.REVIEW]
        if not reviews:
            return
        name = self._world.rng.choice(reviews).subscription_id
        chosen = next(each for each in self._desk.subscriptions() if each.id == name)
        renewal = self._standing(chosen, Verb.SETTLE_EXTENDED).renewal
        if renewal is None:
            return
        payments = self._gateway.of(renewal)
        if renewal.paid and self._world.rng.random() < 0.5:
            end = max(renewal.period_end, chosen.current_period_end)
            self._carrier.good_until[chosen.line] = max(end, self._carrier.good_until[chosen.line])
            self.helped.add(chosen.id)
            self.say(Verb.SETTLE_EXTENDED, chosen)
        elif not payments and not renewal.paid:
            self.say(Verb.SETTLE_UNPAID, chosen)
        # A backup of before would not know of the refund, and nobody gives back what has bought something.
        elif not self._world.odds.restore and not self._carrier.has_extended(renewal):
            for each in payments:
                each.state = "refunded"
            self.refunded[renewal.subscription_id, renewal.period_start] = self._world.now
            self.say(Verb.SETTLE_REFUNDED, chosen)
        if self._world.rng.random() < 0.5:
            self.say(Verb.RETRY, chosen)  # by a colleague, who does not know

    def say(self, verb: Verb, about: Subscription | None = None) -> None:
        """Give one of the commands, for some subscription if not for this one."""
        chosen = about or self._world.rng.choice(self._desk.subscriptions())
        before = self._standing(chosen, verb)
        moment = Moment(self._world.daemon_now, self.policy, SETTLE_AFTER)
        try:
            after, event = commanded(verb, before, moment, "operator", "simulated")
        except RefusedError:
            return
        self._act(
            event,
            subscriptions=(after.subscription,),
            renewals=(after.renewal,) if after.renewal else (),
            attempts=(after.attempt,) if after.attempt and after.attempt != before.attempt else (),
        )

    def _standing(self, subscription: Subscription, verb: Verb) -> Standing:
        theirs = [each for each in self._desk.renewals() if each.subscription_id == subscription.id]
        renewal = concerned(verb, sorted(theirs, key=lambda each: each.period_start))
        if renewal is None:
            return Standing(subscription)
        attempts = [each for each in self._desk.attempts() if each.renewal_id == renewal.id]
        return Standing(
            subscription, renewal, next((each for each in attempts if each.closed_at is None), None)
        )

    def remember(self) -> tuple[dict[tuple[str, datetime], datetime], bool]:
        """Give what the operator has done that the database holds too."""
        return dict(self.moved), self._halted

    def recall(self, memory: tuple[dict[tuple[str, datetime], datetime], bool]) -> None:
        """Go back to what was done by then."""
        moved, self._halted = memory
        self.moved = dict(moved)

    def halt(self) -> None:
        if not self._halted:
            self._halted = True
            self._act(self._event("operator.halted"), halted="simulated")

    def unhalt(self) -> None:
        if self._halted:
            self._halted = False
            held = self._woken(lambda each: each.hold is HoldReason.HALTED)
            self._act(self._event("operator.unhalted"), halted="", renewals=held)

    def move(self) -> None:
        """Give somebody a period by hand: at the carrier, then in our books by an import."""
        some = [each for each in self._desk.subscriptions() if each.state is SubscriptionState.ACTIVE]
        if some:
            chosen = self._world.rng.choice(some)
            period = self.policy.plans[chosen.plan].period
            end = next_end(chosen.current_period_end, chosen.anchor, period, chosen.zone)
            self.moved[chosen.id, chosen.current_period_end] = end
            self.helped.add(chosen.id)
            self._carrier.good_until[chosen.line] = max(end, self._carrier.good_until[chosen.line])
            moved = replace(chosen, current_period_end=end)
            moved = replace(moved, opens_at=opens_at(moved, self.policy))
            standing = self._standing(chosen, Verb.RETRY)
            looked_at = standing.renewal if standing.renewal and standing.renewal.next_at else None
            if looked_at and not standing.attempt:
                looked_at = replace(looked_at, next_at=self._world.daemon_now)
            self._act(
                self._event("operator.imported", chosen.id),
                subscriptions=(moved,),
                renewals=(looked_at,) if looked_at else (),
            )

    def add_card(self) -> None:
        """Import one more card of a customer, and try again what waited for one."""
        chosen = self._world.rng.choice(self._desk.subscriptions())
        methods = [each for each in self._desk.methods() if each.customer_id == chosen.customer_id]
        theirs = {each.id for each in self._desk.subscriptions() if each.customer_id == chosen.customer_id}
        held = self._woken(lambda each: each.hold in CURABLE and each.subscription_id in theirs)
        added = method(chosen.customer_id, len(methods))
        self._act(self._event("operator.imported", chosen.id), methods=(added,), renewals=held)

    def new_policy(self) -> None:
        """Replace the policy file, and have it read."""
        self.policy = self._world.rng.choice(POLICIES)
        self.policies.append(self.policy)
        self._world.note("operator: new policy", self.policy.digest)

    def _woken(self, wanted: Callable[[Renewal], bool]) -> tuple[Renewal, ...]:
        now = self._world.daemon_now
        return tuple(
            replace(each, next_at=now, due_at=min(each.due_at, now))
            for each in self._desk.renewals()
            if each.next_at and wanted(each)
        )

    def close_shop(self) -> None:
        """Let what is open come to its end, and plan nothing new."""
        busy = {each.subscription_id for each in self._desk.renewals() if each.stage in OPEN_STAGES}
        for each in self._desk.subscriptions():
            if each.opens_at and each.id not in busy:
                self._desk.put(replace(each, opens_at=None, state=SubscriptionState.PAUSED))

    def _event(self, name: str, subscription: str = "") -> Event:
        return Event(name, self._world.daemon_now, "operator", subscription=subscription)

    def _act(
        self,
        event: Event,
        *,
        halted: str | None = None,
        **rows: tuple[Noun, ...],
    ) -> None:
        self._desk.act(Command(event, halted, tuple(noun for nouns in rows.values() for noun in nouns)))
        self._world.note(event.name, event.renewal or event.subscription)
