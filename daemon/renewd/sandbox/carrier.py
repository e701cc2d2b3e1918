"""The carrier: lines, and extensions to an absolute end date.

A contract of our own. Asking for an absolute date makes a repeat harmless: the same reference is answered as it
was at first, and no extension moves a line's end backwards.
"""

import json
from functools import partial
from typing import NamedTuple

from renewd.sandbox.behaviours import of_line
from renewd.sandbox.clock import SandboxClock, from_text, to_text
from renewd.sandbox.ledger import Ledger
from renewd.sandbox.lines import Extension
from renewd.sandbox.paging import bad_request, page_of
from renewd.sandbox.wire import Answer, Answered, Manner, Request, Work, json_answer

MAX_TEXT = 255  # characters of a line, a plan or a reference
PENDING_SECONDS = 3600
LIST_LIMIT = 100

_FIELDS = ("expires_at", "plan", "reference")

# How the first answer for a reference leaves; a repeat always leaves plainly.
_MANNERS = {"extend_reset_after": Manner.RESET, "extend_timeout_after": Manner.HANG}


class Wanted(NamedTuple):
    """What a valid request asks for; `expires_at` as RFC 3339 in UTC."""

    expires_at: str
    plan: str
    reference: str


class Carrier:
    """Keeps lines, and extends them."""

    def __init__(self, ledger: Ledger, clock: SandboxClock) -> None:
        self._ledger = ledger
        self._clock = clock

    def show(self, request: Request, line: str) -> Answer:
        """`GET /v1/lines/{line}`: a line comes into being at first sight."""
        _authorise(request)
        _check_line(line)
        self._ledger.note_line(line)
        return json_answer(200, self._ledger.lines.as_object(line, self._clock.timestamp()))

    def list(self, request: Request, _: str) -> Answer:
        """`GET /v1/lines`: in the order of first sight."""
        _authorise(request)
        limit, cursor = page_of(request.query, "starting_after", default=10, most=LIST_LIMIT)
        try:
            names = self._ledger.lines.after(cursor, limit + 1)
        except KeyError:
            raise bad_request("starting_after names no line.") from None
        now = self._clock.timestamp()
        shown = [self._ledger.lines.as_object(name, now) for name in names[:limit]]
        return json_answer(200, {"object": "list", "data": shown, "has_more": len(names) > limit})

    def extend(self, request: Request, line: str) -> Work:
        """`POST /v1/lines/{line}/extend`."""
        return partial(self._extend, request, line)

    def _extend(self, request: Request, line: str) -> Answer:
        reference = None
        try:
            _authorise(request)
            _check_line(line)
            wanted = _wanted(request.body)
            reference = wanted.reference
            earlier = self._ledger.lines.extension(reference)
            if earlier is None:
                return self._extend_first(request, line, wanted)
            answer = self._repeat(earlier, line, wanted)
        except Answered as refusal:
            self._ledger.note(request, reference, refusal.answer)
            return refusal.answer
        self._ledger.note(request, reference, answer, replayed=True)
        return answer

    def _extend_first(self, request: Request, line: str, wanted: Wanted) -> Answer:
        now = self._clock.timestamp()
        current = self._ledger.lines.in_force(line, now)
        if current is not None and from_text(wanted.expires_at) < current.until():
            raise _error(409, "already_later", f"The line already runs until {current.expires_at}.")
        behaviour = of_line(line)
        extension = Extension(
            line=line,
            reference=wanted.reference,
            expires_at=wanted.expires_at,
            plan=wanted.plan,
            settles_at=now + PENDING_SECONDS if behaviour == "extend_pending" else now,
            refusal="line_not_renewable" if behaviour == "extend_refused" else None,
        )
        answer = _answer(extension, now)._replace(manner=_MANNERS.get(behaviour, Manner.PLAIN))
        if behaviour == "extend_500_after":
            answer = _error(500, "internal_error", "An error occurred on our side.").answer
        self._ledger.note_extension(request, answer, extension)
        return answer

    def _repeat(self, earlier: Extension, line: str, wanted: Wanted) -> Answer:
        if (earlier.line, earlier.expires_at, earlier.plan) != (line, wanted.expires_at, wanted.plan):
            raise _error(409, "reference_reused", "The reference was first used for another extension.")
        return _answer(earlier, self._clock.timestamp())


def _answer(extension: Extension, now: int) -> Answer:
    status = extension.status(now)
    if status == "refused":
        return _error(422, "line_not_renewable", "The line cannot be renewed.").answer
    shown = {
        "line": extension.line,
        "status": status,
        "expires_at": extension.expires_at,
        "reference": extension.reference,
    }
    return json_answer(202 if status == "pending" else 200, shown)


def _wanted(body: bytes) -> Wanted:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON.") from None
    if not isinstance(content, dict) or content.keys() != set(_FIELDS):
        raise bad_request(f"The body is an object of exactly {', '.join(_FIELDS)}.")
    for name in _FIELDS:
        value = content[name]
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
            raise bad_request(f"{name} is a text of 1 to {MAX_TEXT} characters.")
    try:
        expires_at = to_text(from_text(content["expires_at"]))
    except ValueError:
        raise bad_request("expires_at is an RFC 3339 moment in UTC, with Z.") from None
    return Wanted(expires_at, content["plan"], content["reference"])


def _check_line(line: str) -> None:
    if not 1 <= len(line) <= MAX_TEXT:
        raise bad_request(f"A line's name has 1 to {MAX_TEXT} characters.")


def _authorise(request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _error(401, "unauthorized", "A bearer token is required.")


def _error(status: int, code: str, message: str) -> Answered:
    return Answered(json_answer(status, {"error": {"code": code, "message": message}}))
