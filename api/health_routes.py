"""Whether this process lives, whether it can serve, and its figures for Prometheus."""

import hmac

from litestar import MediaType, Router, get

from api.access_routes import Call, services
from api.gate import Gate
from api.guards import everybody
from schemas.problems import Refusal
from storage import health, migrate


@get("/health/live", guards=[everybody], summary="The process lives")
async def live() -> dict[str, str]:
    """Nothing but that this process answers."""
    return {"status": "live"}


@get("/health/ready", guards=[everybody], summary="Requests can be served")
async def ready(request: Call) -> dict[str, str]:
    """The database answers and stands at the schema that this code was written for, or at a newer
    one: the old processes go on between a migration and their replacement."""
    try:
        async with services(request).engine.connect() as tx:
            found = await health.schema(tx)
    except Exception as error:
        raise Refusal("unavailable", part="database") from error
    if not migrate.serves(found):
        raise Refusal("unavailable", part="schema", found=found, wanted=migrate.HEAD)
    return {"status": "ready", "schema": found}


@get("/metrics", guards=[everybody], media_type=MediaType.TEXT, summary="Figures")
async def metrics(request: Call) -> str:
    """Counts without personal data. Where `DOORSTEP_METRICS_TOKEN` is set only its bearer reads
    them."""
    use = services(request)
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    # as bytes: texts are compared only where they are ASCII, and a stranger chooses this one
    if use.metrics.token and not hmac.compare_digest(given.encode(), use.metrics.token.encode()):
        raise Refusal("not_signed_in")
    async with use.engine.connect() as tx:
        held = await health.figures(tx, now=use.ambient().now)
    lines = [use.metrics.own()]
    for name, value in sorted({**held, **_door(use.gate)}.items()):
        lines.append(f"# TYPE doorstep_{name} gauge\ndoorstep_{name} {value}\n")
    return "".join(lines)


def _door(gate: Gate) -> dict[str, int]:
    return {
        "door_working": gate.working,
        "door_waiting": gate.waiting,
        "door_turned_away": gate.turned_away,
    }


router = Router(path="/", route_handlers=[live, ready, metrics], tags=["Health"])
