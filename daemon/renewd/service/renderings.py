"""One line of the log in each of its forms: for a person, for a program, and as the fields of the journal."""

import json
import sys
import textwrap
import traceback
from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime
from typing import Any

import structlog

from renewd.renewal.money import Money
from renewd.service.redaction import FIELDS, OF_SEVERAL_LINES

RFC3339 = "%Y-%m-%dT%H:%M:%SZ"

_COLOURS = {
    "debug": "\x1b[2m",
    "info": "",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[31m",
}
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
# Told in a way of their own, and so not as `name=value` or a field of that name.
_TOLD_BY_ITSELF = frozenset({"event", "level", "at", "line"} | OF_SEVERAL_LINES)
# Of the lines that follow the first, what a program reads: in the journal it is a field instead.
_FOR_PROGRAMS = frozenset({"note"})

Fields = MutableMapping[str, Any]

_place_of_call = structlog.processors.CallsiteParameterAdder(
    {
        structlog.processors.CallsiteParameter.PATHNAME,
        structlog.processors.CallsiteParameter.LINENO,
        structlog.processors.CallsiteParameter.FUNC_NAME,
    },
    additional_ignores=["renewd.service.logs", "logging"],
)
_PLACE = {"pathname": "CODE_FILE", "lineno": "CODE_LINE", "func_name": "CODE_FUNC"}


def with_place(logger: Any, method: str, fields: Fields) -> Fields:
    """Say of an error where it was raised, or else where it is told."""
    if method not in ("error", "critical"):
        return fields
    placed = dict(_place_of_call(logger, method, fields))
    told = placed.get("exc_info")
    error = told[1] if isinstance(told, tuple) else sys.exc_info()[1] if told is True else told
    trace = error.__traceback__ if isinstance(error, BaseException) else None
    for frame in traceback.extract_tb(trace)[-1:]:
        placed |= {"pathname": frame.filename, "lineno": frame.lineno, "func_name": frame.name}
    return placed


def as_record(
    _logger: object, _method: str, fields: Fields
) -> tuple[tuple[Mapping[str, str]], dict[str, Any]]:
    """Give the fields of a record for the journal, which knows the time by itself."""
    record = {
        "MESSAGE": _said(fields, without=_FOR_PROGRAMS),
        "PRIORITY": str(_PRIORITIES[fields["level"]]),
        "SYSLOG_IDENTIFIER": "renewd",
    }
    if "line" in fields:
        record["RENEWD_EVENT"] = fields["event"]
    for name, value in fields.items():
        if name not in _TOLD_BY_ITSELF - _FOR_PROGRAMS:
            record[_PLACE.get(name) or f"RENEWD_{name.upper()}"] = _text(value)
    return (record,), {}


def as_json(_logger: object, _method: str, fields: Fields) -> str:
    """Give one JSON object."""
    return json.dumps({name: value for name, value in fields.items() if name != "line"}, default=jsonable)


def jsonable(value: object) -> object:
    """Give a value as `renewd log -o json` has it."""
    if isinstance(value, Money):
        return {"amount_minor": value.minor, "currency": value.currency}
    return _text(value)


def _text(value: object) -> str:
    return f"{value:{RFC3339}}" if isinstance(value, datetime) else str(value)


def _said(fields: Fields, without: Collection[str] = ()) -> str:
    """Say a line for people; what has several lines follows, set in, lest it be taken for lines of the log."""
    more = (
        f"{name}={_text(value)}"
        for name, value in fields.items()
        if name not in _TOLD_BY_ITSELF | _PLACE.keys()
    )
    first = fields.get("line") or "  ".join((fields["event"], *more))
    blocks = (fields[name] for name in FIELDS if name in OF_SEVERAL_LINES - {*without} and name in fields)
    return "\n".join((first, *(textwrap.indent(block.rstrip("\n"), "    ") for block in blocks)))


class Human:
    """Renders a line of the log for people."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, _logger: object, _method: str, fields: Fields) -> str:
        """Give the line, and in its colour when there is one."""
        text = f"{str(fields['at']).replace('T', ' ')}  {_said(fields)}"
        start = _COLOURS.get(str(fields.get("level")), "") if self._colour else ""
        return f"{start}{text}\x1b[0m" if start else text
