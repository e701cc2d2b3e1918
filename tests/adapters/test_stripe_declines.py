"""What Stripe's and the networks' codes mean: the strictest word wins, then the network's."""

from datetime import timedelta
from typing import Any

import pytest

from renewd.adapters.gateways.stripe.declines import ADVICE, CODES, MERCHANT_ADVICE, VISA, declined
from renewd.renewal.decline import MASTERCARD_NEVER, MASTERCARD_WAITS, VISA_NEVER, DeclineClass
from renewd.renewal.outcome import ActionRequired, Declined

NEVER, FIX_DATA, LATER = DeclineClass.NEVER, DeclineClass.FIX_DATA, DeclineClass.LATER
TECHNICAL, OURS, ACTION = DeclineClass.TECHNICAL, DeclineClass.OURS, DeclineClass.CUSTOMER_ACTION


def of(brand: str = "", **fields: Any) -> Declined:
    card = {"payment_method": {"card": {"brand": brand}}} if brand else {}
    outcome = declined({"type": "card_error", "code": "card_declined", **card, **fields}, "pi_1")
    assert isinstance(outcome, Declined)
    return outcome


# Written out once more, so that a line lost from the tables is noticed.
@pytest.mark.parametrize(
    "code",
    "lost_card stolen_card pickup_card fraudulent incorrect_number invalid_number invalid_account "
    "stop_payment_order revocation_of_authorization revocation_of_all_authorizations merchant_blacklist "
    "testmode_decline".split(),
)
def test_a_card_that_is_gone_is_never_tried_again(code: str) -> None:
    assert of(decline_code=code).decline_class is NEVER
    assert (
        of(decline_code=code, advice_code="try_again_later", network_advice_code="02").decline_class is NEVER
    )


@pytest.mark.parametrize("code", "04 07 12 14 15 41 43 46 57 R0 R1 R3".split())
def test_visa_s_first_category_is_never_tried_again(code: str) -> None:
    for brand in ("visa", ""):
        fields = {
            "network_decline_code": code,
            "decline_code": "do_not_honor",
            "advice_code": "try_again_later",
        }
        assert of(brand, **fields).decline_class is NEVER


@pytest.mark.parametrize("code", ["03", "21", "40", "41"])
def test_mastercard_s_no_is_obeyed(code: str) -> None:
    for brand in ("mastercard", ""):
        assert of(brand, network_advice_code=code, decline_code="insufficient_funds").decline_class is NEVER


def test_the_tables_hold_all_that_the_networks_forbid() -> None:
    assert {code for code, meaning in VISA.items() if meaning is NEVER} == VISA_NEVER
    assert {code for code, meaning in MERCHANT_ADVICE.items() if meaning is NEVER} == MASTERCARD_NEVER
    assert {code for code, meaning in MERCHANT_ADVICE.items() if meaning is LATER} == set(MASTERCARD_WAITS)
    assert set(ADVICE.values()) == {NEVER, FIX_DATA, LATER}
    assert set(CODES.values()) == set(DeclineClass)


@pytest.mark.parametrize(
    ("code", "hours"), [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("30", 240)]
)
def test_mastercard_says_how_long_to_wait(code: str, hours: int) -> None:
    outcome = of("mastercard", network_advice_code=code, decline_code="insufficient_funds")
    assert (outcome.decline_class, outcome.wait_at_least) == (LATER, timedelta(hours=hours))


@pytest.mark.parametrize(
    ("fields", "meaning"),
    [
        ({"advice_code": "do_not_try_again", "decline_code": "do_not_honor"}, NEVER),
        ({"advice_code": "confirm_card_data", "decline_code": "generic_decline"}, FIX_DATA),
        ({"advice_code": "try_again_later", "decline_code": "expired_card"}, LATER),
        ({"network_advice_code": "01", "advice_code": "try_again_later"}, FIX_DATA),
        ({"network_advice_code": "22"}, OURS),
        ({"network_decline_code": "54", "decline_code": "do_not_honor"}, FIX_DATA),
        ({"network_decline_code": "05", "decline_code": "do_not_honor"}, LATER),
        ({"decline_code": "expired_card"}, FIX_DATA),
        ({"code": "expired_card"}, FIX_DATA),
        ({"decline_code": "processing_error"}, TECHNICAL),
        ({"decline_code": "currency_not_supported"}, OURS),
        ({"decline_code": "duplicate_transaction"}, OURS),
        ({"decline_code": "offline_pin_required"}, ACTION),
        ({"decline_code": "a_code_of_tomorrow"}, LATER),
        ({}, LATER),
        ({"decline_code": 51, "advice_code": None, "network_advice_code": ["03"]}, LATER),
    ],
)
def test_the_first_with_an_opinion_is_believed(fields: dict[str, Any], meaning: DeclineClass) -> None:
    assert of(**fields).decline_class is meaning


def test_a_code_of_one_network_means_nothing_on_a_card_of_another() -> None:
    assert of("visa", network_advice_code="03").decline_class is LATER
    assert of("mastercard", network_decline_code="57").decline_class is LATER
    assert of("visa", network_advice_code="02").wait_at_least == timedelta(0)


@pytest.mark.parametrize(
    "code", ["authentication_required", "authentication_not_handled", "mobile_device_authentication_required"]
)
def test_a_payment_to_be_verified_needs_the_customer(code: str) -> None:
    assert declined({"decline_code": code, "code": "card_declined"}, "pi_1") == ActionRequired(code, "pi_1")


def test_never_outweighs_verification() -> None:
    error = {"decline_code": "authentication_required", "network_advice_code": "03"}
    assert declined(error, "pi_1") == Declined(NEVER, "authentication_required", "pi_1")


@pytest.mark.parametrize("code", ["4242 4242", "a" * 65, "a\nb", "A"])
def test_a_code_that_is_no_code_is_not_passed_on(code: str) -> None:
    assert of(decline_code=code).code == "unreadable"
