"""Premises of which tablets may show what is no longer so, and what is so there: gas, dangers, meters."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

_OF_PREMISES = """
INSERT INTO premises_news (unit_id, premises_id)
SELECT unit_id, id FROM premises WHERE id = ANY($1::uuid[])
"""
_OF_HAZARDS = """
INSERT INTO premises_news (unit_id, premises_id)
SELECT DISTINCT unit_id, premises_id FROM hazard WHERE id = ANY($1::uuid[])
"""
_OLDEST = """
SELECT n, unit_id, premises_id FROM premises_news ORDER BY n LIMIT $1 FOR UPDATE SKIP LOCKED
"""
# records that are at the premises for a tablet to read: villages taken along, visits not yet over
_SHOWN = """
SELECT r.id FROM record r
WHERE r.premises_id = ANY($1::uuid[]) AND r.kind = 'premises' AND r.unit_id = $2
UNION ALL
SELECT v.id FROM visit v WHERE v.premises_id = ANY($1::uuid[]) AND v.unit_id = $2
  AND v.state IN ('planned', 'en_route', 'on_site')
"""
# in the order in which a visit's briefing and a village show them
_STANDS = """
SELECT p.id, p.supply_state,
  ARRAY(SELECT m.serial FROM meter m WHERE m.premises_id = p.id
    ORDER BY m.in_service_on DESC NULLS LAST, m.serial) AS meters,
  coalesce(h.hazards, '{}') AS hazards, coalesce(h.found_by, '{}') AS found_by
FROM premises p LEFT JOIN LATERAL (
  SELECT array_agg(item || ':' || grade ORDER BY found_at, item) AS hazards,
    array_agg(visit_id ORDER BY found_at, item) AS found_by
  FROM hazard WHERE premises_id = p.id AND state <> 'closed'
) h ON true
WHERE p.id = ANY($1::uuid[]) AND p.unit_id = $2
"""


async def of_premises(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Something else is so at these premises."""
    if ids:
        await (await driver(tx)).execute(_OF_PREMISES, list(ids))


async def of_hazards(tx: Transaction, ids: Sequence[UUID]) -> None:
    """These hazards are others than they were."""
    if ids:
        await (await driver(tx)).execute(_OF_HAZARDS, list(ids))


async def oldest(tx: Transaction, *, limit: int) -> Sequence[Any]:
    """What nobody has told yet, `{n, unit_id, premises_id}`, taken by this transaction alone."""
    found: Sequence[Any] = await (await driver(tx)).fetch(_OLDEST, limit)
    return found


async def told(tx: Transaction, numbers: Sequence[int]) -> None:
    """These are told."""
    connection = await driver(tx)
    await connection.execute("DELETE FROM premises_news WHERE n = ANY($1::bigint[])", list(numbers))


async def shown(tx: Transaction, unit_id: str, *, premises: Sequence[UUID]) -> list[UUID]:
    """Records in which tablets see these premises."""
    rows = await (await driver(tx)).fetch(_SHOWN, list(premises), unit_id)
    return [row["id"] for row in rows]


async def stands(tx: Transaction, unit_id: str, *, premises: Sequence[UUID]) -> dict[UUID, Any]:
    """What is so at premises: `supply_state`, `meters`, `hazards` and the visits that `found_by`."""
    rows = await (await driver(tx)).fetch(_STANDS, list(premises), unit_id)
    return {row["id"]: row for row in rows}
