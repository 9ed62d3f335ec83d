"""Standing duties, outages, heating seasons and supply: what the company owes without being asked."""

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post, put
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles, whole_unit
from commitments import outages, seasons, standing, supply
from commitments.calls import read_calls
from schemas.base import Instant
from schemas.outage import (
    GasAnswer,
    GasWish,
    OutageList,
    OutageState,
    OutageStep,
    OutageStory,
    OutageWish,
)
from schemas.problems import Refusal
from schemas.standing import (
    CallFile,
    Kept,
    PromiseSettings,
    Records,
    RegisterPage,
    RegisterRow,
    Season,
    SeasonAnswer,
    SeasonWish,
)
from storage import outages as outage_rows
from storage import standing as rows

Limit = Annotated[int, Parameter(ge=1, le=500)]
LAYS_DOWN = [roles("supervisor", "administrator"), whole_unit]
WRITES = [roles("agent", *DISPATCH), whole_unit]


@get("/outages", guards=[roles(*STAFF)], summary="Outages")
async def list_outages(
    request: Call, status: OutageState | None = None, *, limit: Limit = 100
) -> OutageList:
    """The newest first."""
    async with services(request).engine.connect() as tx:
        found = await outage_rows.listed(tx, request.user.unit_id, state=status, limit=limit)
    return OutageList(items=[outages.shown(row) for row in found])


@post(
    "/outages",
    guards=[roles(*DISPATCH), whole_unit],
    opt={"body": OutageWish},
    summary="Write down an outage",
)
async def write_down(request: Call) -> OutageStory:
    """Planned with its notice 48 hours before, or one that happened; with whom it touches now."""
    wish, use, who = await body.read(request, OutageWish), services(request), request.user
    by = (who.name, use.ambient())
    return await outages.write_down(use.engine, who.unit_id, wish=wish, by=by)


@get("/outages/{outage_id:uuid}", guards=[roles(*STAFF)], summary="One outage")
async def one_outage(request: Call, outage_id: UUID) -> OutageStory:
    """Its notice, its four promises, and the premises it touched as they were then."""
    async with services(request).engine.connect() as tx:
        return await outages.story(tx, request.user.unit_id, outage_id=outage_id)


@post(
    "/outages/{outage_id:uuid}/steps",
    guards=[roles(*DISPATCH), whole_unit],
    opt={"body": OutageStep},
    status_code=200,
    summary="Gas off, gas back, or called off",
)
async def step(request: Call, outage_id: UUID) -> OutageStory:
    """The promises of the outage hear of it."""
    wish, use, who = await body.read(request, OutageStep), services(request), request.user
    by = (who.name, use.ambient())
    return await outages.step(use.engine, who.unit_id, outage_id=outage_id, wish=wish, by=by)


@get("/register", guards=[roles(*STAFF)], summary="Dated records of a kind")
async def register(
    request: Call, kind: Annotated[str, Parameter(max_length=40)], *, since: Instant, until: Instant
) -> RegisterPage:
    """Hall openings, calls, shifts, pressures, quality reports, public checks of a stretch."""
    if "\x00" in kind:
        raise Refusal("invalid_field", reason="unseemly characters")
    if since.tzinfo is None or until.tzinfo is None:
        raise Refusal("fact_without_zone", fact="since")
    async with services(request).engine.connect() as tx:
        found = await rows.records(
            tx, request.user.unit_id, kind=kind, stretch=(since, until), limit=500
        )
    shown = RegisterRow.__struct_fields__
    return RegisterPage(
        items=[RegisterRow(**{name: getattr(row, name) for name in shown}) for row in found]
    )


@post("/register", guards=WRITES, opt={"body": Records}, summary="Write down dated records")
async def write_records(request: Call) -> Kept:
    """All of them or none; a record that is known stays as it was first written."""
    wish, use, who = await body.read(request, Records), services(request), request.user
    by = (who.name, use.ambient())
    return await standing.write_down(use.engine, who.unit_id, records=wish.records, by=by)


@post("/register/calls", guards=WRITES, opt={"body": CallFile}, summary="Import calls as CSV")
async def import_calls(request: Call) -> Kept:
    """A telephone system's export; each call starts its clock of three rings."""
    wish, use, who = await body.read(request, CallFile), services(request), request.user
    by = (who.name, use.ambient())
    calls = read_calls(wish.csv)
    return await standing.write_down(use.engine, who.unit_id, records=calls, by=by)


@get("/settings/promises", guards=[roles(*STAFF)], summary="The company's own parameters")
async def settings(request: Call) -> PromiseSettings:
    """Halls, peak hours, pressures, remote grids, publicity: what the handbook leaves open."""
    async with services(request).engine.connect() as tx:
        return await rows.settings(tx, request.user.unit_id)


@put(
    "/settings/promises",
    guards=LAYS_DOWN,
    opt={"body": PromiseSettings},
    summary="Lay down the company's own parameters",
)
async def lay_down(request: Call) -> PromiseSettings:
    """Audited; what was judged before stays as it was."""
    wish, use, who = await body.read(request, PromiseSettings), services(request), request.user
    by = (who.name, use.ambient())
    return await standing.lay_down(use.engine, who.unit_id, given=wish, by=by)


@get("/heating-seasons", guards=[roles(*STAFF)], summary="Heating seasons")
async def list_seasons(request: Call) -> list[Season]:
    """Planned and actual start by region, with the window of rural inspections."""
    return await seasons.listed(services(request).engine, request.user.unit_id)


@post(
    "/heating-seasons",
    guards=LAYS_DOWN,
    opt={"body": SeasonWish},
    status_code=200,
    summary="Lay down a heating season",
)
async def season(request: Call) -> SeasonAnswer:
    """Planned first, the actual start later: the window's clocks begin, or their end moves."""
    wish, use, who = await body.read(request, SeasonWish), services(request), request.user
    by = (who.name, use.ambient())
    return await seasons.lay_down(use.engine, who.unit_id, wish=wish, by=by)


@post(
    "/premises/{premises_id:uuid}/gas",
    guards=[roles("safety_reviewer", *DISPATCH)],
    opt={"body": GasWish},
    status_code=200,
    summary="Turn gas on for the first time, off, or on again",
)
async def gas(request: Call, premises_id: UUID) -> GasAnswer:
    """Behind its gate: an inspection before the first gas, a passed recheck before it comes back."""
    wish, use, who = await body.read(request, GasWish), services(request), request.user
    by = (who.name, use.ambient())
    return await supply.turn(use.engine, who.unit_id, premises_id=premises_id, wish=wish, by=by)


router = Router(
    path="/api/v1",
    route_handlers=[
        list_outages, write_down, one_outage, step, register, write_records, import_calls,
        settings, lay_down, list_seasons, season, gas,
    ],
    tags=["Duties"],
)  # fmt: skip
