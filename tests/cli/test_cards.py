"""What looks like a card number, and what only resembles one."""

import pytest

from renewd.cli.cards import looks_like_card

CARDS = {
    "Visa": "4242424242424242",
    "Visa in groups": "4242 4242 4242 4242",
    "Visa with hyphens": "4000-0566-5566-5556",
    "Visa with dots": "4000.0566.5566.5556",
    "Visa with no-break spaces": "4000\u00a00566\u00a05566\u00a05556",
    "Visa with en dashes": "4000\u20130566\u20135566\u20135556",
    "Visa in full-width digits": "\uff14242424242424242",
    "Visa of 13 digits": "4222222222222",
    "Visa of 19 digits": "4000000000000000006",
    "Mastercard": "5555555555554444",
    "Mastercard of the 2 series": "2223003122003222",
    "Amex": "378282246310005",
    "Amex in groups": "3782 822463 10005",
    "Diners": "30569309025904",
    "Discover": "6011111111111117",
    "UnionPay": "8171999927660000",
    "Maestro": "6759649826438453",
    "within a text": "card: 4242424242424242, thanks",
    "as a token": "pm_4242424242424242",
    "before its expiry": "4242 4242 4242 4242 12/28",
    "digit by digit": "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    "before its expiry and code": "4242424242424242 1228 123",
}
NO_CARDS = {
    "a wrong check digit": "4242424242424241",
    "twelve digits": "424242424242",
    "twenty digits in one": "42424242424242424242",
    "a token": "pm_1MqLiJLkdIwHu7ixUEgbFdYl",
    "the last four": "Visa 4242, until 2028-04",
    "an ICCID with its check digit": "8901260223193040003",
    "an ICCID in groups": "8901-4103-8141-4815-4106",
    "an EID": "89049032004008882600004021685190",
    "a phone number": "+14155550123",
    "an instant": "2026-12-22T04:08:00-05:00",
    "zeros": "0000000000000000",
    "an id": "S-1001",
    "nothing": "",
}


@pytest.mark.parametrize("text", CARDS.values(), ids=CARDS)
def test_a_card_number_is_seen(text: str) -> None:
    assert looks_like_card(text)


@pytest.mark.parametrize("text", NO_CARDS.values(), ids=NO_CARDS)
def test_other_digits_are_left_alone(text: str) -> None:
    assert not looks_like_card(text)
