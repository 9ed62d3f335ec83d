"""Workflows that were published, the recorded facts of cases, and what customers see of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage import sealing
from storage.engine import Transaction, driver
from storage.tables import case, case_event, work_order, workflow

_TRACKED = """
SELECT c.id, c.unit_id, c.number, c.kind, c.state, c.received_at FROM "case" c
WHERE c.tracking_code = $1
"""
_ORDER = """
SELECT w.id, w.unit_id, w.number, w.kind, w.state, w.window_opens, w.window_closes, w.due_at,
  w.facts,
  coalesce(v.state, '') AS visit_state, v.id AS visit_id, lower(s.during) AS starts_at,
  upper(s.during) AS ends_at
FROM work_order w
LEFT JOIN LATERAL (SELECT id, state, second_id FROM visit WHERE work_order_id = w.id
  ORDER BY attempt DESC LIMIT 1) v ON true
LEFT JOIN stop s ON s.visit_id = v.id AND NOT s.released
  AND s.technician_id IS DISTINCT FROM v.second_id
WHERE {} ORDER BY w.number LIMIT 1
"""
_ORDER_OF_CASE, _ORDER_BY_ID = (
    _ORDER.format("w.unit_id = $1 AND w.case_id = $2"),
    _ORDER.format("w.id = $1"),
)
_VISITS = """
SELECT lower(s.during) AS starts_at, upper(s.during) AS ends_at, v.state FROM work_order w
JOIN visit v ON v.work_order_id = w.id JOIN stop s ON s.visit_id = v.id AND NOT s.released
  AND s.technician_id IS DISTINCT FROM v.second_id
WHERE w.unit_id = $1 AND w.case_id = $2 ORDER BY 1
"""
_PROMISES = """
SELECT rule_code, clause, state, due_at FROM commitment
WHERE unit_id = $1 AND case_id = $2 ORDER BY due_at
"""


async def publish(tx: Transaction, row: dict[str, Any]) -> bool:
    """Adds a workflow version; False where it is there already."""
    done = await tx.execute(insert(workflow).values(**row).on_conflict_do_nothing())
    return done.rowcount == 1


async def workflows(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Every workflow version of the unit, the oldest first."""
    found = await tx.execute(
        sa.select(workflow)
        .where(workflow.c.unit_id == unit_id)
        .order_by(workflow.c.code, workflow.c.published_at)
    )
    return found.all()


async def lock_case(tx: Transaction, unit_id: str, *, case_id: UUID) -> Any:
    """A case of the unit, locked, so that its facts follow each other; or None."""
    found = await tx.execute(
        sa.select(case).where(case.c.unit_id == unit_id, case.c.id == case_id).with_for_update()
    )
    return found.one_or_none()


async def facts_of(tx: Transaction, unit_id: str, *, case_id: UUID) -> Sequence[Any]:
    """The recorded facts of a case, in order."""
    found = await tx.execute(
        sa.select(case_event)
        .where(case_event.c.unit_id == unit_id, case_event.c.case_id == case_id)
        .order_by(case_event.c.n)
    )
    return found.all()


async def cases_with_facts(
    tx: Transaction, unit_id: str, *, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Cases that walk a workflow, in id order, from one after `after`: `id` and where their facts
    end. Also one whose facts are all gone."""
    begun = sa.exists().where(case_event.c.case_id == case.c.id)
    statement = sa.select(case.c.id, case.c.facts_told, case.c.facts_head, case.c.facts_seal).where(
        case.c.unit_id == unit_id, sa.or_(case.c.facts_told.is_not(None), begun)
    )
    if after is not None:
        statement = statement.where(case.c.id > after)
    return (await tx.execute(statement.order_by(case.c.id).limit(limit))).all()


async def append_fact(tx: Transaction, row: dict[str, Any]) -> None:
    """Adds a fact to the chain of its case; the case knows how long it is and where it ends."""
    await tx.execute(sa.insert(case_event).values(**row))
    n, head = row["n"], row["hash"]
    seal = sealing.ring_of(tx).mark(row["case_id"], n, head=head)
    told = {"facts_told": n, "facts_head": head, "facts_seal": seal}
    await tx.execute(sa.update(case).where(case.c.id == row["case_id"]).values(**told))


async def tracked(tx: Transaction, code: str) -> Any:
    """The case behind a tracking code, or None. The code itself is the right to see it."""
    connection = await driver(tx)
    return await connection.fetchrow(_TRACKED, code)


async def visits_of(tx: Transaction, unit_id: str, *, case_id: UUID) -> Sequence[Any]:
    """The booked visits of a case: `starts_at, ends_at, state`."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_VISITS, unit_id, case_id)
    return found


async def promises_of(tx: Transaction, unit_id: str, *, case_id: UUID) -> Sequence[Any]:
    """The commitments of a case, the nearest first."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_PROMISES, unit_id, case_id)
    return found


async def order_of_case(tx: Transaction, unit_id: str, *, case_id: UUID) -> Any:
    """The field work of a case with its latest visit, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_ORDER_OF_CASE, unit_id, case_id)


async def lock_order(tx: Transaction, order_id: UUID) -> Any:
    """A work order with its latest visit, locked, or None."""
    connection = await driver(tx)
    await connection.execute("SELECT 1 FROM work_order WHERE id = $1 FOR UPDATE", order_id)
    return await connection.fetchrow(_ORDER_BY_ID, order_id)


async def change_order(tx: Transaction, order_id: UUID, **values: Any) -> None:
    """Sets columns of a work order; a plan that leaned on it is stale from now on."""
    await tx.execute(
        sa.update(work_order)
        .where(work_order.c.id == order_id)
        .values(version=work_order.c.version + 1, **values)
    )
