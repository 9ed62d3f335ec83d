"""Cases, work orders, visits, plans and stops."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage import bulk
from storage.engine import Transaction, driver
from storage.tables import case, plan, premises, stop, visit, work_order

Rows = Sequence[dict[str, Any]]

OPEN_FOR_PLANNING = ("registered", "ready", "scheduled")
"""Work order states in which a plan may give the work to a technician."""

_HOURS_KEPT = """
UPDATE visit v SET pending_decision = false FROM work_order w
WHERE v.unit_id = $1 AND v.id = $2 AND w.id = v.work_order_id
  AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.visit_id = v.id AND NOT s.released
    AND NOT lower(s.during) BETWEEN w.window_opens AND w.window_closes)
  AND ($3 OR NOT v.pinned AND NOT EXISTS (SELECT 1 FROM conflict c WHERE c.unit_id = v.unit_id
    AND c.record_id = v.id AND c.status = 'open' AND c.field = 'state'))
"""


async def open_cases(tx: Transaction, rows: Rows) -> int:
    """Adds cases; one that is known by its number stays as it is."""
    return await bulk.insert(tx, case, rows=rows, skip_known=True)


async def known_cases(tx: Transaction, unit_id: str, *, numbers: Sequence[str]) -> set[str]:
    """Which of these case numbers exist."""
    rows = await tx.scalars(
        sa.select(case.c.number).where(case.c.unit_id == unit_id, case.c.number.in_(numbers))
    )
    return set(rows)


async def lock_case(tx: Transaction, unit_id: str, *, case_id: UUID) -> Any:
    """A case of the unit with what steps ask of its premises, locked, or None."""
    p = premises.c
    found = await tx.execute(
        sa.select(case, p.customer_class, p.first_gas_on, p.last_inspection_on)
        .outerjoin(premises, premises.c.id == case.c.premises_id)
        .where(case.c.unit_id == unit_id, case.c.id == case_id)
        .with_for_update(of=case)
    )
    return found.one_or_none()


async def set_case(tx: Transaction, case_id: UUID, *, values: dict[str, Any]) -> None:
    """Sets what a step changed in a case."""
    await tx.execute(sa.update(case).where(case.c.id == case_id).values(**values))


async def call_off(tx: Transaction, unit_id: str, *, case_id: UUID) -> int:
    """Takes back work of a case that nobody was sent to yet."""
    w = work_order.c
    done = await tx.execute(
        sa.update(work_order)
        .where(w.unit_id == unit_id, w.case_id == case_id, w.state.in_(OPEN_FOR_PLANNING))
        .values(state="cancelled", version=w.version + 1)
    )
    return done.rowcount


async def move_due(
    tx: Transaction, unit_id: str, *, moved: Sequence[tuple[UUID, datetime, datetime]]
) -> None:
    """Work of a case that nobody was sent to yet is due when its promise is: case, old, new."""
    w = work_order.c
    for case_id, old, new in moved:
        await tx.execute(
            sa.update(work_order)
            .where(w.unit_id == unit_id, w.case_id == case_id, w.state.in_(OPEN_FOR_PLANNING))
            .where(sa.or_(w.due_at == old, w.due_at > new))
            .values(due_at=new, version=w.version + 1)
        )


async def open_work_orders(tx: Transaction, rows: Rows) -> int:
    """Adds work orders; one that is known by its number stays as it is."""
    return await bulk.insert(tx, work_order, rows=rows, skip_known=True)


async def set_work_order_states(tx: Transaction, rows: Rows) -> int:
    """Sets the state of work orders: `{id, state}` each."""
    return await bulk.update(tx, work_order, rows=rows)


async def add_visits(tx: Transaction, rows: Rows) -> int:
    """Adds visits."""
    return await bulk.insert(tx, visit, rows=rows, skip_known=True)


async def update_visits(tx: Transaction, rows: Rows) -> int:
    """Sets the named columns of visits found by id."""
    return await bulk.update(tx, visit, rows=rows)


async def visits_of(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Visits with the number of their work order, by id."""
    rows = await tx.execute(
        sa.select(
            visit,
            work_order.c.number,
            work_order.c.kind,
            work_order.c.case_id,
            work_order.c.skills,
            work_order.c.people,
            work_order.c.duration_seconds,
        )
        .join(work_order, work_order.c.id == visit.c.work_order_id)
        .where(visit.c.unit_id == unit_id, visit.c.id.in_(ids))
    )
    return {row.id: row for row in rows}


async def add_stops(tx: Transaction, rows: Rows) -> int:
    """Books technicians. A double booking is refused by the database itself."""
    return await bulk.insert(tx, stop, rows=rows)


async def release_stops(tx: Transaction, visits: Sequence[UUID]) -> int:
    """Frees the places that these visits held."""
    if not visits:
        return 0
    done = await tx.execute(
        sa.update(stop).where(stop.c.visit_id.in_(visits), ~stop.c.released).values(released=True)
    )
    return done.rowcount


async def add_plan(tx: Transaction, row: dict[str, Any]) -> None:
    """Stores the request for a plan."""
    await tx.execute(sa.insert(plan).values(**row))


async def update_plan(tx: Transaction, plan_id: UUID, **values: Any) -> None:
    """Sets columns of a plan."""
    await tx.execute(sa.update(plan).where(plan.c.id == plan_id).values(**values))


async def plan_of(tx: Transaction, unit_id: str, *, plan_id: UUID, lock: bool = False) -> Any:
    """One plan of the unit, or None."""
    statement = sa.select(plan).where(plan.c.unit_id == unit_id, plan.c.id == plan_id)
    return (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def hours_kept(
    tx: Transaction, unit_id: str, *, visit_id: UUID, decided: bool = False
) -> None:
    """A visit that is planned within the agreed hours, or by nobody, waits for no decision about
    them; one that waits for another reason, or is pinned, goes on waiting until a person `decided`."""
    connection = await driver(tx)
    await connection.execute(_HOURS_KEPT, unit_id, visit_id, decided)
