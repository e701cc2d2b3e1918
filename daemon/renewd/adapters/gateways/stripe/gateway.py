"""What is asked of Stripe, and which answer is which outcome.

API: POST and GET /v1/payment_intents (docs.stripe.com/api/payment_intents), errors (docs.stripe.com/api/errors),
idempotency (docs.stripe.com/api/idempotent_requests: keys live for at least 24 hours; a saved 500 is repeated).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from renewd.adapters.gateways.stripe.declines import declined, safe_code
from renewd.adapters.gateways.stripe.intents import identity, is_ours, metadata, of_period, reading, settled
from renewd.adapters.transport import Answer, Transport
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt
from renewd.renewal.money import Money
from renewd.renewal.outcome import Declined, Done, Finding, Mismatch, Outcome, Pending, Unknown, Unreached

API_VERSION = "2024-12-18.acacia"  # the first that tells the network's codes

_PAGE = 100  # PaymentIntents a page, the most Stripe gives
_MAX_PAGES = 200
# Our clock may run ahead of Stripe's; a list that starts too late would hide a charge.
_CLOCK_SKEW = timedelta(days=1)
# A period is charged less than a year before it starts, whatever the policy.
_EARLIEST_CHARGE = timedelta(days=400)
# What Stripe calls our kinds of payment method; Apple Pay is a card to it.
_TYPES = {"paypal": "paypal"}


class StripeGateway:
    """Charges saved cards. The transport's `api_base` is `https://api.stripe.com`."""

    def __init__(self, name: str, transport: Transport, api_key: str) -> None:
        self.name = name
        self.longest_call = transport.longest_call
        self._transport = transport
        self._headers = {"Authorization": f"Bearer {api_key}", "Stripe-Version": API_VERSION}

    async def charge(self, attempt: Attempt) -> Outcome:
        """Make and confirm a PaymentIntent under the attempt's key; the bytes depend on the attempt alone."""
        result = await self._transport.send(
            "POST",
            "v1",
            "payment_intents",
            form=_form(attempt),
            # A header is ASCII; this leaves every ordinary key as it is.
            headers={**self._headers, "Idempotency-Key": quote(attempt.key, safe="/:@+=,")},
        )
        return _charged(result, attempt) if isinstance(result, Answer) else result

    async def find(self, attempt: Attempt) -> Finding:
        """Read the customer's PaymentIntents, from before the period could first be charged to the list's end."""
        found: list[Mapping[str, Any]] = []
        params = {
            "customer": attempt.gateway_customer,
            "created[gte]": str(int(_since(attempt).timestamp())),
            "limit": str(_PAGE),
        }
        for _ in range(_MAX_PAGES):
            page = await self._page(params)
            if not isinstance(page, tuple):
                return page
            intents, has_more = page
            found += (intent for intent in intents if of_period(intent, attempt))
            if not has_more:
                return settled(found, attempt, _money(attempt))
            params["starting_after"] = intents[-1]["id"]
        return Unknown(f"the list has no end in {_MAX_PAGES} pages")

    def share(self, daemons: int) -> None:
        """See `ports`."""
        self._transport.share(daemons)

    async def close(self) -> None:
        """Give up the connections."""
        await self._transport.close()

    async def _page(self, params: Mapping[str, str]) -> tuple[list[Any], bool] | Unreached | Unknown:
        result = await self._transport.send(
            "GET", "v1", "payment_intents", params=params, headers=self._headers
        )
        if not isinstance(result, Answer):
            return result
        match result.status, result.json():
            case 200, {"object": "list", "data": list(data), "has_more": bool(more)}:
                readable = all(identity(each) and isinstance(each.get("metadata"), dict) for each in data)
                # An entry that cannot be read may be ours: better no list than a list with a hole.
                return (data, more) if readable and (data or not more) else Unknown("unreadable list")
            case ((401 | 403 | 404 as status), _):
                return Unreached(f"turned away with {status}", refused=True)
            case status, _:
                return Unknown(f"the list was answered with {status}")


def _since(attempt: Attempt) -> datetime:
    return min(attempt.begun_at - _CLOCK_SKEW, attempt.period_start - _EARLIEST_CHARGE)


def _form(attempt: Attempt) -> dict[str, str]:
    """The request's fields, in an order that never changes.

    One type of method only: without `payment_method_types` Stripe asks for a return_url whenever the account
    offers a method that redirects, and off session nobody can follow a redirect.
    """
    money = _money(attempt)
    return {
        "amount": str(money.minor),
        "currency": money.currency.lower(),
        "customer": attempt.gateway_customer,
        "payment_method": attempt.method_token,
        "payment_method_types[]": _TYPES.get(attempt.method_kind, "card"),
        "off_session": "true",
        "confirm": "true",
        **({"description": attempt.plan} if attempt.plan else {}),
        **{f"metadata[{name}]": value for name, value in metadata(attempt).items()},
    }


def _charged(answer: Answer, attempt: Attempt) -> Outcome:
    content = answer.json()
    match answer.status, content:
        case 200, {}:
            return _made(content, attempt)
        case 402, {"error": {"type": "card_error"} as error}:
            return _refused(error, attempt)
        case 400 | 404, {"error": {"code": "resource_missing", "param": "payment_method" | "customer"}}:
            return Declined(DeclineClass.FIX_DATA, "resource_missing")
        case 400, {"error": {"type": "invalid_request_error"} as error}:
            return Declined(DeclineClass.OURS, safe_code(error))
        case ((401 | 403 | 404 as status), _):
            return Unreached(f"turned away with {status}", refused=True)
        case status, _:
            return Unknown(f"answered with {status}")


def _made(intent: Mapping[str, Any], attempt: Attempt) -> Outcome:
    if not is_ours(intent, attempt):
        return Unknown("another PaymentIntent than ours")
    match reading(intent, _money(attempt)):
        case Done() | Pending() as outcome:
            return outcome
        case Mismatch(reason=reason) | Unknown(reason=reason):
            return Unknown(reason)
        case _:
            return Unknown("a decline that was answered with 200")


def _refused(error: Mapping[str, Any], attempt: Attempt) -> Outcome:
    intent = error.get("payment_intent")
    if intent is None:
        return declined(error, "")
    reference = identity(intent)
    if (
        reference is None
        or not is_ours(intent, attempt)
        or intent.get("status") in {"succeeded", "processing"}
    ):
        return Unknown("a decline that contradicts its PaymentIntent")
    return declined(error, reference)


def _money(attempt: Attempt) -> Money:
    if attempt.amount is None:
        raise ValueError(f"{attempt.key} is no charge")
    return attempt.amount
