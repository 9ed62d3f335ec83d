"""Problem answers (RFC 9457): every refusal, malformed request and surprise as one closed list."""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Send

from schemas.problems import PROBLEMS, Refusal

log = logging.getLogger("doorstep.api")
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_BY_STATUS = {
    400: "malformed_body",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_field",
    429: "too_many_requests",
}


def answer(code: str, details: dict[str, Any] | None = None) -> Response[bytes]:
    """The answer to a problem of the list."""
    status, headers, body = _written(code, details or {})
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def send(code: str, sending: Send, **details: object) -> None:
    """The same, before there is a request to answer."""
    status, headers, body = _written(code, details)
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pairs += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    await sending({"type": "http.response.start", "status": status, "headers": pairs})
    await sending({"type": "http.response.body", "body": body, "more_body": False})


def _written(code: str, details: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    problem = PROBLEMS[code]
    body = {
        "type": f"urn:doorstep:problem:{code}",
        "title": problem.en,
        "status": problem.status,
        "code": code,
        "detail": problem.en,
        "detail_zh": problem.zh,
        "details": details,
    }
    wait = details.get("retry_after_seconds", RETRY_SECONDS)
    headers = {"Retry-After": str(wait)} if problem.status in (429, 503) else {}
    return problem.status, headers, msgspec.json.encode(body, enc_hook=str)


def refused(_: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    """An expected failure: no alarm."""
    return answer(refusal.code, refusal.details)


def http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refuses; a query or path value that cannot be read is a field's fault."""
    status = 422 if error.status_code == 400 else error.status_code
    return answer(_BY_STATUS.get(status, "unavailable"))


def surprise(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A failure nobody expected is logged with its place and answered without it. Never 500."""
    log.error("unexpected", exc_info=error, extra={"path": request.url.path})
    return answer("unavailable")
