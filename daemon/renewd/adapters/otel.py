"""Spans by OpenTelemetry, sent to a collector by OTLP over HTTP, on a thread of their own and out of a queue that has an end.

Names of attributes are those of https://opentelemetry.io/docs/specs/semconv/ where it has one; all others begin with `renewd.`.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from renewd.watching import Facts, Kind

LAST_WORD = timedelta(seconds=3)  # what a collector is given at the end, if it answers at all
_KINDS = {Kind.CALL: trace.SpanKind.CLIENT, Kind.DATABASE: trace.SpanKind.CLIENT}


class Otel:
    """See `watching.Tracer`."""

    def __init__(
        self,
        endpoint: str | None,
        about: Mapping[str, str],
        database: str,
        problem: Callable[[str], None],
    ) -> None:
        """Send spans to `endpoint`, or where OpenTelemetry's own variables say; `about` tells who sends them.

        `database` is its kind (`postgresql`). `problem` is told, once, what keeps spans from arriving, and again when
        they did arrive in between.
        """
        self._database = database
        self._delivery = _Delivery(OTLPSpanExporter(f"{endpoint}/v1/traces" if endpoint else None), problem)
        resource = Resource.create(dict(about)).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self._delivery))
        self._tracer = self._provider.get_tracer("renewd")

    @contextmanager
    def span(self, name: str, kind: Kind, facts: Facts) -> Iterator[None]:
        """See `watching.Tracer`."""
        around = trace.get_current_span().get_span_context()
        apart = kind is Kind.RENEWAL
        span = self._tracer.start_span(
            name,
            Context() if apart else None,
            _KINDS.get(kind, trace.SpanKind.INTERNAL),
            self._attributes(name, kind, facts),
            [trace.Link(around)] if apart and around.is_valid else None,
        )
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield

    def note(self, facts: Facts) -> None:
        """See `watching.Tracer`."""
        trace.get_current_span().set_attributes(_named(facts))

    def failed(self, how: str) -> None:
        """See `watching.Tracer`."""
        span = trace.get_current_span()
        span.set_attribute("error.type", how)
        span.set_status(trace.StatusCode.ERROR)

    def ids(self) -> Mapping[str, str]:
        """See `watching.Tracer`."""
        here = trace.get_current_span().get_span_context()
        if not here.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(here.trace_id),
            "span_id": trace.format_span_id(here.span_id),
        }

    def _attributes(self, name: str, kind: Kind, facts: Facts) -> dict[str, str | int | float]:
        by_convention: dict[str, str] = {}
        if kind is Kind.DATABASE:
            by_convention = {"db.system.name": self._database, "db.operation.name": name}
        elif "provider" in facts:
            by_convention = {"service.peer.name": str(facts["provider"])}
        return {**by_convention, **_named(facts)}

    def close(self) -> None:
        """See `watching.Tracer`."""
        # The library would wait for half a minute, and a thread that is not a daemon would keep the process.
        threading.Thread(target=self._end, daemon=True).start()
        if not self._delivery.over.wait(LAST_WORD.total_seconds()):
            self._delivery.say("the collector does not answer")

    def _end(self) -> None:
        self._provider.shutdown()
        self._delivery.over.set()


def _named(facts: Facts) -> dict[str, str | int | float]:
    """Give facts as attributes, under names that nobody else uses."""
    return {
        f"renewd.{name}": value if isinstance(value, int | float) else str(value)
        for name, value in facts.items()
    }


class _Delivery(SpanExporter, logging.Handler):
    """Sends spans by another exporter. All that OpenTelemetry says of what goes wrong comes here, and is told once.

    `over` is set once nothing more need be waited for: all is sent, or something keeps it from being sent.
    """

    def __init__(self, exporter: SpanExporter, problem: Callable[[str], None]) -> None:
        logging.Handler.__init__(self, logging.WARNING)
        self._exporter, self._problem = exporter, problem
        self._amiss = self._told = False
        self.over = threading.Event()
        library = logging.getLogger("opentelemetry")
        library.addHandler(self)
        library.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.say(record.getMessage())

    def say(self, what: str) -> None:
        self._amiss = True
        if not self._told:
            self._told = True
            self._problem(what)
        self.over.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._amiss = False
        result = self._exporter.export(spans)
        if not self._amiss:
            self._told = False
            self.over.clear()
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)
