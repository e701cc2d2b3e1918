"""The declines the gateway can give, and which payment methods get them.

Field names follow Stripe's `last_payment_error`; the codes are Visa's and Mastercard's response codes
(`network_decline_code`) and Mastercard's merchant advice codes (`network_advice_code`).
"""

from typing import NamedTuple

DECLINES: dict[str, dict[str, str]] = {
    "insufficient_funds": {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "advice_code": "try_again_later",
        "network_decline_code": "51",
        "message": "Your card has insufficient funds.",
    },
    "do_not_honor": {
        "code": "card_declined",
        "decline_code": "do_not_honor",
        "advice_code": "try_again_later",
        "network_decline_code": "05",
        "message": "Your card was declined.",
    },
    "lost_card": {
        "code": "card_declined",
        "decline_code": "lost_card",
        "advice_code": "do_not_try_again",
        "network_decline_code": "41",
        "network_advice_code": "03",
        "message": "Your card was declined.",
    },
    "expired_card": {
        "code": "expired_card",
        "decline_code": "expired_card",
        "advice_code": "confirm_card_data",
        "network_decline_code": "54",
        "network_advice_code": "01",
        "message": "Your card has expired.",
    },
    "authentication_required": {
        "code": "authentication_required",
        "decline_code": "authentication_required",
        "network_decline_code": "1A",
        "message": "Your card was declined. This transaction requires authentication.",
    },
}


class Declining(NamedTuple):
    """A payment method declines with `decline`, the first `times` times in a period; None means always."""

    decline: str
    times: int | None


DECLINING: dict[str, Declining] = {
    "pm_insufficient_funds": Declining("insufficient_funds", None),
    "pm_insufficient_funds_x2": Declining("insufficient_funds", 2),
    "pm_do_not_honor_x1": Declining("do_not_honor", 1),
    "pm_lost_card": Declining("lost_card", None),
    "pm_expired_card": Declining("expired_card", None),
    "pm_authentication_required": Declining("authentication_required", None),
}
