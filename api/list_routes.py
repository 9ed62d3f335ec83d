"""The office's lists, on screen and as files, and what is seen at a glance."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import Parameter

from api.access_routes import Call, services
from api.guards import STAFF, roles
from api.sheets import ZONE, as_csv, as_xlsx
from schemas.office import (
    AtRisk,
    CasePage,
    CaseRow,
    CommitmentPage,
    CommitmentRow,
    ConflictPage,
    ConflictRow,
    Coverage,
    Filters,
    Format,
    GridCoverage,
    OrderPage,
    OrderRow,
    OrderStory,
    PromisesAtAGlance,
    QuarantinePage,
    QuarantineRow,
    Tally,
    TemplateName,
)
from schemas.problems import Refusal
from storage import catalogue, lists, stories

Limit = Annotated[int, Parameter(ge=1, le=500)]
Chosen = Annotated[str | None, Parameter(max_length=60)]
EXPORT_ROWS_MAX = 50_000
PAGE = 500
RISK_BACK = timedelta(days=7)


def narrowed(
    status: Chosen = None, kind: Chosen = None, *, grid: Chosen = None, text: Chosen = None
) -> Filters:
    """The filters of a list, from the query."""
    if any("\x00" in (each or "") for each in (status, kind, grid, text)):
        raise Refusal("invalid_field", reason="unseemly characters")
    return Filters(status=status, kind=kind, grid=grid, text=text)


async def _page(
    request: Call, what: str, *, filters: Filters, page: tuple[UUID | None, int]
) -> Any:
    async with services(request).engine.connect() as tx:
        rows = await lists.rows(tx, request.user.unit_id, what=what, filters=filters, page=page)
    return rows, rows[-1]["id"] if len(rows) == page[1] else None


@get("/work-orders", guards=[roles(*STAFF)], summary="Work orders")
async def list_orders(
    request: Call, filters: Filters, *, after: UUID | None = None, limit: Limit = 100
) -> OrderPage:
    """Work orders of the unit, by state, kind, grid, or words in number, account or address."""
    rows, rest = await _page(request, "orders", filters=filters, page=(after, limit))
    return OrderPage(items=msgspec.convert(rows, list[OrderRow]), next=rest)


@get("/cases", guards=[roles(*STAFF)], summary="Cases")
async def list_cases(
    request: Call, filters: Filters, *, after: UUID | None = None, limit: Limit = 100
) -> CasePage:
    """Cases of the unit, by state, kind, grid, or words in number, account or address."""
    rows, rest = await _page(request, "cases", filters=filters, page=(after, limit))
    return CasePage(items=msgspec.convert(rows, list[CaseRow]), next=rest)


@get("/commitments", guards=[roles(*STAFF)], summary="Commitments")
async def list_commitments(
    request: Call, filters: Filters, *, after: UUID | None = None, limit: Limit = 100
) -> CommitmentPage:
    """Commitments of the unit; `kind` is a clause."""
    rows, rest = await _page(request, "commitments", filters=filters, page=(after, limit))
    return CommitmentPage(items=msgspec.convert(rows, list[CommitmentRow]), next=rest)


@get("/conflicts", guards=[roles(*STAFF)], summary="Conflicts with every value")
async def list_conflicts(
    request: Call, status: Chosen = "open", *, after: UUID | None = None, limit: Limit = 100
) -> ConflictPage:
    """Who said what, when, with which photos, and what counts meanwhile."""
    filters = narrowed(status)
    rows, rest = await _page(request, "conflicts", filters=filters, page=(after, limit))
    return ConflictPage(items=msgspec.convert(rows, list[ConflictRow]), next=rest)


@get("/quarantine", guards=[roles(*STAFF)], summary="What could not be applied")
async def list_quarantine(
    request: Call, status: Chosen = "open", *, after: UUID | None = None, limit: Limit = 100
) -> QuarantinePage:
    """Operations with the code of what is wrong, their technician and their bytes."""
    filters = narrowed(status)
    rows, rest = await _page(request, "quarantine", filters=filters, page=(after, limit))
    return QuarantinePage(items=msgspec.convert(rows, list[QuarantineRow]), next=rest)


@get("/exports/{what:str}", guards=[roles(*STAFF)], summary="A list as a file")
async def export(
    request: Call,
    what: str,
    *,
    filters: Filters,
    form: Annotated[Format, Parameter(query="format")] = "csv",
) -> Response[bytes]:
    """work-orders, cases or commitments with the same filters; at most 50,000 rows."""
    name = {"work-orders": "orders", "cases": "cases", "commitments": "commitments"}.get(what)
    if name is None:
        raise Refusal("not_found")
    rows: list[dict[str, Any]] = []
    after: UUID | None = None
    while len(rows) < EXPORT_ROWS_MAX:
        page, after = await _page(request, name, filters=filters, page=(after, PAGE))
        rows += page
        if after is None:
            break
    kind = {"orders": OrderRow, "cases": CaseRow, "commitments": CommitmentRow}[name]
    names = [each for each in kind.__struct_fields__ if each != "id" and not each.endswith("_id")]
    cells = [[row[each] for each in names] for row in rows]
    # a big sheet takes a second to write: not on the loop that others wait for
    body = await asyncio.to_thread(as_csv if form == "csv" else as_xlsx, names, cells)
    media = "text/csv; charset=utf-8" if form == "csv" else _XLSX
    headers = {"Content-Disposition": f'attachment; filename="{what}.{form}"'}
    return Response(body, media_type=media, headers=headers)


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@get("/work-orders/{order_id:uuid}", guards=[roles(*STAFF)], summary="One work order's whole story")
async def one_order(request: Call, order_id: UUID) -> OrderStory:
    """Visits, answers, every value that lost, photos, hazards, conflicts and promises."""
    unit_id = request.user.unit_id
    async with services(request).engine.connect() as tx:
        order = await lists.order(tx, unit_id, order_id=order_id)
        if order is None:
            raise Refusal("not_found")
        promises = await lists.promises_of(tx, unit_id, order_id=order_id)
        ids = [each["id"] for each in promises]
        found = await stories.story(tx, unit_id, order_id=order_id, promises=ids)
        beside = await lists.rows(
            tx, unit_id, what="conflicts", filters=Filters(text=str(order_id)), page=(None, 200)
        )
    whole = {**found, **order, "order": order, "conflicts": beside, "commitments": promises}
    return msgspec.convert(whole, OrderStory)


@get("/commitments/at-risk", guards=[roles(*STAFF)], summary="Promises that end soon")
async def at_risk(
    request: Call, hours: Annotated[int, Parameter(ge=1, le=240)] = 36, *, limit: Limit = 60
) -> list[AtRisk]:
    """Not kept yet and over within so many hours, or over within the last week; where their
    work stands."""
    use, unit_id = services(request), request.user.unit_id
    now = use.ambient().now
    names = {(each.code, each.version): each.zh for each in catalogue.rules()}
    words = {code: zh for (code, _), zh in names.items()}
    async with use.engine.connect() as tx:
        rows = await stories.at_risk(
            tx,
            unit_id,
            between=(now - RISK_BACK, now + timedelta(hours=hours)),
            now=now,
            limit=limit,
        )
    named = [{**row, "rule_zh": words.get(row["rule_code"], "")} for row in rows]
    return msgspec.convert(named, list[AtRisk])


@get("/commitments/standing", guards=[roles(*STAFF)], summary="Promises kept, at risk, broken")
async def standing(
    request: Call, days: Annotated[int, Parameter(ge=1, le=400)] = 30
) -> PromisesAtAGlance:
    """The last so many days and today: in all, by clause, by grid, day by day."""
    use, unit_id = services(request), request.user.unit_id
    today = use.ambient().now.astimezone(ZONE).date()
    since = today - timedelta(days=days - 1)
    async with use.engine.connect() as tx:
        rows = await stories.standing(
            tx,
            unit_id,
            between=(_midnight(since), _midnight(today + timedelta(days=1))),
            zone=str(ZONE),
        )
    total = _tally("", rows)
    return PromisesAtAGlance(
        since=since, until=today, kept=total.kept, at_risk=total.at_risk, broken=total.broken,
        by_clause=_tallies(rows, "clause"), by_grid=_tallies(rows, "grid"),
        by_day=_tallies(rows, "day"), )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZONE).astimezone(UTC)


def _tallies(rows: list[dict[str, Any]], name: str) -> list[Tally]:
    keys = sorted({str(row[name]) for row in rows})
    return [_tally(key, [row for row in rows if str(row[name]) == key]) for key in keys]


def _tally(key: str, rows: list[dict[str, Any]]) -> Tally:
    kept, at_risk_now, broken = (
        sum(row[name] for row in rows) for name in ("kept", "at_risk", "broken")
    )
    return Tally(key=key, kept=kept, at_risk=at_risk_now, broken=broken)


@get("/coverage", guards=[roles(*STAFF)], summary="Inspection coverage")
async def coverage(request: Call) -> Coverage:
    """By grid: inspected, due soon, overdue, never; the worst first."""
    use = services(request)
    today = use.ambient().now.astimezone(ZONE).date()
    async with use.engine.connect() as tx:
        rows = await stories.coverage(tx, request.user.unit_id, as_of=today)
    return Coverage(as_of=today, grids=msgspec.convert(rows, list[GridCoverage]))


@get("/templates", guards=[roles(*STAFF)], summary="Checklists of the library")
async def templates(request: Call) -> list[TemplateName]:
    """Every checklist in every version that is kept."""
    known = services(request).library.templates
    return [
        TemplateName(ref=ref, name_zh=known[ref].name_zh, name_en=known[ref].name_en)
        for ref in sorted(known)
    ]


handlers = (
    list_orders, list_cases, list_commitments, list_conflicts, list_quarantine, export, one_order,
    at_risk, standing, coverage, templates, )  # fmt: skip
"""They hang in the office's router: one path may not be served by two."""
