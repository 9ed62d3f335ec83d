"""Settings of promises, the register of dated records, heating seasons and their premises."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from schemas.standing import PromiseSettings
from storage import bulk
from storage.engine import Transaction, driver
from storage.safety import NOTICED
from storage.tables import (
    case,
    commitment,
    grid,
    heating_season,
    outage,
    premises,
    register_entry,
    unit_table,
)

Rows = Sequence[dict[str, Any]]

_NAMED_BY_LAW = f"""
SELECT h.id, h.premises_id, h.statutory, h.found_at, v.ended_at, c.id AS clock,
  {NOTICED} AS noticed
FROM hazard h LEFT JOIN visit v ON v.id = h.visit_id LEFT JOIN record r ON r.id = h.visit_id
LEFT JOIN commitment c ON c.premises_id = h.premises_id AND c.rule_code = $2
  AND c.facts ->> 'hazard' = h.id::text
WHERE h.unit_id = $1 AND h.statutory IS NOT NULL AND c.stopped_at IS NULL
ORDER BY h.found_at, h.id LIMIT $3
"""  # the only value is a constant of storage  # nosec B608


async def settings(tx: Transaction, unit_id: str) -> PromiseSettings:
    """What the unit laid down for its promises, else what the catalogue says."""
    found = await tx.scalar(sa.select(unit_table.c.settings).where(unit_table.c.id == unit_id))
    return msgspec.convert((found or {}).get("promises", {}), PromiseSettings)


async def save_settings(tx: Transaction, unit_id: str, *, given: PromiseSettings) -> None:
    """Lays the settings down; other settings of the unit stay."""
    held = await tx.scalar(
        sa.select(unit_table.c.settings).where(unit_table.c.id == unit_id).with_for_update()
    )
    values = {**(held or {}), "promises": msgspec.to_builtins(given)}
    await tx.execute(
        sa.update(unit_table).where(unit_table.c.id == unit_id).values(settings=values)
    )


async def remote_grids(tx: Transaction, unit_id: str) -> frozenset[UUID]:
    """Grids that the unit calls remote."""
    given = await settings(tx, unit_id)
    if not given.remote_grids:
        return frozenset()
    rows = await tx.scalars(
        sa.select(grid.c.id).where(grid.c.unit_id == unit_id, grid.c.code.in_(given.remote_grids))
    )
    return frozenset(rows)


async def add_records(tx: Transaction, rows: Rows) -> int:
    """Appends to the register; a record that is known stays as it was first written."""
    return await bulk.insert(tx, register_entry, rows=rows, skip_known=True)


async def records(
    tx: Transaction, unit_id: str, *, kind: str, stretch: tuple[datetime, datetime], limit: int
) -> Sequence[Any]:
    """Records of a kind that touch a stretch of time, in order."""
    since, until = stretch
    r = register_entry.c
    found = await tx.execute(
        sa.select(register_entry)
        .where(
            r.unit_id == unit_id,
            r.kind == kind,
            r.opens_at < until,
            sa.func.coalesce(r.closes_at, r.opens_at) >= since,
        )
        .order_by(r.opens_at, r.key)
        .limit(limit)
    )
    return found.all()


async def known_records(
    tx: Transaction, unit_id: str, *, keys: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Which of these records (kind, key) are in the register."""
    r = register_entry.c
    rows = await tx.execute(
        sa.select(r.kind, r.key).where(
            r.unit_id == unit_id, sa.tuple_(r.kind, r.key).in_(list(keys))
        )
    )
    return {(row.kind, row.key) for row in rows}


async def last_judged(tx: Transaction, unit_id: str, *, rules: Sequence[str]) -> dict[str, date]:
    """The last day that each standing rule was opened for."""
    c = commitment.c
    rows = await tx.execute(
        sa.select(c.rule_code, sa.func.max(c.facts["day"].astext))
        .where(c.unit_id == unit_id, c.rule_code.in_(rules), c.facts.has_key("day"))
        .group_by(c.rule_code)
    )
    return {row[0]: date.fromisoformat(row[1]) for row in rows}


async def open_duties(tx: Transaction, unit_id: str, *, rules: Sequence[str]) -> Sequence[Any]:
    """Standing duties that nobody judged yet, the oldest first."""
    c = commitment.c
    found = await tx.execute(
        sa.select(c.id, c.rule_code, c.facts, c.started_at)
        .where(
            c.unit_id == unit_id,
            c.rule_code.in_(rules),
            c.stopped_at.is_(None),
            c.facts.has_key("day"),
        )
        .order_by(c.started_at, c.id)
        .limit(5_000)
    )
    return found.all()


async def channels_used(
    tx: Transaction, unit_id: str, *, since: datetime, until: datetime
) -> dict[str, int]:
    """How many cases came in through which channel."""
    rows = await tx.execute(
        sa.select(case.c.channel, sa.func.count())
        .where(case.c.unit_id == unit_id, case.c.received_at >= since, case.c.received_at < until)
        .group_by(case.c.channel)
    )
    return {row[0]: row[1] for row in rows}


async def late_starts(tx: Transaction, unit_id: str, *, since: datetime, until: datetime) -> int:
    """Clocks of cases that began after the channel had the request."""
    found = await tx.scalar(
        sa.select(sa.func.count())
        .select_from(commitment.join(case, case.c.id == commitment.c.case_id))
        .where(
            case.c.unit_id == unit_id,
            case.c.received_at >= since,
            case.c.received_at < until,
            commitment.c.rule_code.in_(("10", "12", "13a", "14", "16a", "16b", "4b", "4c", "8")),
            commitment.c.started_at > case.c.received_at,
            ~commitment.c.facts.has_key("day"),
            commitment.c.premises_id.is_(None),
        )
    )
    return int(found or 0)


async def unplanned_minutes(
    tx: Transaction, unit_id: str, *, since: datetime, until: datetime
) -> int:
    """Minutes of a stretch in which gas was off and nobody had announced it."""
    o = outage.c
    rows = await tx.execute(
        sa.select(o.stopped_at, o.restored_at).where(
            o.unit_id == unit_id,
            ~o.planned,
            o.stopped_at < until,
            sa.or_(o.restored_at.is_(None), o.restored_at > since),
        )
    )
    spans = [(max(row[0], since), min(row[1] or until, until)) for row in rows]
    return int(sum((b - a).total_seconds() for a, b in spans) // 60)


async def save_season(tx: Transaction, row: dict[str, Any]) -> None:
    """Writes a heating season of a region, or what became known of it."""
    await bulk.upsert(tx, heating_season, rows=[row], key=["unit_id", "region", "season"])


async def seasons(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Heating seasons of the unit, the newest first."""
    found = await tx.execute(
        sa.select(heating_season)
        .where(heating_season.c.unit_id == unit_id)
        .order_by(heating_season.c.planned_start.desc(), heating_season.c.region)
    )
    return found.all()


async def rural_premises(
    tx: Transaction, unit_id: str, *, grids: Sequence[str], after: UUID | None, limit: int
) -> Sequence[Any]:
    """Rural piped premises with gas in these grids (all where none is named), from one after
    `after`."""
    statement = sa.select(premises.c.id, premises.c.account, premises.c.last_inspection_on).where(
        premises.c.unit_id == unit_id,
        premises.c.customer_class == "rural_piped",
        premises.c.first_gas_on.is_not(None),
    )
    if grids:
        named = sa.select(grid.c.id).where(grid.c.unit_id == unit_id, grid.c.code.in_(grids))
        statement = statement.where(premises.c.grid_id.in_(named))
    if after is not None:
        statement = statement.where(premises.c.id > after)
    return (await tx.execute(statement.order_by(premises.c.id).limit(limit))).all()


async def commitments_by_id(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> Sequence[Any]:
    """Commitments of the unit among these ids, in id order."""
    found = await tx.execute(
        sa.select(commitment)
        .where(commitment.c.unit_id == unit_id, commitment.c.id.in_(ids))
        .order_by(commitment.c.id)
    )
    return found.all()


async def named_by_law(
    tx: Transaction, unit_id: str, *, rule: str, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Dangers that the law names whose promise has not ended: with their notice and their clock."""
    connection = await driver(tx)
    found: Sequence[Mapping[str, Any]] = await connection.fetch(_NAMED_BY_LAW, unit_id, rule, limit)
    return found
