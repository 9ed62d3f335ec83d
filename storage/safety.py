"""Hazards one by one, quarantine entries, and what a sampling review looks at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage import news
from storage.engine import Transaction, driver
from storage.tables import hazard, operation, quarantine, visit

# what was said before a decision was decided with it
_UNDECIDED = """
SELECT o.id, o.n, o.payload::text, o.corrected_at, o.received_at, o.trust, b.technician_id
FROM operation o JOIN tablet b ON b.id = o.tablet_id
WHERE o.unit_id = $1 AND o.record_id = $2 AND o.tablet_id = $3 AND o.n <= $4
  AND o.outcome = 'conflict' AND o.payload->>'kind' = 'command' AND o.n > coalesce((
    SELECT max((said->>'n')::bigint) FROM conflict c, jsonb_array_elements(c."values") said
    WHERE c.unit_id = $1 AND c.record_id = $2 AND c.field = 'state' AND c.status = 'resolved'
      AND said->>'by' LIKE $3::text || '%'), 0)
ORDER BY o.n
"""

_DAY = """
SELECT o.id, o.payload::text, o.corrected_at, o.tablet_id, k.name AS technician,
  v.id AS visit_id, p.latitude, p.longitude
FROM operation o
JOIN tablet b ON b.id = o.tablet_id JOIN technician k ON k.id = b.technician_id
JOIN visit v ON v.id = o.record_id JOIN premises p ON p.id = v.premises_id
WHERE o.unit_id = $1 AND o.corrected_at >= $2 AND o.corrected_at < $3
  AND o.outcome IN ('applied', 'merged', 'conflict')
ORDER BY o.tablet_id, o.corrected_at, o.n LIMIT 200000
"""

_WAITING = (
    "id", "unit_id", "tablet_id", "n", "record_id", "payload_hash", "payload", "observed_at",
    "received_at",
)  # fmt: skip
_WAIT = """
INSERT INTO operation (id, unit_id, tablet_id, n, record_id, payload_hash, payload, observed_at,
  received_at, corrected_at, outcome, trust)
VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8, $9, $9, 'held', 'unknown')
ON CONFLICT (id) DO UPDATE SET outcome = 'held', code = NULL
WHERE operation.outcome = 'quarantined'
"""

NOTICED = """(
  coalesce(r.fields ->> 'notice', r.fields -> 'R28' ->> 'notice_no', '') NOT IN ('', '[]', '{}')
  OR coalesce(h.body -> 'steps' @> '[{"step": "notify"}]', false))"""
"""Whether a danger `h` was told in writing: on the visit `r` that found it, and not taken back, or by
the office, which cannot say so without the paper."""

_RECORD = """
SELECT id, kind, visit_id, premises_id, version, fields::text, versions::text, authors::text,
  deleted
FROM record WHERE id = $1
"""

_USED_BEFORE = """
SELECT DISTINCT u.sha256, u.visit_id FROM attachment_use u
WHERE u.unit_id = $1 AND u.sha256 = ANY($2::text[])
"""


async def lock_hazard(tx: Transaction, unit_id: str, *, hazard_id: UUID) -> Any:
    """A hazard of the unit, locked, or None."""
    found = await tx.execute(
        sa.select(hazard)
        .where(hazard.c.unit_id == unit_id, hazard.c.id == hazard_id)
        .with_for_update()
    )
    row = found.mappings().one_or_none()
    return dict(row) if row is not None else None


async def save_hazard(tx: Transaction, changes: Mapping[str, Any]) -> None:
    """Writes what a step changed."""
    values = {name: value for name, value in changes.items() if name != "id"}
    await tx.execute(sa.update(hazard).where(hazard.c.id == changes["id"]).values(**values))
    await news.of_hazards(tx, [changes["id"]])


async def ended_well(
    tx: Transaction, visit_id: UUID, *, premises_id: UUID, since: datetime
) -> bool:
    """Whether a visit to these premises was completed after an instant and left no hazard open."""
    worse = sa.select(hazard.c.id).where(hazard.c.visit_id == visit_id, hazard.c.state != "closed")
    found = await tx.scalar(
        sa.select(sa.func.count())
        .select_from(visit)
        .where(
            visit.c.id == visit_id,
            visit.c.premises_id == premises_id,
            visit.c.outcome == "field_done",
            visit.c.ended_at > since,
            ~sa.exists(worse),
        )
    )
    return bool(found)


async def record_of(tx: Transaction, visit_id: UUID) -> Any:
    """A visit's record; `fields`, `versions`, `authors` as JSON text."""
    connection = await driver(tx)
    return await connection.fetchrow(_RECORD, visit_id)


async def lock_entry(tx: Transaction, unit_id: str, *, entry: UUID) -> Any:
    """A quarantine entry of the unit, locked, or None."""
    found = await tx.execute(
        sa.select(quarantine)
        .where(quarantine.c.unit_id == unit_id, quarantine.c.id == entry)
        .with_for_update()
    )
    return found.mappings().one_or_none()


async def decide(
    tx: Transaction, entry: UUID, *, status: str, by: tuple[str, str], now: datetime
) -> None:
    """Closes a quarantine entry; `by` is name and reason."""
    name, reason = by
    await tx.execute(
        sa.update(quarantine)
        .where(quarantine.c.id == entry)
        .values(status=status, decided_at=now, decided_by=name, reason=reason)
    )


async def wait_again(tx: Transaction, row: Mapping[str, Any]) -> None:
    """An operation waits as one that came before its predecessor does."""
    connection = await driver(tx)
    await connection.execute(
        _WAIT,
        *(row[name] for name in _WAITING),
    )


async def outcome_of(tx: Transaction, operation_id: UUID) -> tuple[str, str | None]:
    """What became of an operation, and its code."""
    found = await tx.execute(
        sa.select(operation.c.outcome, operation.c.code).where(operation.c.id == operation_id)
    )
    row = found.one()
    return row.outcome, row.code


async def undecided_commands(
    tx: Transaction, unit_id: str, *, record_id: UUID, said: tuple[UUID, int]
) -> Sequence[Any]:
    """Changes of state that a tablet said of a record up to its n-th operation, and that a person is
    to decide."""
    tablet_id, n = said
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_UNDECIDED, unit_id, record_id, tablet_id, n)
    return rows


async def said_on(tx: Transaction, unit_id: str, *, opens: datetime, closes: datetime) -> Any:
    """What tablets said of visits in a span, by tablet and time, with where the premises are."""
    connection = await driver(tx)
    return await connection.fetch(_DAY, unit_id, opens, closes)


async def visits_by_file(
    tx: Transaction, unit_id: str, *, files: Sequence[str]
) -> dict[str, set[UUID]]:
    """Every visit that names one of these files, whenever it was."""
    connection = await driver(tx)
    named: dict[str, set[UUID]] = {}
    for row in await connection.fetch(_USED_BEFORE, unit_id, list(files)):
        named.setdefault(row["sha256"], set()).add(row["visit_id"])
    return named
