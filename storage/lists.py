"""The office's lists with their filters, always within one unit."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from schemas.office import Filters
from storage.engine import Transaction, driver

Row = dict[str, Any]

# $1 unit, $2 state, $3 kind or clause, $4 grid, $5 words to look for, $6 after, $7 how many
_ORDERS = """
SELECT w.id, w.number, w.kind, w.tier, w.state, w.due_at, w.window_opens, w.window_closes,
  w.attempts, w.case_id, p.account, p.address, g.code AS grid, v.on_day, k.name AS technician
FROM work_order w JOIN premises p ON p.id = w.premises_id LEFT JOIN grid g ON g.id = p.grid_id
LEFT JOIN LATERAL (SELECT on_day, technician_id FROM visit
  WHERE work_order_id = w.id ORDER BY attempt DESC LIMIT 1) v ON true
LEFT JOIN technician k ON k.id = v.technician_id
WHERE w.unit_id = $1 AND ($2::text IS NULL OR w.state = $2) AND ($3::text IS NULL OR w.kind = $3)
  AND ($4::text IS NULL OR g.code = $4) AND ($6::uuid IS NULL OR w.id > $6)
  AND ($5::text IS NULL OR strpos(w.number, $5) > 0 OR strpos(p.account, $5) > 0
    OR strpos(p.address, $5) > 0)
ORDER BY w.id LIMIT $7
"""
_CASES = """
SELECT c.id, c.number, c.kind, c.channel, c.state, c.received_at, c.description, p.account,
  p.address, g.code AS grid
FROM "case" c LEFT JOIN premises p ON p.id = c.premises_id LEFT JOIN grid g ON g.id = p.grid_id
WHERE c.unit_id = $1 AND ($2::text IS NULL OR c.state = $2) AND ($3::text IS NULL OR c.kind = $3)
  AND ($4::text IS NULL OR g.code = $4) AND ($6::uuid IS NULL OR c.id > $6)
  AND ($5::text IS NULL OR strpos(c.number, $5) > 0 OR strpos(p.account, $5) > 0
    OR strpos(p.address, $5) > 0)
ORDER BY c.id LIMIT $7
"""
_COMMITMENTS = """
SELECT c.id, c.rule_code, c.rule_version, c.clause, c.state, c.started_at, c.due_at, c.due_on,
  c.provisional, c.stopped_at, c.case_id, c.premises_id, c.work_order_id,
  w.number AS "order", p.account, p.address, g.code AS grid
FROM commitment c LEFT JOIN work_order w ON w.id = c.work_order_id
LEFT JOIN "case" b ON b.id = c.case_id
LEFT JOIN premises p ON p.id = coalesce(c.premises_id, w.premises_id, b.premises_id)
LEFT JOIN grid g ON g.id = p.grid_id
WHERE c.unit_id = $1 AND ($2::text IS NULL OR c.state = $2) AND ($3::text IS NULL OR c.clause = $3)
  AND ($4::text IS NULL OR g.code = $4) AND ($6::uuid IS NULL OR c.id > $6)
  AND ($5::text IS NULL OR strpos(w.number, $5) > 0 OR strpos(p.account, $5) > 0
    OR strpos(p.address, $5) > 0)
ORDER BY c.id LIMIT $7
"""
_CONFLICTS = """
SELECT c.id, c.record_id AS record, r.kind, coalesce(r.visit_id, v.id) AS visit,
  v.work_order_id AS work_order, c.field, c.policy, c.status, c.values, c.auto_resolved,
  c.resolution, c.opened_at, c.closed_at, c.closed_by, r.version AS record_version,
  r.fields -> 'template' AS template, r.fields -> 'number' AS number,
  r.fields -> 'address' AS address,
  ARRAY(SELECT u.sha256 FROM attachment_use u WHERE u.unit_id = $1 AND u.record_id = c.record_id
    ORDER BY u.sha256 LIMIT 12) AS photos
FROM conflict c JOIN record r ON r.id = c.record_id
LEFT JOIN visit v ON v.id = coalesce(r.visit_id, r.id)
WHERE c.unit_id = $1 AND ($2::text IS NULL OR c.status = $2)
  AND ($3::text IS NULL OR c.policy = $3) AND ($6::uuid IS NULL OR c.id > $6)
  AND $4::text IS NULL AND ($5::text IS NULL OR v.work_order_id::text = $5)
ORDER BY c.id LIMIT $7
"""
_QUARANTINE = """
SELECT q.id, q.tablet_id AS tablet, k.name AS technician, q.operation_id AS operation, q.code,
  q.status, q.received_at, q.payload, q.decided_at, q.decided_by, q.reason
FROM quarantine q JOIN tablet t ON t.id = q.tablet_id
LEFT JOIN technician k ON k.id = t.technician_id
WHERE q.unit_id = $1 AND ($2::text IS NULL OR q.status = $2) AND ($3::text IS NULL OR q.code = $3)
  AND $4::text IS NULL AND $5::text IS NULL AND ($6::uuid IS NULL OR q.id > $6)
ORDER BY q.id LIMIT $7
"""
LISTS: Mapping[str, str] = {
    "orders": _ORDERS,
    "cases": _CASES,
    "commitments": _COMMITMENTS,
    "conflicts": _CONFLICTS,
    "quarantine": _QUARANTINE,
}


async def rows(
    tx: Transaction, unit_id: str, *, what: str, filters: Filters, page: tuple[UUID | None, int]
) -> list[Row]:
    """A page of one of the lists, from the one after `page[0]`."""
    connection = await driver(tx)
    found = await connection.fetch(
        LISTS[what], unit_id, filters.status, filters.kind, filters.grid, filters.text, *page
    )
    return [{name: _readable(value) for name, value in row.items()} for row in found]


async def order(tx: Transaction, unit_id: str, *, order_id: UUID) -> Row | None:
    """One work order as the list shows it, with what its page needs besides."""
    connection = await driver(tx)
    wanted = _ORDERS.replace("w.id > $6", "w.id = $6").replace(
        "SELECT w.id", "SELECT w.template, w.skills, w.duration_seconds, w.id", 1
    )
    found = await connection.fetchrow(wanted, unit_id, None, None, None, None, order_id, 1)
    return None if found is None else dict(found)


async def promises_of(tx: Transaction, unit_id: str, *, order_id: UUID) -> list[Row]:
    """The commitments of a work order and of its case."""
    connection = await driver(tx)
    wanted = _COMMITMENTS.replace(
        "c.id > $6",
        "c.work_order_id = $6 OR c.case_id = (SELECT case_id FROM work_order WHERE id = $6)"
        # an inspection's promise hangs at its premises, cycle after cycle
        " OR (c.case_id IS NULL AND c.premises_id ="
        " (SELECT premises_id FROM work_order WHERE id = $6 AND case_id IS NULL))",
    )
    found = await connection.fetch(wanted, unit_id, None, None, None, None, order_id, 100)
    return [dict(row) for row in found]


def _readable(value: Any) -> Any:
    # bytes that a tablet sent are shown whatever they are; NUL is no text anywhere
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace").replace("\x00", "\\x00")
    return value
