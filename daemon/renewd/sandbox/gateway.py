"""The payment gateway: Stripe's v1 wire format and its idempotency.

The order of the gates is Stripe's (docs.stripe.com/error-low-level, docs.stripe.com/api/idempotent_requests): the
API key, the rate limit, then the idempotency key, then the parameters; only a request that passes all four is
stored under its key, whatever its answer, 500s included.
"""

import hashlib
import secrets
from functools import partial

from renewd.sandbox import forms, stripe_errors
from renewd.sandbox.behaviours import of_payment_method
from renewd.sandbox.clock import SandboxClock
from renewd.sandbox.declines import DECLINING
from renewd.sandbox.intents import Intent, Order
from renewd.sandbox.ledger import Ledger
from renewd.sandbox.wire import Answer, Answered, Manner, Request, Work, json_answer

MAX_KEY = 255  # characters of an idempotency key
PROCESSING_SECONDS = 3600
OVERCHARGE = 100  # minor units

_GARBAGE = Answer(200, b"<html><body><h1>It works!</h1></body></html>\n", content_type="text/html")

# How the first answer for a key leaves; a repeat always leaves plainly.
_MANNERS = {
    "pm_timeout_after_charge": Manner.HANG,
    "pm_reset_after_charge": Manner.RESET,
    "pm_slow_drip": Manner.DRIP,
    "pm_huge_body": Manner.HUGE,
}


class Gateway:
    """Takes charges, and tells what it took."""

    def __init__(self, ledger: Ledger, clock: SandboxClock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._in_flight: set[str] = set()

    def charge(self, request: Request, _: str) -> Work:
        """`POST /v1/payment_intents`: admit now, charge when the work is done."""
        key = request.headers.get("idempotency-key")
        try:
            order, digest = self._admit(request, key)
        except Answered as early:
            answer = early.answer
            self._ledger.note(request, key, answer, replayed=_replayed(answer))
            return lambda: answer
        if key is not None:
            self._in_flight.add(key)
        return partial(self._execute, request, key, order, digest)

    def retrieve(self, request: Request, identity: str) -> Answer:
        """`GET /v1/payment_intents/{id}`."""
        stripe_errors.authorise(request)
        return json_answer(200, self._intent(identity, "intent", 404).as_object(self._clock.timestamp()))

    def list(self, request: Request, _: str) -> Answer:
        """`GET /v1/payment_intents`: newest first."""
        stripe_errors.authorise(request)
        options = forms.list_options(request.query)
        cursor = options.starting_after
        before = None if cursor is None else self._intent(cursor, "starting_after", 400)
        page: list[Intent] = []
        for intent in self._ledger.payments.newest_first(options.customer, before):
            if options.created_gte is None or intent.created >= options.created_gte:
                page.append(intent)
            if len(page) > options.limit:
                break
        now = self._clock.timestamp()
        return json_answer(
            200,
            {
                "object": "list",
                "data": [intent.as_object(now) for intent in page[: options.limit]],
                "has_more": len(page) > options.limit,
                "url": "/v1/payment_intents",
            },
        )

    def balance(self, request: Request, _: str) -> Answer:
        """`GET /v1/balance`: a sign of life; the sums are in `/sandbox/summary`."""
        stripe_errors.authorise(request)
        empty = {"amount": 0, "currency": "eur"}
        return json_answer(
            200, {"object": "balance", "available": [empty], "pending": [empty], "livemode": False}
        )

    def _intent(self, identity: str, param: str, status: int) -> Intent:
        found = self._ledger.payments.get(identity)
        if found is None:
            raise stripe_errors.missing("payment_intent", identity, param, status)
        return found

    def _admit(self, request: Request, key: str | None) -> tuple[Order, str]:
        stripe_errors.authorise(request)
        if key is not None and not 1 <= len(key) <= MAX_KEY:
            raise stripe_errors.invalid(f"An idempotency key has 1 to {MAX_KEY} characters.")
        form = forms.fields(request.body.decode("latin-1"))
        self._turn_away(of_payment_method(form.get("payment_method", "")), key)
        digest = hashlib.blake2b(repr(sorted(form.items())).encode(), digest_size=16).hexdigest()
        if key is not None:
            self._replay(key, digest)
        return forms.order(form), digest

    def _turn_away(self, behaviour: str | None, key: str | None) -> None:
        if behaviour not in {"pm_429", "pm_reset_before"} or self._ledger.turned_away(key):
            return
        if behaviour == "pm_429":
            raise stripe_errors.rate_limited()
        raise Answered(Answer(0, b"", manner=Manner.RESET))

    def _replay(self, key: str, digest: str) -> None:
        if key in self._in_flight:
            raise stripe_errors.key_in_use()
        saved = self._ledger.payments.saved(key, self._clock.timestamp())
        if saved is None:
            return
        if saved.digest != digest:
            raise stripe_errors.key_reused()
        raise Answered(_saved_answer(saved.intent)._replace(headers=(("Idempotent-Replayed", "true"),)))

    def _execute(self, request: Request, key: str | None, order: Order, digest: str) -> Answer:
        try:
            intent = self._make(order)
            manner = _MANNERS.get(_behaviour(intent), Manner.PLAIN)
            answer = _saved_answer(intent)._replace(manner=manner)
            self._ledger.note_intent(request, key, answer, intent, digest)
        finally:
            if key is not None:
                self._in_flight.discard(key)
        return answer

    def _make(self, order: Order) -> Intent:
        behaviour = of_payment_method(order.payment_method)
        now = self._clock.timestamp()
        return Intent(
            number=len(self._ledger.payments.all),
            id=f"pi_{secrets.token_hex(12)}",
            order=order._replace(amount=order.amount + OVERCHARGE)
            if behaviour == "pm_wrong_amount"
            else order,
            created=now,
            settles_at=now + PROCESSING_SECONDS if behaviour == "pm_processing" else now,
            decline=self._decline(behaviour, order),
        )

    def _decline(self, behaviour: str | None, order: Order) -> str | None:
        declining = DECLINING.get(behaviour or "")
        if declining is None:
            return None
        spent = declining.times is not None and self._ledger.payments.declines(order) >= declining.times
        return None if spent else declining.decline


def _behaviour(intent: Intent) -> str:
    return of_payment_method(intent.order.payment_method) or ""


def _saved_answer(intent: Intent) -> Answer:
    """The answer stored under the key: a function of the intent as it was made, so it is the same each time."""
    behaviour = _behaviour(intent)
    if behaviour == "pm_500_after_charge":
        return stripe_errors.api_error()
    if behaviour == "pm_garbage_after_charge":
        return _GARBAGE
    as_made = intent.as_object(intent.created)
    if intent.decline is None:
        return json_answer(200, as_made)
    return json_answer(402, {"error": {**(intent.card_error() or {}), "payment_intent": as_made}})


def _replayed(answer: Answer) -> bool:
    return ("Idempotent-Replayed", "true") in answer.headers
