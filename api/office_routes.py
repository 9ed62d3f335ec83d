"""What the office reads and decides: conflicts, cases, work orders, days, commitments, audit."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.di import Provide
from litestar.params import Parameter

from api import body, list_routes
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles, whole_unit
from commitments import cases, ledger
from scheduling import dispatch
from schemas.access import Assign, Reason
from schemas.base import Value, Wire
from schemas.explained import CaseView, Explained
from schemas.office import AuditRow
from schemas.problems import Refusal
from schemas.sync import Fields, Resolution
from schemas.work import CaseRequest
from storage import audit, board, catalogue
from sync import conflicts

Limit = Annotated[int, Parameter(ge=1, le=500)]
Chosen = Annotated[str | None, Parameter(max_length=60)]


class Page(Value, frozen=True):
    """Some of a list, and where it goes on."""

    items: list[dict[str, Any]]
    next: str | None


class Edit(Wire, frozen=True):
    """What the office writes into a visit's record."""

    fields: Fields


async def _listed(
    request: Call, what: str, *, chosen: str | None, after: UUID | None, limit: int
) -> Page:
    if "\x00" in (chosen or ""):
        raise Refusal("invalid_field", reason="unseemly characters")
    async with services(request).engine.connect() as tx:
        rows = await board.listed(
            tx, request.user.unit_id, what=what, chosen=chosen, page=(after, limit)
        )
    return Page(items=rows, next=str(rows[-1]["id"]) if len(rows) == limit else None)


@post(
    "/conflicts/{conflict_id:uuid}/resolve",
    guards=[roles("dispatcher", "supervisor", "safety_reviewer")],
    opt={"body": Resolution},
    status_code=204,
    summary="Decide a conflict",
)
async def resolve(request: Call, conflict_id: UUID) -> None:
    """A named person's decision; every value stays on file."""
    wish, use = await body.read(request, Resolution), services(request)
    await conflicts.resolve(
        use.engine, request.user, conflict_id=conflict_id, wish=wish, ambient=use.ambient()
    )


@post("/cases", guards=[roles("agent", *DISPATCH)], opt={"body": CaseRequest}, summary="Intake")
async def open_case(request: Call) -> CaseView:
    """A request through any channel becomes a case with its clocks and work."""
    wish, use = await body.read(request, CaseRequest), services(request)
    done = await cases.open_cases(
        use.engine, request.user.unit_id, requests=[wish], ambient=use.ambient()
    )
    if done.rejected:
        raise Refusal(done.rejected[0].code, account=wish.account)
    if not done.opened:
        raise Refusal("case_known", number=wish.number)
    return await case_story(request, done.opened[0])


async def case_story(request: Call, case_id: UUID) -> CaseView:
    """One case with its work orders and commitments."""
    async with services(request).engine.connect() as tx:
        found = await board.case_story(tx, request.user.unit_id, case_id=case_id)
    if found is None:
        raise Refusal("not_found")
    return msgspec.convert(found, CaseView)


@get("/cases/{case_id:uuid}", guards=[roles(*STAFF)], summary="One case")
async def one_case(request: Call, case_id: UUID) -> CaseView:
    """One case with its work orders and commitments."""
    return await case_story(request, case_id)


@post(
    "/visits/{visit_id:uuid}/assign",
    guards=[roles(*DISPATCH)],
    opt={"body": Assign},
    status_code=204,
    summary="Give a visit to a technician",
)
async def assign(request: Call, visit_id: UUID) -> None:
    """Revoked from one tablet and granted to another in the same transaction."""
    wish, use = await body.read(request, Assign), services(request)
    await dispatch.assign(
        use.engine, request.user, visit_id=visit_id, wish=wish, ambient=use.ambient()
    )


@post(
    "/visits/{visit_id:uuid}/cancel",
    guards=[roles(*DISPATCH)],
    opt={"body": Reason},
    status_code=204,
    summary="Cancel a visit",
)
async def cancel(request: Call, visit_id: UUID) -> None:
    """Work that was done meanwhile is kept and shown."""
    wish, use = await body.read(request, Reason), services(request)
    await dispatch.cancel(
        use.engine, request.user, visit_id=visit_id, reason=wish.reason, ambient=use.ambient()
    )


@post(
    "/visits/{visit_id:uuid}/edit",
    guards=[roles("agent", *DISPATCH)],
    opt={"body": Edit},
    summary="Write into a visit from the office",
)
async def edit(request: Call, visit_id: UUID) -> dict[str, int]:
    """The same merge as for tablets: nothing a technician said is lost."""
    wish, use = await body.read(request, Edit), services(request)
    version = await dispatch.edit(
        use.engine, request.user, visit_id=visit_id, fields=wish.fields, ambient=use.ambient()
    )
    return {"version": version}


@get("/commitments/summary", guards=[roles(*STAFF)], summary="Counts by rule and state")
async def summary(request: Call) -> list[dict[str, Any]]:
    """How many promises stand how."""
    rows = await ledger.states(services(request).engine, request.user.unit_id)
    return [{"clause": row[0], "state": row[1], "count": row[2]} for row in rows]


@get("/commitments/{commitment_id:uuid}", guards=[roles(*STAFF)], summary="Explain a commitment")
async def explain(request: Call, commitment_id: UUID) -> Explained:
    """Clause, rule version, every event with both instants, days counted, verdict."""
    use = services(request)
    found = await ledger.explain(
        use.engine,
        request.user.unit_id,
        commitment_id=commitment_id,
        now=use.ambient().now,
    )
    # rows name their columns by a text type of their own: one pass through JSON makes them plain
    return msgspec.json.decode(msgspec.json.encode(found), type=Explained)


@get("/clauses", guards=[roles(*STAFF)], summary="The sixteen clauses")
async def clauses(request: Call) -> list[dict[str, Any]]:
    """Every rule with its version."""
    return [msgspec.to_builtins(each) for each in catalogue.rules()]


@get("/technicians", guards=[roles(*STAFF)], summary="Technicians")
async def technicians(request: Call) -> Page:
    """The team with what each tablet last said."""
    async with services(request).engine.connect() as tx:
        rows = await board.team(tx, request.user.unit_id)
    return Page(items=rows, next=None)


@get("/premises", guards=[roles(*STAFF)], summary="Premises")
async def premises(
    request: Call, account: Chosen = None, *, after: UUID | None = None, limit: Limit = 100
) -> Page:
    """Premises of the unit, or the one of an account."""
    return await _listed(request, "premises", chosen=account, after=after, limit=limit)


@get(
    "/audit",
    guards=[roles("auditor", "supervisor", "administrator"), whole_unit],
    summary="Audit",
)
async def audit_page(
    request: Call, after: Annotated[int, Parameter(ge=0, le=2**53)] = 0, *, limit: Limit = 100
) -> list[AuditRow]:
    """Who did what, hash-chained."""
    async with services(request).engine.connect() as tx:
        rows = await audit.page(tx, request.user.unit_id, after=after, limit=limit)
    return [
        AuditRow(
            n=row["n"], at=row["at"], actor=row["actor"], action=row["action"],
            subject=row["subject"], detail=msgspec.json.encode(row["detail"]).decode(),
            hash=row["hash"], )
        for row in rows
    ]  # fmt: skip


router = Router(
    path="/api/v1",
    route_handlers=[
        resolve, open_case, one_case, assign, cancel, edit, summary, explain, clauses, technicians, premises, audit_page,
        *list_routes.handlers, ],
        dependencies={"filters": Provide(list_routes.narrowed, sync_to_thread=False)},
        tags=["Office"], )  # fmt: skip
