"""What the live day reads and writes: visits with their places, people with their tablets, the
version of a day and the changes that led to it. Always within one unit."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from schemas.day import PersonRow, WorkRow
from storage import bulk
from storage.engine import Transaction, driver
from storage.tables import day_change, shift, speed, visit

Rows = Sequence[dict[str, Any]]

_WORK = """w.id AS work_order_id, w.number, w.kind, w.tier, w.case_id, w.skills, w.people,
  w.duration_seconds, w.window_opens, w.window_closes, w.earliest_at, w.due_at, p.latitude, p.longitude, p.address,
  g.code AS grid, (SELECT f.technician_id FROM hazard z JOIN visit f ON f.id = z.visit_id
    WHERE z.premises_id = p.id AND z.state <> 'closed'
    ORDER BY z.found_at DESC LIMIT 1) AS finder_id"""

# visits of the day, visits of days before that nobody has, and slots that were sold for the day
_DAY = f"""
SELECT v.id AS visit_id, v.technician_id, v.second_id, v.state, v.pinned, v.pending_decision,
  v.certification, v.started_at, v.ended_at, v.outcome, v.accepted, r.version AS record_version,
  s.id AS stop_id, s.arrive_at, lower(s.during) AS starts_at, upper(s.during) AS ends_at, s.travel_seconds, {_WORK}
FROM visit v JOIN work_order w ON w.id = v.work_order_id JOIN premises p ON p.id = w.premises_id
LEFT JOIN grid g ON g.id = p.grid_id LEFT JOIN record r ON r.id = v.id
LEFT JOIN stop s ON s.visit_id = v.id AND NOT s.released
  AND s.technician_id IS DISTINCT FROM v.second_id
WHERE v.unit_id = $1 AND v.state <> 'cancelled' AND (v.on_day = $2
  OR (v.on_day < $2 AND v.technician_id IS NULL AND v.state = 'planned'))
UNION ALL
SELECT NULL, s.technician_id, b.technician_id, 'held', false, false, 'open', NULL, NULL, NULL, '{{}}', NULL,
  s.id, s.arrive_at, lower(s.during), upper(s.during), s.travel_seconds, {_WORK}
FROM stop s JOIN work_order w ON w.id = s.work_order_id JOIN premises p ON p.id = w.premises_id
LEFT JOIN grid g ON g.id = p.grid_id
LEFT JOIN stop b ON b.work_order_id = w.id AND NOT b.released AND b.rank = 1
WHERE s.unit_id = $1 AND s.rank = 0 AND NOT s.released AND s.during && tstzrange($3, $4)
ORDER BY 15, 1
"""  # the only value is a constant of this file  # nosec B608

_ORDERS = f"""
SELECT NULL::uuid AS visit_id, NULL::uuid AS technician_id, NULL::uuid AS second_id,
  'unplaced' AS state, false AS pinned, false AS pending_decision, 'open' AS certification,
  NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at, NULL::text AS outcome, '{{}}'::text[] AS accepted,
  NULL::bigint AS record_version, NULL::uuid AS stop_id, NULL::timestamptz AS arrive_at,
  NULL::timestamptz AS starts_at, NULL::timestamptz AS ends_at, 0 AS travel_seconds, {_WORK}
FROM work_order w JOIN premises p ON p.id = w.premises_id LEFT JOIN grid g ON g.id = p.grid_id
WHERE w.unit_id = $1 AND w.state IN ('registered', 'ready', 'scheduled')
"""  # nosec B608
_BY_ID = f"{_ORDERS} AND w.id = ANY($2::uuid[])"
# what was levelled to a later day waits for it, unless its promise ends before
_PLANNABLE = f"""{_ORDERS}
  AND (w.earliest_at IS NULL OR w.earliest_at < $3)
  AND (w.level_on IS NULL OR w.level_on <= $2)
  AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.work_order_id = w.id AND NOT s.released)
ORDER BY w.due_at NULLS LAST, w.number LIMIT $4"""  # nosec B608

_PEOPLE = """
SELECT k.id, k.number, k.name, k.latitude, k.longitude, k.skills, k.grids, k.shift_opens,
  k.shift_closes, k.lunch_opens, k.lunch_closes, t.id AS tablet, t.unsent, t.seen_at,
  h.kind AS shift_kind, h.opens_at, h.closes_at,
  (SELECT jsonb_object_agg(skill, valid_until) FROM certificate c
   WHERE c.technician_id = k.id AND valid_until IS NOT NULL) AS certificates
FROM technician k
LEFT JOIN shift h ON h.technician_id = k.id AND h.on_day = $2
LEFT JOIN LATERAL (SELECT id, unsent, seen_at FROM tablet
  WHERE technician_id = k.id AND state = 'active' ORDER BY enrolled_at DESC LIMIT 1) t ON true
WHERE k.unit_id = $1 AND k.active ORDER BY k.number
"""

# whatever a laid-out day leans on: its version, how visits stand, who is there and with what papers
_MARK = """
SELECT (SELECT version FROM board_day WHERE unit_id = $1 AND on_day = $2) AS version,
  (SELECT coalesce(sum(hashtextextended(id::text || state || pinned
    || coalesce(started_at::text, '') || coalesce(ended_at::text, ''), 0)), 0)
   FROM visit WHERE unit_id = $1 AND on_day = $2) AS visits,
  (SELECT coalesce(sum(hashtextextended(id::text || row_hash, 0)), 0)
   FROM technician WHERE unit_id = $1 AND active) AS people,
  (SELECT count(*) || coalesce(max(id::text), '') FROM shift
   WHERE unit_id = $1 AND on_day = $2) AS shifts
"""
_ORDERS_MARK = """
SELECT coalesce(sum(hashtextextended(id::text || version || state || coalesce(level_on::text, ''),
  0)), 0)::text
FROM work_order WHERE unit_id = $1 AND state IN ('registered', 'ready', 'scheduled')
"""
_TABLETS = """
SELECT DISTINCT ON (technician_id) technician_id, seen_at, unsent FROM tablet
WHERE unit_id = $1 AND state = 'active' ORDER BY technician_id, enrolled_at DESC
"""
_BUMP = """
INSERT INTO board_day (unit_id, on_day, version) VALUES ($1, $2, 1)
ON CONFLICT (unit_id, on_day) DO UPDATE SET version = board_day.version + 1 RETURNING version
"""
_SINCE = """
SELECT id, version, kind, subject, actor, at, reason, accepted, changes, undone_by FROM day_change
WHERE unit_id = $1 AND on_day = $2 AND version > $3 ORDER BY version LIMIT $4
"""
_LEGS = """
WITH done AS (
  SELECT v.technician_id, v.started_at AS arrived_at, v.ended_at, p.latitude, p.longitude,
    g.code AS area, lag(v.ended_at) OVER w AS left_at, lag(p.latitude) OVER w AS from_latitude,
    lag(p.longitude) OVER w AS from_longitude
  FROM visit v JOIN premises p ON p.id = v.premises_id LEFT JOIN grid g ON g.id = p.grid_id
  WHERE v.unit_id = $1 AND v.state = 'ended' AND v.started_at IS NOT NULL AND v.ended_at > $2
    AND p.latitude IS NOT NULL
  WINDOW w AS (PARTITION BY v.technician_id, v.on_day ORDER BY v.started_at)
)
SELECT * FROM done WHERE left_at IS NOT NULL AND arrived_at > left_at
LIMIT 100000
"""
_DOORS = """
SELECT extract(hour FROM v.started_at AT TIME ZONE 'Asia/Shanghai')::int AS hour,
  extract(isodow FROM v.on_day) > 5 AS rest, count(*) AS tries,
  count(*) FILTER (WHERE v.outcome <> 'no_access') AS opened
FROM visit v JOIN work_order w ON w.id = v.work_order_id
WHERE v.unit_id = $1 AND v.on_day >= $2 AND v.state = 'ended' AND v.started_at IS NOT NULL
  AND v.outcome IS NOT NULL AND w.kind = ANY($3::text[])
GROUP BY 1, 2
"""
_HOME = """
SELECT p.account, p.customer_class, p.grid_id, p.latitude, p.longitude, p.address, g.code AS grid
FROM premises p LEFT JOIN grid g ON g.id = p.grid_id WHERE p.unit_id = $1 AND p.id = $2
"""
_LEVELLED = """
SELECT level_on, count(*) AS many, sum(duration_seconds)::bigint AS seconds FROM work_order w
WHERE unit_id = $1 AND level_on = ANY($2::date[]) AND w.id <> $3
  AND state IN ('registered', 'ready', 'scheduled')
  AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.work_order_id = w.id AND NOT s.released)
GROUP BY 1
"""
_SHRINK = """
UPDATE stop s SET during = n.during,
  -- who was there earlier than planned may have been on the way to another: that one keeps its place
  released = n.early AND EXISTS (SELECT 1 FROM stop o WHERE o.technician_id = s.technician_id
    AND NOT o.released AND o.id <> s.id AND o.during && n.during)
FROM (SELECT m.id, v.ended_at <= lower(m.during) AS early, CASE
  WHEN v.ended_at <= lower(m.during) THEN tstzrange(
    least(v.started_at, v.ended_at - interval '1 second'), v.ended_at)
  ELSE tstzrange(lower(m.during), greatest(
    lower(m.during) + interval '1 second',
    least(upper(m.during), coalesce(v.ended_at,
      v.started_at + (upper(m.during) - lower(m.during)), upper(m.during)))))
  END AS during
  FROM stop m JOIN visit v ON v.id = m.visit_id
  WHERE m.unit_id = $1 AND m.technician_id = ANY($2::uuid[]) AND NOT m.released
    AND (v.started_at IS NOT NULL OR v.ended_at IS NOT NULL)) n
WHERE s.id = n.id
"""
_EXTEND = """
UPDATE stop s SET during = tstzrange(lower(s.during), greatest(
  lower(s.during) + interval '1 second',
  least($2, (SELECT min(lower(o.during)) FROM stop o WHERE o.technician_id = s.technician_id
    AND NOT o.released AND o.id <> s.id AND lower(o.during) >= lower(s.during)))))
WHERE s.visit_id = $1 AND s.unit_id = $3 AND NOT s.released
"""
_PROMISES = """
SELECT id, work_order_id, case_id FROM commitment
WHERE unit_id = $1 AND state = 'running'
  AND (work_order_id = ANY($2::uuid[]) OR case_id = ANY($3::uuid[]))
"""


async def mark(tx: Transaction, unit_id: str, *, on_day: date) -> tuple[int, tuple[Any, ...]]:
    """The day's version, and a mark that changes whenever the day is not what it was."""
    connection = await driver(tx)
    row = await connection.fetchrow(_MARK, unit_id, on_day)
    return row["version"] or 0, tuple(row)


async def snapshot(tx: Transaction, unit_id: str, *, on_day: date) -> str:
    """A mark that changes whenever something changes that a plan of the day leans on."""
    connection = await driver(tx)
    _, day = await mark(tx, unit_id, on_day=on_day)
    orders = await connection.fetchval(_ORDERS_MARK, unit_id)
    return "/".join(map(str, (*day, orders)))


async def visits(
    tx: Transaction, unit_id: str, *, on_day: date, between: tuple[datetime, datetime]
) -> list[WorkRow]:
    """Visits of a day that are not cancelled and slots that were sold between two instants."""
    connection = await driver(tx)
    return [WorkRow(**row) for row in await connection.fetch(_DAY, unit_id, on_day, *between)]


async def orders(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> list[WorkRow]:
    """Work orders among `ids` that nobody has yet."""
    if not ids:
        return []
    connection = await driver(tx)
    return [WorkRow(**row) for row in await connection.fetch(_BY_ID, unit_id, list(ids))]


async def legs(tx: Transaction, unit_id: str, *, since: datetime) -> Sequence[Any]:
    """Ways from one done visit to the next of the same person and day."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_LEGS, unit_id, since)
    return rows


async def save_speeds(tx: Transaction, unit_id: str, *, rows: Rows) -> None:
    """What was learned anew, in place of what was known."""
    await tx.execute(sa.delete(speed).where(speed.c.unit_id == unit_id))
    await bulk.insert(tx, speed, rows=rows)


async def speeds(tx: Transaction, unit_id: str) -> dict[tuple[str, int], float]:
    """What was learned of the unit's areas and hours; area "" is everywhere, hour -1 always."""
    connection = await driver(tx)
    rows = await connection.fetch("SELECT area, hour, kmh FROM speed WHERE unit_id = $1", unit_id)
    return {(row["area"], row["hour"]): row["kmh"] for row in rows}


async def doors(
    tx: Transaction, unit_id: str, *, since: date, kinds: Sequence[str]
) -> Sequence[Any]:
    """How often doors were knocked at since a day, by local hour and day of rest, and opened."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_DOORS, unit_id, since, list(kinds))
    return rows


async def home(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Any:
    """Where premises are and what decides their promises, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(_HOME, unit_id, premises_id)


async def levelled(
    tx: Transaction, unit_id: str, *, days: Sequence[date], but: UUID
) -> dict[date, tuple[int, int]]:
    """Work that was levelled to these days and that nobody has: how much, and how long it takes."""
    connection = await driver(tx)
    rows = await connection.fetch(_LEVELLED, unit_id, list(days), but)
    return {row["level_on"]: (row["many"], row["seconds"]) for row in rows}


async def orders_of_case(tx: Transaction, unit_id: str, *, case_id: UUID) -> list[UUID]:
    """The work orders of a case, the oldest first."""
    connection = await driver(tx)
    rows = await connection.fetch(
        "SELECT id FROM work_order WHERE unit_id = $1 AND case_id = $2 ORDER BY number",
        unit_id,
        case_id,
    )
    return [row["id"] for row in rows]


async def is_held(tx: Transaction, unit_id: str, *, order_id: UUID) -> bool:
    """Whether a slot is held for a work order already."""
    connection = await driver(tx)
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM stop WHERE unit_id = $1 AND work_order_id = $2"
            " AND NOT released)",
            unit_id,
            order_id,
        )
    )


async def plannable(
    tx: Transaction, unit_id: str, *, on_day: date, before: datetime, most: int | None = None
) -> list[WorkRow]:
    """Work orders that a plan of the day may place, those due first first; what may begin only at
    or after `before` waits, and so does what was levelled to a later day. `most` of them, or all.
    """
    connection = await driver(tx)
    rows = await connection.fetch(_PLANNABLE, unit_id, on_day, before, most)
    return [WorkRow(**row) for row in rows]


async def people(tx: Transaction, unit_id: str, *, on_day: date) -> list[PersonRow]:
    """Technicians with papers, the day's shift and what their tablet last said."""
    connection = await driver(tx)
    rows = await connection.fetch(_PEOPLE, unit_id, on_day)
    return [PersonRow(**{**row, "certificates": _papers(row["certificates"])}) for row in rows]


def _papers(found: dict[str, str] | None) -> dict[str, date]:
    return {skill: date.fromisoformat(until) for skill, until in (found or {}).items()}


async def tablets(tx: Transaction, unit_id: str) -> dict[UUID, Any]:
    """When each technician's tablet was last heard."""
    connection = await driver(tx)
    return {row["technician_id"]: row for row in await connection.fetch(_TABLETS, unit_id)}


async def promises(
    tx: Transaction, unit_id: str, *, orders: Sequence[UUID], cases: Sequence[UUID]
) -> Sequence[Any]:
    """Running commitments of these work orders or cases."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_PROMISES, unit_id, list(orders), list(cases))
    return rows


async def bump(tx: Transaction, unit_id: str, *, on_day: date) -> int:
    """The day's next version. Whoever changes a day does this first: the row is the day's lock."""
    connection = await driver(tx)
    version: int = await connection.fetchval(_BUMP, unit_id, on_day)
    return version


async def version(tx: Transaction, unit_id: str, *, on_day: date) -> int:
    """The day's version; 0 where nothing was ever published."""
    connection = await driver(tx)
    found = await connection.fetchval(
        "SELECT version FROM board_day WHERE unit_id = $1 AND on_day = $2", unit_id, on_day
    )
    return int(found or 0)


async def changes_since(
    tx: Transaction, unit_id: str, *, on_day: date, since: tuple[int, int]
) -> Sequence[Any]:
    """Changes of a day after a version, the oldest first: `since` is (version, limit)."""
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_SINCE, unit_id, on_day, *since)
    return rows


async def add_change(tx: Transaction, row: dict[str, Any]) -> None:
    """Keeps what a change of the day was."""
    await tx.execute(sa.insert(day_change).values(**row))


async def change_of(tx: Transaction, unit_id: str, *, change_id: UUID) -> Any:
    """One change, locked, or None."""
    found = await tx.execute(
        sa.select(day_change)
        .where(day_change.c.unit_id == unit_id, day_change.c.id == change_id)
        .with_for_update()
    )
    return found.one_or_none()


async def undone(tx: Transaction, change_id: UUID, *, by: UUID) -> None:
    """Notes that a change was undone, and by which one."""
    await tx.execute(sa.update(day_change).where(day_change.c.id == change_id).values(undone_by=by))


async def lock_visits(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Visits of the unit by id, locked in id order."""
    rows = await tx.execute(
        sa.select(visit)
        .where(visit.c.unit_id == unit_id, visit.c.id.in_(ids))
        .order_by(visit.c.id)
        .with_for_update()
    )
    return {row.id: row for row in rows}


async def release_slots(tx: Transaction, *, orders: Sequence[UUID]) -> None:
    """Frees the slots that were held for these work orders; their visits hold their own."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE stop SET released = true WHERE work_order_id = ANY($1::uuid[]) AND NOT released",
        list(orders),
    )


async def shrink_stops(tx: Transaction, unit_id: str, *, technicians: Sequence[UUID]) -> None:
    """What ended early, or began early, makes room: its place in the day ends when it does, and
    what ended before it was to begin stands where it really was."""
    connection = await driver(tx)
    await connection.execute(_SHRINK, unit_id, list(technicians))


async def extend_stop(tx: Transaction, unit_id: str, *, visit_id: UUID, until: datetime) -> None:
    """A visit takes longer than it was given; where a pin stands behind it, as long as until then:
    nobody is in two places."""
    connection = await driver(tx)
    await connection.execute(_EXTEND, visit_id, until, unit_id)


async def set_absence(tx: Transaction, row: dict[str, Any]) -> None:
    """A technician is away from an instant on, or for the day."""
    await bulk.upsert(tx, shift, rows=[row], key=["technician_id", "on_day"])


async def end_absence(tx: Transaction, technician_id: UUID, *, on_day: date) -> None:
    """An absence was a mistake."""
    await tx.execute(
        sa.delete(shift).where(
            shift.c.technician_id == technician_id,
            shift.c.on_day == on_day,
            shift.c.kind == "sick",
        )
    )
