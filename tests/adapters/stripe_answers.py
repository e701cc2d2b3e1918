"""PaymentIntents as Stripe writes them, and our gateway in front of a transport that gives them."""

from typing import Any

from renewd.adapters.gateways.stripe import StripeGateway
from renewd.renewal.outcome import Finding
from tests.adapters.scripted import Scripted

API_KEY = "sk_live_canary"
LOST = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
FUNDS = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
VERIFY = {"type": "card_error", "code": "authentication_required"}


def intent(status: str | None = "succeeded", **changes: Any) -> dict[str, Any]:
    marks = {"subscription": "sub_1", "period_start": "20261123T090000Z", "leg": "charge", "attempt": "1"}
    made = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 7000,
        "amount_received": 7000 if status == "succeeded" else 0,
        "currency": "usd",
        "status": status,
        "metadata": {**marks, "theirs": "x"},
    }
    return {**made, **changes}


def page(*intents: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(intents), "has_more": more}


def gateway(*results: Any) -> tuple[StripeGateway, Scripted]:
    transport = Scripted(*results)
    return StripeGateway("stripe", transport, API_KEY), transport


def kind(outcome: Finding) -> type:
    return type(outcome)
