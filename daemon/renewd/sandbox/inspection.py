"""The judge's view, under `/sandbox/`: the clock, every request seen, and the sums. No provider has these."""

import json
from collections import Counter
from typing import Any

from renewd.sandbox.clock import SandboxClock, from_text, to_text
from renewd.sandbox.ledger import Ledger
from renewd.sandbox.paging import bad_request, page_of, whole
from renewd.sandbox.wire import Answer, Request, json_answer

LIST_LIMIT = 1000


class Inspection:
    """Reads the whole ledger; sets the clock and nothing else."""

    def __init__(self, ledger: Ledger, clock: SandboxClock) -> None:
        self._ledger = ledger
        self._clock = clock

    def show_clock(self, _: Request, __: str) -> Answer:
        """`GET /sandbox/clock`."""
        return json_answer(200, {"now": to_text(self._clock.now())})

    def set_clock(self, request: Request, _: str) -> Answer:
        """`POST /sandbox/clock`: `{"now": moment}` stops the clock there, `{"now": null}` follows the system."""
        try:
            content = json.loads(request.body)
            now = content["now"]
            self._clock.set(None if now is None else from_text(now))
        except (ValueError, TypeError, KeyError, RecursionError):
            raise bad_request('The body is {"now": an RFC 3339 moment in UTC, or null}.') from None
        return self.show_clock(request, "")

    def requests(self, request: Request, _: str) -> Answer:
        """`GET /sandbox/requests?limit=&after=`: every POST that reached a provider, oldest first."""
        limit, cursor = page_of(request.query, "after", default=100, most=LIST_LIMIT)
        start = whole(cursor or "0")
        if start is None:
            raise bad_request("after is the seq of a request.")
        end = start + limit
        page = self._ledger.requests[start:end]
        return json_answer(
            200, {"data": [seen._asdict() for seen in page], "has_more": len(self._ledger.requests) > end}
        )

    def summary(self, _: Request, __: str) -> Answer:
        """`GET /sandbox/summary`: counts, sums per currency in minor units, and double charges if there are any."""
        now = self._clock.timestamp()
        statuses: Counter[str] = Counter()
        amounts: Counter[str] = Counter()
        periods: Counter[tuple[str, str]] = Counter()
        for intent in self._ledger.payments.all:
            status = intent.status(now)
            statuses[status] += 1
            if status == "succeeded":
                amounts[intent.order.currency] += intent.order.amount
                periods[intent.period] += 1
        found: dict[str, Any] = {
            "requests": len(self._ledger.requests),
            "payment_intents": statuses,
            "succeeded_amounts": amounts,
            "double_charges": [period for period, times in periods.items() if times > 1 and any(period)],
            "lines": len(self._ledger.lines.names),
            "extensions": self._ledger.lines.count(),
        }
        return json_answer(200, found)
