"""A collector of spans, as OTLP has it over HTTP, on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was delivered, as it came. It answers with `status`, and not before it is `free`."""

    status: HTTPStatus = HTTPStatus.OK
    free: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def requests(self) -> list[ExportTraceServiceRequest]:
        """Give what was delivered, read."""
        return [ExportTraceServiceRequest.FromString(each) for each in self.bodies]

    def spans(self) -> list[Span]:
        """Give all spans, in the order in which they ended."""
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def about(self) -> dict[str, Any]:
        """Give what is told of the sender."""
        return facts(self.requests()[0].resource_spans[0].resource.attributes)


def facts(attributes: Any) -> dict[str, Any]:
    """Give attributes by their names."""
    return {each.key: _plain(each.value) for each in cast("list[KeyValue]", attributes)}


def _plain(value: AnyValue) -> Any:
    return getattr(value, str(value.WhichOneof("value")))


@contextmanager
def collecting(status: HTTPStatus = HTTPStatus.OK, *, hangs: bool = False) -> Iterator[Collector]:
    """A collector, for the length of a `with`."""
    collector = Collector(status)
    if not hangs:
        collector.free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            collector.bodies.append(body)
            collector.asked.set()
            collector.free.wait()
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield collector
        finally:
            collector.free.set()
            server.shutdown()
