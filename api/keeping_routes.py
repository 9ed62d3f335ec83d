"""What the office tells of cases and commitments, and what it was warned of."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles
from commitments import handling, ledger
from schemas.problems import Refusal
from schemas.telling import Seen, Standing, Told, Warned, Warnings
from schemas.work import CaseStory, StepWish
from storage import ledger as rows

Limit = Annotated[int, Parameter(ge=1, le=500)]


@post(
    "/cases/{case_id:uuid}/events",
    guards=[roles("agent", *DISPATCH)],
    opt={"body": StepWish},
    status_code=200,
    summary="A step of a case",
)
async def step(request: Call, case_id: UUID) -> CaseStory:
    """Reply, refusal, papers in, money sent …: its clocks begin, stop or no longer apply."""
    wish, use, who = await body.read(request, StepWish), services(request), request.user
    by = (who.name, use.ambient())
    return await handling.step(use.engine, who.unit_id, case_id=case_id, wish=wish, by=by)


@get("/cases/{case_id:uuid}/events", guards=[roles(*STAFF)], summary="Steps of a case")
async def steps(request: Call, case_id: UUID) -> CaseStory:
    """What was done, what may follow, and how the promises stand."""
    async with services(request).engine.begin() as tx:
        return await handling.story(tx, request.user.unit_id, case_id=case_id)


@post(
    "/commitments/{commitment_id:uuid}/events",
    guards=[roles("agent", *DISPATCH)],
    opt={"body": Told},
    status_code=200,
    summary="Tell a commitment what happened",
)
async def tell(request: Call, commitment_id: UUID) -> Standing:
    """Pause, resume, waiver, extension, another date, or what it waits for; or the refusal."""
    wish, use, who = await body.read(request, Told), services(request), request.user
    by = (who.name, use.ambient())
    return await ledger.tell(
        use.engine, who.unit_id, commitment_id=commitment_id, wish=wish.event, by=by
    )


@get("/warnings", guards=[roles(*STAFF)], summary="Who was told what when")
async def warnings(
    request: Call, unseen: bool = False, *, everybody: bool = False, limit: Limit = 100
) -> Warnings:
    """What the role of the caller was told, or every role."""
    told = ("dispatcher", "agent", "supervisor", "administrator", "safety_reviewer")
    wanted = told if everybody else (request.user.role,)
    async with services(request).engine.connect() as tx:
        found = await rows.warned(
            tx, request.user.unit_id, roles=wanted, unseen=unseen, limit=limit
        )
    return Warnings(items=[Warned(**row._mapping) for row in found])


@post(
    "/warnings/seen",
    guards=[roles(*STAFF)],
    opt={"body": Seen},
    status_code=204,
    summary="A warning was read",
)
async def seen(request: Call) -> None:
    """By whom of the role, and when first."""
    wish, use, who = await body.read(request, Seen), services(request), request.user
    warning = (wish.commitment, wish.stage, who.role)
    async with use.engine.begin() as tx:
        noted = await rows.seen(tx, who.unit_id, warning=warning, by=who.name, at=use.ambient().now)
    if not noted:
        raise Refusal("not_found")


router = Router(
    path="/api/v1", route_handlers=[step, steps, tell, warnings, seen], tags=["Promises"]
)
