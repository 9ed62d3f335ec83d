"""What a push touches: the tablet's row, known operations, records, visits; and what it leaves
behind.

A push costs a fixed number of statements here, however many operations it carries.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from storage import bulk, news
from storage.engine import Transaction, driver
from storage.tables import (
    attachment,
    attachment_use,
    conflict,
    field_history,
    hazard,
    operation,
    record,
)

Rows = Sequence[dict[str, Any]]

# the technician as well: a tablet that was enrolled anew may send what its old self is sending
_TABLET = """
SELECT t.*, k.number AS technician_number, k.name AS technician_name
FROM tablet t JOIN technician k ON k.id = t.technician_id
WHERE t.id = $1 AND t.unit_id = $2 FOR NO KEY UPDATE OF k, t
"""

# what a person rejected is known as well, under whichever install it is offered again; and what still
# waits for one is told apart by its outcome: `open`
_KNOWN = """
SELECT id, payload_hash, outcome, code, record_id, record_version
FROM operation WHERE id = ANY($1::uuid[]) AND unit_id = $2
UNION ALL
(SELECT DISTINCT ON (q.operation_id) q.operation_id, q.payload_hash,
  CASE q.status WHEN 'open' THEN 'open' ELSE 'quarantined' END, q.code, NULL::uuid, NULL::bigint
FROM quarantine q
WHERE q.operation_id = ANY($1::uuid[]) AND q.unit_id = $2
  AND (q.status = 'rejected' OR q.status = 'open' AND q.code = 'tablet_revoked')
  AND q.code <> 'id_reused' AND NOT EXISTS (SELECT FROM operation o WHERE o.id = q.operation_id)
ORDER BY q.operation_id, q.status DESC)
"""
_COME_AGAIN = """
UPDATE quarantine SET status = 'released', decided_at = $2, decided_by = $3, reason = 'sent_again'
WHERE operation_id = ANY($1::uuid[]) AND unit_id = $4 AND status = 'open'
"""

_READ = """
SELECT id, kind, visit_id, premises_id, version, fields::text, versions::text,
  authors::text, deleted
FROM record WHERE id = ANY($1::uuid[]) AND unit_id = $2 ORDER BY id
"""
# locked in id order, so that two pushes that touch the same records cannot wait in a ring
_RECORDS = f"{_READ} FOR NO KEY UPDATE"

_VISITS_AT = """
SELECT r.id, r.kind, r.visit_id, r.premises_id, r.version, r.fields::text, r.versions::text,
  r.authors::text, r.deleted
FROM visit v JOIN record r ON r.id = v.id
WHERE v.premises_id = ANY($1::uuid[]) AND v.unit_id = $2 AND r.id <> ALL($3::uuid[]) ORDER BY r.id
"""

_HELD = """
SELECT o.id, o.tablet_id, o.record_id, o.n, o.payload::text, o.received_at, o.corrected_at, o.trust,
  b.technician_id, k.name AS technician_name
FROM operation o JOIN tablet b ON b.id = o.tablet_id JOIN technician k ON k.id = b.technician_id
WHERE o.unit_id = $2 AND o.outcome = 'held' AND (o.record_id = ANY($1::uuid[]) OR o.tablet_id = $3)
ORDER BY o.n LIMIT 2000
"""

_HOLDERS = """
SELECT v.id, v.technician_id, v.second_id, v.state, v.template, v.premises_id, v.work_order_id,
  v.started_at, v.ended_at, v.pending_decision, v.outcome, v.certification,
  w.state AS work_order_state, w.kind AS work_kind, p.first_gas_on,
  -- asked only where the gas was never on, and of who ends a visit: the day that is known, or a look
  -- that ended since
  CASE WHEN $3 AND p.first_gas_on IS NULL THEN least(
    p.last_inspection_on::timestamp AT TIME ZONE 'Asia/Shanghai',
    (SELECT min(i.ended_at) FROM visit i JOIN work_order o ON o.id = i.work_order_id
      WHERE i.premises_id = v.premises_id AND i.unit_id = v.unit_id
        AND i.outcome = 'field_done' AND o.kind IN ('inspection', 'inspection_booking'))
  ) END AS inspected_at
FROM visit v JOIN work_order w ON w.id = v.work_order_id
LEFT JOIN premises p ON p.id = v.premises_id
WHERE v.id = ANY($1::uuid[]) AND v.unit_id = $2
"""

# locked, so that a grade only rises whoever writes at the same time, and a close waits for a finding
_HAZARDS = """
SELECT id, premises_id, visit_id, item, grade, state, found_at FROM hazard
WHERE premises_id = ANY($1::uuid[]) AND unit_id = $2 AND state <> 'closed'
ORDER BY id FOR UPDATE
"""

# two tablets in the same instant: one hazard, as bad as the worse and as old as the older
_FOUND_TWICE = """
ON CONFLICT (premises_id, item) WHERE state <> 'closed' DO UPDATE SET
  grade = CASE WHEN 'critical' IN (hazard.grade, excluded.grade) THEN 'critical'
    WHEN 'major' IN (hazard.grade, excluded.grade) THEN 'major' ELSE 'minor' END,
  statutory = coalesce(hazard.statutory, excluded.statutory),
  found_at = least(hazard.found_at, excluded.found_at),
  due_at = least(hazard.due_at, excluded.due_at)
"""

_CORRECTED = """
UPDATE conflict SET status = 'resolved', auto_resolved = true, closed_at = now(), closed_by = 'policy',
  resolution = '{"by": "policy", "policy": "counter_monotonic", "reason": "reading_corrected"}'
WHERE id = ANY($1::uuid[]) AND status = 'open'
"""
_IN_DOUBT_AGAIN = """
ON CONFLICT (id) DO UPDATE SET status = excluded.status, auto_resolved = excluded.auto_resolved,
  closed_at = excluded.closed_at, closed_by = excluded.closed_by, resolution = excluded.resolution,
  "values" = excluded."values"
WHERE conflict.resolution->>'reason' = 'reading_corrected'
"""

# arrays, not rows as JSON: half of what PostgreSQL did for a push was parsing them twice
_CHANGE = """
UPDATE record r SET version = x.version, fields = x.fields::json, versions = x.versions::json,
  authors = x.authors::json, deleted = x.deleted
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[])
  AS x(id, version, fields, versions, authors, deleted)
WHERE r.id = x.id
"""

_APPEND = """
INSERT INTO operation (id, unit_id, tablet_id, n, record_id, payload_hash, payload, outcome, code,
  record_version, observed_at, corrected_at, trust, received_at)
SELECT x.id, $1, $2, x.n, x.record_id, x.payload_hash, x.payload::json, x.outcome, x.code,
  x.record_version, x.observed_at, x.corrected_at, x.trust, $3
FROM unnest($4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::text[])
  AS x(id, n, record_id, payload_hash, payload, outcome, code, record_version, observed_at,
    corrected_at, trust)
"""
_APPENDED = (
    "id", "n", "record_id", "payload_hash", "payload", "outcome", "code", "record_version",
    "observed_at", "corrected_at", "trust",
)  # fmt: skip

_LATE = """
SELECT DISTINCT o.unit_id, o.tablet_id, b.technician_id
FROM operation o JOIN tablet b ON b.id = o.tablet_id
WHERE o.outcome = 'held' AND o.received_at <= $1 LIMIT $2
"""


async def lock_tablet(tx: Transaction, unit_id: str, *, tablet_id: UUID) -> Any:
    """The tablet's row, locked: pushes of one tablet follow each other."""
    connection = await driver(tx)
    return await connection.fetchrow(_TABLET, tablet_id, unit_id)


async def epoch(tx: Transaction) -> UUID:
    """Which life of the database this is."""
    connection = await driver(tx)
    found: UUID = await connection.fetchval("SELECT epoch FROM server_epoch WHERE id = 1")
    return found


async def ensure_epoch(tx: Transaction, *, epoch: UUID, now: datetime) -> None:
    """A database that has no epoch yet begins its first life."""
    connection = await driver(tx)
    await connection.execute(
        "INSERT INTO server_epoch (id, epoch, since) VALUES (1, $1, $2) ON CONFLICT DO NOTHING",
        epoch,
        now,
    )


async def begin_epoch(tx: Transaction, *, epoch: UUID, now: datetime) -> None:
    """The database was restored: tablets offer again what it may have forgotten."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE server_epoch SET epoch = $1, since = $2 WHERE id = 1", epoch, now
    )


async def known_operations(
    tx: Transaction, unit_id: str, *, ids: Sequence[UUID]
) -> dict[UUID, Any]:
    """Which of these operations are stored or were rejected, with what became of them; `open` are
    those of a revoked tablet on which nobody has decided."""
    if not ids:
        return {}
    connection = await driver(tx)
    rows = await connection.fetch(_KNOWN, list(ids), unit_id)
    return {row["id"]: row for row in rows}


async def lock_records(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Records of the unit by id, locked in id order."""
    if not ids:
        return {}
    connection = await driver(tx)
    rows = await connection.fetch(_RECORDS, list(ids), unit_id)
    return {row["id"]: row for row in rows}


async def read_records(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Records of the unit by id, as they stand."""
    if not ids:
        return {}
    connection = await driver(tx)
    rows = await connection.fetch(_READ, list(ids), unit_id)
    return {row["id"]: row for row in rows}


async def visits_at(
    tx: Transaction, unit_id: str, *, premises: Sequence[UUID], but: Sequence[UUID]
) -> Sequence[Any]:
    """Records of every visit to these premises but some, as they stand."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_VISITS_AT, list(premises), unit_id, list(but))
    return rows


async def held_operations(
    tx: Transaction, unit_id: str, *, ids: Sequence[UUID], tablet_id: UUID
) -> Sequence[Any]:
    """Operations on these records, or from this tablet, that still wait for a predecessor."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_HELD, list(ids), unit_id, tablet_id)
    return rows


async def holders(
    tx: Transaction, unit_id: str, *, visits: Sequence[UUID], inspected: bool
) -> dict[UUID, Any]:
    """Who holds each visit, how it stands, and when its premises were `inspected` if that is asked."""
    if not visits:
        return {}
    connection = await driver(tx)
    rows = await connection.fetch(_HOLDERS, list(visits), unit_id, inspected)
    return {row["id"]: row for row in rows}


async def open_hazards(tx: Transaction, unit_id: str, *, premises: Sequence[UUID]) -> Sequence[Any]:
    """Hazards at these premises that are not closed."""
    if not premises:
        return ()
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_HAZARDS, list(premises), unit_id)
    return rows


async def tablets_held_since(tx: Transaction, before: datetime, *, limit: int) -> Sequence[Any]:
    """Tablets with an operation that has waited since `before` or longer: `unit_id, tablet_id,
    technician_id`."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_LATE, before, limit)
    return rows


async def save_records(tx: Transaction, rows: Rows, *, new: bool, known_stay: bool = False) -> None:
    """Writes records as the merge left them; every row names every column."""
    if new:
        await bulk.insert(tx, record, rows=rows, skip_known=known_stay)
    elif rows:
        connection = await driver(tx)
        await connection.execute(
            _CHANGE,
            [row["id"] for row in rows],
            [row["version"] for row in rows],
            *([_text(row[name]) for row in rows] for name in ("fields", "versions", "authors")),
            [row["deleted"] for row in rows],
        )


async def append_operations(tx: Transaction, rows: Rows) -> None:
    """Appends what one tablet captured and sent at once. An operation is a fact and stays."""
    if not rows:
        return
    connection = await driver(tx)
    await connection.execute(
        _APPEND,
        *(rows[0][name] for name in ("unit_id", "tablet_id", "received_at")),
        *([row[name] for row in rows] for name in _APPENDED),
    )


async def settle_operations(tx: Transaction, rows: Rows) -> None:
    """Gives held operations the outcome they have come to: `{id, outcome, code,
    record_version}`."""
    await bulk.update(tx, operation, rows=rows)


async def append_history(tx: Transaction, rows: Rows) -> None:
    """Appends values that lost."""
    await bulk.insert(tx, field_history, rows=rows)


async def add_conflicts(tx: Transaction, rows: Rows, *, settled: Sequence[UUID] = ()) -> None:
    """Opens conflicts; one that is known stays, or opens again where a correction had settled it.

    `settled` are doubts that a correction took away; what a person decided stays as it is.
    """
    if settled:
        connection = await driver(tx)
        await connection.execute(_CORRECTED, list(settled))
    await bulk.insert(tx, conflict, rows=rows, meeting=_IN_DOUBT_AGAIN)


async def add_quarantine(tx: Transaction, rows: Rows) -> None:
    """Keeps what could not be applied, once for the same bytes."""
    if not rows:
        return
    connection = await driver(tx)
    await connection.executemany(
        "INSERT INTO quarantine (id, unit_id, tablet_id, operation_id, code, payload,"
        " payload_hash, status, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8)"
        " ON CONFLICT DO NOTHING",
        [
            (
                row["id"],
                row["unit_id"],
                row["tablet_id"],
                row["operation_id"],
                row["code"],
                row["payload"],
                row["payload_hash"],
                row["received_at"],
            )
            for row in rows
        ],
    )


async def close_entries(tx: Transaction, row: Mapping[str, Any] | None) -> None:
    """What waited for a person came again under another enrolment and was taken in: nothing is left
    to decide."""
    if row is None:
        return
    connection = await driver(tx)
    await connection.execute(
        _COME_AGAIN, list(row["operations"]), row["at"], row["by"], row["unit_id"]
    )


async def declare_attachments(tx: Transaction, rows: Rows, *, uses: Rows) -> None:
    """Notes which answers name which files; a file that is here already stays as it is."""
    await bulk.insert(tx, attachment, rows=rows, skip_known=True)
    await bulk.insert(tx, attachment_use, rows=uses, skip_known=True)


async def save_hazards(tx: Transaction, rows: Rows, *, new: bool) -> None:
    """Writes hazards that visits found or raised."""
    if new:
        await bulk.insert(tx, hazard, rows=rows, meeting=_FOUND_TWICE)
        await news.of_premises(tx, list({row["premises_id"] for row in rows}))
    else:
        await bulk.update(tx, hazard, rows=rows)
        await news.of_hazards(tx, [row["id"] for row in rows])


async def heard_from(tx: Transaction, tablet_id: UUID, **values: Any) -> None:
    """Notes when a tablet was heard, how far its sequence is held and what it says it still has."""
    names = list(values)
    sets = ", ".join(f'"{name}" = ${at}' for at, name in enumerate(names, start=2))
    given = [
        msgspec.json.encode(value).decode() if isinstance(value, dict) else value
        for value in values.values()
    ]
    connection = await driver(tx)
    # the names are our own keywords
    statement = f"UPDATE tablet SET {sets} WHERE id = $1"  # nosec B608
    await connection.execute(statement, tablet_id, *given)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def document(text: str) -> Any:
    """Reads a JSON column as the driver hands it over."""
    return msgspec.json.decode(text)
