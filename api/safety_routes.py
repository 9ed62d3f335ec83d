"""What named people decide for safety: hazards, quarantine, and what deserves a second look."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Router, get, post

from api import body
from api.access_routes import Call, services
from api.guards import DISPATCH, STAFF, roles
from schemas.base import Value
from schemas.safety import HazardStep, QuarantineDecision, ReviewMark
from schemas.sync import Operation
from storage import registry
from storage import safety as rows
from sync import push, safety
from sync.marks import Seen, files_of, marks

_operation = msgspec.json.Decoder(Operation)


class Marks(Value, frozen=True):
    """A day's reasons for a sampling review."""

    day: date
    visits: int
    marks: list[ReviewMark]


@post(
    "/hazards/{hazard_id:uuid}/steps",
    guards=[roles("safety_reviewer", *DISPATCH)],
    opt={"body": HazardStep},
    status_code=200,
    summary="A step in a hazard's life",
)
async def hazard_step(request: Call, hazard_id: UUID) -> dict[str, Any]:
    """Notified, rectifying, recheck, closed; or another grade."""
    wish, use = await body.read(request, HazardStep), services(request)
    done = await safety.step(
        use.engine, request.user, hazard_id=hazard_id, wish=wish, ambient=use.ambient()
    )
    plain: dict[str, Any] = msgspec.to_builtins(done)
    return plain


@post(
    "/quarantine/{entry:uuid}/decide",
    guards=[roles(*DISPATCH)],
    opt={"body": QuarantineDecision},
    status_code=204,
    summary="Release or reject what could not be applied",
)
async def decide(request: Call, entry: UUID) -> None:
    """Released, it is merged as it was captured; rejected, it stays on file."""
    wish, use = await body.read(request, QuarantineDecision), services(request)
    who, ambient = request.user, use.ambient()
    if wish.decision == "reject":
        await safety.reject(use.engine, who, entry=entry, wish=wish, ambient=ambient)
        return
    owner, operation = await safety.take_up(use.engine, who, entry=entry)
    await push.release(use.store, owner, operation=operation, library=use.library, ambient=ambient)
    await safety.released(use.engine, who, entry=entry, wish=wish, ambient=ambient)


@get("/review-marks/{day:date}", guards=[roles(*STAFF)], summary="What deserves a second look")
async def review(request: Call, day: date) -> Marks:
    """Same photo or signature twice, far from the address, too fast, one instrument twice."""
    unit_id = request.user.unit_id
    async with services(request).engine.connect() as tx:
        zone = ZoneInfo(await registry.zone_of(tx, unit_id))
        # two midnights of the unit's own: where clocks are changed a day has 23 or 25 hours
        opens, closes = (
            datetime.combine(each, datetime.min.time(), zone)
            for each in (day, day + timedelta(days=1))
        )
        said = await rows.said_on(tx, unit_id, opens=opens, closes=closes)
        seen = [_seen(row) for row in said]
        files = sorted({name for each in seen for name in files_of(each.operation)})
        named = await rows.visits_by_file(tx, unit_id, files=files)
    return Marks(day=day, visits=len({each.visit for each in seen}), marks=marks(seen, named=named))


def _seen(row: Any) -> Seen:
    known = row["latitude"] is not None and row["longitude"] is not None
    return Seen(
        operation=_operation.decode(row["payload"]),
        visit=row["visit_id"],
        tablet=row["tablet_id"],
        technician=row["technician"],
        at=row["corrected_at"],
        home=(row["latitude"], row["longitude"]) if known else None,
    )


router = Router(path="/api/v1", route_handlers=[hazard_step, decide, review], tags=["Safety"])
