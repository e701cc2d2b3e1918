"""What the service says: fields to systemd's journal, lines to a person at a terminal, and else one JSON object a line."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from logging import DEBUG, INFO, WARNING
from types import TracebackType
from typing import Any, TextIO

import structlog

from renewd.renewal.audit import Event
from renewd.service import journald
from renewd.service.redaction import Redaction
from renewd.service.renderings import RFC3339, Human, as_json, as_record, with_place

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


def configure(
    form: str = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    secrets: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
    around: Callable[[], Mapping[str, str]] | None = None,
) -> None:
    """Write log lines of at least `level`, blanking `secrets` in them; each has the fields that `around` gives, too.

    They go to `stream` (stdout) as `human` or `json`. By `auto` they are for people on a terminal; where standard error
    is systemd's journal they go there, as fields; and else they are JSON.
    """
    out = stream or sys.stdout
    to_journal = form == "auto" and not stream and not out.isatty() and journald.is_stderr(environ)
    human = form == "human" or (form == "auto" and out.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.MaybeTimeStamper(fmt=RFC3339, key="at"),
            *([with_place] if to_journal else []),
            *([lambda _logger, _method, fields: {**fields, **around()}] if around else []),
            structlog.processors.format_exc_info,
            Redaction(secrets),
            as_record if to_journal else Human(colour=out.isatty()) if human else as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_Sink(journald.Journal(journald.SOCKET).write if to_journal else _lines_to(out)),
        cache_logger_on_first_use=False,
    )
    others = [each for each in logging.root.handlers if not isinstance(each, _OfLibraries)]
    logging.root.handlers = [*others, _OfLibraries()]
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed


def tell(event: Event) -> None:
    """Write an event of the audit log to the service's log."""
    level = DEBUG if event.name in QUIET else WARNING if event.name in LOUD else INFO
    log = structlog.get_logger().bind()
    if log.is_enabled_for(level):
        told = {name: value for name, value in vars(event).items() if value not in ("", None)}
        name = told.pop("name")
        log.log(level, name, **told | {"at": f"{event.at:{RFC3339}}", "line": line_of(event)})


def warn(message: str, **fields: object) -> None:
    """Warn of something that is no event."""
    structlog.get_logger().warning(message, **fields)


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
    return "  ".join(part for part in parts if part).rstrip()


class _Sink:
    """Where what was rendered goes. What cannot be written there stops nobody; it is counted, and told later on."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write
        self._lost = 0

    def __call__(self, *_: object) -> "_Sink":
        return self

    def msg(self, rendered: Any) -> None:
        try:
            self._write(rendered)
        except OSError:
            self._lost += 1
            return
        if self._lost:
            lost, self._lost = self._lost, 0
            structlog.get_logger().warning("lines of this log could not be written", lost=lost)

    debug = info = warning = error = critical = msg


def _lines_to(out: TextIO) -> Callable[[str], None]:
    encoding = out.encoding or "utf-8"

    def write(line: str) -> None:
        out.write(f"{line}\n".encode(encoding, "backslashreplace").decode(encoding))
        out.flush()

    return write


class _OfLibraries(logging.Handler):
    """Has what libraries say go the same way as all else."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        log = structlog.get_logger()
        log.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _crashed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, /) -> None:
    log = structlog.get_logger()
    log.critical("renewd ends by an error of its own", exc_info=(kind, error, trace))


def _thread_crashed(told: threading.ExceptHookArgs, /) -> None:
    what = (told.exc_type, told.exc_value, told.exc_traceback)
    structlog.get_logger().critical("a thread of renewd ended by an error of its own", exc_info=what)
