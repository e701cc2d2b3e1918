"""Finding what was charged: lists, single intents, the balance, and the judge's view."""

from typing import Any

import pytest

from tests.sandbox.asking import Asking


async def _made(ask: Asking, count: int, **changes: str) -> list[str]:
    return [(await ask.charge(**changes)).json()["id"] for _ in range(count)]


async def test_the_list_is_newest_first_and_pages_by_id(ask: Asking) -> None:
    made = await _made(ask, 7)
    page = await ask.get("/v1/payment_intents", limit=3)
    pages = [[intent["id"] for intent in page["data"]]]
    while page["has_more"]:
        page = await ask.get("/v1/payment_intents", limit=3, starting_after=pages[-1][-1])
        pages.append([intent["id"] for intent in page["data"]])
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [identity for page in pages for identity in page] == made[::-1]
    assert (page["object"], page["url"]) == ("list", "/v1/payment_intents")


async def test_ten_are_listed_unless_asked_otherwise(ask: Asking) -> None:
    await _made(ask, 11)
    page = await ask.get("/v1/payment_intents")
    assert (len(page["data"]), page["has_more"]) == (10, True)


async def test_a_customers_list_pages_past_other_customers(ask: Asking) -> None:
    mine: list[str] = []
    for _ in range(3):
        mine += await _made(ask, 1, customer="cus_mine")
        await _made(ask, 2, customer="cus_other")
    first = await ask.intents(customer="cus_mine", limit=2)
    rest = await ask.intents(customer="cus_mine", limit=2, starting_after=first[-1]["id"])
    assert [intent["id"] for intent in [*first, *rest]] == mine[::-1]
    assert await ask.intents(customer="cus_nobody") == []


async def test_the_list_can_begin_at_a_moment_of_the_sandboxs_clock(ask: Asking) -> None:
    await ask.set_clock("2026-11-23T00:00:00Z")
    await _made(ask, 2)
    await ask.set_clock("2026-11-24T00:00:00Z")
    later = await _made(ask, 1)
    found = await ask.intents(**{"created[gte]": 1795392001})
    assert [intent["id"] for intent in found] == later
    assert len(await ask.intents(**{"created[gte]": 1795392000})) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"page": 2},
        {"starting_after": "pi_no"},
        {"created[gte]": "now"},
    ],
)
async def test_bad_list_parameters_are_refused(ask: Asking, query: dict[str, Any]) -> None:
    answer = await ask.http.get("/v1/payment_intents", params=query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_an_intent_is_found_by_its_id_or_not_at_all(ask: Asking) -> None:
    made = (await ask.charge()).json()
    assert await ask.get(f"/v1/payment_intents/{made['id']}") == made
    absent = await ask.http.get("/v1/payment_intents/pi_no")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "resource_missing")


async def test_the_balance_is_a_sign_of_life(ask: Asking) -> None:
    assert (await ask.get("/v1/balance"))["object"] == "balance"


async def test_every_request_that_reached_a_provider_is_listed_in_order(ask: Asking) -> None:
    await ask.set_clock("2026-11-23T00:00:00Z")
    await ask.charge(key="a")
    await ask.charge(key="a")
    await ask.charge("pm_lost_card", key="b")
    await ask.charge("pm_unheard_of", key="c")
    await ask.extend("extend_ok_1", reference="r")
    expected = [
        ("/v1/payment_intents", "a", 200, False, True),
        ("/v1/payment_intents", "a", 200, True, False),
        ("/v1/payment_intents", "b", 402, False, False),
        ("/v1/payment_intents", "c", 400, False, False),
        ("/v1/lines/extend_ok_1/extend", "r", 200, False, False),
    ]
    rows = await ask.seen()
    assert [(r["path"], r["key"], r["status"], r["replayed"], r["charged"]) for r in rows] == expected
    assert rows[0] | {"path": "", "key": ""} == {
        "seq": 1, "at": "2026-11-23T00:00:00Z", "method": "POST", "path": "", "key": "",
        "status": 200, "replayed": False, "charged": True,
    }  # fmt: skip


async def test_the_requests_page_by_their_number(ask: Asking) -> None:
    await _made(ask, 5)
    first = await ask.get("/sandbox/requests", limit=3)
    rest = await ask.get("/sandbox/requests", limit=3, after=first["data"][-1]["seq"])
    assert [[row["seq"] for row in page["data"]] for page in (first, rest)] == [[1, 2, 3], [4, 5]]
    assert [first["has_more"], rest["has_more"]] == [True, False]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"after": "x"}, {"before": 1}])
async def test_bad_options_for_the_requests_are_refused(ask: Asking, query: dict[str, Any]) -> None:
    assert (await ask.http.get("/sandbox/requests", params=query)).status_code == 400


async def test_the_summary_counts_sums_and_names_double_charges(ask: Asking) -> None:
    await _made(ask, 2, metadata__subscription="sub_twice")
    await ask.charge(metadata__subscription="sub_once", currency="USD", amount="7")
    await ask.charge("pm_lost_card", metadata__subscription="sub_never")
    await ask.charge("pm_processing", metadata__subscription="sub_later")
    await ask.extend("line_1")
    assert await ask.get("/sandbox/summary") == {
        "requests": 6,
        "payment_intents": {"succeeded": 3, "requires_payment_method": 1, "processing": 1},
        "succeeded_amounts": {"eur": 3000, "usd": 7},
        "double_charges": [["sub_twice", "2026-11-23T00:00:00Z"]],
        "lines": 1,
        "extensions": 1,
    }


async def test_the_clock_stands_still_once_set_and_follows_the_system_again(ask: Asking) -> None:
    await ask.set_clock("2031-01-01T00:00:00Z")
    assert [await ask.get("/sandbox/clock") for _ in range(2)] == [{"now": "2031-01-01T00:00:00Z"}] * 2
    await ask.set_clock(None)
    assert (await ask.get("/sandbox/clock"))["now"] < "2031"


@pytest.mark.parametrize(
    "body", ['{"now": "tomorrow"}', '{"now": 5}', "{}", "[]", "x", '{"now": "2031-01-01"}']
)
async def test_the_clock_takes_only_a_moment_in_utc(ask: Asking, body: str) -> None:
    assert (await ask.http.post("/sandbox/clock", content=body)).status_code == 400
