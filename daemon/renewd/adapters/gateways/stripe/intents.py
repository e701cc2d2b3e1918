"""How a PaymentIntent is read, and which of many is ours.

Statuses: docs.stripe.com/payments/paymentintents/lifecycle.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from renewd.adapters.gateways.stripe.declines import declined
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt, compact
from renewd.renewal.money import Money
from renewd.renewal.outcome import Absent, Declined, Done, Finding, Mismatch, Pending, Unknown

_ID = re.compile(r"pi_[A-Za-z0-9_]{1,250}", re.ASCII)
# What takes money or may yet, what counts most first: a period can have several, as after a key was pruned.
_RANKS: tuple[type, ...] = (Mismatch, Done, Pending, Unknown)


def metadata(attempt: Attempt) -> dict[str, str]:
    """The marks by which an attempt's PaymentIntents are found again: the parts of its key."""
    return {
        "subscription": attempt.subscription_id,
        "period_start": compact(attempt.period_start),
        "leg": attempt.leg.value,
        "attempt": str(attempt.number),
    }


def identity(intent: object) -> str | None:
    """The PaymentIntent's id; None when this is none."""
    match intent:
        case {"id": str(found), "object": "payment_intent"} if _ID.fullmatch(found):
            return found
    return None


def is_ours(intent: Mapping[str, Any], attempt: Attempt) -> bool:
    """Whether a PaymentIntent carries the attempt's marks."""
    marks = intent.get("metadata")
    return isinstance(marks, Mapping) and metadata(attempt).items() <= marks.items()


def reading(intent: Mapping[str, Any], money: Money) -> Finding:
    """What has become of a PaymentIntent that is ours, for which `money` was asked."""
    reference = identity(intent)
    if reference is None:
        return Unknown("not a PaymentIntent")
    match intent.get("status"):
        case "succeeded":
            return Done(reference) if _paid(intent) == money else Mismatch("another amount", reference)
        case "processing" | "requires_action":
            return Pending(reference)
        case "requires_payment_method" if isinstance(error := intent.get("last_payment_error"), Mapping):
            return declined(error, reference)
        case "canceled":
            return Declined(DeclineClass.OURS, "canceled", reference)
        case "requires_capture" | "requires_confirmation" as status:
            return Mismatch(status, reference)
        case _:
            return Unknown("a PaymentIntent in an unexpected status")


def of_period(intent: Mapping[str, Any], attempt: Attempt) -> bool:
    """Whether a PaymentIntent is for the attempt's period, whichever attempt it was made by."""
    marks = intent.get("metadata")
    wanted = {name: value for name, value in metadata(attempt).items() if name != "attempt"}
    return isinstance(marks, Mapping) and wanted.items() <= marks.items()


def settled(intents: Sequence[Mapping[str, Any]], attempt: Attempt, money: Money) -> Finding:
    """What has become of an attempt, from all PaymentIntents for its period, the newest first.

    Money that was taken for the period, or may yet be, counts whichever attempt takes it: our database may be older
    than the gateway's list.
    """
    readings = [(reading(intent, money), is_ours(intent, attempt)) for intent in intents]
    weighty = [each for each, _ in readings if isinstance(each, _RANKS)]
    weighty.sort(key=lambda each: _RANKS.index(type(each)))
    match weighty:
        case [Done(reference), Done(), *_]:
            return Mismatch("charged more than once", reference)
        case [Done(reference), _, *_]:
            return Mismatch("charged, and another charge of the period is still open", reference)
        case [first, *_]:
            return first
    return next((each for each, ours in readings if ours), Absent())


def _paid(intent: Mapping[str, Any]) -> Money | None:
    match intent:
        case {"amount": int(amount), "amount_received": int(received), "currency": str(currency)}:
            return Money(amount, currency.upper()) if amount == received else None
    return None
