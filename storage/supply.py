"""What was said about the gas of premises, how it stands, and which meters were put in."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from storage import bulk, news
from storage.engine import Transaction, driver
from storage.tables import premises, supply_word

Rows = Sequence[dict[str, Any]]

_LOCK = """
SELECT id, supply_state FROM premises WHERE id = ANY($1::uuid[]) AND unit_id = $2 ORDER BY id FOR NO KEY UPDATE
"""
_WORDS = """
SELECT id, premises_id, record_id, tablet_id, technician_id, n, state, who, at, received_at, trust,
  decided
FROM supply_word WHERE premises_id = ANY($1::uuid[]) AND unit_id = $2
"""

# the class of the one that was there, where nobody said another
_METERS = """
INSERT INTO meter (id, unit_id, premises_id, serial, class, in_service_on)
SELECT x.id, x.unit_id, x.premises_id, x.serial, coalesce((
    SELECT m.class FROM meter m WHERE m.premises_id = x.premises_id AND m.unit_id = x.unit_id
    ORDER BY m.in_service_on DESC NULLS LAST LIMIT 1), 'unknown'), x.in_service_on
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::date[])
  AS x(id, unit_id, premises_id, serial, in_service_on)
ON CONFLICT DO NOTHING
"""
_COLUMNS = ("id", "unit_id", "premises_id", "serial", "in_service_on")

_FIRST_TIMES = """
SELECT p.id, p.last_inspection_on,
  min(v.ended_at) FILTER (WHERE w.kind = ANY($3::text[])) AS looked_at,
  min(v.ended_at) FILTER (WHERE w.kind = ANY($4::text[])) AS lit_at
FROM visit v JOIN work_order w ON w.id = v.work_order_id
JOIN premises p ON p.id = v.premises_id AND p.first_gas_on IS NULL
WHERE v.unit_id = $1 AND v.on_day >= $2 AND v.outcome = 'field_done'
GROUP BY p.id, p.last_inspection_on
HAVING bool_or(w.kind = ANY($4::text[])) OR p.last_inspection_on IS NULL
  AND bool_or(w.kind = ANY($3::text[]))
ORDER BY p.id LIMIT 500
"""


async def first_times(
    tx: Transaction, unit_id: str, *, since: date, kinds: tuple[Sequence[str], Sequence[str]]
) -> Sequence[Any]:
    """Premises that never had gas and where a visit ended well since a day: when one of the first
    kinds looked at them, and when one of the second lit the gas."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_FIRST_TIMES, unit_id, since, *map(list, kinds))
    return rows


async def put_in_meters(tx: Transaction, rows: Rows) -> None:
    """Meters that visits put in; one whose serial was corrected is written anew."""
    if not rows:
        return
    connection = await driver(tx)
    await connection.execute(
        "DELETE FROM meter WHERE id = ANY($1::uuid[])", [row["id"] for row in rows]
    )
    await connection.execute(_METERS, *([row[name] for row in rows] for name in _COLUMNS))
    await news.of_premises(tx, [row["premises_id"] for row in rows])


async def lock_words(
    tx: Transaction, unit_id: str, *, premises: Sequence[UUID]
) -> tuple[dict[UUID, str], Sequence[Any]]:
    """How the gas stands and every word about these premises; whoever else speaks of them waits for
    this transaction.

    A fold over half of the words could open what the other half closed.
    """
    connection = await driver(tx)
    rows = await connection.fetch(_LOCK, list(premises), unit_id)
    words: Sequence[Any] = await connection.fetch(_WORDS, list(premises), unit_id)
    return {row["id"]: row["supply_state"] for row in rows}, words


async def add_words(tx: Transaction, rows: Rows) -> None:
    """Appends words."""
    await bulk.insert(tx, supply_word, rows=rows)


async def set_states(tx: Transaction, rows: Rows) -> None:
    """How the gas stands: `{id, supply_state}` of premises."""
    await bulk.update(tx, premises, rows=rows)
    await news.of_premises(tx, [row["id"] for row in rows])
