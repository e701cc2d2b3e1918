"""Each answer of Stripe is one outcome; what cannot be understood is neither success nor failure."""

from datetime import timedelta

import pytest

from renewd.adapters.transport import Answer
from renewd.renewal.decline import DeclineClass
from renewd.renewal.money import Money
from renewd.renewal.outcome import (
    ActionRequired,
    Declined,
    Done,
    Outcome,
    Pending,
    Unknown,
    Unreached,
)
from tests.adapters.scripted import said
from tests.adapters.stripe_answers import API_KEY, FUNDS, LOST, VERIFY, gateway, intent, kind
from tests.contracts.attempts import NOW, charge


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said(200, intent()), Done("pi_1")),
        (said(200, intent("processing")), Pending("pi_1")),
        (said(200, intent("requires_action")), Pending("pi_1")),
        (said(402, {"error": LOST}), Declined(DeclineClass.NEVER, "lost_card")),
        (
            said(402, {"error": {**FUNDS, "payment_intent": intent("requires_payment_method")}}),
            Declined(DeclineClass.LATER, "insufficient_funds", "pi_1"),
        ),
        (said(402, {"error": VERIFY}), ActionRequired("authentication_required")),
        (
            said(400, {"error": {"type": "invalid_request_error", "code": "amount_too_small"}}),
            Declined(DeclineClass.OURS, "amount_too_small"),
        ),
        (
            said(400, {"error": {"type": "invalid_request_error", "message": "4242424242424242"}}),
            Declined(DeclineClass.OURS, "invalid_request_error"),
        ),
        *[
            (
                said(
                    status,
                    {"error": {"type": "invalid_request_error", "code": "resource_missing", "param": param}},
                ),
                Declined(DeclineClass.FIX_DATA, "resource_missing"),
            )
            for status, param in ((400, "payment_method"), (404, "payment_method"), (400, "customer"))
        ],
        (said(401, {"error": {"message": "no"}}), Unreached("turned away with 401", refused=True)),
        (said(403, b""), Unreached("turned away with 403", refused=True)),
        (said(404, b"<html>"), Unreached("turned away with 404", refused=True)),
        (Unreached("rate limited", retry_after=timedelta(hours=1)),) * 2,
        (Unknown("ReadError"),) * 2,
    ],
)
async def test_an_answer_is_one_outcome(answer: Answer | Outcome, outcome: Outcome) -> None:
    ours, _ = gateway(answer)
    assert await ours.charge(charge()) == outcome


@pytest.mark.parametrize(
    "answer",
    [
        said(200, b""),
        said(200, b"<html>It works!</html>"),
        said(200, []),
        said(200, {}),
        said(200, {"id": "pi_1", "status": "succeeded"}),
        said(200, intent(amount=7100, amount_received=7100)),
        said(200, intent(amount_received=6900)),
        said(200, intent(amount="7000")),
        said(200, intent(currency="eur")),
        said(200, intent(id="ch_1")),
        said(200, intent(id="pi_1\nx")),
        said(200, intent(object="charge")),
        said(200, intent(metadata={})),
        said(200, intent(metadata={"subscription": "sub_2"})),
        said(200, intent(None)),
        *[
            said(200, intent(status))
            for status in ("requires_capture", "requires_confirmation", "canceled", "new")
        ],
        said(200, intent("requires_payment_method", last_payment_error=LOST)),
        said(202, intent()),
        said(302, b""),
        said(402, b""),
        said(402, {"error": {"type": "api_error"}}),
        said(402, {"error": {**LOST, "payment_intent": intent("succeeded")}}),
        said(402, {"error": {**LOST, "payment_intent": {"id": "pi_1"}}}),
        said(400, b"Bad Request"),
        said(400, {"error": {"type": "idempotency_error"}}),
        said(409, {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}),
        said(500, {"error": {"type": "api_error"}}),
        said(503, b"<html>"),
    ],
)
async def test_what_cannot_be_understood_is_unknown(answer: Answer) -> None:
    ours, _ = gateway(answer)
    assert kind(await ours.charge(charge())) is Unknown


async def test_a_charge_is_the_same_bytes_at_each_send() -> None:
    ours, transport = gateway(*[said(500, b"")] * 2)
    await ours.charge(charge())
    await ours.charge(
        charge(sends=7, lookups=3, absences=2, reference="pi_9", sent_at=NOW + timedelta(days=3))
    )
    first, second = transport.sent
    assert first == second
    assert list(first[2]["form"].items()) == [
        ("amount", "7000"),
        ("currency", "usd"),
        ("customer", "cus_1"),
        ("payment_method", "pm_ok"),
        ("payment_method_types[]", "card"),
        ("off_session", "true"),
        ("confirm", "true"),
        ("description", "plus-30d"),
        ("metadata[subscription]", "sub_1"),
        ("metadata[period_start]", "20261123T090000Z"),
        ("metadata[leg]", "charge"),
        ("metadata[attempt]", "1"),
    ]
    assert first[2]["headers"]["Idempotency-Key"] == charge().key


async def test_a_key_of_any_letters_fits_into_a_header() -> None:
    ours, transport = gateway(said(500, b""))
    await ours.charge(charge(renewal_id="abö\r\nX: y/20261123T090000Z"))
    assert (
        transport.sent[0][2]["headers"]["Idempotency-Key"] == "ab%C3%B6%0D%0AX:%20y/20261123T090000Z/charge/1"
    )


async def test_an_amount_without_cents_is_written_as_it_is() -> None:
    ours, transport = gateway(said(500, b""))
    await ours.charge(charge(amount=Money(900, "JPY")))
    form = transport.sent[0][2]["form"]
    assert (form["amount"], form["currency"]) == ("900", "jpy")


async def test_no_outcome_quotes_the_api_key_or_what_stripe_wrote() -> None:
    message = f"Invalid API Key provided: {API_KEY}, card 4242424242424242"
    error = {"type": "card_error", "code": message, "message": message}
    answers = [said(status, {"error": error}) for status in (400, 401, 402, 403, 404, 409, 500)]
    ours, _ = gateway(*answers, *answers)
    for ask in (ours.charge, ours.find):
        for _ in answers:
            told = repr(await ask(charge()))
            assert "4242" not in told
            assert API_KEY not in told
