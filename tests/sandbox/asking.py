"""How the tests ask the sandbox: an HTTP client that knows both wire formats."""

from typing import Any

import httpx

PERIOD = "2026-11-23T00:00:00Z"
KEY = {"Authorization": "Bearer sk_test_1"}


def form(payment_method: str = "pm_ok", **changes: str | None) -> dict[str, str]:
    """A charge's parameters; None leaves one out. `metadata__leg` stands for `metadata[leg]`."""
    fields: dict[str, str | None] = {
        "amount": "1500",
        "currency": "eur",
        "customer": "cus_1",
        "payment_method": payment_method,
        "off_session": "true",
        "confirm": "true",
        "metadata[subscription]": "sub_1",
        "metadata[period_start]": PERIOD,
        "metadata[leg]": "charge",
        "metadata[attempt]": "1",
    }
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        fields[f"{outer}[{inner}]" if inner else outer] = value
    return {name: value for name, value in fields.items() if value is not None}


class Asking:
    """A client of one sandbox."""

    def __init__(self, url: str, wait: float = 5.0) -> None:
        self.http = httpx.AsyncClient(base_url=url, headers=KEY, trust_env=False, timeout=wait)

    async def charge(
        self, payment_method: str = "pm_ok", key: str | None = None, **changes: str | None
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post(
            "/v1/payment_intents", data=form(payment_method, **changes), headers=headers
        )

    async def extend(self, line: str, **changes: Any) -> httpx.Response:
        wanted = {"expires_at": "2026-12-23T00:00:00Z", "plan": "plus", "reference": "ref_1", **changes}
        return await self.http.post(f"/v1/lines/{line}/extend", json=wanted)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def intents(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/v1/payment_intents", **query))["data"]
        return found

    async def seen(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/sandbox/requests", limit=1000))["data"]
        return found

    async def statuses(self) -> list[int | str]:
        return [row["status"] for row in await self.seen()]

    async def set_clock(self, now: str | None) -> None:
        answer = await self.http.post("/sandbox/clock", json={"now": now})
        assert answer.status_code == 200, answer.text
