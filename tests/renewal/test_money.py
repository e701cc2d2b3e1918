"""Amounts are whole minor units, read and written exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renewd.renewal.money import Money, exponent

amounts = st.builds(
    Money,
    st.integers(0, 10**11),
    st.sampled_from(["USD", "EUR", "JPY", "KRW", "KWD", "BHD", "XTS"]),
)


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [
        ("70.00 USD", 7000, "USD"),
        ("70 USD", 7000, "USD"),
        ("0.05 EUR", 5, "EUR"),
        ("900 JPY", 900, "JPY"),
        ("1.250 KWD", 1250, "KWD"),
        ("  70.00 USD ", 7000, "USD"),
        ("999999999999.99 USD", 99999999999999, "USD"),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, minor: int, currency: str) -> None:
    assert Money.parse(text) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("70.00", 'write e.g. "70.00 USD"'),
        ("USD 70.00", 'write e.g. "70.00 USD"'),
        ("70.00 usd", 'write e.g. "70.00 USD"'),
        ("70,00 USD", 'write e.g. "70.00 USD"'),
        ("-70.00 USD", 'write e.g. "70.00 USD"'),
        ("1e3 USD", 'write e.g. "70.00 USD"'),
        ("", 'write e.g. "70.00 USD"'),
        ("70.0 USD", 'USD has 2 decimal digits; write e.g. "70.00 USD"'),
        ("70.000 USD", 'USD has 2 decimal digits; write e.g. "70.00 USD"'),
        ("900.00 JPY", 'JPY has 0 decimal digits; write e.g. "7000 JPY"'),
        ("1.25 KWD", 'KWD has 3 decimal digits; write e.g. "7.000 KWD"'),
    ],
)
def test_what_is_no_amount_is_refused_with_what_to_write(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Money.parse(text)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(7000, "USD"), "70.00 USD"),
        (Money(5, "USD"), "0.05 USD"),
        (Money(0, "USD"), "0.00 USD"),
        (Money(-5, "USD"), "-0.05 USD"),
        (Money(-7000, "USD"), "-70.00 USD"),
        (Money(900, "JPY"), "900 JPY"),
        (Money(-900, "JPY"), "-900 JPY"),
        (Money(1250, "KWD"), "1.250 KWD"),
    ],
)
def test_an_amount_is_written_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("JPY", 0), ("XAF", 0), ("TND", 3), ("EUR", 2)])
def test_a_currency_has_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@given(amounts)
def test_every_amount_reads_back_as_it_was_written(money: Money) -> None:
    assert Money.parse(str(money)) == money
