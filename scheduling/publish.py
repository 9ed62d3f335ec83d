"""Shell: publishes a plan. What differs from the published day is carried out, and only that."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling.carry_out import Act, carry_out
from scheduling.diff import against
from scheduling.run import asked_of
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.live import PlanDiff
from schemas.plan import Plan
from schemas.problems import Refusal
from storage import live, work
from storage.engine import Transaction


async def publish(
    engine: AsyncEngine, unit_id: str, *, plan_id: UUID, actor: str, ambient: Ambient
) -> dict[str, int]:
    """All of a plan or nothing. Refuses `plan_not_ready` and, where the world moved,
    `plan_stale`."""
    async with engine.begin() as tx:
        row = await work.plan_of(tx, unit_id, plan_id=plan_id, lock=True)
        if row is None:
            raise Refusal("not_found")
        if row.state != "solved":
            raise Refusal("plan_not_ready", state=row.state)
        # the bump is the day's lock: whoever came first has changed the mark by now
        if await live.snapshot(tx, unit_id, on_day=row.on_day) != row.snapshot:
            raise Refusal("plan_stale")
        before = await live.version(tx, unit_id, on_day=row.on_day)
        version = await live.bump(tx, unit_id, on_day=row.on_day)
        if version != before + 1:
            raise Refusal("plan_stale")
        asked = await asked_of(tx, unit_id, on_day=row.on_day, now=ambient.now)
        plan = msgspec.convert(row.answer, Plan)
        found = against(asked, plan)
        act = Act(
            id=ambient.new_id(),
            on_day=row.on_day,
            version=version,
            kind="publish",
            changes=found.changes,
            subject=str(plan_id),
            plan_id=plan_id,
        )
        office = Principal(unit_id=unit_id, role="dispatcher", name=actor)
        await carry_out(tx, office, act=act, ambient=ambient)
        await work.update_plan(tx, plan_id, state="published", published_at=ambient.now)
    stops = sum(len(each.stops) for each in plan.routes)
    busy = sum(1 for each in plan.routes if each.stops)
    return {"stops": stops, "technicians": busy, "changes": len(found.changes)}


async def difference(tx: Transaction, unit_id: str, *, plan_id: UUID, now: Ambient) -> PlanDiff:
    """A plan against the published day as it stands now."""
    row = await work.plan_of(tx, unit_id, plan_id=plan_id)
    if row is None:
        raise Refusal("not_found")
    if row.answer is None:
        raise Refusal("plan_not_ready", state=row.state)
    asked = await asked_of(tx, unit_id, on_day=row.on_day, now=now.now)
    return against(asked, msgspec.convert(row.answer, Plan))
