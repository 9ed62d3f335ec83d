"""What a bundle of proof is made of: operations behind events, and files behind visits."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

_OPERATIONS = """
SELECT o.id, o.payload::text, o.payload_hash, o.received_at, o.corrected_at, o.trust, k.number,
  k.name
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
