"""The nouns: who is renewed, with what, and what has happened so far. Values only; instants are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from renewd.renewal.copying import replace
from renewd.renewal.money import Money


class Stage(StrEnum):
    """How far a renewal has come. The last four and EXTENDED are ends."""

    DUE = "due"
    CHARGED = "charged"
    EXTENDED = "extended"
    LAPSED = "lapsed"
    REVIEW = "review"
    SKIPPED = "skipped"
    CANCELED = "canceled"


OPEN_STAGES = frozenset({Stage.DUE, Stage.CHARGED})


class HoldReason(StrEnum):
    """What a renewal waits for, when it is not for its next try to be due.

    Time alone brings a charge window; what waits for one keeps its `due_at`, so that what is due longest comes first.
    """

    PAYMENT_METHOD = "payment_method"
    VERIFICATION = "verification"
    CONTACT = "contact"
    APPROVAL = "approval"
    OPERATOR = "operator"
    PAUSED = "paused"
    HALTED = "halted"
    BRAKE = "brake"
    BREAKER = "breaker"
    WINDOW = "window"


class SubscriptionState(StrEnum):
    """Whether a subscription renews by itself."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELED = "canceled"
    LAPSED = "lapsed"


class Leg(StrEnum):
    """The two legs of a renewal."""

    CHARGE = "charge"
    EXTEND = "extend"


class AttemptState(StrEnum):
    """What we know of an attempt. SENT may have arrived; UNSENT provably has not; the others are definite."""

    SENT = "sent"
    UNSENT = "unsent"
    DONE = "done"
    DECLINED = "declined"
    ABANDONED = "abandoned"


ABSENCES_BELIEVED = 2
OPEN_ATTEMPTS = frozenset({AttemptState.SENT, AttemptState.UNSENT})


@dataclass(frozen=True)
class Customer:
    """Who pays. `gateway_customer` is the gateway's own id for the person (`cus_...`)."""

    id: str
    name: str
    email: str
    gateway_customer: str


@dataclass(frozen=True)
class PaymentMethod:
    """A saved way to pay. `token` is the gateway's (`pm_...`), never a card number; lowest `rank` is tried first.

    `expires` is the last month in which a card is good, as `2027-04`, or empty; `blocked` means that a network
    rule forbids ever trying it again.
    """

    id: str
    customer_id: str
    token: str
    kind: str = "card"
    label: str = ""
    expires: str = ""
    rank: int = 0
    blocked: bool = False


@dataclass(frozen=True)
class Subscription:
    """One line on one plan. `current_period_end` is its expiry, `anchor` the billing anchor (see period.py).

    `overrides` are terms of this subscription alone, written as in the policy file (`{"price": "59.00 USD"}`).
    `opens_at` is when its next renewal is to be opened, or None when nothing is to be renewed.
    """

    id: str
    customer_id: str
    plan: str
    line: str
    zone: str
    current_period_end: datetime
    anchor: datetime
    state: SubscriptionState = SubscriptionState.ACTIVE
    tags: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Renewal:
    """One cycle of one subscription: the period from `period_start` to `period_end` is what is being bought.

    `due_at` is when the next try was or is due, `next_at` when to look at the renewal again. `charges` and
    `extends` count the definite answers of each leg; the attempt after them has the next number. `ladder_step`
    counts the soft declines; `spent` are the payment tokens that this renewal will not try again. `sold_plan`
    is what is being paid for, and `paid` what was; `check_first` says that the period may have been charged without our
    knowing, so that the gateway's list is read before anything is sent.
    """

    subscription_id: str
    period_start: datetime
    period_end: datetime
    opened_at: datetime
    due_at: datetime
    next_at: datetime | None
    stage: Stage = Stage.DUE
    hold: HoldReason | None = None
    reason: str = ""
    charges: int = 0
    extends: int = 0
    ladder_step: int = 0
    spent: tuple[str, ...] = ()
    sold_plan: str = ""
    paid: Money | None = None
    check_first: bool = False
    closed_at: datetime | None = None
    version: int = 0

    @property
    def id(self) -> str:
        """The renewal's id, the head of all its keys: `<subscription>/<period_start>`."""
        return renewal_id(self.subscription_id, self.period_start)


def renewal_id(subscription_id: str, period_start: datetime) -> str:
    """Give the id of a subscription's renewal for the period that starts then."""
    return f"{subscription_id}/{compact(period_start)}"


@dataclass(frozen=True)
class Attempt:
    """One call of one leg, pinned: whatever is sent under its key is made from this row and nothing else.

    `sends` counts how often it was sent (`begun_at` first, `sent_at` last), `lookups` how often it was looked up,
    `absences` how many of the latest look-ups in a row did not find it.
    """

    renewal_id: str
    leg: Leg
    number: int
    provider: str
    subscription_id: str
    period_start: datetime
    policy_digest: str
    sent_at: datetime
    begun_at: datetime
    state: AttemptState = AttemptState.SENT
    sends: int = 1
    lookups: int = 0
    absences: int = 0
    amount: Money | None = None
    method_id: str = ""
    method_token: str = ""
    method_kind: str = ""
    gateway_customer: str = ""
    line: str = ""
    plan: str = ""
    extend_to: datetime | None = None
    outcome: str = ""
    code: str = ""
    reference: str = ""
    closed_at: datetime | None = None

    @property
    def key(self) -> str:
        """The idempotency key, derived and never drawn: `<subscription>/<period_start>/<leg>/<n>`."""
        return f"{self.renewal_id}/{self.leg}/{self.number}"


@dataclass(frozen=True)
class Case:
    """All that a decision about one renewal may look at: one consistent read of the store.

    `attempt` is the open attempt, if any; `declines` the instants at which each payment method (by id) was
    declined in the last 30 days, for any subscription; `halted` the operator's stop of all charging; `lease` the
    number of the claim under which it was read: what is decided under an older one is never written; `busy` the
    payment methods (by id) that another renewal is being charged to right now; `read_at` when all this was so.
    """

    renewal: Renewal
    subscription: Subscription
    customer: Customer
    methods: tuple[PaymentMethod, ...]
    attempt: Attempt | None = None
    declines: tuple[tuple[str, datetime], ...] = ()
    halted: bool = False
    lease: int = 0
    busy: tuple[str, ...] = ()
    read_at: datetime | None = None


class UnreadableError(ValueError):
    """Something that is kept cannot be made out. Says what, and by what kind of error; never what stands there."""

    def __init__(self, what: str, error: Exception | None = None) -> None:
        super().__init__(f"{what} cannot be read ({type(error).__name__})" if error else f"{what} is missing")

    @classmethod
    def of(cls, error: Exception) -> "UnreadableError":
        """Give an error as one of these; of one that may quote what stands there, only the kind is told."""
        return error if isinstance(error, cls) else cls("it", error)


def abandoned(attempt: Attempt, renewal: Renewal, now: datetime) -> tuple[Attempt, Renewal]:
    """Give up an attempt that never arrived. Its number is spent with it: no key ever stands for two requests."""
    charges = renewal.charges + (attempt.leg is Leg.CHARGE)
    extends = renewal.extends + (attempt.leg is Leg.EXTEND)
    ended = replace(attempt, state=AttemptState.ABANDONED, closed_at=now)
    return ended, replace(renewal, charges=charges, extends=extends)


def open_attempt(case: Case) -> Attempt:
    """Give the open attempt of a case that must have one. Raises ValueError when it has none: a bug."""
    if case.attempt is None:
        raise ValueError(f"{case.renewal.id} has no open attempt")
    return case.attempt


@lru_cache(maxsize=4096)
def compact(instant: datetime) -> str:
    """Write an instant for use in an id or a key: `20261123T090000Z`."""
    return instant.strftime("%Y%m%dT%H%M%SZ")
