"""Outages, the premises they touched as they were then, and supply at premises."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage import news
from storage.engine import Transaction
from storage.tables import grid, hazard, outage, outage_premises, premises

_SNAPSHOT = (
    outage_premises.c.outage_id,
    outage_premises.c.premises_id,
    outage_premises.c.unit_id,
    outage_premises.c.account,
    outage_premises.c.address,
    outage_premises.c.customer_class,
)


async def add(
    tx: Transaction,
    unit_id: str,
    *,
    row: dict[str, Any],
    grids: Sequence[str],
    accounts: Sequence[str],
) -> int:
    """Writes an outage and the premises of its grids and accounts as they are now; how many."""
    await tx.execute(sa.insert(outage).values(**row, unit_id=unit_id))
    p = premises.c
    named = sa.select(grid.c.id).where(grid.c.unit_id == unit_id, grid.c.code.in_(grids))
    chosen = sa.select(
        sa.literal(row["id"], sa.Uuid()), p.id, p.unit_id, p.account, p.address, p.customer_class
    ).where(
        p.unit_id == unit_id,
        sa.or_(p.account.in_(list(accounts)), p.grid_id.in_(named)),
        p.first_gas_on.is_not(None),
    )
    done = await tx.execute(sa.insert(outage_premises).from_select(_SNAPSHOT, chosen))
    return done.rowcount


async def of(tx: Transaction, unit_id: str, *, outage_id: UUID, lock: bool = False) -> Any:
    """One outage of the unit, or None."""
    statement = sa.select(outage).where(outage.c.unit_id == unit_id, outage.c.id == outage_id)
    return (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def known(tx: Transaction, unit_id: str, *, number: str) -> bool:
    """Whether the unit has an outage of that number."""
    found = await tx.scalar(
        sa.select(outage.c.id).where(outage.c.unit_id == unit_id, outage.c.number == number)
    )
    return found is not None


async def change(tx: Transaction, outage_id: UUID, *, values: dict[str, Any]) -> None:
    """Sets what a step changed."""
    await tx.execute(sa.update(outage).where(outage.c.id == outage_id).values(**values))


async def listed(tx: Transaction, unit_id: str, *, state: str | None, limit: int) -> Sequence[Any]:
    """Outages of the unit, the newest first."""
    newest = sa.func.coalesce(outage.c.planned_opens, outage.c.stopped_at).desc()
    statement = sa.select(outage).where(outage.c.unit_id == unit_id)
    if state is not None:
        statement = statement.where(outage.c.state == state)
    return (await tx.execute(statement.order_by(newest, outage.c.id).limit(limit))).all()


async def touched(
    tx: Transaction, unit_id: str, *, outage_id: UUID, after: str, limit: int
) -> Sequence[Any]:
    """Premises of an outage as they were then, by account, from one after `after`."""
    o = outage_premises.c
    found = await tx.execute(
        sa.select(o.premises_id.label("premises"), o.account, o.address, o.customer_class)
        .where(o.unit_id == unit_id, o.outage_id == outage_id, o.account > after)
        .order_by(o.account)
        .limit(limit)
    )
    return found.all()


async def supply_of(tx: Transaction, unit_id: str, *, premises_id: UUID) -> Any:
    """What gates ask of premises, locked, or None."""
    found = await tx.execute(
        sa.select(premises)
        .where(premises.c.unit_id == unit_id, premises.c.id == premises_id)
        .with_for_update()
    )
    return found.one_or_none()


async def set_supply(tx: Transaction, premises_id: UUID, *, values: dict[str, Any]) -> None:
    """Sets how supply stands at premises."""
    await tx.execute(sa.update(premises).where(premises.c.id == premises_id).values(**values))
    await news.of_premises(tx, [premises_id])


async def open_dangers(tx: Transaction, unit_id: str, *, premises_id: UUID) -> int:
    """Critical hazards at premises that no recheck has closed."""
    found = await tx.scalar(
        sa.select(sa.func.count()).where(
            hazard.c.unit_id == unit_id,
            hazard.c.premises_id == premises_id,
            hazard.c.grade == "critical",
            hazard.c.state != "closed",
        )
    )
    return int(found or 0)


async def last_recheck(tx: Transaction, unit_id: str, *, premises_id: UUID) -> datetime | None:
    """When the last hazard at premises was closed."""
    found: datetime | None = await tx.scalar(
        sa.select(sa.func.max(hazard.c.closed_at)).where(
            hazard.c.unit_id == unit_id, hazard.c.premises_id == premises_id
        )
    )
    return found
