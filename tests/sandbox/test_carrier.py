"""The carrier's contract, and what each line does to an extension."""

from typing import Any

import httpx
import pytest

from tests.sandbox.asking import Asking

DECEMBER = "2026-12-23T00:00:00Z"
JANUARY = "2027-01-23T00:00:00Z"


async def _until(ask: Asking, line: str) -> str | None:
    found: str | None = (await ask.get(f"/v1/lines/{line}"))["expires_at"]
    return found


async def test_a_line_comes_into_being_at_first_sight(ask: Asking) -> None:
    assert await ask.get("/v1/lines/8988307000000000017") == {
        "line": "8988307000000000017",
        "status": "active",
        "plan": None,
        "expires_at": None,
        "data_left_mb": None,
        "minutes_left": None,
        "extensions": [],
    }
    assert [line["line"] for line in (await ask.get("/v1/lines"))["data"]] == ["8988307000000000017"]


async def test_an_extension_moves_the_line_to_the_date_asked_for(ask: Asking) -> None:
    answer = await ask.extend("extend_ok_7", expires_at=DECEMBER)
    done = {"line": "extend_ok_7", "status": "done", "expires_at": DECEMBER, "reference": "ref_1"}
    assert (answer.status_code, answer.json()) == (200, done)
    await ask.extend("extend_ok_7", expires_at=JANUARY, reference="ref_2", plan="max")
    line = await ask.get("/v1/lines/extend_ok_7")
    assert (line["expires_at"], line["plan"], line["data_left_mb"] > 0) == (JANUARY, "max", True)
    assert line["extensions"] == [
        {"reference": "ref_2", "expires_at": JANUARY, "plan": "max", "status": "done"},
        {"reference": "ref_1", "expires_at": DECEMBER, "plan": "plus", "status": "done"},
    ]


async def test_the_same_reference_is_answered_as_at_first_and_moves_nothing(ask: Asking) -> None:
    first = await ask.extend("any_line")
    await ask.extend("any_line", expires_at=JANUARY, reference="ref_2")
    assert (await ask.extend("any_line")).json() == first.json()
    assert await _until(ask, "any_line") == JANUARY
    assert [row["replayed"] for row in await ask.seen()] == [False, False, True]


@pytest.mark.parametrize(
    ("line", "changes"), [("a", {"expires_at": JANUARY}), ("a", {"plan": "max"}), ("b", {})]
)
async def test_a_reference_cannot_be_used_for_another_extension(
    ask: Asking, line: str, changes: dict[str, str]
) -> None:
    await ask.extend("a")
    answer = await ask.extend(line, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reference_reused")


async def test_a_line_never_moves_backwards(ask: Asking) -> None:
    await ask.extend("a", expires_at=JANUARY)
    answer = await ask.extend("a", expires_at=DECEMBER, reference="ref_2")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_later")
    assert await _until(ask, "a") == JANUARY
    assert (await ask.extend("a", expires_at=JANUARY, reference="ref_3")).status_code == 200


async def test_a_500_after_the_extension_is_told_by_a_repeat(ask: Asking) -> None:
    assert (await ask.extend("extend_500_after_1")).status_code == 500
    assert await _until(ask, "extend_500_after_1") == DECEMBER
    assert (await ask.extend("extend_500_after_1")).status_code == 200


async def test_a_pending_extension_is_done_after_an_hour_of_the_sandboxs_clock(ask: Asking) -> None:
    await ask.set_clock("2026-11-23T00:00:00Z")
    first = await ask.extend("extend_pending-1")
    assert (first.status_code, first.json()["status"], first.json()["reference"]) == (202, "pending", "ref_1")
    assert (await ask.extend("extend_pending-1")).status_code == 202
    line = await ask.get("/v1/lines/extend_pending-1")
    assert (line["expires_at"], line["extensions"][0]["status"]) == (None, "pending")
    await ask.set_clock("2026-11-23T01:00:00Z")
    line = await ask.get("/v1/lines/extend_pending-1")
    assert (line["expires_at"], line["extensions"][0]["status"]) == (DECEMBER, "done")
    assert (await ask.extend("extend_pending-1")).json()["status"] == "done"


async def test_a_refused_extension_is_refused_every_time(ask: Asking) -> None:
    for _ in range(2):
        answer = await ask.extend("extend_refused")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "line_not_renewable")
    line = await ask.get("/v1/lines/extend_refused")
    assert line["expires_at"] is None
    assert (line["extensions"][0]["status"], line["extensions"][0]["code"]) == (
        "refused",
        "line_not_renewable",
    )


async def test_a_reset_after_the_extension_is_told_by_a_repeat(ask: Asking) -> None:
    with pytest.raises(httpx.ReadError):
        await ask.extend("extend_reset_after")
    assert await _until(ask, "extend_reset_after") == DECEMBER
    assert (await ask.extend("extend_reset_after")).status_code == 200
    assert await ask.statuses() == ["reset", 200]


async def test_a_timeout_after_the_extension_is_told_by_a_repeat(ask: Asking) -> None:
    ask.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        await ask.extend("extend_timeout_after")
    assert (await ask.extend("extend_timeout_after")).status_code == 200
    assert await ask.statuses() == ["hang", 200]


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": "2026-12-23"},
        {"expires_at": "2026-12-23T00:00:00+01:00"},
        {"expires_at": "2026-02-30T00:00:00Z"},
        {"expires_at": None},
        {"plan": ""},
        {"plan": 5},
        {"reference": "r" * 256},
        {"colour": "red"},
    ],
)
async def test_a_malformed_extension_is_a_bad_request(ask: Asking, changes: dict[str, Any]) -> None:
    answer = await ask.extend("a", **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert await ask.statuses() == [400]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"plan": "plus"}', "[" * 100_000])
async def test_a_body_that_is_no_such_object_is_a_bad_request(ask: Asking, body: str) -> None:
    answer = await ask.http.post("/v1/lines/a/extend", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


async def test_any_bearer_token_is_let_in_and_nothing_else(ask: Asking) -> None:
    for token, status in [("Bearer x", 200), ("Bearer", 401), ("Basic x", 401), ("", 401)]:
        answer = await ask.http.get("/v1/lines/a", headers={"Authorization": token})
        assert answer.status_code == status
    assert (await ask.http.post("/v1/lines/a/extend", headers={"Authorization": ""})).status_code == 401


async def test_the_ledger_of_lines_pages_in_the_order_of_first_sight(ask: Asking) -> None:
    for line in ("c", "a", "b"):
        await ask.extend(line, reference=f"ref_{line}")
    first = await ask.get("/v1/lines", limit=2)
    rest = await ask.get("/v1/lines", limit=2, starting_after="a")
    assert [[line["line"] for line in page["data"]] for page in (first, rest)] == [["c", "a"], ["b"]]
    assert [first["has_more"], rest["has_more"]] == [True, False]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "9" * 5000}, {"starting_after": "no"}, {"page": 1}]
)
async def test_bad_options_for_the_lines_are_refused(ask: Asking, query: dict[str, Any]) -> None:
    answer = await ask.http.get("/v1/lines", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
