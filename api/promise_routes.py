"""What a supervisor lays down for the company's promises: rules, working days; and what follows."""

from typing import Annotated

from litestar import Router, delete, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import STAFF, roles, whole_unit
from commitments import recalendar, rulebooks, writing
from commitments.answers import Classified, DueAnswer, DueQuestion, classified, due_answer
from commitments.calendar import local_day
from schemas.base import Wire
from schemas.calendar import CalendarYear, Notice, Recalendared
from schemas.commitment import Facts
from schemas.problems import Refusal
from schemas.rulebook import RulebookAnswer, RulebookDraft, RuleEnd, RuleShown
from sync.reading import YEARS

LAYS_DOWN = [roles("supervisor", "administrator"), whole_unit]


class Question(Wire, frozen=True):
    """Facts about a connection (clause 9)."""

    facts: Facts


@post(
    "/calendar/notices",
    guards=LAYS_DOWN,
    opt={"body": Notice},
    status_code=200,
    summary="Take in a notice on working days",
)
async def notice(request: Call) -> Recalendared:
    """Kept with its source; the running clocks that lean on it are folded anew, with history."""
    wish, use = await body.read(request, Notice), services(request)
    return await recalendar.take(
        use.engine,
        request.user.unit_id,
        notice=wish,
        actor=request.user.name,
        ambient=use.ambient(),
    )


@get("/calendar/{year:int}", guards=[roles(*STAFF)], summary="A year as the unit counts it")
async def calendar(request: Call, year: int) -> CalendarYear:
    """Days that differ from their weekday, who laid them down, and whether the year is official."""
    if not YEARS[0] <= year <= YEARS[1]:
        raise Refusal("invalid_field", field="year")
    return await recalendar.year_of(services(request).engine, request.user.unit_id, year=year)


@get("/rules", guards=[roles(*STAFF)], summary="Every version of every rule")
async def rules(request: Call) -> list[RuleShown]:
    """The handbook, the law beside it, and what the unit published; how many promises keep each."""
    return await rulebooks.shown(services(request).engine, request.user.unit_id)


@post(
    "/rules",
    guards=LAYS_DOWN,
    opt={"body": RulebookDraft},
    summary="Publish rules for the unit",
)
async def publish(request: Call) -> RulebookAnswer:
    """Every rule or none. What runs keeps the version that it began under."""
    wish, use = await body.read(request, RulebookDraft), services(request)
    who = request.user
    return await rulebooks.publish(
        use.engine, who.unit_id, wish=wish, actor=who.name, ambient=use.ambient()
    )


@post(
    "/rules/check",
    guards=LAYS_DOWN,
    opt={"body": RulebookDraft},
    status_code=200,
    summary="What publishing would change",
)
async def check(request: Call) -> RulebookAnswer:
    """The same refusals as publishing; nothing is kept."""
    wish, use = await body.read(request, RulebookDraft), services(request)
    return await rulebooks.check(use.engine, request.user.unit_id, wish=wish, ambient=use.ambient())


RuleCode = Annotated[str, Parameter(max_length=10)]
RuleVersion = Annotated[str, Parameter(max_length=40)]


@post(
    "/rules/{code:str}/{version:str}/end",
    guards=LAYS_DOWN,
    opt={"body": RuleEnd},
    status_code=204,
    summary="End a version",
)
async def end(request: Call, code: RuleCode, *, version: RuleVersion) -> None:
    """It begins no clock after that day; the clocks that run under it run on."""
    wish, use = await body.read(request, RuleEnd), services(request)
    who = request.user
    which, by = (_plain(code), _plain(version)), (who.name, use.ambient())
    await rulebooks.end(use.engine, who.unit_id, which=which, on=wish.on, by=by)


@delete("/rules/{code:str}/{version:str}", guards=LAYS_DOWN, summary="Take a version back")
async def drop(request: Call, code: RuleCode, *, version: RuleVersion) -> None:
    """Only one that no promise ever kept."""
    use, who = services(request), request.user
    which, by = (_plain(code), _plain(version)), (who.name, use.ambient())
    await rulebooks.drop(use.engine, who.unit_id, which=which, by=by)


@post(
    "/due",
    guards=[roles(*STAFF)],
    opt={"body": DueQuestion},
    status_code=200,
    summary="When would it be due",
)
async def due(request: Call) -> DueAnswer:
    """By the unit's own rules and days, each day counted."""
    wish, unit_id = await body.read(request, DueQuestion), request.user.unit_id
    async with services(request).engine.begin() as tx:
        known = await writing.rulebook(tx, unit_id)
        days = await recalendar.calendar_of(tx, unit_id)
    return due_answer(known, days, clause=wish.clause, start=wish.start, facts=wish.facts or {})


@post(
    "/classify",
    guards=[roles(*STAFF)],
    opt={"body": Question},
    status_code=200,
    summary="Which connection promise holds, and why",
)
async def classify(request: Call) -> Classified:
    """7, 35, 30 or 15 working days by the unit's own rules; a fact that is missing is named."""
    wish, use = await body.read(request, Question), services(request)
    unit_id = request.user.unit_id
    async with use.engine.begin() as tx:
        known = await writing.rulebook(tx, unit_id)
        days = await recalendar.calendar_of(tx, unit_id)
    return classified(known, wish.facts, on_day=local_day(days, use.ambient().now))


def _plain(word: str) -> str:
    if "\x00" in word:
        raise Refusal("invalid_field", reason="unseemly characters")
    return word


router = Router(
    path="/api/v1",
    route_handlers=[notice, calendar, rules, publish, check, end, drop, due, classify],
    tags=["Promises"],
)
