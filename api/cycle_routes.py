"""Inspection cycles: due lists, the levelled year, trips, access, coverage."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import STAFF, roles, whole_unit
from commitments import yearplan
from schemas.cycles import AccessShown, DueList, Levelled, Levelling, PlaceList, YearPlan
from schemas.report import Coverage

Limit = Annotated[int, Parameter(ge=1, le=500)]
Month = Annotated[str, Parameter(pattern=r"^\d{4}-\d{2}$", description="such as 2026-12")]
Grid = Annotated[str | None, Parameter(max_length=60, pattern=r"^[^\x00]*$")]
After = Annotated[str, Parameter(max_length=60, pattern=r"^[^\x00]*$")]


@get("/cycles/due", guards=[roles(*STAFF)], summary="What falls due in a month")
async def due(
    request: Call, month: Month, *, grid: Grid = None, after: After = "", limit: Limit = 100
) -> DueList:
    """Read from an index, whatever lies in the past."""
    use = services(request)
    return await yearplan.due_list(
        use.engine, request.user.unit_id, month=month, grid=grid, page=(after, limit)
    )


@get("/cycles/plan", guards=[roles(*STAFF)], summary="The levelled year")
async def plan(request: Call) -> YearPlan:
    """Planned and due inspections month by month."""
    return await yearplan.year(services(request).engine, request.user.unit_id)


@post(
    "/cycles/level",
    guards=[roles("supervisor", "administrator"), whole_unit],
    opt={"body": Levelling},
    status_code=200,
    summary="Level the coming months",
)
async def level(request: Call) -> Levelled:
    """Every inspection gets a working day; months become equally full, places stay together."""
    how, use = await body.read(request, Levelling), services(request)
    return await yearplan.level(use.engine, request.user.unit_id, how=how, ambient=use.ambient())


@get("/cycles/places", guards=[roles(*STAFF)], summary="The trips of a month")
async def places(request: Call, month: Month) -> PlaceList:
    """Compounds and villages with the days of their trip."""
    return await yearplan.trips(services(request).engine, request.user.unit_id, month=month)


@get("/premises/{premises_id:uuid}/access", guards=[roles(*STAFF)], summary="Attempts, two figures")
async def access(request: Call, premises_id: UUID) -> AccessShown:
    """Interval kept, duty to offer kept, every attempt, and when to knock next."""
    use = services(request)
    return await yearplan.shown(
        use.engine, request.user.unit_id, premises_id=premises_id, now=use.ambient().now
    )


@get("/reports/coverage", guards=[roles(*STAFF)], summary="Inspections kept, by grid and month")
async def coverage(
    request: Call,
    since: Annotated[date, Parameter(query="from", description="the first day, by due date")],
    *,
    until: Annotated[date, Parameter(description="the last day, included")],
) -> Coverage:
    """Interval kept and duty to offer kept, never added up."""
    return await yearplan.coverage(
        services(request).engine, request.user.unit_id, since=since, until=until
    )


router = Router(
    path="/api/v1",
    route_handlers=[due, plan, level, places, access, coverage],
    tags=["Cycles"],
)
