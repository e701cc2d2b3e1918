"""What each payment method does to a charge, where the answer arrives as it should."""

import pytest

from tests.sandbox.asking import PERIOD, Asking, form


async def test_a_charge_answers_with_a_succeeded_payment_intent(ask: Asking) -> None:
    await ask.set_clock(PERIOD)
    answer = await ask.charge("pm_ok_0042", description="Plus, December")
    intent = answer.json()
    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
    assert intent["id"].startswith("pi_")
    assert intent["latest_charge"].startswith("ch_")
    assert intent == {
        "id": intent["id"],
        "object": "payment_intent",
        "amount": 1500,
        "amount_received": 1500,
        "currency": "eur",
        "customer": "cus_1",
        "payment_method": "pm_ok_0042",
        "status": "succeeded",
        "created": 1795392000,
        "latest_charge": intent["latest_charge"],
        "description": "Plus, December",
        "metadata": {"subscription": "sub_1", "period_start": PERIOD, "leg": "charge", "attempt": "1"},
        "livemode": False,
        "last_payment_error": None,
    }


@pytest.mark.parametrize(
    ("payment_method", "code", "decline_code", "advice_code"),
    [
        ("pm_insufficient_funds", "card_declined", "insufficient_funds", "try_again_later"),
        ("pm_lost_card", "card_declined", "lost_card", "do_not_try_again"),
        ("pm_expired_card", "expired_card", "expired_card", "confirm_card_data"),
        ("pm_authentication_required", "authentication_required", "authentication_required", None),
    ],
)
async def test_a_decline_is_a_402_card_error_and_stays_in_the_list(
    ask: Asking, payment_method: str, code: str, decline_code: str, advice_code: str | None
) -> None:
    await ask.charge(payment_method)
    await ask.charge(payment_method)
    answer = await ask.charge(payment_method)
    error = answer.json()["error"]
    assert answer.status_code == 402
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    assert error.get("advice_code") == advice_code
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["amount_received"] == 0
    assert error["payment_intent"]["last_payment_error"]["charge"] == error["charge"]
    assert (await ask.intents())[0] == error["payment_intent"]


@pytest.mark.parametrize(
    ("payment_method", "declines"), [("pm_insufficient_funds_x2_17", 2), ("pm_do_not_honor_x1", 1)]
)
async def test_counted_declines_are_counted_per_method_subscription_and_period(
    ask: Asking, payment_method: str, declines: int
) -> None:
    expected = [402] * declines + [200, 200]
    assert [(await ask.charge(payment_method)).status_code for _ in expected] == expected
    other_period = await ask.charge(payment_method, metadata__period_start="2026-12-23T00:00:00Z")
    other_subscription = await ask.charge(payment_method, metadata__subscription="sub_2")
    other_method = await ask.charge(f"{payment_method}-b")
    assert [other_period.status_code, other_subscription.status_code, other_method.status_code] == [402] * 3


async def test_a_processing_charge_succeeds_after_an_hour_of_the_sandboxs_clock(ask: Asking) -> None:
    await ask.set_clock("2026-11-23T00:00:00Z")
    first = await ask.charge("pm_processing", key="k")
    assert (first.status_code, first.json()["status"], first.json()["amount_received"]) == (
        200,
        "processing",
        0,
    )
    await ask.set_clock("2026-11-23T00:59:59Z")
    assert (await ask.intents())[0]["status"] == "processing"
    await ask.set_clock("2026-11-23T01:00:00Z")
    found = await ask.get(f"/v1/payment_intents/{first.json()['id']}")
    assert (found["status"], found["amount_received"]) == ("succeeded", 1500)
    assert (await ask.charge("pm_processing", key="k")).json() == first.json()


async def test_a_wrong_amount_is_really_charged_and_told(ask: Asking) -> None:
    answer = await ask.charge("pm_wrong_amount")
    assert (answer.status_code, answer.json()["amount"]) == (200, 1600)
    assert (await ask.intents())[0]["amount_received"] == 1600
    assert (await ask.get("/sandbox/summary"))["succeeded_amounts"] == {"eur": 1600}


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"amount": None}, "amount", "parameter_missing"),
        ({"amount": "12.5"}, "amount", "parameter_invalid_integer"),
        ({"amount": "-3"}, "amount", "parameter_invalid_integer"),
        ({"amount": "0"}, "amount", "amount_too_small"),
        ({"currency": "euro"}, "currency", None),
        ({"customer": None}, "customer", "parameter_missing"),
        ({"payment_method": None}, "payment_method", "parameter_missing"),
        ({"payment_method": "pm_unheard_of"}, "payment_method", "resource_missing"),
        ({"payment_method": "pm_okay"}, "payment_method", "resource_missing"),
        ({"off_session": "false"}, "off_session", None),
        ({"confirm": None}, "confirm", "parameter_missing"),
        ({"coupon": "x"}, "coupon", "parameter_unknown"),
        ({"metadata": "x"}, "metadata", "parameter_unknown"),
        ({"metadata[long]": "x" * 501}, "metadata[long]", None),
    ],
)
async def test_invalid_parameters_are_named_and_store_nothing(
    ask: Asking, changes: dict[str, str | None], param: str, code: str | None
) -> None:
    fields = {name: value for name, value in {**form(), **changes}.items() if value is not None}
    answer = await ask.http.post("/v1/payment_intents", data=fields, headers={"Idempotency-Key": "k"})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error.get("code")) == (param, code)
    assert await ask.intents() == []
    assert (await ask.charge(key="k")).status_code == 200


@pytest.mark.parametrize(
    "body", ["amount=1&amount=2", "amount", "amount=%ff", "é=1", "&".join(["a=1"] * 101)]
)
async def test_a_body_that_is_no_form_is_refused(ask: Asking, body: str) -> None:
    answer = await ask.http.post("/v1/payment_intents", content=body.encode())
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_payment_method_types_may_be_listed(ask: Asking) -> None:
    fields = {**form(), "payment_method_types[]": ["card", "sepa_debit"]}
    assert (await ask.http.post("/v1/payment_intents", data=fields)).status_code == 200


@pytest.mark.parametrize("key", ["", "Bearer sk_revoked_1", "Bearer sk_live_1", "Basic c2tfdGVzdA=="])
async def test_only_a_test_key_is_let_in(ask: Asking, key: str) -> None:
    for path in ("/v1/payment_intents", "/v1/payment_intents/pi_1", "/v1/balance"):
        answer = await ask.http.get(path, headers={"Authorization": key})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
