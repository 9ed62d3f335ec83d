"""Reports as data, sheet, page and picture; sheets of visits and notices of hazards to print."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.params import Parameter

from api import body
from api.access_routes import Call, services
from api.guards import STAFF, roles, whole_unit
from commitments import printouts, reporting, reports, whatif
from commitments.calendar import local_day
from schemas.report import By, Report
from schemas.whatif import WhatIf, WhatWouldBe
from storage import catalogue

READERS = roles("supervisor", "auditor", "administrator", "dispatcher", "safety_reviewer")
PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Since = Annotated[date, Parameter(query="from", description="the first day, by due date")]
Until = Annotated[date, Parameter(description="the last day, included")]


async def _report(request: Call, wish: reports.Wish) -> Report:
    use = services(request)
    today = local_day(catalogue.calendar(), use.ambient().now)
    return await reports.report(use.engine, request.user.unit_id, wish=wish, today=today)


def _file(content: bytes, media_type: str, *, name: str) -> Response[bytes]:
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)


@get("/reports/commitments", guards=[READERS, whole_unit], summary="How promises were kept")
async def report(request: Call, since: Since, *, until: Until, by: By = "clause") -> Report:
    """By clause, rule, rule version, unit, grid or month, with field work and backlog."""
    return await _report(request, reports.Wish(since=since, until=until, by=by))


@get(
    "/reports/commitments.xlsx",
    guards=[READERS, whole_unit],
    media_type=XLSX,
    summary="The same as XLSX",
)
async def sheet(request: Call, since: Since, *, until: Until, by: By = "clause") -> Response[bytes]:
    """A sheet a table."""
    found = await _report(request, reports.Wish(since=since, until=until, by=by))
    return _file(reports.workbook(found), XLSX, name=f"commitments-{by}.xlsx")


@get(
    "/reports/commitments.pdf",
    guards=[READERS, whole_unit],
    media_type=PDF,
    summary="The same to print",
)
async def page(request: Call, since: Since, *, until: Until, by: By = "clause") -> Response[bytes]:
    """A page that a manager prints."""
    use = services(request)
    found = await _report(request, reports.Wish(since=since, until=until, by=by))
    name = await reports.unit_name(use.engine, request.user.unit_id)
    made = await reports.page(found, name=name, now=use.ambient().now)
    return _file(made, PDF, name=f"commitments-{by}.pdf")


@get(
    "/reports/commitments.svg",
    guards=[READERS, whole_unit],
    media_type="image/svg+xml",
    summary="As a picture",
)
async def picture(
    request: Call, since: Since, *, until: Until, by: By = "clause"
) -> Response[bytes]:
    """Stacked bars."""
    found = await _report(request, reports.Wish(since=since, until=until, by=by))
    drawn = reporting.picture(found.lines).encode()
    return _file(drawn, "image/svg+xml", name=f"commitments-{by}.svg")


@get(
    "/visits/{visit_id:uuid}/sheet.pdf",
    guards=[roles(*STAFF, "technician", "crew_lead")],
    media_type=PDF,
    summary="A visit's checklist to print",
)
async def visit_sheet(request: Call, visit_id: UUID) -> Response[bytes]:
    """Answers, hazards, photos and signature (检查单); a technician prints the own visits."""
    use = services(request)
    made = await printouts.visit_sheet(
        use.engine, request.user, visit_id=visit_id, blobs=use.blobs, now=use.ambient().now
    )
    return _file(made, PDF, name=f"sheet-{visit_id}.pdf")


@get(
    "/hazards/{hazard_id:uuid}/notice.pdf",
    guards=[roles(*STAFF, "technician", "crew_lead")],
    media_type=PDF,
    summary="A hazard's written notice to print",
)
async def hazard_notice(request: Call, hazard_id: UUID) -> Response[bytes]:
    """What was found, how bad it is, until when, and by what law (整改通知书)."""
    use = services(request)
    made = await printouts.hazard_notice(
        use.engine, request.user, hazard_id=hazard_id, blobs=use.blobs, now=use.ambient().now
    )
    return _file(made, PDF, name=f"notice-{hazard_id}.pdf")


@post(
    "/what-if",
    guards=[roles("supervisor", "auditor", "administrator"), whole_unit],
    opt={"body": WhatIf},
    status_code=200,
    summary="Last year's facts under another rule",
)
async def what_if(request: Call) -> WhatWouldBe:
    """What would have been kept and broken; nothing is written."""
    wish, use = await body.read(request, WhatIf), services(request)
    return await whatif.asked(use.engine, request.user.unit_id, wish=wish, now=use.ambient().now)


router = Router(
    path="/api/v1",
    route_handlers=[report, sheet, page, picture, visit_sheet, hazard_notice, what_if],
    tags=["Reports"],
)
