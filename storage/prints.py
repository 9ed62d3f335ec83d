"""What printed sheets and notices are made of: a visit with its answers, hazards and files."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

_VISIT = """
SELECT v.id, v.premises_id, v.template, v.state, v.outcome, v.attempt, v.started_at, v.ended_at,
  v.certification, v.technician_id, v.second_id, w.number, w.kind, p.account, p.address, p.customer_class,
  c.name AS customer, k.name AS technician, k.number AS technician_number,
  r.fields::text AS fields, r.version, u.name_zh AS unit
FROM visit v JOIN work_order w ON w.id = v.work_order_id JOIN premises p ON p.id = v.premises_id
JOIN unit u ON u.id = v.unit_id
LEFT JOIN customer c ON c.id = p.customer_id LEFT JOIN technician k ON k.id = v.technician_id
LEFT JOIN record r ON r.id = v.id
WHERE v.unit_id = $1 AND v.id = $2
"""
_HAZARDS = """
SELECT id, item, grade, statutory, state, found_at, due_at, body->>'note' AS note FROM hazard
WHERE unit_id = $1 AND (visit_id = $2 OR (premises_id = $3 AND state <> 'closed'))
ORDER BY found_at, item
"""
_HAZARD = """
SELECT h.id, h.item, h.grade, h.statutory, h.state, h.found_at, h.due_at, h.visit_id, p.account,
  p.address, c.name AS customer, u.name_zh AS unit, v.template, k.name AS technician,
  v.technician_id, v.second_id, h.body->>'note' AS note, h.body->>'record' AS record
FROM hazard h JOIN premises p ON p.id = h.premises_id JOIN unit u ON u.id = h.unit_id
LEFT JOIN customer c ON c.id = p.customer_id LEFT JOIN visit v ON v.id = h.visit_id
LEFT JOIN technician k ON k.id = v.technician_id
WHERE h.unit_id = $1 AND h.id = $2
"""
_FILES = """
SELECT u.sha256, u.field, u.record_id::text AS record, a.state, a.media_type, coalesce(a.size_bytes, 0) AS size_bytes
FROM attachment_use u JOIN attachment a ON a.unit_id = u.unit_id AND a.sha256 = u.sha256
WHERE u.unit_id = $1 AND u.visit_id = $2 ORDER BY u.field, u.sha256
"""


async def visit(tx: Transaction, unit_id: str, *, visit_id: UUID) -> Any:
    """A visit with its answers and who it was for and by, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_VISIT, unit_id, visit_id)


async def hazards(
    tx: Transaction, unit_id: str, *, visit_id: UUID, premises_id: UUID
) -> Sequence[Any]:
    """Hazards that a visit found, and those still open at its premises."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_HAZARDS, unit_id, visit_id, premises_id)
    return found


async def hazard(tx: Transaction, unit_id: str, *, hazard_id: UUID) -> Any:
    """One hazard with whom it concerns and who found it, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_HAZARD, unit_id, hazard_id)


async def files(tx: Transaction, unit_id: str, *, visit_id: UUID) -> Sequence[Any]:
    """Photos and signatures that a visit names."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_FILES, unit_id, visit_id)
    return found
