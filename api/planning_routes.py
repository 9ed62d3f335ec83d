"""The live day and its plans: what a dispatcher sees, moves, plans, compares and offers."""

import asyncio
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles, whole_unit
from commitments import asking
from scheduling import board, dispatch, events, offering, publish, run
from scheduling.demand import ZONE
from schemas.base import Wire
from schemas.live import (
    Asked,
    Board,
    DayHistory,
    EventDone,
    EventWish,
    Feasibility,
    Moved,
    MoveWish,
    PlanAsked,
    PlanDiff,
    PlanExplained,
    PlanList,
    PlanShown,
)
from schemas.offers import Booked, BookWish, Offers
from schemas.problems import Refusal
from schemas.work import Kind
from storage import plans, work

Limit = Annotated[int, Parameter(ge=1, le=500)]
Version = Annotated[int, Parameter(ge=0, le=2**53)]


class PlanWish(Wire, frozen=True):
    """A plan is wanted for a day."""

    day: date
    seconds: Annotated[float, msgspec.Meta(ge=0.1, le=600)] = 10.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1


@get("/days/{day:date}", guards=[roles(*STAFF)], summary="A day on the board")
async def one_day(request: Call, day: date) -> Board:
    """Technicians with their stops, load and tablet; what nobody has, and why."""
    use = services(request)
    return await board.shown(use.engine, request.user.unit_id, on_day=day, now=use.ambient().now)


@get("/days/{day:date}/changes", guards=[roles(*STAFF)], summary="What changed a day")
async def day_changes(request: Call, day: date, *, since: Version = 0) -> DayHistory:
    """Who changed what after a version, the oldest first."""
    async with services(request).engine.connect() as tx:
        found = await dispatch.history(tx, request.user.unit_id, on_day=day, since=since)
    return DayHistory(items=found)


@post(
    "/days/{day:date}/feasibility",
    guards=[roles(*DISPATCH)],
    opt={"body": Asked},
    status_code=200,
    summary="Who could take a job",
)
async def feasibility(request: Call, day: date) -> Feasibility:
    """Every technician, best first: minutes added, or the rule that stands against it."""
    wish, use = await body.read(request, Asked), services(request)
    place = (request.user.unit_id, day)
    return await board.feasibility(
        use.engine, place, asked=wish, days=use.days, now=use.ambient().now
    )


@post(
    "/days/{day:date}/moves",
    guards=[roles(*DISPATCH)],
    opt={"body": MoveWish},
    summary="Move a job by hand",
)
async def move(request: Call, day: date) -> Moved:
    """Revoked from one tablet and granted to another in the same transaction."""
    wish, use = await body.read(request, MoveWish), services(request)
    return await dispatch.move(
        use.engine, request.user, on_day=day, wish=wish, use=(use.days, use.ambient())
    )


@post(
    "/days/{day:date}/moves/{move_id:uuid}/undo",
    guards=[roles(*DISPATCH)],
    summary="Undo a change of the day",
)
async def undo(request: Call, day: date, *, move_id: UUID) -> Moved:
    """Everything back where it was, unless it went on meanwhile."""
    use = services(request)
    return await dispatch.undo(
        use.engine, request.user, place=(day, move_id), ambient=use.ambient()
    )


@post(
    "/days/{day:date}/events",
    guards=[roles(*DISPATCH)],
    opt={"body": EventWish},
    summary="Something happened: plan around it",
)
async def event(request: Call, day: date) -> EventDone:
    """Few changes, under a frozen horizon; what has begun or is pinned never moves."""
    wish, use = await body.read(request, EventWish), services(request)
    return await events.happened(
        use.engine, request.user, on_day=day, wish=wish, use=(use.days, use.ambient())
    )


@post(
    "/plans",
    guards=[roles(*DISPATCH), whole_unit],
    opt={"body": PlanWish},
    status_code=202,
    summary="Plan a day",
)
async def ask_plan(request: Call) -> PlanAsked:
    """Stored; a worker takes it."""
    wish, use = await body.read(request, PlanWish), services(request)
    order = run.Order(
        on_day=wish.day, seconds=wish.seconds, seed=wish.seed, requested_by=request.user.name
    )
    plan_id = await run.request(
        use.engine, request.user.unit_id, order=order, ambient=use.ambient()
    )
    return PlanAsked(id=plan_id, state="requested")


@get("/plans", guards=[roles(*STAFF)], summary="Plan runs")
async def list_plans(request: Call, day: date | None = None, *, limit: Limit = 20) -> PlanList:
    """The newest first."""
    async with services(request).engine.connect() as tx:
        rows = await plans.of_day(tx, request.user.unit_id, on_day=day, limit=limit)
    return PlanList(items=tuple(run.shown(each) for each in rows))


@get("/plans/{plan_id:uuid}", guards=[roles(*STAFF)], summary="One plan run")
async def one_plan(request: Call, plan_id: UUID) -> PlanShown:
    """How far it is, what it costs so far, and what it would change."""
    use = services(request)
    async with use.engine.connect() as tx:
        row = await _plan(tx, request.user.unit_id, plan_id=plan_id)
        shown = run.shown(row)
        if row.state != "solved":
            return shown
        found = await publish.difference(
            tx, request.user.unit_id, plan_id=plan_id, now=use.ambient()
        )
    return msgspec.structs.replace(shown, against=msgspec.structs.replace(found, changes=()))


@get(
    "/plans/{plan_id:uuid}/diff",
    guards=[roles(*STAFF), whole_unit],
    summary="A plan against the day",
)
async def plan_diff(request: Call, plan_id: UUID) -> PlanDiff:
    """What would move, in full."""
    use = services(request)
    async with use.engine.connect() as tx:
        return await publish.difference(
            tx, request.user.unit_id, plan_id=plan_id, now=use.ambient()
        )


@get(
    "/plans/{plan_id:uuid}/explain",
    guards=[roles(*STAFF), whole_unit],
    summary="A plan's reasons",
)
async def plan_explain(
    request: Call, plan_id: UUID, *, work_order_id: UUID | None = None
) -> PlanExplained:
    """Why each job was left out, and why each other is where it is."""
    async with services(request).engine.connect() as tx:
        row = await _plan(tx, request.user.unit_id, plan_id=plan_id)
    if row.answer is None:
        raise Refusal("plan_not_ready", state=row.state)
    # seconds of arithmetic, which other requests do not wait for
    return await asyncio.to_thread(run.explained, row, work_order_id)


@post("/plans/{plan_id:uuid}/stop", guards=[roles(*DISPATCH), whole_unit], summary="Stop a run")
async def stop_plan(request: Call, plan_id: UUID) -> PlanAsked:
    """It ends with the best plan it has found."""
    async with services(request).engine.begin() as tx:
        row = await _plan(tx, request.user.unit_id, plan_id=plan_id)
        if not await plans.ask_stop(tx, request.user.unit_id, plan_id=plan_id):
            raise Refusal("plan_not_ready", state=row.state)
    return PlanAsked(id=plan_id, state="stopping")


@post(
    "/plans/{plan_id:uuid}/publish",
    guards=[roles(*DISPATCH), whole_unit],
    summary="Publish a plan",
)
async def publish_plan(request: Call, plan_id: UUID) -> dict[str, int]:
    """Into the technicians' mailboxes, all of it or nothing."""
    use, who = services(request), request.user
    return await publish.publish(
        use.engine, who.unit_id, plan_id=plan_id, actor=who.name, ambient=use.ambient()
    )


@get("/offers", guards=[roles("agent", *DISPATCH)], summary="Bookable slots")
async def offers(
    request: Call,
    case_id: UUID | None = None,
    *,
    work_order_id: UUID | None = None,
    since: Annotated[date | None, Parameter(query="from")] = None,
    days: Annotated[int, Parameter(ge=1, le=14)] = 5,
) -> Offers:
    """Two hours each, inside the promise, the cheapest first."""
    use = services(request)
    ambient = use.ambient()
    search = offering.Search(
        case_id=case_id,
        work_order_id=work_order_id,
        since=since or ambient.now.astimezone(ZONE).date(),
        days=days,
    )
    return await offering.offered(
        use.engine, request.user.unit_id, search=search, use=(use.days, ambient)
    )


@get(
    "/premises/{premises_id:uuid}/offers",
    guards=[roles("agent", *DISPATCH)],
    summary="Bookable slots before there is a case",
)
async def offers_at(
    request: Call,
    premises_id: UUID,
    *,
    kind: Kind,
    since: Annotated[date | None, Parameter(query="from")] = None,
    days: Annotated[int, Parameter(ge=1, le=14)] = 5,
) -> Offers:
    """The same for a kind of business that somebody asks about, as if it were requested now."""
    use = services(request)
    ambient, unit_id = use.ambient(), request.user.unit_id
    about = asking.About(premises_id=premises_id, kind=kind)
    search = offering.Search(
        case_id=None,
        work_order_id=None,
        since=since or ambient.now.astimezone(ZONE).date(),
        days=days,
        would_be=await asking.would_be(use.engine, unit_id, about=about, ambient=ambient),
    )
    return await offering.offered(use.engine, unit_id, search=search, use=(use.days, ambient))


@post(
    "/offers/{offer_id:str}/book",
    guards=[roles("agent", *DISPATCH)],
    opt={"body": BookWish},
    summary="Book a slot",
)
async def book(request: Call, offer_id: str) -> Booked:
    """Held for this work order; nobody else can be sold it."""
    wish, use = await body.read(request, BookWish), services(request)
    return await offering.book(
        use.engine, request.user, offer_id=offer_id, wish=wish, use=(use.days, use.ambient())
    )


async def _plan(tx: Any, unit_id: str, *, plan_id: UUID) -> Any:
    row = await work.plan_of(tx, unit_id, plan_id=plan_id)
    if row is None:
        raise Refusal("not_found")
    return row


router = Router(
    path="/api/v1",
    route_handlers=[
        one_day, day_changes, feasibility, move, undo, event, ask_plan, list_plans, one_plan,
        plan_diff, plan_explain, stop_plan, publish_plan, offers, offers_at, book, ],
        tags=["Planning"], )  # fmt: skip
