"""What a decision wants written: plain values, which the store writes all together or not at all."""

from dataclasses import dataclass
from datetime import datetime

from renewd.renewal.audit import Event
from renewd.renewal.copying import replace
from renewd.renewal.model import OPEN_ATTEMPTS, Attempt, Case, Renewal, Subscription
from renewd.renewal.notice import Notice


@dataclass(frozen=True)
class Opening:
    """A renewal to be opened for a subscription as it was read."""

    subscription: Subscription
    renewal: Renewal
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Replanned:
    """A batch of subscriptions that were planned anew: how many moved, what was set aside, whether there are more."""

    moved: int
    aside: tuple[Event, ...]
    more: bool


@dataclass(frozen=True)
class Change:
    """New rows that follow, at the instant `at`, from `before`, a case as it was read.

    `attempt` is a row to insert or update, and `answered` another: the one whose answer made way for it.
    `subscription` is the subscription's new row, `blocked_method` the id of a payment method that must never be
    tried again. `before_call` marks the changes after which a call is made,
    `starts_charge` those of them that a halt refuses, and the brake when
    all daemons together have begun `most_per_hour`.
    """

    at: datetime
    before: Case
    renewal: Renewal
    attempt: Attempt | None = None
    answered: Attempt | None = None
    subscription: Subscription | None = None
    blocked_method: str = ""
    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    starts_charge: bool = False
    most_per_hour: int = 0
    before_call: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the renewal needs something more at once, and so stays leased."""
        return self.before_call or (self.renewal.next_at is not None and self.renewal.next_at <= self.at)

    def then(self, call: "Change") -> "Change":
        """Join the change that makes the next call ready to this one: they are written together, or not at all."""
        return replace(
            call,
            before=self.before,
            answered=self.attempt,
            events=(*self.events, *call.events),
            notices=(*self.notices, *call.notices),
        )

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts whose rows are written, in this order: of one leg, no more than one is open."""
        return tuple(each for each in (self.answered, self.attempt) if each)

    def after(self) -> Case:
        """Give the case as it stands once this change is written."""
        attempt = self.attempt or self.before.attempt
        return replace(
            self.before,
            renewal=replace(self.renewal, version=self.before.renewal.version + 1),
            attempt=attempt if attempt and attempt.state in OPEN_ATTEMPTS else None,
            subscription=self.subscription or self.before.subscription,
        )
