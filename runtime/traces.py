"""Traces for whoever wants them (extra `otel`): one span a request, named by its route's pattern.

Only `runtime.server` reaches for this module, and only where `DOORSTEP_TRACES` names a collector.
"""

from collections.abc import MutableMapping
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from runtime.observed import Application, Receive, Scope, Send


class Traced:
    """The application, with a span around each request; the caller's trace is continued."""

    def __init__(self, app: Application, processor: SpanProcessor) -> None:
        provider = TracerProvider(resource=Resource.create({"service.name": "doorstep"}))
        provider.add_span_processor(processor)
        self._app, self._tracer = app, provider.get_tracer("doorstep")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Paths, queries and people are in no span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        before = propagate.extract(carrier)
        kind = trace.SpanKind.SERVER
        with self._tracer.start_as_current_span(scope["method"], context=before, kind=kind) as span:

            async def noticed(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, noticed)
            route = scope.get("path_template") or "unknown"
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)


def traced(app: Application, *, collector: str) -> Traced:
    """Sends spans to an OTLP collector over HTTP, in the background."""
    return Traced(app, BatchSpanProcessor(OTLPSpanExporter(endpoint=collector)))
