"""Figures for reports: promises by a reading, field work, what is coming. One statement each."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from storage.engine import Transaction, driver

KEYS = {
    "clause": "c.clause",
    "rule": "c.rule_code",
    "rule_version": "c.rule_code || '@' || c.rule_version",
    "unit": "c.unit_id",
    "grid": "coalesce(g.code, '')",
    "month": "to_char(c.on_day, 'YYYY-MM')",
    "all": "''",
}
# a notice is a least: what comes later than it had to has time to spare
_LEFT = """CASE WHEN c.rule_code = ANY($4::text[]) THEN -1 ELSE 1 END
  * extract(epoch FROM c.due_at - c.stopped_at)::float8 / 3600"""
_PROMISES = """
WITH c AS (
  SELECT m.*, coalesce(m.due_on, (m.started_at AT TIME ZONE 'Asia/Shanghai')::date) AS on_day
  FROM commitment m WHERE m.unit_id = $1
)
SELECT {key} AS key, count(*) AS total,
  count(*) FILTER (WHERE c.state = 'met') AS kept,
  count(*) FILTER (WHERE c.state = 'breached') AS breached,
  count(*) FILTER (WHERE c.state = 'met_late_excused') AS excused,
  count(*) FILTER (WHERE c.state = 'waived_by_agreement') AS waived,
  count(*) FILTER (WHERE c.state = 'not_applicable') AS not_applicable,
  count(*) FILTER (WHERE c.state IN
    ('running', 'paused', 'provisional', 'overdue_evidence_pending')) AS pending,
  percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (
    ORDER BY {slack})
    FILTER (WHERE c.stopped_at IS NOT NULL AND c.due_at IS NOT NULL) AS slack
FROM c {grid}
WHERE c.on_day BETWEEN $2 AND $3 GROUP BY 1 ORDER BY 1
"""
_GRID = """
LEFT JOIN "case" s ON s.id = c.case_id
LEFT JOIN premises p ON p.id = coalesce(c.premises_id, s.premises_id)
LEFT JOIN grid g ON g.id = p.grid_id
"""
_SLACK = f"""
SELECT width_bucket({_LEFT}, $5::float8[]) AS bin, count(*) AS count
FROM commitment c
WHERE unit_id = $1 AND stopped_at IS NOT NULL AND due_at IS NOT NULL
  AND due_on BETWEEN $2 AND $3
GROUP BY 1 ORDER BY 1
"""  # the only value is a constant of storage  # nosec B608
_VISITS = """
SELECT count(DISTINCT work_order_id) AS orders,
  count(*) FILTER (WHERE attempt = 1 AND outcome = 'field_done') AS first_visit_done,
  count(*) AS visits,
  count(*) FILTER (WHERE outcome NOT IN ('no_access', 'refused')) AS let_in
FROM visit WHERE unit_id = $1 AND on_day BETWEEN $2 AND $3 AND outcome IS NOT NULL
"""
_DUE = """
SELECT to_char(greatest(inspection_due_on, $2), 'YYYY-MM') AS month, count(*) AS due
FROM premises WHERE unit_id = $1 AND inspection_due_on < $3 GROUP BY 1 ORDER BY 1
"""
_DONE = """
SELECT count(*) FROM premises WHERE unit_id = $1 AND last_inspection_on BETWEEN $2 AND $3
"""


async def promises(
    tx: Transaction, unit_id: str, *, by: str, period: tuple[date, date], leasts: Sequence[str]
) -> Sequence[Any]:
    """Promises that fell due in a period, counted by state, with deciles of their slack; `leasts` are
    rules whose time is a least."""
    connection = await driver(tx)
    # both parts come from this file; what a caller chose is only the key of a table
    grid = _GRID if by == "grid" else ""
    statement = _PROMISES.format(key=KEYS[by], grid=grid, slack=_LEFT)
    found: Sequence[Any] = await connection.fetch(statement, unit_id, *period, list(leasts))
    return found


async def slack(
    tx: Transaction,
    unit_id: str,
    *,
    bounds: Sequence[float],
    period: tuple[date, date],
    leasts: Sequence[str],
) -> dict[int, int]:
    """How many promises stopped within each stretch of hours before they were due."""
    connection = await driver(tx)
    rows = await connection.fetch(_SLACK, unit_id, *period, list(leasts), list(bounds))
    return {row["bin"]: row["count"] for row in rows}


async def visits(tx: Transaction, unit_id: str, *, since: date, until: date) -> Any:
    """Field work that ended in a period."""
    connection = await driver(tx)
    return await connection.fetchrow(_VISITS, unit_id, since, until)


async def inspections_ahead(
    tx: Transaction, unit_id: str, *, since: date, before: date
) -> dict[str, int]:
    """Inspections by the month in which they fall due; what is overdue counts to the first."""
    connection = await driver(tx)
    rows = await connection.fetch(_DUE, unit_id, since, before)
    return {row["month"]: row["due"] for row in rows}


async def inspections_done(tx: Transaction, unit_id: str, *, since: date, until: date) -> int:
    """Premises whose last inspection was in a period."""
    connection = await driver(tx)
    found: int = await connection.fetchval(_DONE, unit_id, since, until)
    return found
