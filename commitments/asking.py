"""Shell: the work that a request would ask for, before anybody has made the request."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, intake
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.day import WorkRow
from schemas.problems import Refusal
from schemas.work import CaseRequest, Kind, PremisesFacts, WorkOrderDraft
from storage import live, standing


class About(Value, frozen=True):
    """Which premises, and which kind of business."""

    premises_id: UUID
    kind: Kind


async def would_be(engine: AsyncEngine, unit_id: str, *, about: About, ambient: Ambient) -> WorkRow:
    """The order that a request of this instant would get, with the end of its promise. Refuses
    `not_found`, and `invalid_field` for business that nobody drives to."""
    async with engine.connect() as tx:
        home = await live.home(tx, unit_id, premises_id=about.premises_id)
        if home is None:
            raise Refusal("not_found")
        decided_by = await cases.book(tx, unit_id)
        remote = await standing.remote_grids(tx, unit_id)
    request = CaseRequest(
        kind=about.kind, channel="hotline", account=home["account"], received_at=ambient.now
    )
    facts = PremisesFacts(
        id=str(about.premises_id),
        account=home["account"],
        customer_class=home["customer_class"],
        area="remote" if home["grid_id"] in remote else "urban",
    )
    work = intake.draft(request, facts, book=decided_by).work
    if work is None:
        raise Refusal("invalid_field", field="kind", reason="nobody drives to this business")
    return _row(about, home, work=work, ambient=ambient)


def _row(about: About, home: Any, *, work: WorkOrderDraft, ambient: Ambient) -> WorkRow:
    return WorkRow(
        visit_id=None,
        work_order_id=ambient.new_id(),
        technician_id=None,
        state="unplaced",
        pinned=False,
        pending_decision=False,
        certification="open",
        started_at=None,
        ended_at=None,
        outcome=None,
        accepted=[],
        record_version=None,
        stop_id=None,
        arrive_at=None,
        starts_at=None,
        ends_at=None,
        travel_seconds=None,
        number="",
        kind=work.kind,
        tier=work.tier,
        # a promise runs as soon as the request is made
        case_id=about.premises_id,
        skills=list(work.skills),
        duration_seconds=work.duration_seconds,
        people=work.people,
        window_opens=None,
        window_closes=None,
        earliest_at=work.earliest_at,
        due_at=work.due_at,
        latitude=home["latitude"],
        longitude=home["longitude"],
        address=home["address"],
        grid=home["grid"],
    )
