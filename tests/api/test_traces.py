"""A span tells which route answered how, continues the caller's trace, and names nobody."""

import httpx
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.traces import Traced

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_request_is_one_span_of_the_callers_trace(client):
    kept = InMemorySpanExporter()
    app = Traced(client._transport.app, SimpleSpanProcessor(kept))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://doorstep") as speaking:
        reply = await speaking.get(
            "/api/v1/track/13812345678?name=Wang", headers={"traceparent": PARENT}
        )
    assert reply.status_code == 404
    (span,) = kept.get_finished_spans()
    assert span.name == "GET /api/v1/track/{code}"
    assert format(span.context.trace_id, "032x") == PARENT.split("-")[1]
    assert dict(span.attributes) == {
        "http.response.status_code": 404,
        "http.route": "/api/v1/track/{code}",
    }
    assert "13812345678" not in span.to_json() and "Wang" not in span.to_json()
