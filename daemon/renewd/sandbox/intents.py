"""PaymentIntents: what each is, and the indexes that find them."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from renewd.sandbox.declines import DECLINES

KEY_LIFETIME = 24 * 3600  # seconds after which an idempotency key is pruned (Stripe v1: at least 24 h)


class Order(NamedTuple):
    """What a valid request asks for. `amount` is in minor units, `currency` in lower case."""

    amount: int
    currency: str
    customer: str
    payment_method: str
    metadata: dict[str, str]
    description: str | None


class Intent(NamedTuple):
    """One PaymentIntent, as it was made; all times in unix seconds.

    `number` counts from 0 in the order of making. `decline` names a row of `DECLINES`, None if money was taken.
    `settles_at` is when it succeeds: at once, or later for one that is processing.
    """

    number: int
    id: str
    order: Order
    created: int
    settles_at: int
    decline: str | None

    @property
    def period(self) -> tuple[str, str]:
        """The subscription and the period's start that the metadata names; empty where it does not."""
        return self.order.metadata.get("subscription", ""), self.order.metadata.get("period_start", "")

    def status(self, now: int) -> str:
        """Stripe's status of the PaymentIntent at `now`."""
        if self.decline is not None:
            return "requires_payment_method"
        return "succeeded" if now >= self.settles_at else "processing"

    def charge_id(self) -> str:
        """The id of its one charge."""
        return f"ch_{self.id[3:]}"

    def card_error(self) -> dict[str, Any] | None:
        """Stripe's `last_payment_error`, which is where a declined intent keeps its payment method."""
        if self.decline is None:
            return None
        method = {"id": self.order.payment_method, "object": "payment_method", "type": "card"}
        return {
            "type": "card_error",
            **DECLINES[self.decline],
            "charge": self.charge_id(),
            "payment_method": method,
        }

    def as_object(self, now: int) -> dict[str, Any]:
        """Stripe's payment_intent object at `now`."""
        status = self.status(now)
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.order.amount,
            "amount_received": self.order.amount if status == "succeeded" else 0,
            "currency": self.order.currency,
            "customer": self.order.customer,
            "payment_method": None if self.decline else self.order.payment_method,
            "status": status,
            "created": self.created,
            "latest_charge": self.charge_id(),
            "description": self.order.description,
            "metadata": self.order.metadata,
            "livemode": False,
            "last_payment_error": self.card_error(),
        }


class Saved(NamedTuple):
    """What an idempotency key stands for: the digest of its parameters, and the intent they made."""

    digest: str
    intent: Intent


class Payments:
    """Every PaymentIntent, found by id, by customer and by idempotency key."""

    def __init__(self) -> None:
        self.all: list[Intent] = []
        self._by_id: dict[str, Intent] = {}
        self._by_customer: defaultdict[str, list[Intent]] = defaultdict(list)
        self._saved: dict[str, Saved] = {}
        self._declined: Counter[tuple[str, str, str]] = Counter()

    def add(self, intent: Intent, key: str | None, digest: str) -> None:
        """Take in an intent, made under a key or under none."""
        self.all.append(intent)
        self._by_id[intent.id] = intent
        self._by_customer[intent.order.customer].append(intent)
        if key is not None:
            self._saved[key] = Saved(digest, intent)
        if intent.decline is not None:
            self._declined[intent.order.payment_method, *intent.period] += 1

    def get(self, identity: str) -> Intent | None:
        """The intent with this id."""
        return self._by_id.get(identity)

    def saved(self, key: str, now: int) -> Saved | None:
        """What a key stands for at `now`; None if it is new, or old enough to have been pruned."""
        found = self._saved.get(key)
        return found if found is not None and now - found.intent.created < KEY_LIFETIME else None

    def declines(self, order: Order) -> int:
        """How often this payment method was declined for the same subscription and period."""
        metadata = order.metadata
        period = metadata.get("subscription", ""), metadata.get("period_start", "")
        return self._declined[order.payment_method, *period]

    def newest_first(self, customer: str | None, before: Intent | None) -> Iterator[Intent]:
        """All intents, or one customer's, made before a given one."""
        listed = self.all if customer is None else self._by_customer.get(customer, [])
        end = (
            len(listed)
            if before is None
            else bisect_left(listed, before.number, key=lambda each: each.number)
        )
        return (listed[at] for at in range(end - 1, -1, -1))
