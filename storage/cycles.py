"""Inspection cycles: due lists from an index, the levelled plan, attempts and coverage."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

SLICE = 50_000
# three plain statements, each along one index: a join of a page to a million planned rows was planned
# by statistics that are as old as the last levelling
_DUE = """
SELECT id AS premises, account, customer_class, address, grid_id, inspection_due_on AS due_on
FROM premises WHERE unit_id = $1 AND (inspection_due_on, id) > ($2, $3) AND inspection_due_on < $4
  AND ($5::text IS NULL OR grid_id = (SELECT id FROM grid WHERE unit_id = $1 AND code = $5::text))
ORDER BY inspection_due_on, id LIMIT $6
"""
_DUE_PLANNED = """
SELECT premises_id, due_on, planned_on FROM cycle_plan
WHERE unit_id = $1 AND kind = 'interval' AND (due_on, premises_id) > ($2, $3)
  AND (due_on, premises_id) <= ($4, $5)
"""
_GRIDS = "SELECT id, code FROM grid WHERE unit_id = $1"
_COMING = """
SELECT id, inspection_due_on AS due_on, address FROM premises
WHERE unit_id = $1 AND inspection_due_on < $2 AND customer_class = ANY($3::text[])
ORDER BY inspection_due_on, id
"""
_FORGET = "DELETE FROM cycle_plan WHERE unit_id = $1 AND kind = $2"
_PLAN = """
INSERT INTO cycle_plan (unit_id, kind, premises_id, due_on, planned_on, place)
SELECT $1, $2, * FROM unnest($3::uuid[], $4::date[], $5::date[], $6::text[])
ORDER BY 4, 3
"""
_MONTHS = """
SELECT to_char(planned_on, 'YYYY-MM') AS month, count(*) AS planned FROM cycle_plan
WHERE unit_id = $1 AND kind = 'interval' GROUP BY 1 ORDER BY 1
"""
_DUE_MONTHS = """
SELECT to_char(due_on, 'YYYY-MM') AS month, count(*) AS due FROM cycle_plan
WHERE unit_id = $1 AND kind = 'interval' GROUP BY 1 ORDER BY 1
"""
_BEGINS = "SELECT min(planned_on) FROM cycle_plan WHERE unit_id = $1 AND kind = 'interval'"
_PLACES = """
SELECT place, count(*) AS premises, min(planned_on) AS first_on, max(planned_on) AS last_on
FROM cycle_plan WHERE unit_id = $1 AND planned_on >= $2 AND planned_on < $3
GROUP BY place ORDER BY premises DESC, place LIMIT $4
"""
_READY = """
SELECT p.id, p.account, p.customer_class, p.inspection_due_on, c.planned_on, c.place, c.due_on
FROM cycle_plan c JOIN premises p ON p.id = c.premises_id
WHERE c.unit_id = $1 AND c.kind = $2 AND c.planned_on <= $3
  AND (c.planned_on, c.premises_id) > ($4, $5)
  AND (c.kind <> 'interval' OR c.due_on = p.inspection_due_on)
  AND NOT EXISTS (SELECT 1 FROM cycle_plan h WHERE h.premises_id = c.premises_id
    AND c.kind = 'interval' AND h.kind = 'preheating'
    AND h.planned_on BETWEEN c.planned_on - 60 AND c.due_on)
ORDER BY c.planned_on, c.premises_id LIMIT $6
"""
_ATTEMPTS = """
SELECT v.id AS visit, coalesce(v.ended_at, v.started_at) AS at, v.outcome, v.work_order_id,
  coalesce(r.fields::jsonb ? 'notice'
    OR r.fields::jsonb -> 'no_access' ?| ARRAY['notice_photo', 'notice_no', 'notice'], false)
    AS notice_left
FROM visit v LEFT JOIN record r ON r.id = v.id
WHERE v.unit_id = $1 AND {} AND v.outcome IN ('no_access', 'refused')
  AND coalesce(v.ended_at, v.started_at) IS NOT NULL
ORDER BY at
"""
_OF_PREMISES = _ATTEMPTS.format("v.premises_id = $2")
_OF_ORDERS = _ATTEMPTS.format("v.work_order_id = ANY($2::uuid[])")
_CYCLE = """
SELECT p.id, p.customer_class, p.last_inspection_on, p.first_gas_on, p.inspection_due_on
FROM premises p WHERE p.unit_id = $1 AND p.id = $2
"""
_UNREACHED = """
SELECT id, due_at, facts, state FROM work_order
WHERE unit_id = $1 AND state IN ('no_access', 'refused') AND NOT facts ? 'escalated'
  AND kind IN ('inspection', 'inspection_booking')
ORDER BY due_at NULLS LAST, id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_COVERAGE = """
SELECT coalesce(g.code, '') AS grid, to_char(c.due_on, 'YYYY-MM') AS month, count(*) AS due,
  count(*) FILTER (WHERE c.state = 'met') AS interval_kept,
  count(*) FILTER (WHERE c.state IN ('running', 'paused', 'provisional',
    'overdue_evidence_pending')) AS interval_open
FROM commitment c JOIN premises p ON p.id = c.premises_id LEFT JOIN grid g ON g.id = p.grid_id
WHERE c.unit_id = $1 AND c.due_on BETWEEN $2 AND $3 AND c.rule_code = ANY($4::text[])
  AND c.case_id IS NULL
GROUP BY 1, 2 ORDER BY 1, 2
"""
_TRIED = """
SELECT c.id, coalesce(g.code, '') AS grid, to_char(c.due_on, 'YYYY-MM') AS month, c.due_on,
  coalesce(v.ended_at, v.started_at) AS at,
  coalesce(r.fields::jsonb ? 'notice'
    OR r.fields::jsonb -> 'no_access' ?| ARRAY['notice_photo', 'notice_no', 'notice'], false)
    AS notice_left
FROM commitment c
JOIN visit v ON v.premises_id = c.premises_id AND v.outcome IN ('no_access', 'refused')
  AND coalesce(v.ended_at, v.started_at) BETWEEN c.started_at AND c.due_at
LEFT JOIN record r ON r.id = v.id
JOIN premises p ON p.id = c.premises_id LEFT JOIN grid g ON g.id = p.grid_id
WHERE c.unit_id = $1 AND c.due_on BETWEEN $2 AND $3 AND c.rule_code = ANY($4::text[])
  AND c.case_id IS NULL AND c.state <> 'met'
ORDER BY c.id, at
"""
_RURAL = """
SELECT p.id, p.address FROM premises p LEFT JOIN grid g ON g.id = p.grid_id
WHERE p.unit_id = $1 AND p.customer_class = 'rural_piped'
  AND (cardinality($2::text[]) = 0 OR g.code = ANY($2::text[]))
  AND (p.last_inspection_on IS NULL OR p.last_inspection_on < $3)
"""
_MOVE = """
UPDATE work_order w SET version = w.version + 1, level_on = c.planned_on,
  due_at = (c.due_on + 1)::timestamp AT TIME ZONE $2,
  earliest_at = c.planned_on::timestamp AT TIME ZONE $2
FROM cycle_plan c JOIN premises p ON p.id = c.premises_id
WHERE c.unit_id = $1 AND c.kind = 'preheating' AND w.unit_id = $1
  AND w.number = 'CN-' || p.account || '-' || to_char(c.due_on, 'YYYY')
  AND w.state IN ('registered', 'ready', 'scheduled')
  AND w.due_at <> (c.due_on + 1)::timestamp AT TIME ZONE $2
"""
# what nobody has yet goes with its plan; what was booked or dispatched stays
_FOLLOW = """
UPDATE work_order w SET version = w.version + 1, level_on = c.planned_on,
  earliest_at = c.planned_on::timestamp AT TIME ZONE $2
FROM cycle_plan c JOIN premises p ON p.id = c.premises_id
WHERE c.unit_id = $1 AND c.kind = 'interval' AND w.unit_id = $1 AND w.premises_id = p.id
  AND c.planned_on <= c.due_on
  AND w.number = 'AJ-' || p.account || '-' || to_char(c.due_on, 'YYYYMMDD')
  AND w.state IN ('registered', 'ready') AND w.level_on <> c.planned_on
  AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.work_order_id = w.id AND NOT s.released)
"""
Plan = tuple[Sequence[UUID], Sequence[date], Sequence[date], Sequence[str]]


async def due(
    tx: Transaction,
    unit_id: str,
    *,
    window: tuple[date, UUID, date],
    grid: str | None,
    limit: int,
) -> Sequence[Any]:
    """Premises due after `(day, id)` and before a day, each with its planned day: two ends of one
    index, no history."""
    connection = await driver(tx)
    found = await connection.fetch(_DUE, unit_id, *window, grid, limit)
    if not found:
        return []
    last = (found[-1]["due_on"], found[-1]["premises"])
    planned = {
        (key, due_on): day
        for key, due_on, day in await connection.fetch(_DUE_PLANNED, unit_id, *window[:2], *last)
    }
    grids = dict(await connection.fetch(_GRIDS, unit_id))
    return [
        {
            "premises": key,
            "account": account,
            "customer_class": kind,
            "address": address,
            "grid": grids.get(grid_id),
            "due_on": due_on,
            "planned_on": planned.get((key, due_on)),
        }
        for key, account, kind, address, grid_id, due_on in found
    ]


async def coming(
    tx: Transaction, unit_id: str, *, before: date, classes: Sequence[str]
) -> Sequence[Any]:
    """Everything that falls due before a day, with where it is: what levelling works on."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_COMING, unit_id, before, list(classes))
    return found


async def replan(tx: Transaction, unit_id: str, *, kind: str, rows: Plan) -> None:
    """Puts a new plan in the place of the old one, in arrays: a million rows cost seconds."""
    connection = await driver(tx)
    await connection.execute(_FORGET, unit_id, kind)
    for start in range(0, len(rows[0]), SLICE):
        part = [each[start : start + SLICE] for each in rows]
        await connection.execute(_PLAN, unit_id, kind, *part)


async def plan_begins(tx: Transaction, unit_id: str) -> date | None:
    """The first day of the levelled plan, or None where there is none."""
    connection = await driver(tx)
    found: date | None = await connection.fetchval(_BEGINS, unit_id)
    return found


async def months(tx: Transaction, unit_id: str) -> tuple[dict[str, int], dict[str, int]]:
    """Planned and due inspections by month, as the last levelling saw them."""
    connection = await driver(tx)
    planned = await connection.fetch(_MONTHS, unit_id)
    owed = await connection.fetch(_DUE_MONTHS, unit_id)
    return (
        {row["month"]: row["planned"] for row in planned},
        {row["month"]: row["due"] for row in owed},
    )


async def places(
    tx: Transaction, unit_id: str, *, since: date, before: date, limit: int
) -> Sequence[Any]:
    """The trips of a stretch of days, the largest first."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_PLACES, unit_id, since, before, limit)
    return found


async def ready(
    tx: Transaction, unit_id: str, *, kind: str, until: date, page: tuple[date, UUID, int]
) -> Sequence[Any]:
    """Planned inspections whose day comes within the lead; `page` is what was seen last, and how
    many. A check before heating that comes in time stands for the interval's own."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_READY, unit_id, kind, until, *page)
    return found


async def rural(
    tx: Transaction, unit_id: str, *, grids: Sequence[str], uninspected_since: date
) -> Sequence[Any]:
    """Rural piped premises of these grids (all where none is named) without an inspection since."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_RURAL, unit_id, list(grids), uninspected_since)
    return found


async def move_preheating(tx: Transaction, unit_id: str, *, zone: str) -> None:
    """Open work before heating follows the plan where the start of the season was moved."""
    connection = await driver(tx)
    await connection.execute(_MOVE, unit_id, zone)


async def move_levelled(tx: Transaction, unit_id: str, *, zone: str) -> None:
    """Open work of the interval follows a plan that was levelled anew."""
    connection = await driver(tx)
    await connection.execute(_FOLLOW, unit_id, zone)


async def attempts(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Sequence[Any]:
    """Visits to premises that found nobody or were turned away, with whether a notice was left."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_OF_PREMISES, unit_id, premises_id)
    return found


async def attempts_of(
    tx: Transaction, unit_id: str, *, orders: Sequence[UUID]
) -> dict[UUID, list[Any]]:
    """The same by work order."""
    connection = await driver(tx)
    found: dict[UUID, list[Any]] = {each: [] for each in orders}
    for row in await connection.fetch(_OF_ORDERS, unit_id, list(orders)):
        found[row["work_order_id"]].append(row)
    return found


async def cycle_of(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Any:
    """What decides the cycle of premises, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_CYCLE, unit_id, premises_id)


async def unreached(tx: Transaction, unit_id: str, *, limit: int) -> Sequence[Any]:
    """Inspections that found nobody and wait for another try, locked, the nearest due first."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_UNREACHED, unit_id, limit)
    return found


async def coverage(
    tx: Transaction, unit_id: str, *, period: tuple[date, date], rules: Sequence[str]
) -> Sequence[Any]:
    """Inspection intervals that fell due, by grid and month, with how many were kept."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_COVERAGE, unit_id, *period, list(rules))
    return found


async def tried(
    tx: Transaction, unit_id: str, *, period: tuple[date, date], rules: Sequence[str]
) -> Sequence[tuple[UUID, str, str, date, datetime, bool]]:
    """Attempts behind the intervals that were not kept, in order."""
    connection = await driver(tx)
    rows = await connection.fetch(_TRIED, unit_id, *period, list(rules))
    return [tuple(row) for row in rows]
