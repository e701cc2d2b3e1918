"""What has become of an attempt is read from Stripe's list, whole or not at all."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from renewd.renewal.decline import DeclineClass
from renewd.renewal.outcome import (
    Absent,
    ActionRequired,
    Declined,
    Done,
    Finding,
    Mismatch,
    Pending,
    Unknown,
    Unreached,
)
from tests.adapters.scripted import said
from tests.adapters.stripe_answers import FUNDS, LOST, VERIFY, gateway, intent, kind, page
from tests.contracts.attempts import NOW, PERIOD, charge


@pytest.mark.parametrize(
    ("intents", "finding"),
    [
        ([], Absent()),
        ([intent()], Done("pi_1")),
        ([intent("processing")], Pending("pi_1")),
        ([intent("requires_action")], Pending("pi_1")),
        ([intent("canceled")], Declined(DeclineClass.OURS, "canceled", "pi_1")),
        ([intent("requires_capture")], Mismatch("requires_capture", "pi_1")),
        ([intent("requires_confirmation")], Mismatch("requires_confirmation", "pi_1")),
        ([intent(amount=7100, amount_received=7100)], Mismatch("another amount", "pi_1")),
        ([intent(currency="eur")], Mismatch("another amount", "pi_1")),
        (
            [intent("requires_payment_method", last_payment_error=LOST)],
            Declined(DeclineClass.NEVER, "lost_card", "pi_1"),
        ),
        (
            [intent("requires_payment_method", last_payment_error=VERIFY)],
            ActionRequired("authentication_required", "pi_1"),
        ),
        (
            [intent(id="pi_2"), intent("requires_payment_method", last_payment_error=LOST)],
            Done("pi_2"),
        ),
        ([intent("requires_payment_method", last_payment_error=LOST), intent(id="pi_2")], Done("pi_2")),
        ([intent("processing", id="pi_2"), intent("canceled")], Pending("pi_2")),
        ([intent(), intent(id="pi_2")], Mismatch("charged more than once", "pi_1")),
        ([intent(), intent(id="pi_2", amount=1, amount_received=1)], Mismatch("another amount", "pi_2")),
        (
            [
                intent("requires_payment_method", last_payment_error=FUNDS),
                intent("requires_payment_method", last_payment_error=LOST, id="pi_0"),
            ],
            Declined(DeclineClass.LATER, "insufficient_funds", "pi_1"),
        ),
    ],
)
async def test_the_list_tells_what_has_become_of_an_attempt(
    intents: list[dict[str, Any]], finding: Finding
) -> None:
    ours, _ = gateway(said(200, page(*intents)))
    assert await ours.find(charge()) == finding


@pytest.mark.parametrize("name", ["subscription", "period_start", "leg"])
async def test_a_payment_with_another_mark_is_not_ours(name: str) -> None:
    other = intent()
    other["metadata"][name] = "other"
    ours, _ = gateway(said(200, page(other)))
    assert await ours.find(charge()) == Absent()


def of_attempt(number: str, made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "metadata": {**made["metadata"], "attempt": number}}


OURS_DECLINED = intent("requires_payment_method", last_payment_error=FUNDS, id="pi_0")


@pytest.mark.parametrize(
    ("intents", "finding"),
    [
        ([of_attempt("3", intent())], Done("pi_1")),
        ([of_attempt("3", intent()), OURS_DECLINED], Done("pi_1")),
        ([OURS_DECLINED, of_attempt("3", intent())], Done("pi_1")),
        ([of_attempt("3", intent("processing"))], Pending("pi_1")),
        ([of_attempt("3", intent("processing")), OURS_DECLINED], Pending("pi_1")),
        ([of_attempt("3", intent(amount=7100, amount_received=7100))], Mismatch("another amount", "pi_1")),
        ([of_attempt("3", intent("requires_capture"))], Mismatch("requires_capture", "pi_1")),
        ([of_attempt("3", intent()), intent(id="pi_0")], Mismatch("charged more than once", "pi_1")),
        (
            [of_attempt("3", intent()), of_attempt("2", intent(id="pi_0"))],
            Mismatch("charged more than once", "pi_1"),
        ),
        (
            [of_attempt("3", intent("processing")), intent(id="pi_0")],
            Mismatch("charged, and another charge of the period is still open", "pi_0"),
        ),
        ([of_attempt("3", intent("new"))], Unknown("a PaymentIntent in an unexpected status")),
        # What takes no money counts only when it is this attempt's own.
        ([of_attempt("3", intent("requires_payment_method", last_payment_error=LOST))], Absent()),
        ([of_attempt("3", intent("canceled"))], Absent()),
        (
            [of_attempt("3", intent("requires_payment_method", last_payment_error=LOST)), OURS_DECLINED],
            Declined(DeclineClass.LATER, "insufficient_funds", "pi_0"),
        ),
    ],
)
async def test_money_for_the_period_counts_whichever_attempt_took_it(
    intents: list[dict[str, Any]], finding: Finding
) -> None:
    ours, _ = gateway(said(200, page(*intents)))
    assert await ours.find(charge()) == finding


@pytest.mark.parametrize(
    "answers",
    [
        [said(200, b"")],
        [said(200, {"data": [], "has_more": False})],
        [said(200, {"object": "list", "data": []})],
        [said(200, {"object": "list", "data": [], "has_more": True})],
        [said(200, {"object": "list", "data": {}, "has_more": False})],
        [said(200, page(intent(metadata=None)))],
        [said(200, page({"object": "payment_intent"}))],
        [said(200, {"object": "list", "data": ["pi_1"], "has_more": False})],
        [said(200, page(intent("requires_payment_method")))],
        [said(200, page(intent(), more=True)), said(500, b"")],
        [said(200, page(intent(), more=True)), Unknown("ReadError")],
        [said(302, b"")],
        [said(400, {"error": {"type": "invalid_request_error", "code": "resource_missing"}})],
    ],
)
async def test_a_list_that_cannot_be_read_to_its_end_never_means_absent(answers: list[Any]) -> None:
    ours, _ = gateway(*answers)
    assert kind(await ours.find(charge())) is Unknown


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_gateway_that_turns_us_away_tells_nothing(status: int) -> None:
    ours, _ = gateway(said(status, b""))
    assert await ours.find(charge()) == Unreached(f"turned away with {status}", refused=True)


async def test_the_list_is_read_to_its_end_from_before_the_period_could_first_be_charged() -> None:
    pages = [page(intent(id=f"pi_{n}", metadata={}), more=n < 3) for n in range(4)]
    ours, transport = gateway(*(said(200, each) for each in pages))
    assert await ours.find(charge()) == Absent()
    asked = [options["params"] for _, _, options in transport.sent]
    since = str(int((PERIOD - timedelta(days=400)).timestamp()))
    assert all(each["customer"] == "cus_1" and each["created[gte]"] == since for each in asked)
    assert [each.get("starting_after") for each in asked] == [None, "pi_0", "pi_1", "pi_2"]


@pytest.mark.parametrize(
    ("begun_at", "since"),
    [
        (NOW, PERIOD - timedelta(days=400)),
        (PERIOD + timedelta(days=300), PERIOD - timedelta(days=400)),
        (PERIOD - timedelta(days=399), PERIOD - timedelta(days=400)),
        (PERIOD - timedelta(days=420), PERIOD - timedelta(days=421)),
    ],
    ids=["a week ahead", "long after", "on the edge", "long before"],
)
async def test_the_list_begins_before_whatever_may_have_been_made(
    begun_at: datetime, since: datetime
) -> None:
    ours, transport = gateway(said(200, page()))
    await ours.find(charge(begun_at=begun_at, sent_at=begun_at))
    (_, _, options), *_ = transport.sent
    assert options["params"]["created[gte]"] == str(int(since.timestamp()))


async def test_a_list_without_an_end_is_given_up() -> None:
    endless = said(200, page(intent(metadata={}), more=True))
    ours, transport = gateway(*[endless] * 300)
    assert kind(await ours.find(charge())) is Unknown
    assert len(transport.sent) == 200
