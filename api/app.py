"""The application: routers, guards, problem answers and the OpenAPI document."""

from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig

from api import (
    access_routes,
    body,
    case_routes,
    crew_routes,
    cycle_routes,
    duty_routes,
    face_routes,
    field_routes,
    health_routes,
    import_routes,
    keeping_routes,
    live_routes,
    map_routes,
    masking,
    notification_routes,
    office_routes,
    planning_routes,
    position_routes,
    problems,
    promise_routes,
    report_routes,
    safety_routes,
    sync_routes,
)
from api.access_routes import Call
from api.door import Door
from api.guards import SignedIn, everybody
from api.live import Notifier
from api.services import Services
from api.zstd import compression
from schemas.problems import PROBLEMS, Refusal

VERSION = "0.1.0"


@get("/schema/openapi.json", guards=[everybody], include_in_schema=False)
async def openapi(request: Call) -> Response[bytes]:
    """The whole interface as OpenAPI 3.1."""
    return Response(msgspec.json.encode(document(request.app)), media_type="application/json")


def document(app: Litestar) -> dict[str, Any]:
    """Litestar's document, completed by what it does not know: bodies that we read, and
    problems."""
    schema: dict[str, Any] = _any_of(app.openapi_schema.to_schema())
    bodies = {
        id(each.opt[what]): each.opt[what]
        for each in _handlers(app)
        for what in ("body", "answer")
        if what in each.opt
    }
    shapes, parts = msgspec.json.schema_components(
        list(bodies.values()), ref_template="#/components/schemas/{name}"
    )
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components |= parts | {"Problem": _problem_shape()}
    known = dict(zip(bodies, shapes, strict=True))
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods:
                path = route.path_format
                operation = schema["paths"].get(path, {}).get(method.lower())
                if operation is not None:
                    said = known.get(id(handler.opt.get("answer")))
                    _complete(operation, known.get(id(handler.opt.get("body"))), answer=said)
    return schema


def _any_of(part: Any) -> Any:
    # the framework says `oneOf` for a union, and an integer is a number as well
    if isinstance(part, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(each) for key, each in part.items()}
    return [_any_of(each) for each in part] if isinstance(part, list) else part


def _complete(
    operation: dict[str, Any], shape: dict[str, Any] | None, *, answer: dict[str, Any] | None
) -> None:
    if shape is not None:
        operation["requestBody"] = {"required": True, "content": _both(shape)}
    if answer is not None:
        operation["responses"]["200"]["content"] = _both(answer)
    problem = {
        "description": "A problem of the closed list (RFC 9457).",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    # every operation may be refused in these ways; the code says which it was
    for status in ("400", "401", "403", "404", "409", "408", "413", "415", "422", "429", "503"):
        operation["responses"].setdefault(status, problem)
        if status == "400":
            operation["responses"][status] = problem


def _both(shape: dict[str, Any]) -> dict[str, Any]:
    return {kind: {"schema": shape} for kind in ("application/json", "application/msgpack")}


def _problem_shape() -> dict[str, Any]:
    words = {name: {"type": "string"} for name in ("type", "title", "detail", "detail_zh")}
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "detail_zh"],
        "properties": words
        | {
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(PROBLEMS)},
            "details": {"type": "object"},
        },
    }


def _handlers(app: Litestar) -> list[Any]:
    return [each for route in app.routes for each in getattr(route, "route_handlers", ())]


def create_app(given: Services) -> Litestar:
    """The application over its services; the only place where they meet."""
    return Litestar(
        route_handlers=[
            health_routes.router,
            openapi,
            face_routes.faces,
            access_routes.router,
            position_routes.router,
            sync_routes.router,
            field_routes.router,
            safety_routes.router,
            promise_routes.router,
            duty_routes.router,
            keeping_routes.router,
            notification_routes.router,
            live_routes.router,
            import_routes.router,
            map_routes.router,
            office_routes.router,
            case_routes.router,
            crew_routes.router,
            report_routes.router,
            cycle_routes.router,
            planning_routes.router,
        ],
        state=State({"services": given, "notifier": Notifier(given.engine)}),
        middleware=[Door, DefineMiddleware(SignedIn, exclude=["^/metrics$"])],
        before_request=body.plain_address,
        after_request=masking.answered,
        exception_handlers={
            Refusal: problems.refused,
            HTTPException: problems.http,
            Exception: problems.surprise,
        },
        openapi_config=OpenAPIConfig(title="Doorstep", version=VERSION, path="/schema-internal"),
        compression_config=compression(),
        debug=False,
        logging_config=None,  # runtime says how this process logs
        request_max_body_size=None,
    )
