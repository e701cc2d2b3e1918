"""Stripe v1's idempotency: what is replayed, what is not, and for how long."""

import asyncio

import pytest

from tests.sandbox.asking import Asking, form


@pytest.mark.parametrize(
    ("payment_method", "status"),
    [
        ("pm_ok", 200),
        ("pm_insufficient_funds_x2", 402),
        ("pm_500_after_charge", 500),
        ("pm_garbage_after_charge", 200),
        ("pm_wrong_amount", 200),
    ],
)
async def test_the_first_answer_is_replayed_whatever_it_was(
    ask: Asking, payment_method: str, status: int
) -> None:
    first = await ask.charge(payment_method, key="k")
    repeats = [await ask.charge(payment_method, key="k") for _ in range(3)]
    assert first.status_code == status
    assert "idempotent-replayed" not in first.headers
    for repeat in repeats:
        assert (repeat.status_code, repeat.content) == (status, first.content)
        assert repeat.headers["content-type"] == first.headers["content-type"]
        assert repeat.headers["idempotent-replayed"] == "true"
    assert len(await ask.intents()) == 1
    assert [row["replayed"] for row in await ask.seen()] == [False, True, True, True]


async def test_a_stored_500_hides_a_charge_that_succeeded(ask: Asking) -> None:
    assert (await ask.charge("pm_500_after_charge", key="k")).json()["error"]["type"] == "api_error"
    assert [intent["status"] for intent in await ask.intents()] == ["succeeded"]


async def test_without_a_key_every_request_charges(ask: Asking) -> None:
    await ask.charge()
    await ask.charge()
    assert len(await ask.intents()) == 2


async def test_a_key_with_other_parameters_is_an_idempotency_error(ask: Asking) -> None:
    await ask.charge(key="k")
    answer = await ask.charge(key="k", amount="1501")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")
    assert len(await ask.intents()) == 1


async def test_the_order_of_the_parameters_does_not_matter(ask: Asking) -> None:
    first = await ask.charge(key="k")
    turned = dict(reversed(form().items()))
    again = await ask.http.post("/v1/payment_intents", data=turned, headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()


async def test_a_second_request_while_the_first_is_in_flight_gets_409_and_charges_nothing(
    slow: Asking,
) -> None:
    first = asyncio.create_task(slow.charge(key="k"))
    await asyncio.sleep(0.1)
    second = await slow.charge(key="k")
    assert (await first).status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert (await slow.charge(key="k")).json() == (await first).json()
    assert len(await slow.intents()) == 1


async def test_a_charge_happens_even_if_the_client_leaves_before_the_answer(slow: Asking) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await slow.charge(key="k")
    await asyncio.sleep(0.3)
    assert [intent["status"] for intent in await slow.intents()] == ["succeeded"]


async def test_a_key_is_pruned_after_24_hours_and_then_charges_again(ask: Asking) -> None:
    await ask.set_clock("2026-11-23T00:00:00Z")
    first = await ask.charge(key="k")
    await ask.set_clock("2026-11-23T23:59:59Z")
    assert (await ask.charge(key="k")).json() == first.json()
    await ask.set_clock("2026-11-24T00:00:00Z")
    again = await ask.charge(key="k", metadata__attempt="2")
    assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)
    assert again.json()["id"] != first.json()["id"]
    assert (await ask.get("/sandbox/summary"))["double_charges"] == [["sub_1", "2026-11-23T00:00:00Z"]]


async def test_a_429_comes_before_the_idempotency_layer(ask: Asking) -> None:
    first = await ask.charge("pm_429", key="k")
    assert (first.status_code, first.headers["retry-after"]) == (429, "1")
    assert await ask.intents() == []
    assert (await ask.charge("pm_429", key="k")).status_code == 200
    assert (await ask.charge("pm_429", key="other")).status_code == 429


async def test_a_401_comes_before_the_idempotency_layer(ask: Asking) -> None:
    revoked = {"Authorization": "Bearer sk_revoked_1", "Idempotency-Key": "k"}
    assert (await ask.http.post("/v1/payment_intents", data=form(), headers=revoked)).status_code == 401
    assert (await ask.charge(key="k")).status_code == 200
    assert (await ask.http.post("/v1/payment_intents", data=form(), headers=revoked)).status_code == 401
    assert await ask.statuses() == [401, 200, 401]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_1_to_255_characters(ask: Asking, key: str) -> None:
    assert (await ask.charge(key=key)).status_code == 400
    assert (await ask.charge(key="k" * 255)).status_code == 200
