"""Premises, customers, meters, technicians: what imports write and everybody reads."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from schemas.base import Place
from storage import bulk, sealing
from storage.engine import Transaction, driver
from storage.tables import (
    certificate,
    customer,
    grid,
    import_run,
    meter,
    premises,
    shift,
    technician,
    unit_table,
)

Rows = Sequence[dict[str, Any]]


async def ensure_unit(tx: Transaction, unit_id: str, *, name_zh: str) -> None:
    """Creates a unit that is not there yet."""
    await tx.execute(
        insert(unit_table).values(id=unit_id, name_zh=name_zh).on_conflict_do_nothing()
    )


async def zone_of(tx: Transaction, unit_id: str) -> str:
    """The unit's time zone, by its name in the IANA database."""
    found: str = (
        await tx.scalars(sa.select(unit_table.c.timezone).where(unit_table.c.id == unit_id))
    ).one()
    return found


async def save_premises(tx: Transaction, rows: Rows, *, customers: Rows, meters: Rows) -> int:
    """Brings premises with their customer and meter up to date; returns how many rows changed."""
    await bulk.upsert(
        tx,
        customer,
        rows=_sealed(tx, "customer", rows=customers),
        key=["id"],
        # who was erased is not brought back by the next import
        guard="customer.erased_at IS NULL AND"
        " (customer.name, customer.phone) IS DISTINCT FROM (excluded.name, excluded.phone)",
    )
    changed = await bulk.upsert(
        tx,
        premises,
        rows=rows,
        key=["unit_id", "account"],
        guard="premises.row_hash IS DISTINCT FROM excluded.row_hash",
    )
    await bulk.insert(tx, meter, rows=meters, skip_known=True)
    return changed


def _sealed(tx: Transaction, table: str, *, rows: Rows) -> Rows:
    shut = partial(sealing.sealed, tx, column=f"{table}.phone")
    return [{**each, "phone": shut(each["phone"], row=each["id"])} for each in rows]


async def save_grids(tx: Transaction, rows: Rows) -> None:
    """Adds grids that are not known yet."""
    await bulk.insert(tx, grid, rows=rows, skip_known=True)


async def save_technicians(tx: Transaction, rows: Rows, *, certificates: Rows) -> int:
    """Brings technicians and their certificates up to date; returns how many technicians
    changed."""
    changed = await bulk.upsert(
        tx,
        technician,
        rows=_sealed(tx, "technician", rows=rows),
        key=["unit_id", "number"],
        guard="technician.row_hash IS DISTINCT FROM excluded.row_hash",
    )
    await bulk.upsert(
        tx,
        certificate,
        rows=certificates,
        key=["technician_id", "skill"],
        guard="certificate.valid_until IS DISTINCT FROM excluded.valid_until",
    )
    return changed


async def save_import(tx: Transaction, row: dict[str, Any]) -> None:
    """Keeps the report of an import."""
    await tx.execute(sa.insert(import_run).values(**row))


async def premises_by_account(
    tx: Transaction, unit_id: str, *, wanted: Sequence[str]
) -> dict[str, Any]:
    """What intake needs of premises, by account."""
    rows = await tx.execute(
        sa.select(
            premises.c.id, premises.c.account, premises.c.customer_class, premises.c.grid_id
        ).where(premises.c.unit_id == unit_id, premises.c.account.in_(wanted))
    )
    return {row.account: row for row in rows}


async def known_premises(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these premises are the unit's."""
    if not ids:
        return set()
    rows = await tx.scalars(
        sa.select(premises.c.id).where(premises.c.unit_id == unit_id, premises.c.id.in_(ids))
    )
    return set(rows)


async def grid_codes(tx: Transaction, unit_id: str) -> dict[UUID, str]:
    """Grid id to its code."""
    rows = await tx.execute(sa.select(grid.c.id, grid.c.code).where(grid.c.unit_id == unit_id))
    return {row.id: row.code for row in rows}


async def premises_page(
    tx: Transaction, unit_id: str, *, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Premises in id order, from one after `after`."""
    statement = sa.select(premises).where(premises.c.unit_id == unit_id)
    if after is not None:
        statement = statement.where(premises.c.id > after)
    return (await tx.execute(statement.order_by(premises.c.id).limit(limit))).all()


async def unit_ids(tx: Transaction) -> list[str]:
    """The operating units of this database."""
    return list(await tx.scalars(sa.select(unit_table.c.id).order_by(unit_table.c.id)))


async def unit_name(tx: Transaction, unit_id: str) -> str:
    """What a unit calls itself."""
    name = await tx.scalar(sa.select(unit_table.c.name_zh).where(unit_table.c.id == unit_id))
    return str(name or unit_id)


async def premises_by_id(tx: Transaction, unit_id: str, *, ids: Sequence[UUID]) -> Sequence[Any]:
    """Premises of the unit among `ids`, locked in id order."""
    found = await tx.execute(
        sa.select(premises)
        .where(premises.c.unit_id == unit_id, premises.c.id.in_(ids))
        .order_by(premises.c.id)
        .with_for_update()
    )
    return found.all()


async def inspected(tx: Transaction, rows: Rows) -> int:
    """Notes completed inspections: `{id, last_inspection_on, inspection_due_on, …}`."""
    return await bulk.update(tx, premises, rows=rows)


async def inspections_due(
    tx: Transaction, unit_id: str, *, until: date, after: tuple[date, UUID] | None, limit: int
) -> Sequence[Any]:
    """Premises whose inspection is due by a day, oldest first; read from an index, not from
    history. `after` is the due day and id of the last one seen."""
    statement = (
        sa.select(premises.c.id, premises.c.account, premises.c.customer_class)
        .add_columns(premises.c.inspection_due_on, premises.c.grid_id)
        .where(premises.c.unit_id == unit_id, premises.c.inspection_due_on <= until)
        .order_by(premises.c.inspection_due_on, premises.c.id)
        .limit(limit)
    )
    if after is not None:
        seen = sa.tuple_(premises.c.inspection_due_on, premises.c.id)
        statement = statement.where(seen > sa.tuple_(*map(sa.literal, after)))
    return (await tx.execute(statement)).all()


async def technicians(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Active technicians of a unit, by number."""
    found = await tx.execute(
        sa.select(technician)
        .where(technician.c.unit_id == unit_id, technician.c.active)
        .order_by(technician.c.number)
    )
    return found.all()


async def certificates(tx: Transaction, unit_id: str) -> dict[UUID, dict[str, date | None]]:
    """Until when each technician may do what: technician id to skill to last valid day."""
    rows = await tx.execute(
        sa.select(
            certificate.c.technician_id, certificate.c.skill, certificate.c.valid_until
        ).where(certificate.c.unit_id == unit_id)
    )
    held: dict[UUID, dict[str, date | None]] = {}
    for row in rows:
        held.setdefault(row.technician_id, {})[row.skill] = row.valid_until
    return held


async def shifts(tx: Transaction, unit_id: str, *, on_day: date) -> dict[UUID, Any]:
    """Days that differ from the usual shift, by technician."""
    rows = await tx.execute(
        sa.select(shift).where(shift.c.unit_id == unit_id, shift.c.on_day == on_day)
    )
    return {row.technician_id: row for row in rows}


async def without_place(tx: Transaction, unit_id: str, *, limit: int) -> Rows:
    """Premises that have an address and no coordinates, by account."""
    connection = await driver(tx)
    asked = (
        "SELECT id, address FROM premises WHERE unit_id = $1 AND latitude IS NULL"
        " AND address <> '' ORDER BY account LIMIT $2"
    )
    rows: Rows = await connection.fetch(asked, unit_id, limit)
    return rows


async def places(tx: Transaction, unit_id: str) -> Rows:
    """Coordinates of premises, as many as say where a unit is."""
    connection = await driver(tx)
    asked = (
        "SELECT latitude, longitude FROM premises WHERE unit_id = $1 AND latitude IS NOT NULL"
        " ORDER BY id LIMIT 1000"
    )
    rows: Rows = await connection.fetch(asked, unit_id)
    return rows


async def placed(tx: Transaction, unit_id: str, *, rows: Sequence[tuple[UUID, Place]]) -> int:
    """Puts premises that have no coordinates where a geocoder says, marked as such; how many."""
    connection = await driver(tx)
    done = await connection.fetch(
        "UPDATE premises p SET latitude = x.latitude, longitude = x.longitude,"
        " marks = array_append(array_remove(p.marks, 'geocoded'), 'geocoded')"
        " FROM unnest($2::uuid[], $3::float8[], $4::float8[]) AS x (id, latitude, longitude)"
        " WHERE p.unit_id = $1 AND p.id = x.id AND p.latitude IS NULL RETURNING p.id",
        unit_id,
        [each for each, _ in rows],
        [each.latitude for _, each in rows],
        [each.longitude for _, each in rows],
    )
    return len(done)
