"""What the service says: one line per event that a person can read, or one JSON object for a machine."""

import logging
import sys
from collections.abc import MutableMapping
from datetime import datetime
from typing import Any, TextIO

import structlog

from renewd.renewal.audit import Event
from renewd.renewal.money import Money

RFC3339 = "%Y-%m-%dT%H:%M:%SZ"

QUIET = frozenset(
    {
        "charge.attempted",
        "charge.lookup",
        "extend.attempted",
        "extend.lookup",
        "renewal.opened",
        "notice.sent",
    }
)
LOUD = frozenset(
    {
        "renewal.review",
        "renewal.set_aside",
        "renewal.lapsed",
        "notice.failed",
        "breaker.opened",
        "config.rejected",
    }
    | {"charge.unknown", "extend.unknown", "charge.mismatch"}
)
_COLOURS = {
    "debug": "\x1b[2m",
    "info": "",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[31m",
}
_KNOWN = ("event", "level", "at", "exception", "line")


def configure(form: str = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Write log lines of at least `level` to `stream` (stdout): `human`, `json`, or by whether it is a terminal."""
    out = stream or sys.stdout
    human = form == "human" or (form == "auto" and out.isatty())
    render: Any = (
        _Human(colour=out.isatty()) if human else structlog.processors.JSONRenderer(default=_jsonable)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.MaybeTimeStamper(fmt=RFC3339, key="at"),
            structlog.processors.format_exc_info,
            render if human else _without_line,
            *([] if human else [render]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )


def tell(event: Event) -> None:
    """Write an event of the audit log to the service's log."""
    level = "debug" if event.name in QUIET else "warning" if event.name in LOUD else "info"
    fields = {
        name: value
        for name in Event.__slots__
        if name not in ("name", "at") and (value := getattr(event, name)) not in ("", None)
    }
    log = structlog.get_logger()
    getattr(log, level)(event.name, at=f"{event.at:{RFC3339}}", line=line_of(event), **fields)


def line_of(event: Event) -> str:
    """Say an event in one line: who, what, how much, with what, and what comes next."""
    parts = [
        f"{event.subscription or '-':<10}",
        f"{event.name:<22}",
        str(event.amount) if event.amount else "",
        event.method,
        event.code,
        event.reference,
        event.detail,
        f"{event.duration_ms} ms" if event.duration_ms is not None else "",
        f"-> {event.next_action}" if event.next_action else "",
        f"at {event.next_at:%Y-%m-%d %H:%MZ}" if event.next_at else "",
    ]
    return f"{event.at:%Y-%m-%d %H:%M:%SZ}  " + "  ".join(part for part in parts if part)


def _jsonable(value: object) -> object:
    """Give a value as `renewd log -o json` has it."""
    if isinstance(value, Money):
        return {"amount_minor": value.minor, "currency": value.currency}
    return f"{value:{RFC3339}}" if isinstance(value, datetime) else str(value)


def _without_line(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    fields.pop("line", None)
    return fields


class _Human:
    """Renders a line of the log for people."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, _logger: object, _method: str, fields: MutableMapping[str, Any]) -> str:
        text = fields.get("line") or self._plain(fields)
        if "exception" in fields:
            text = f"{text}\n{fields['exception']}"
        start = _COLOURS.get(str(fields.get("level")), "") if self._colour else ""
        return f"{start}{text}\x1b[0m" if start else text

    @staticmethod
    def _plain(fields: MutableMapping[str, Any]) -> str:
        more = "  ".join(f"{name}={value}" for name, value in fields.items() if name not in _KNOWN)
        return f"{str(fields['at']).replace('T', ' ')}  {fields['event']}  {more}".rstrip()
