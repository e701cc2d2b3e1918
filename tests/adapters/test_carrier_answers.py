"""Each answer of a carrier is one outcome; what cannot be understood is neither success nor failure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from renewd.adapters.carriers.http import HttpCarrier
from renewd.adapters.transport import Answer
from renewd.renewal.decline import DeclineClass
from renewd.renewal.outcome import Absent, Declined, Done, Finding, Outcome, Pending, Unknown, Unreached
from tests.adapters.scripted import Scripted, said
from tests.contracts.attempts import END, extension

KEY = extension().key
DATE = "2026-12-23T09:00:00Z"
REFUSED = {"error": {"code": "line_not_renewable", "message": "no"}}


def made(**changes: Any) -> dict[str, Any]:
    return {"line": "extend_ok", "status": "done", "expires_at": DATE, "reference": KEY, **changes}


def line(*extensions: Any, expires_at: Any = None, **changes: Any) -> dict[str, Any]:
    return {"line": "extend_ok", "expires_at": expires_at, "extensions": list(extensions), **changes}


def asked(status: str, **changes: Any) -> dict[str, Any]:
    return {"reference": KEY, "status": status, **changes}


def carrier(*results: Any) -> tuple[HttpCarrier, Scripted]:
    transport = Scripted(*results)
    return HttpCarrier("carrier", transport, "token"), transport


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said(200, made()), Done(KEY)),
        (said(200, made(expires_at="2026-12-24T00:00:00+02:00")), Done(KEY)),
        (said(202, {"status": "pending"}), Pending(KEY)),
        *[
            (said(status, REFUSED), Declined(DeclineClass.OURS, "line_not_renewable"))
            for status in (400, 404, 409, 422)
        ],
        (said(409, {"error": {"code": "already_later"}}), Declined(DeclineClass.OURS, "already_later")),
        (said(422, {"error": {"code": "Card 4242\n"}}), Declined(DeclineClass.OURS, "unreadable")),
        (said(401, b""), Unreached("turned away with 401", refused=True)),
        (said(403, REFUSED), Unreached("turned away with 403", refused=True)),
        (Unreached("rate limited"),) * 2,
        (Unknown("ReadError"),) * 2,
    ],
)
async def test_an_answer_is_one_outcome(answer: Answer | Outcome, outcome: Outcome) -> None:
    ours, _ = carrier(answer)
    assert await ours.extend(extension()) == outcome


@pytest.mark.parametrize(
    "answer",
    [
        said(200, b""),
        said(200, {}),
        said(200, made(expires_at="2026-12-23T08:59:59Z")),
        said(200, made(expires_at="2026-12-23T09:00:00")),
        said(200, made(expires_at="tomorrow")),
        said(200, made(expires_at=None)),
        said(200, made(expires_at=1798016400)),
        said(200, made(line="another")),
        said(200, made(reference="another")),
        said(200, made(status="pending")),
        said(202, b""),
        said(202, {"status": "done"}),
        said(302, b""),
        said(404, b"<html>"),
        said(409, {"error": "no"}),
        said(422, {"error": {"code": 7}}),
        said(500, REFUSED),
        said(503, b""),
    ],
)
async def test_what_cannot_be_understood_is_unknown(answer: Answer) -> None:
    ours, _ = carrier(answer)
    assert isinstance(await ours.extend(extension()), Unknown)


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (said(200, line(asked("done"), expires_at=DATE)), Done(KEY)),
        (said(200, line(asked("pending"))), Pending(KEY)),
        (said(200, line(asked("pending"), expires_at=DATE)), Pending(KEY)),
        (said(200, line(asked("refused", code="no_credit"))), Declined(DeclineClass.OURS, "no_credit")),
        (said(200, line(asked("refused"))), Declined(DeclineClass.OURS, "unreadable")),
        (said(200, line(asked("done", reference="other"), expires_at=DATE)), Done(KEY)),
        (said(200, line(expires_at="2027-01-01T00:00:00Z")), Done(KEY)),
        (said(200, line(expires_at="2026-12-23T08:59:59Z")), Absent()),
        (said(200, line()), Absent()),
        (said(404, {"error": {"code": "no_such_line"}}), Absent()),
        (said(401, b""), Unreached("turned away with 401", refused=True)),
        (Unreached("ConnectError"),) * 2,
    ],
)
async def test_the_line_tells_what_has_become_of_an_attempt(
    answer: Answer | Outcome, finding: Finding
) -> None:
    ours, _ = carrier(answer)
    assert await ours.find(extension()) == finding


@pytest.mark.parametrize(
    "answer",
    [
        said(200, b""),
        said(200, {}),
        said(200, line(line="another")),
        said(200, line(expires_at="tomorrow")),
        said(200, line(expires_at=0)),
        said(200, line("reference")),
        said(200, line(asked("new"))),
        said(200, {"line": "extend_ok", "expires_at": None}),
        said(404, b"<html>"),
        said(500, b""),
    ],
)
async def test_a_line_that_cannot_be_read_never_means_absent(answer: Answer) -> None:
    ours, _ = carrier(answer)
    assert isinstance(await ours.find(extension()), Unknown)


async def test_the_end_date_is_absolute_and_in_utc() -> None:
    ours, transport = carrier(said(500, b""))
    local = END.replace(tzinfo=UTC, microsecond=999).astimezone(
        datetime.fromisoformat("2026-01-01T00:00+05:30").tzinfo
    )
    await ours.extend(extension(extend_to=local))
    method, path, options = transport.sent[0]
    assert (method, path) == ("POST", ("v1", "lines", "extend_ok", "extend"))
    assert options["json"] == {"expires_at": DATE, "plan": "plus-30d", "reference": KEY}
    assert options["headers"] == {"Authorization": "Bearer token"}


async def test_fractions_of_a_second_do_not_make_a_good_answer_too_early() -> None:
    ours, _ = carrier(said(200, made()))
    assert await ours.extend(extension(extend_to=END + timedelta(microseconds=5))) == Done(KEY)


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_line_that_is_a_step_in_a_path_is_never_asked_for(name: str) -> None:
    ours, transport = carrier()
    assert await ours.extend(extension(name)) == Declined(DeclineClass.OURS, "line_invalid")
    assert await ours.find(extension(name)) == Absent()
    assert transport.sent == []
