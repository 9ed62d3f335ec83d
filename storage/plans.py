"""Plan runs as a queue of rows: claimed with SKIP LOCKED and a lease, so a dead worker's run goes
on."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage.engine import Transaction
from storage.tables import plan, worker

LEASE = timedelta(seconds=90)


async def claim(tx: Transaction, worker_name: str, *, now: datetime) -> Any:
    """The oldest run that waits, or whose worker has not been heard within its lease; or None.

    At most one run of a unit and day is under way at a time.
    """
    busy = plan.alias("busy")
    under_way = (
        sa.select(sa.literal(1))
        .where(
            busy.c.unit_id == plan.c.unit_id,
            busy.c.on_day == plan.c.on_day,
            busy.c.state == "running",
            busy.c.lease_until > now,
            busy.c.id != plan.c.id,
        )
        .exists()
    )
    free = sa.or_(
        plan.c.state == "requested", sa.and_(plan.c.state == "running", plan.c.lease_until <= now)
    )
    found = (
        await tx.execute(
            sa.select(plan)
            .where(free, ~under_way)
            .order_by(plan.c.requested_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).one_or_none()
    if found is not None:
        await tx.execute(
            sa.update(plan)
            .where(plan.c.id == found.id)
            .values(state="running", worker=worker_name, lease_until=now + LEASE)
        )
    return found


async def finish(
    tx: Transaction, plan_id: UUID, *, worker_name: str, values: dict[str, Any]
) -> bool:
    """Saves a result if the run is still this worker's."""
    done = await tx.execute(
        sa.update(plan)
        .where(plan.c.id == plan_id, plan.c.worker == worker_name, plan.c.state == "running")
        .values(**values)
    )
    return done.rowcount == 1


async def of_day(tx: Transaction, unit_id: str, *, on_day: date | None, limit: int) -> list[Any]:
    """Plan runs, the newest first."""
    statement = sa.select(
        plan.c.id,
        plan.c.on_day,
        plan.c.state,
        plan.c.report,
        plan.c.requested_by,
        plan.c.requested_at,
        plan.c.finished_at,
        plan.c.published_at,
    ).where(plan.c.unit_id == unit_id)
    if on_day is not None:
        statement = statement.where(plan.c.on_day == on_day)
    found = await tx.execute(statement.order_by(plan.c.requested_at.desc()).limit(limit))
    return list(found.all())


async def worker_lives(tx: Transaction, name: str, *, now: datetime, doing: str) -> None:
    """A worker says that it lives."""
    statement = insert(worker).values(id=name, seen_at=now, doing=doing)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={"seen_at": statement.excluded.seen_at, "doing": statement.excluded.doing},
        )
    )
