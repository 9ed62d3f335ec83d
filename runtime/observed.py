"""What an operator sees of a process: one line a request, and figures for Prometheus.

A line names the route's pattern, never the path or the query: they carry ids and names. What a
request was about stands in the audit.
"""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

import prometheus_client as prometheus
import structlog
from litestar import Litestar
from prometheus_client import multiprocess

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SLOW_SECONDS = 1.0
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

log = structlog.get_logger("doorstep.api")
requests = prometheus.Histogram(
    "doorstep_request_seconds",
    "Time to answer, by route, method and status.",
    ("route", "method", "status"),
    buckets=_BUCKETS,
)


def own_figures() -> str:
    """This process's figures, or those of all processes of this server where it has several."""
    if os.environ.get(MULTIPROCESS):
        registry = prometheus.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return prometheus.generate_latest(registry).decode()
    return prometheus.generate_latest().decode()


class Observed:
    """The application, with each request timed and written down."""

    def __init__(self, app: Litestar) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; a request that ends in an error is written down too."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)  # type: ignore[arg-type]
            return
        begun, status, mark = time.perf_counter(), 0, uuid4().hex

        async def noticed(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", mark.encode())]
            await send(message)

        try:
            await self.app(scope, receive, noticed)  # type: ignore[arg-type]
        finally:
            _write(scope, status, seconds=time.perf_counter() - begun, mark=mark)


def _write(scope: Scope, status: int, *, seconds: float, mark: str) -> None:
    route = scope.get("path_template") or "unknown"
    requests.labels(route, scope["method"], str(status)).observe(seconds)
    who = scope.get("user")
    level = log.warning if status in (0, 503) or seconds > SLOW_SECONDS else log.info
    level(
        "request",
        request=mark,
        route=route,
        method=scope["method"],
        status=status,
        ms=round(seconds * 1000, 1),
        unit=getattr(who, "unit_id", None),
        role=getattr(who, "role", None),
    )
