"""What a technician has to know before knocking: a work order with everything around it, one
read."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from storage import sealing
from storage.engine import Transaction, driver

_BRIEFINGS = """
SELECT w.id, w.number, w.kind, w.template, w.tier, w.attempts, w.skills, w.people, w.duration_seconds,
  w.state, w.version, w.window_opens, w.window_closes, w.due_at, w.case_id, w.facts,
  w.premises_id, w.technician_id,
  p.account, p.address, p.customer_class, p.latitude, p.longitude, p.supply_state,
  p.last_inspection_on, p.last_inspection_result,
  c.id AS customer_id, c.name AS customer_name, c.phone AS customer_phone,
  k.description, g.code AS grid,
  m.serial AS meter_serial, m.class AS meter_class, m.in_service_on AS meter_in_service_on,
  coalesce(h.open_hazards, '[]') AS open_hazards
FROM work_order w
JOIN premises p ON p.id = w.premises_id
LEFT JOIN customer c ON c.id = p.customer_id
LEFT JOIN "case" k ON k.id = w.case_id
LEFT JOIN grid g ON g.id = p.grid_id
LEFT JOIN LATERAL (
  SELECT serial, class, in_service_on FROM meter
  WHERE premises_id = p.id ORDER BY in_service_on DESC NULLS LAST, serial LIMIT 1
) m ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(item || ':' || grade ORDER BY found_at, item) AS open_hazards FROM hazard
  WHERE premises_id = p.id AND state <> 'closed'
) h ON true
WHERE w.unit_id = $1 AND w.id = ANY($2::uuid[])
"""


async def briefings(tx: Transaction, unit_id: str, *, orders: Sequence[UUID]) -> dict[UUID, Any]:
    """Work orders of the unit with premises, customer, meter and open hazards, by id."""
    if not orders:
        return {}
    connection = await driver(tx)
    rows = await connection.fetch(_BRIEFINGS, unit_id, list(orders))
    return {row["id"]: {**row, "customer_phone": _phone(tx, row)} for row in rows}


async def names(tx: Transaction, unit_id: str, *, people: Collection[UUID]) -> dict[UUID, str]:
    """What technicians of the unit are called."""
    if not people:
        return {}
    connection = await driver(tx)
    asked = "SELECT id, name FROM technician WHERE unit_id = $1 AND id = ANY($2::uuid[])"
    return {row["id"]: row["name"] for row in await connection.fetch(asked, unit_id, list(people))}


def _phone(tx: Transaction, row: Any) -> str | None:
    stored, of = row["customer_phone"], row["customer_id"]
    return sealing.opened(tx, stored, column="customer.phone", row=of)
