"""What office pages read: days, cases, conflicts under decision. Always within one unit."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from storage.engine import Transaction, driver

Rows = list[dict[str, Any]]

_PREMISES = """
SELECT id, account, address, customer_class, latitude, longitude, last_inspection_on,
  inspection_due_on, supply_state, marks
FROM premises
WHERE unit_id = $1 AND ($2::text IS NULL OR account = $2) AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4
"""
_LISTS = {"premises": _PREMISES}

_STOPS = """
SELECT v.id AS visit, v.work_order_id AS work_order, w.number, w.kind, w.tier, v.state, v.pinned,
  v.pending_decision, v.certification, v.technician_id, v.second_id, r.version, s.arrive_at,
  lower(s.during) AS starts_at, upper(s.during) AS ends_at, w.due_at,
  p.latitude, p.longitude, p.address
FROM visit v JOIN work_order w ON w.id = v.work_order_id JOIN premises p ON p.id = v.premises_id
LEFT JOIN record r ON r.id = v.id
LEFT JOIN stop s ON s.visit_id = v.id AND NOT s.released
  AND s.technician_id IS DISTINCT FROM v.second_id
WHERE v.unit_id = $1 AND v.on_day = $2 ORDER BY s.arrive_at
"""
_TEAM = """
SELECT k.id, k.number, k.name, k.latitude, k.longitude, k.skills, k.grids, t.id AS tablet, t.unsent,
  t.seen_at
FROM technician k
LEFT JOIN LATERAL (SELECT id, unsent, seen_at FROM tablet
  WHERE technician_id = k.id AND state = 'active' ORDER BY enrolled_at DESC LIMIT 1) t ON true
WHERE k.unit_id = $1 AND k.active
  AND ($2::uuid[] IS NULL OR k.grids && ARRAY(SELECT code FROM grid WHERE id = ANY($2)))
ORDER BY k.number
"""


async def listed(
    tx: Transaction,
    unit_id: str,
    *,
    what: str,
    chosen: str | None,
    page: tuple[UUID | None, int],
) -> Rows:
    """A page of one of the lists, from one after `page[0]`; `chosen` is a state or an account."""
    connection = await driver(tx)
    rows = await connection.fetch(_LISTS[what], unit_id, chosen, page[0], page[1])
    return _plain(rows)


async def stops(tx: Transaction, unit_id: str, *, on_day: date) -> Rows:
    """Every visit of a day with its hours and its place."""
    connection = await driver(tx)
    return _plain(await connection.fetch(_STOPS, unit_id, on_day))


async def team(tx: Transaction, unit_id: str) -> Rows:
    """Technicians with what their tablet last said."""
    return await crew(tx, unit_id, grids=None)


async def crew(tx: Transaction, unit_id: str, *, grids: Sequence[UUID] | None) -> Rows:
    """Those of them who work in one of these grids; None means everybody."""
    connection = await driver(tx)
    return _plain(await connection.fetch(_TEAM, unit_id, None if grids is None else list(grids)))


async def case_story(tx: Transaction, unit_id: str, *, case_id: UUID) -> dict[str, Any] | None:
    """One case with its work orders and commitments."""
    connection = await driver(tx)
    case = await connection.fetchrow(
        'SELECT * FROM "case" WHERE unit_id = $1 AND id = $2', unit_id, case_id
    )
    if case is None:
        return None
    orders = await connection.fetch(
        "SELECT id, number, kind, state, due_at FROM work_order WHERE unit_id = $1 AND"
        " case_id = $2",
        unit_id,
        case_id,
    )
    promises = await connection.fetch(
        "SELECT id, rule_code, clause, state, due_at, stopped_at FROM commitment"
        " WHERE unit_id = $1 AND case_id = $2",
        unit_id,
        case_id,
    )
    return {**dict(case), "work_orders": _plain(orders), "commitments": _plain(promises)}


async def conflict_of(tx: Transaction, unit_id: str, *, conflict_id: UUID) -> Any:
    """One conflict, locked, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(
        "SELECT * FROM conflict WHERE unit_id = $1 AND id = $2 FOR UPDATE", unit_id, conflict_id
    )


async def close_conflicts(
    tx: Transaction, place: tuple[UUID, str], *, values: Sequence[Any]
) -> None:
    """A person has decided about a record's field: (resolution, instant, who)."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE conflict SET status = 'resolved', resolution = $3, closed_at = $4, closed_by = $5"
        " WHERE record_id = $1 AND field = $2 AND status = 'open'",
        *place,
        *values,
    )


async def refresh_conflict(tx: Transaction, conflict_id: UUID, *, values: str) -> None:
    """Shows what was said since the conflict was opened."""
    connection = await driver(tx)
    await connection.execute('UPDATE conflict SET "values" = $2 WHERE id = $1', conflict_id, values)


async def figures(tx: Transaction, unit_id: str) -> dict[str, int]:
    """Counts for metrics and reports."""
    connection = await driver(tx)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM operation WHERE unit_id = $1) AS operations,"
        " (SELECT count(*) FROM conflict WHERE unit_id = $1 AND status = 'open') AS conflicts_open,"
        " (SELECT count(*) FROM quarantine WHERE unit_id = $1 AND status = 'open') AS"
        " quarantine_open,"
        " (SELECT count(*) FROM attachment WHERE unit_id = $1 AND state = 'verified')"
        "   AS photos_verified,"
        " (SELECT count(*) FROM tablet WHERE unit_id = $1) AS tablets",
        unit_id,
    )
    return dict(row)


def _plain(rows: Sequence[Any]) -> Rows:
    return [{name: _readable(value) for name, value in row.items()} for row in rows]


def _readable(value: Any) -> Any:
    # bytes that a tablet sent are shown whatever they are; NUL is no text anywhere
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace").replace("\x00", "\\x00")
    return value
