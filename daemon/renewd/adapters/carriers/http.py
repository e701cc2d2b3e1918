"""A carrier over HTTP, by a contract small enough for any operator's billing system to answer.

JSON over HTTPS; `Authorization: Bearer <token>`; instants are RFC 3339 in UTC with `Z`; unknown fields are ignored.

`GET /v1/lines/{line}` answers 200 with the line as it is now:

    {"line": "8901...", "status": "active", "plan": "plus-30d", "expires_at": "2026-12-23T09:00:00Z",
     "data_left_mb": 10240, "minutes_left": 600,
     "extensions": [{"reference": "sub_1/20261123T090000Z/extend/1", "expires_at": "2026-12-23T09:00:00Z",
                     "plan": "plus-30d", "status": "done"}]}

`expires_at` is null for a line that was never extended; an extension's `status` is `done`, `pending` or `refused`
(then with a `code`). Only `line`, `expires_at` and `extensions` are read, and of an extension `reference`,
`status` and `code`; extensions may be dropped from the list when they are older than 90 days.

`POST /v1/lines/{line}/extend` asks that the line be good until an absolute instant:

    {"expires_at": "2026-12-23T09:00:00Z", "plan": "plus-30d", "reference": "sub_1/20261123T090000Z/extend/1"}

The `reference` is ours and names the request: asked again with the same one, the carrier changes nothing and
answers what has become of it. The answers:

    200  {"line": ..., "status": "done", "expires_at": ..., "reference": ...}: the line is good until `expires_at`
    202  {"status": "pending", ...}: accepted, to be decided later; the line's `extensions` tell when
    400, 404, 409, 422  {"error": {"code": "line_not_renewable", "message": "..."}}: refused, for good;
         409 `already_later` when the line already runs longer: somebody else has extended it
    401, 403  the token is not good
    429  too many requests, nothing was done; `Retry-After` is honoured
    5xx  nobody knows: we look at the line before we ask again
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from renewd.adapters.transport import Answer, Transport
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import Attempt
from renewd.renewal.outcome import Absent, Declined, Done, Finding, Outcome, Pending, Unknown, Unreached

_SAFE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
# A path cannot carry these as a segment: they would be read as steps within it.
_NO_LINES = frozenset({"", ".", ".."})


class HttpCarrier:
    """Extends plans at a carrier that answers the contract above."""

    def __init__(self, name: str, transport: Transport, token: str) -> None:
        self.name = name
        self.longest_call = transport.longest_call
        self._transport = transport
        self._headers = {"Authorization": f"Bearer {token}"}

    async def extend(self, attempt: Attempt) -> Outcome:
        """Ask for the attempt's end date under its key."""
        if attempt.line in _NO_LINES:
            return Declined(DeclineClass.OURS, "line_invalid")
        wanted = {"expires_at": _text(_end(attempt)), "plan": attempt.plan, "reference": attempt.key}
        result = await self._transport.send(
            "POST", "v1", "lines", attempt.line, "extend", json=wanted, headers=self._headers
        )
        return _extended(result, attempt) if isinstance(result, Answer) else result

    async def find(self, attempt: Attempt) -> Finding:
        """Read the line: our reference decides, else the end date."""
        if attempt.line in _NO_LINES:
            return Absent()
        result = await self._transport.send("GET", "v1", "lines", attempt.line, headers=self._headers)
        return _found(result, attempt) if isinstance(result, Answer) else result

    def share(self, daemons: int) -> None:
        """See `ports`."""
        self._transport.share(daemons)

    async def close(self) -> None:
        """Give up the connections."""
        await self._transport.close()


def _extended(answer: Answer, attempt: Attempt) -> Outcome:
    match answer.status, answer.json():
        case 200, {"line": attempt.line, "status": "done", "expires_at": expires, "reference": attempt.key}:
            until = _instant(expires)
            enough = until is not None and until >= _end(attempt)
            return Done(attempt.key) if enough else Unknown("the line ends before the date we asked for")
        case 202, {"status": "pending"}:
            return Pending(attempt.key)
        case 400 | 404 | 409 | 422, {"error": {"code": str(code)}}:
            return Declined(DeclineClass.OURS, _safe(code))
        case ((401 | 403 as status), _):
            return Unreached(f"turned away with {status}", refused=True)
        case status, _:
            return Unknown(f"answered with {status}")


def _found(answer: Answer, attempt: Attempt) -> Finding:
    match answer.status, answer.json():
        case 200, {"line": attempt.line, "expires_at": expires, "extensions": list(extensions)}:
            until = _instant(expires)
            if not (expires is None or until) or not all(isinstance(each, Mapping) for each in extensions):
                return Unknown("unreadable line")
            ours = [each for each in extensions if each.get("reference") == attempt.key]
            if ours:
                return _become(ours[0], attempt)
            return Done(attempt.key) if until and until >= _end(attempt) else Absent()
        case 404, {"error": {"code": str()}}:
            return Absent()
        case ((401 | 403 as status), _):
            return Unreached(f"turned away with {status}", refused=True)
        case status, _:
            return Unknown(f"the line was answered with {status}")


def _become(extension: Mapping[str, Any], attempt: Attempt) -> Finding:
    match extension:
        case {"status": "done"}:
            return Done(attempt.key)
        case {"status": "pending"}:
            return Pending(attempt.key)
        case {"status": "refused"}:
            return Declined(DeclineClass.OURS, _safe(str(extension.get("code"))))
    return Unknown("an extension in an unexpected status")


def _end(attempt: Attempt) -> datetime:
    if attempt.extend_to is None:
        raise ValueError(f"{attempt.key} is no extension")
    return attempt.extend_to.astimezone(UTC).replace(microsecond=0)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return instant if instant and instant.tzinfo else None


def _safe(code: str) -> str:
    return code if _SAFE.fullmatch(code) else "unreadable"
