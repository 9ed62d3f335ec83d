"""What a bundle of proof is made of: operations behind events, and files behind visits."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

_OPERATIONS = """
SELECT o.id, o.payload::text, o.payload_hash, o.received_at, o.corrected_at, o.trust, k.number,
  k.name, (SELECT c.erased_at FROM record r JOIN premises p ON p.id = r.premises_id
    JOIN customer c ON c.id = p.customer_id WHERE r.id = o.record_id) AS erased_at
FROM operation o JOIN tablet b ON b.id = o.tablet_id JOIN technician k ON k.id = b.technician_id
WHERE o.unit_id = $1 AND o.id = ANY($2::uuid[]) ORDER BY o.corrected_at, o.n
"""

_FILES = """
SELECT DISTINCT u.sha256, u.field, u.visit_id, a.state, a.media_type, a.verified_at
FROM attachment_use u
JOIN attachment a ON a.unit_id = u.unit_id AND a.sha256 = u.sha256
JOIN visit v ON v.id = u.visit_id JOIN work_order w ON w.id = v.work_order_id
WHERE u.unit_id = $1 AND (w.id = $2 OR w.case_id = $3
  OR (w.premises_id = $4 AND $2::uuid IS NULL AND $3::uuid IS NULL))
ORDER BY u.sha256
"""


_PREMISES = """
SELECT p.id, p.account, p.address, p.customer_class, p.first_gas_on, p.last_inspection_on,
  p.inspection_due_on
FROM premises p WHERE p.unit_id = $1 AND p.id = $2
"""
_VISITS = """
SELECT v.id, w.number, w.kind, v.attempt, v.outcome, v.started_at, v.ended_at, v.certification,
  k.number AS technician, r.fields::jsonb -> 'no_access' AS no_access,
  r.fields::jsonb -> 'notice' AS notice
FROM visit v JOIN work_order w ON w.id = v.work_order_id
LEFT JOIN technician k ON k.id = v.technician_id LEFT JOIN record r ON r.id = v.id
WHERE v.unit_id = $1 AND v.premises_id = $2 ORDER BY coalesce(v.started_at, v.ended_at), v.id
"""
_HAZARDS = """
SELECT id, item, grade, statutory, state, found_at, due_at, closed_at, body FROM hazard
WHERE unit_id = $1 AND premises_id = $2 ORDER BY found_at, item
"""
_COMMITMENTS = """
SELECT c.id FROM commitment c LEFT JOIN "case" s ON s.id = c.case_id
LEFT JOIN work_order w ON w.id = c.work_order_id
WHERE c.unit_id = $1 AND $2 IN (c.premises_id, s.premises_id, w.premises_id)
ORDER BY c.started_at, c.id
"""


async def premises(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Any:
    """What decides the interval of premises, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_PREMISES, unit_id, premises_id)


async def visits_of_premises(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Sequence[Any]:
    """Every visit in order, with the evidence of those that found nobody."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_VISITS, unit_id, premises_id)
    return found


async def hazards_of_premises(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Sequence[Any]:
    """Every hazard with the steps of its life."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_HAZARDS, unit_id, premises_id)
    return found


async def commitments_of_premises(
    tx: Transaction, unit_id: str, *, premises_id: UUID
) -> Sequence[UUID]:
    """Whatever was promised for premises: by cycle, case or work order, in order."""
    connection = await driver(tx)
    return [row["id"] for row in await connection.fetch(_COMMITMENTS, unit_id, premises_id)]


async def operations(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> Sequence[Any]:
    """What tablets captured, with who and when it came."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_OPERATIONS, unit_id, list(ids))
    return found


async def files(tx: Transaction, unit_id: str, *, held: Any) -> Sequence[Any]:
    """Photos and signatures of the visits that bear on a commitment."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(
        _FILES, unit_id, held.work_order_id, held.case_id, held.premises_id
    )
    return found
