"""What a decline by Stripe means for the next try.

Sources: the fields are those of `last_payment_error` (docs.stripe.com/api/errors, since 2024-12-18.acacia), the codes
those of docs.stripe.com/declines/codes; the networks' own tables stand in `renewal/decline.py`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from renewd.renewal.decline import MASTERCARD_NEVER, MASTERCARD_WAITS, VISA_NEVER, DeclineClass
from renewd.renewal.outcome import ActionRequired, Declined

_SAFE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)

# Mastercard Merchant Advice Codes. 01: the account has new data; 04: do not repeat with this token; 22: the
# merchant does not qualify. 05, 42 and 43 say nothing about another try.
MERCHANT_ADVICE = {
    "01": DeclineClass.FIX_DATA,
    "04": DeclineClass.FIX_DATA,
    "22": DeclineClass.OURS,
    **dict.fromkeys(MASTERCARD_WAITS, DeclineClass.LATER),
    **dict.fromkeys(MASTERCARD_NEVER, DeclineClass.NEVER),
}

# Visa Core Rules, table 7-2: category 1 is never, category 3 ("data quality") wants better data first.
VISA = {
    **dict.fromkeys("54 55 82 6P N7".split(), DeclineClass.FIX_DATA),
    **dict.fromkeys(VISA_NEVER, DeclineClass.NEVER),
}

# docs.stripe.com/declines/card: `advice_code`.
ADVICE = {
    "do_not_try_again": DeclineClass.NEVER,
    "confirm_card_data": DeclineClass.FIX_DATA,
    "try_again_later": DeclineClass.LATER,
}

_CODES = {
    DeclineClass.NEVER: "lost_card stolen_card pickup_card fraudulent incorrect_number invalid_number "
    "invalid_account stop_payment_order revocation_of_authorization revocation_of_all_authorizations "
    "merchant_blacklist testmode_decline do_not_try_again previously_declined_do_not_retry",
    DeclineClass.FIX_DATA: "expired_card incorrect_cvc invalid_cvc incorrect_zip incorrect_address "
    "invalid_expiry_month invalid_expiry_year incorrect_pin invalid_pin resource_missing",
    DeclineClass.CUSTOMER_ACTION: "authentication_required authentication_not_handled "
    "mobile_device_authentication_required online_or_offline_pin_required offline_pin_required "
    "new_account_information_available payment_intent_authentication_failure",
    DeclineClass.TECHNICAL: "processing_error issuer_not_available reenter_transaction approve_with_id "
    "payment_intent_payment_attempt_failed",
    DeclineClass.LATER: "insufficient_funds do_not_honor generic_decline call_issuer no_action_taken "
    "card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount restricted_card "
    "security_violation pin_try_exceeded transaction_not_allowed service_not_allowed not_permitted "
    "card_not_supported try_again_later card_declined card_decline_rate_limit_exceeded",
    DeclineClass.OURS: "currency_not_supported duplicate_transaction",
}
CODES = {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}

#: The payment can go through once the customer has verified it.
VERIFICATION = frozenset(
    "authentication_required authentication_not_handled mobile_device_authentication_required "
    "payment_intent_authentication_failure".split()
)


def declined(error: Mapping[str, Any], reference: str) -> Declined | ActionRequired:
    """Read a card error. `reference` is the PaymentIntent's id.

    Whoever says "never" is obeyed; otherwise the first with an opinion is believed, in the order network, Stripe's
    advice, Stripe's code. Without any opinion it is a soft decline.
    """
    code = safe_code(error)
    opinions = list(_opinions(error))
    if DeclineClass.NEVER in opinions:
        return Declined(DeclineClass.NEVER, code, reference)
    if VERIFICATION & {_text(error, "decline_code"), _text(error, "code")}:
        return ActionRequired(code, reference)
    meaning = opinions[0] if opinions else DeclineClass.LATER
    return Declined(meaning, code, reference, _wait(error) if meaning is DeclineClass.LATER else timedelta(0))


def safe_code(error: Mapping[str, Any]) -> str:
    """Give the most telling code, fit for a log: never a text of Stripe's, which may quote what we sent."""
    code = _text(error, "decline_code") or _text(error, "code") or _text(error, "type")
    return code if _SAFE.fullmatch(code) else "unreadable"


def _opinions(error: Mapping[str, Any]) -> Iterator[DeclineClass]:
    brand = _brand(error)
    tables = (
        (MERCHANT_ADVICE if brand in {"", "mastercard"} else {}, "network_advice_code"),
        # With no brand told, a Visa code that says never is obeyed: the networks share ISO 8583's numbers.
        (VISA if brand in {"", "visa"} else {}, "network_decline_code"),
        (ADVICE, "advice_code"),
        (CODES, "decline_code"),
        (CODES, "code"),
    )
    return (table[value] for table, name in tables if (value := _text(error, name)) in table)


def _wait(error: Mapping[str, Any]) -> timedelta:
    if _brand(error) not in {"", "mastercard"}:
        return timedelta(0)
    return MASTERCARD_WAITS.get(_text(error, "network_advice_code"), timedelta(0))


def _brand(error: Mapping[str, Any]) -> str:
    match error:
        case {"payment_method": {"card": {"brand": str(brand)}}}:
            return brand
    return ""


def _text(error: Mapping[str, Any], name: str) -> str:
    value = error.get(name)
    return value if isinstance(value, str) else ""
