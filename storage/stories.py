"""One work order's whole story, and promises and inspections at a glance; within one unit."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage.engine import Transaction, driver
from storage.tables import case

Row = dict[str, Any]

_VISITS = """
SELECT v.id, v.attempt, v.state, v.outcome, v.template, k.name AS technician, v.on_day,
  v.started_at, v.ended_at, v.certification, v.pending_decision, r.version,
  coalesce(r.fields, '{}') AS fields, coalesce((
    SELECT json_object_agg(f.key, json_build_object('who', m.mark ->> 1, 'at_ms', (m.mark ->> 3)::bigint,
      'trust', coalesce(m.mark ->> 4, 'unknown')))
    FROM json_each_text(r.versions) f, LATERAL (SELECT r.authors -> 'marks' -> f.value AS mark) m
    WHERE m.mark IS NOT NULL), '{}') AS said
FROM visit v LEFT JOIN record r ON r.id = v.id LEFT JOIN technician k ON k.id = v.technician_id
WHERE v.unit_id = $1 AND v.work_order_id = $2 ORDER BY v.attempt
"""
_VISITS_OF_CASES = """
SELECT w.case_id, w.kind, v.started_at, v.ended_at, v.outcome
FROM work_order w JOIN visit v ON v.work_order_id = w.id AND v.unit_id = w.unit_id
WHERE w.unit_id = $1 AND w.case_id = ANY($2::uuid[]) ORDER BY v.started_at
"""
_HISTORY = """
SELECT record_id AS visit, field, value, version, author, reason, observed_at, received_at
FROM field_history WHERE unit_id = $1 AND record_id = ANY($2::uuid[]) ORDER BY n
"""
_HAPPENINGS = """
SELECT coalesce(o.corrected_at, o.observed_at, o.received_at) AS at, o.received_at,
  o.payload ->> 'kind' || coalesce(' ' || (o.payload ->> 'command'), '') AS what, k.name AS who,
  o.outcome, o.trust, coalesce(o.code, '') AS detail
FROM operation o JOIN tablet t ON t.id = o.tablet_id
JOIN technician k ON k.id = t.technician_id
WHERE o.unit_id = $1 AND o.record_id = ANY($2::uuid[])
UNION ALL
SELECT a.at, a.at, a.action, a.actor, 'applied', 'verified', coalesce(a.detail ->> 'reason', '')
FROM audit a WHERE a.unit_id = $1 AND a.subject = ANY($3::text[])
UNION ALL
SELECT e.observed_at, e.received_at, 'commitment ' || e.kind, c.rule_code, 'applied', 'verified',
  e.source_key
FROM commitment_event e JOIN commitment c ON c.id = e.commitment_id
WHERE c.unit_id = $1 AND c.id = ANY($4::uuid[])
ORDER BY 1, 2 LIMIT 500
"""
_PHOTOS = """
SELECT u.sha256, u.record_id AS visit, u.field, a.state, a.media_type
FROM attachment_use u JOIN attachment a ON a.unit_id = u.unit_id AND a.sha256 = u.sha256
WHERE u.unit_id = $1 AND (u.record_id = ANY($2::uuid[]) OR u.visit_id = ANY($2::uuid[]))
ORDER BY u.field, u.sha256
"""
_HAZARDS = """
SELECT id, visit_id AS visit, item, body->>'note' AS note, grade, state, found_at, due_at, closed_at
FROM hazard
WHERE unit_id = $1 AND visit_id = ANY($2::uuid[]) ORDER BY found_at
"""
_OPEN = "('running', 'paused', 'provisional', 'overdue_evidence_pending')"
_AT_RISK = f"""
SELECT c.id, c.clause, c.rule_code, c.state, c.due_at, w.id AS work_order_id, v.id AS visit_id,
  w.number, w.kind, p.account, p.address, g.code AS grid, k.name AS technician,
  lower(s.during) AS starts_at,
  CASE WHEN lower(s.during) > c.due_at
    THEN extract(epoch FROM lower(s.during) - c.due_at)::int END AS late_seconds
FROM commitment c
LEFT JOIN LATERAL (SELECT * FROM work_order w WHERE w.id = c.work_order_id
  OR (c.work_order_id IS NULL AND w.case_id = c.case_id)
  OR (c.work_order_id IS NULL AND c.case_id IS NULL AND w.case_id IS NULL
    AND w.premises_id = c.premises_id AND w.state NOT IN ('closed', 'cancelled'))
  ORDER BY w.id DESC LIMIT 1) w ON true
LEFT JOIN "case" b ON b.id = c.case_id
LEFT JOIN premises p ON p.id = coalesce(c.premises_id, w.premises_id, b.premises_id)
LEFT JOIN grid g ON g.id = p.grid_id
LEFT JOIN LATERAL (SELECT * FROM visit v WHERE v.work_order_id = w.id
  ORDER BY attempt DESC LIMIT 1) v ON true
LEFT JOIN technician k ON k.id = v.technician_id
LEFT JOIN stop s ON s.visit_id = v.id AND NOT s.released
  AND s.technician_id IS DISTINCT FROM v.second_id
WHERE c.unit_id = $1 AND c.state IN {_OPEN} AND c.due_at BETWEEN $2 AND $3
ORDER BY (c.due_at < $4), c.due_at, c.id LIMIT $5
"""  # noqa: S608  # no outside text in it  # nosec B608
_STANDING = f"""
SELECT c.clause, coalesce(g.code, '') AS grid,
  ((CASE WHEN c.state IN ('met', 'met_late_excused') THEN c.stopped_at ELSE c.due_at END)
    AT TIME ZONE $4)::date AS day,
  count(*) FILTER (WHERE c.state IN ('met', 'met_late_excused')) AS kept,
  count(*) FILTER (WHERE c.state IN {_OPEN}) AS at_risk,
  count(*) FILTER (WHERE c.state = 'breached') AS broken
FROM commitment c LEFT JOIN work_order w ON w.id = c.work_order_id
LEFT JOIN "case" b ON b.id = c.case_id
LEFT JOIN premises p ON p.id = coalesce(c.premises_id, w.premises_id, b.premises_id)
LEFT JOIN grid g ON g.id = p.grid_id
WHERE c.unit_id = $1 AND (
  (c.state IN ('met', 'met_late_excused') AND c.stopped_at BETWEEN $2 AND $3)
  OR (c.state IN {_OPEN} AND c.due_at BETWEEN $2 AND $3)
  OR (c.state = 'breached' AND c.due_at BETWEEN $2 AND $3))
GROUP BY 1, 2, 3
"""  # nosec B608
_COVERAGE = """
SELECT coalesce(g.code, '') AS grid, count(*) AS premises,
  count(*) FILTER (WHERE p.inspection_due_on > $2::date + 60) AS inspected,
  count(*) FILTER (WHERE p.inspection_due_on BETWEEN $2::date AND $2::date + 60) AS soon,
  count(*) FILTER (WHERE p.inspection_due_on < $2::date) AS overdue,
  count(*) FILTER (WHERE p.inspection_due_on IS NULL) AS never,
  avg(p.latitude) AS latitude, avg(p.longitude) AS longitude
FROM premises p LEFT JOIN grid g ON g.id = p.grid_id
WHERE p.unit_id = $1 GROUP BY 1 ORDER BY overdue DESC, 1
"""


async def story(
    tx: Transaction, unit_id: str, *, order_id: UUID, promises: Sequence[UUID]
) -> Mapping[str, list[Row]]:
    """Visits with answers, what lost, what happened, photos and hazards of a work order."""
    connection = await driver(tx)
    visits = _rows(await connection.fetch(_VISITS, unit_id, order_id))
    ids = [each["id"] for each in visits]
    subjects = [str(each) for each in (*ids, order_id)]
    return {
        "visits": visits,
        "history": _rows(await connection.fetch(_HISTORY, unit_id, ids)),
        "happenings": _rows(
            await connection.fetch(_HAPPENINGS, unit_id, ids, subjects, list(promises))
        ),
        "photos": _rows(await connection.fetch(_PHOTOS, unit_id, ids)),
        "hazards": _rows(await connection.fetch(_HAZARDS, unit_id, ids)),
    }


async def at_risk(
    tx: Transaction, unit_id: str, *, between: tuple[datetime, datetime], now: datetime, limit: int
) -> list[Row]:
    """Promises not kept yet that end in a stretch of time; those not yet over first."""
    connection = await driver(tx)
    return _rows(await connection.fetch(_AT_RISK, unit_id, *between, now, limit))


async def standing(
    tx: Transaction, unit_id: str, *, between: tuple[datetime, datetime], zone: str
) -> list[Row]:
    """Counts of promises by clause, grid and local day."""
    connection = await driver(tx)
    return _rows(await connection.fetch(_STANDING, unit_id, *between, zone))


async def coverage(tx: Transaction, unit_id: str, *, as_of: date) -> list[Row]:
    """How many premises of each grid are inspected, due soon, overdue or were never seen."""
    connection = await driver(tx)
    return _rows(await connection.fetch(_COVERAGE, unit_id, as_of))


def _rows(found: Sequence[Any]) -> list[Row]:
    return [dict(row) for row in found]


async def of_cases(tx: Transaction, unit_id: str, *, cases: Sequence[UUID]) -> Sequence[Any]:
    """Cases by id: `id, kind, received_at, facts`, the steps that were taken among these."""
    c = case.c
    found = await tx.execute(
        sa.select(c.id, c.kind, c.received_at, c.facts).where(
            c.unit_id == unit_id, c.id == sa.any_(sa.literal(list(cases), sa.ARRAY(sa.Uuid())))
        )
    )
    return found.all()


async def visits_of_cases(tx: Transaction, unit_id: str, *, cases: Sequence[UUID]) -> Sequence[Any]:
    """When the visits of cases began and ended, and how: `case_id, kind, …`."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_VISITS_OF_CASES, unit_id, list(cases))
    return rows
