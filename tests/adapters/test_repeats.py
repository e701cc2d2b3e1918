"""What the sends of one call come to together: a later one that never arrived unsays nothing of an earlier one that may have."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from renewd.adapters.gateways.stripe import StripeGateway
from renewd.adapters.transport import Transport
from renewd.renewal.outcome import Declined, Done, Unknown, Unreached
from tests.adapters.stripe_answers import API_KEY, FUNDS, intent
from tests.adapters.stub import Play, answer, hang, reset, serving
from tests.contracts.attempts import charge


def says(status: int, content: object) -> Play:
    return answer(status, json.dumps(content).encode(), Connection="close")


DONE, DECLINED = says(200, intent()), says(402, {"error": FUNDS})
RATE_LIMITED, TURNED_AWAY, BROKEN = says(429, {}), says(401, {}), says(500, {})
IN_FLIGHT = says(409, {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}})


@pytest.mark.parametrize(
    ("plays", "outcome"),
    [
        ([], Unreached),
        ([RATE_LIMITED], Unreached),
        ([RATE_LIMITED] * 3, Unreached),
        ([RATE_LIMITED, TURNED_AWAY], Unreached),
        ([RATE_LIMITED, DONE], Done),
        ([RATE_LIMITED, DECLINED], Declined),
        ([RATE_LIMITED, BROKEN], Unknown),
        ([RATE_LIMITED, reset], Unknown),
        ([RATE_LIMITED, hang], Unknown),
        ([RATE_LIMITED, IN_FLIGHT], Unknown),
        ([IN_FLIGHT], Unknown),
        ([IN_FLIGHT, RATE_LIMITED], Unknown),
        ([IN_FLIGHT, TURNED_AWAY], Unknown),
        ([IN_FLIGHT, reset], Unknown),
        ([IN_FLIGHT, hang], Unknown),
        ([BROKEN], Unknown),
        ([BROKEN, RATE_LIMITED], Unknown),
        ([reset], Unknown),
        ([hang], Unknown),
    ],
)
async def test_a_gateway_that_goes_away_after_these_answers(plays: Sequence[Play], outcome: type) -> None:
    async with serving(*plays, hang) as stub:

        async def sleep(_: float) -> None:
            if len(stub.requests) == len(plays):
                stub.leave()

        if not plays:
            stub.leave()
        transport = Transport(stub.url, {}, deadline=timedelta(seconds=1), max_concurrent=1, sleep=sleep)
        gateway = StripeGateway("stripe", transport, API_KEY)
        assert isinstance(await gateway.charge(charge()), outcome)
        await gateway.close()
