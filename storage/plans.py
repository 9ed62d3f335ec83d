"""Plan runs as a queue of rows: claimed with SKIP LOCKED and a lease, so a dead worker's run goes
on."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage.engine import Transaction
from storage.tables import plan, worker

LEASE = timedelta(seconds=20)
"""A worker that was not heard for so long is dead, and its run is anybody's."""
CLAIM_LOCK = 7_310_204
CLAIMS_MAX = 3
"""A run whose workers died three times kills workers: it is given up."""


async def claim(tx: Transaction, worker_name: str, *, now: datetime) -> Any:
    """The oldest run that waits, or whose worker has not been heard within its lease; or None.

    At most one run of a unit and day is under way at a time.
    """
    # claims follow each other: two that do not see one another would take two runs of a day
    await tx.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLAIM_LOCK})
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
    left = sa.and_(plan.c.state == "running", plan.c.lease_until <= now)
    await tx.execute(
        sa.update(plan)
        .where(left, plan.c.attempts >= CLAIMS_MAX)
        .values(state="failed", finished_at=now)
    )
    free = sa.or_(plan.c.state == "requested", left)
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
            .values(
                state="running",
                worker=worker_name,
                lease_until=now + LEASE,
                attempts=plan.c.attempts + 1,
            )
        )
    return found


async def beat(
    tx: Transaction,
    run: tuple[UUID, str],
    *,
    share: float,
    cost: float | None,
    now: datetime,
) -> bool:
    """A worker says how far its run is and renews the lease; False where it should come to an end:
    somebody asked for it, or the run is not this worker's any more."""
    done = await tx.execute(
        sa.update(plan)
        .where(plan.c.id == run[0], plan.c.worker == run[1], plan.c.state == "running")
        .values(progress=share, best_cost=cost, lease_until=now + LEASE)
        .returning(plan.c.stop_asked)
    )
    row = done.one_or_none()
    return row is not None and not row.stop_asked


async def ask_stop(tx: Transaction, unit_id: str, *, plan_id: UUID) -> bool:
    """Asks a run to come to an end with what it has; one that waits is not begun."""
    mine = (plan.c.unit_id == unit_id, plan.c.id == plan_id)
    waits = await tx.execute(
        sa.update(plan).where(*mine, plan.c.state == "requested").values(state="stopped")
    )
    runs = await tx.execute(
        sa.update(plan).where(*mine, plan.c.state == "running").values(stop_asked=True)
    )
    return bool(waits.rowcount or runs.rowcount)


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
    kept = [column for column in plan.c if column.name not in ("problem", "answer")]
    statement = sa.select(*kept).where(plan.c.unit_id == unit_id)
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
