"""A case on its way: workflows, steps, recorded facts; the customer's page and appointment."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles, stranger, whole_unit
from api.services import Services
from commitments import appointments, casework, handling, walk
from commitments.casework import Note
from commitments.drawing import draw
from scheduling import events
from schemas.access import Principal
from schemas.base import Wire
from schemas.commitment import Facts
from schemas.live import EventWish
from schemas.problems import Refusal
from schemas.workflow import (
    Appointment,
    Begin,
    Contract,
    Document,
    Manager,
    Move,
    Payment,
    StepTaken,
    Tracked,
    Walk,
    WorkflowList,
    WorkflowShown,
    WorkflowWish,
)

OFFICE = ("agent", *DISPATCH)
Chosen = Annotated[str | None, Parameter(max_length=64)]


@get("/workflows", guards=[roles(*STAFF)], summary="Workflows that may be walked")
async def workflows(request: Call) -> WorkflowList:
    """Every version of the unit, with what its source leaves open."""
    async with services(request).engine.connect() as tx:
        known = await casework.books(tx, request.user.unit_id)
    return WorkflowList(items=[casework.shown(each) for each in known.values()])


@post(
    "/workflows",
    guards=[roles("supervisor", "administrator"), whole_unit],
    opt={"body": WorkflowWish},
    summary="Publish a workflow",
)
async def publish(request: Call) -> WorkflowShown:
    """Checked first: unreachable steps, decisions without exits, loops without an exit."""
    wish, use = await body.read(request, WorkflowWish), services(request)
    return await casework.publish(use.engine, request.user, wish=wish, ambient=use.ambient())


@get(
    "/workflows/{code:str}/drawing.svg",
    guards=[roles(*STAFF)],
    media_type="image/svg+xml",
    summary="A workflow drawn",
)
async def drawing(
    request: Call, code: str, *, version: Chosen = None, english: bool = False
) -> Response[str]:
    """Steps from top to bottom; what the source does not describe is dashed."""
    async with services(request).engine.connect() as tx:
        known = await casework.books(tx, request.user.unit_id)
    found = [each for key, each in known.items() if key[0] == code and version in (None, key[1])]
    if not found:
        raise Refusal("not_found")
    return Response(draw(found[-1], english=english), media_type="image/svg+xml")


@get("/cases/{case_id:uuid}/workflow", guards=[roles(*STAFF)], summary="Where a case stands")
async def standing(request: Call, case_id: UUID) -> Walk:
    """Every step with its limit, every recorded fact, and what is waited for."""
    use = services(request)
    return await casework.told(use.engine, request.user.unit_id, case_id=case_id)


@post(
    "/cases/{case_id:uuid}/workflow",
    guards=[roles(*OFFICE)],
    opt={"body": Begin},
    summary="Begin a workflow",
)
async def begin(request: Call, case_id: UUID) -> Walk:
    """The case begins to walk; where the handbook ends, a later version may take over."""
    wish, use = await body.read(request, Begin), services(request)
    return await casework.begin(
        use.engine, request.user, case_id=case_id, wish=wish, ambient=use.ambient()
    )


@post(
    "/cases/{case_id:uuid}/steps",
    guards=[roles(*OFFICE)],
    opt={"body": StepTaken},
    summary="Finish a step",
)
async def step(request: Call, case_id: UUID) -> Walk:
    """The present step is finished; a decision needs its answer."""
    wish, use = await body.read(request, StepTaken), services(request)
    return await casework.step(
        use.engine, request.user, case_id=case_id, wish=wish, ambient=use.ambient()
    )


@post(
    "/cases/{case_id:uuid}/documents",
    guards=[roles(*OFFICE)],
    opt={"body": Document},
    summary="Record a paper",
)
async def document(request: Call, case_id: UUID) -> Walk:
    """A paper that came in, perhaps after the acceptance."""
    wish = await body.read(request, Document)
    return await _recorded(request, case_id, kind=walk.DOCUMENT, wish=wish, at=wish.at)


@post(
    "/cases/{case_id:uuid}/contract",
    guards=[roles(*OFFICE)],
    opt={"body": Contract},
    summary="Record the contract",
)
async def contract(request: Call, case_id: UUID) -> Walk:
    """The installation contract as signed."""
    wish = await body.read(request, Contract)
    return await _recorded(request, case_id, kind=walk.CONTRACT, wish=wish, at=wish.signed_at)


@post(
    "/cases/{case_id:uuid}/payments",
    guards=[roles(*OFFICE)],
    opt={"body": Payment},
    summary="Record a payment",
)
async def payment(request: Call, case_id: UUID) -> Walk:
    """Money that came in, in fen."""
    wish = await body.read(request, Payment)
    return await _recorded(request, case_id, kind=walk.PAYMENT, wish=wish, at=wish.paid_at)


@post(
    "/cases/{case_id:uuid}/manager",
    guards=[roles(*OFFICE)],
    opt={"body": Manager},
    summary="Name the account manager",
)
async def manager(request: Call, case_id: UUID) -> Walk:
    """One person from acceptance to gas-on (clause 9e)."""
    wish = await body.read(request, Manager)
    return await _recorded(request, case_id, kind=walk.MANAGER, wish=wish, at=None)


async def _recorded(request: Call, case_id: UUID, *, kind: str, wish: Wire, at: object) -> Walk:
    use = services(request)
    said: Facts = {name: value for name, value in msgspec.to_builtins(wish).items() if name != "at"}
    note = msgspec.convert({"kind": kind, "body": said, "at": at}, Note)
    return await handling.record(
        use.engine, request.user, case_id=case_id, note=note, ambient=use.ambient()
    )


@get("/track/{code:str}", guards=[stranger], summary="A customer follows a case")
async def track(request: Call, code: str) -> Tracked:
    """The steps a customer may see, the appointment, the manager, the promise and its date."""
    use, asked = services(request), code[:40].replace("\x00", "")
    return await appointments.track(use.engine, asked, key=use.link_key, ambient=use.ambient())


@get("/appointments/{link:str}", guards=[stranger], summary="An appointment by its signed link")
async def appointment(request: Call, link: str) -> Appointment:
    """The hours agreed with the customer."""
    use = services(request)
    return await appointments.read(use.engine, link, key=use.link_key, now=use.ambient().now)


@post(
    "/appointments/{link:str}/confirm",
    guards=[stranger],
    status_code=200,
    summary="Confirm an appointment",
)
async def confirm(request: Call, link: str) -> Appointment:
    """The customer will be there."""
    use = services(request)
    return await appointments.confirm(use.engine, link, key=use.link_key, ambient=use.ambient())


@post(
    "/appointments/{link:str}/move",
    guards=[stranger],
    opt={"body": Move},
    status_code=200,
    summary="Move an appointment",
)
async def move(request: Call, link: str) -> Appointment:
    """Other hours, within the deadline of the promise; a published day is planned around them."""
    wish, use = await body.read(request, Move), services(request)
    agreed = await appointments.move(
        use.engine, link, wish=wish, key=use.link_key, ambient=use.ambient()
    )
    await _planned_around(use, link, reason=wish.reason)
    return agreed


async def _planned_around(use: Services, link: str, *, reason: str) -> None:
    ambient = use.ambient()
    found = await appointments.planned(use.engine, link, key=use.link_key, now=ambient.now)
    if found is None:
        return
    unit_id, visit_id, day = found
    who = Principal(unit_id=unit_id, role="dispatcher", name="customer")
    event = EventWish(kind="hours_moved", visit_id=visit_id, reason=reason)
    try:
        await events.happened(use.engine, who, on_day=day, wish=event, use=(use.days, ambient))
    except Refusal:
        # the hours are promised all the same: the visit waits for the dispatcher's decision
        return


@get(
    "/appointments/{link:str}/calendar.ics",
    guards=[stranger],
    media_type=MediaType.TEXT,
    summary="An appointment for the customer's calendar",
)
async def calendar(request: Call, link: str) -> Response[str]:
    """One event as iCalendar."""
    use = services(request)
    entry = await appointments.calendar_entry(
        use.engine, link, key=use.link_key, now=use.ambient().now
    )
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Response(entry, media_type="text/calendar; charset=utf-8", headers=headers)


router = Router(
    path="/api/v1",
    route_handlers=[
        workflows, publish, drawing, standing, begin, step, document, contract, payment, manager,
        track, appointment, confirm, move, calendar,
    ],
    tags=["Cases"],
)  # fmt: skip
