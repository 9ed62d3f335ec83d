"""A village taken along: premises as records in a technician's mailbox, until a day."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from storage.engine import Transaction, driver
from storage.mailboxes import Delivery
from storage.tables import grid, mailbox_entry, premises, technician

PREMISES_MAX = 5_000

_PREMISES = f"""
SELECT p.id, p.account, p.address, p.customer_class, p.latitude, p.longitude, p.supply_state,
  p.last_inspection_on, p.last_inspection_result, p.inspection_due_on,
  ARRAY(SELECT m.serial FROM meter m WHERE m.premises_id = p.id
    ORDER BY m.in_service_on DESC NULLS LAST, m.serial) AS meters,
  ARRAY(SELECT a.kind FROM appliance a WHERE a.premises_id = p.id ORDER BY a.kind) AS appliances,
  ARRAY(SELECT h.item || ':' || h.grade FROM hazard h
    WHERE h.premises_id = p.id AND h.state <> 'closed' ORDER BY h.found_at, h.item) AS hazards
FROM premises p JOIN grid g ON g.id = p.grid_id
WHERE p.unit_id = $1 AND g.unit_id = $1 AND g.code = $2
ORDER BY p.id LIMIT {PREMISES_MAX + 1}
"""  # the only value is a constant of this file  # nosec B608


async def grids_of(tx: Transaction, unit_id: str, *, technician_id: UUID) -> list[str]:
    """The grids a technician answers for."""
    found = await tx.scalar(
        sa.select(technician.c.grids).where(
            technician.c.unit_id == unit_id, technician.c.id == technician_id
        )
    )
    return list(found or ())


async def offers(tx: Transaction, unit_id: str, *, grids: Sequence[str]) -> Sequence[Any]:
    """Grids with the number of their premises, by code."""
    counted = sa.func.count(premises.c.id).label("premises")
    rows = await tx.execute(
        sa.select(grid.c.code, counted)
        .outerjoin(premises, premises.c.grid_id == grid.c.id)
        .where(grid.c.unit_id == unit_id, grid.c.code.in_(grids))
        .group_by(grid.c.code)
        .order_by(grid.c.code)
    )
    return rows.all()


async def premises_of(tx: Transaction, unit_id: str, *, code: str) -> Sequence[Any]:
    """Premises of a grid with what a technician wants to know at the door."""
    connection = await driver(tx)
    found: Sequence[Any] = await connection.fetch(_PREMISES, unit_id, code)
    return found


async def keep_until(
    tx: Transaction, mailbox_id: UUID, *, ids: Sequence[UUID], until: datetime
) -> None:
    """How long these entries stay in a mailbox."""
    await tx.execute(
        sa.update(mailbox_entry)
        .where(mailbox_entry.c.mailbox_id == mailbox_id, mailbox_entry.c.record_id.in_(ids))
        .values(until=until)
    )


async def ended(tx: Transaction, now: datetime, *, limit: int) -> list[Delivery]:
    """Entries whose day is over, as what forgets them."""
    rows = await tx.execute(
        sa.update(mailbox_entry)
        .where(
            sa.tuple_(mailbox_entry.c.mailbox_id, mailbox_entry.c.record_id).in_(
                sa.select(mailbox_entry.c.mailbox_id, mailbox_entry.c.record_id)
                .where(mailbox_entry.c.until <= now, ~mailbox_entry.c.forget)
                .limit(limit)
            )
        )
        .values(until=None)
        .returning(
            mailbox_entry.c.mailbox_id,
            mailbox_entry.c.record_id,
            mailbox_entry.c.record_version,
        )
    )
    return [
        Delivery(
            mailbox_id=row.mailbox_id,
            record_id=row.record_id,
            version=row.record_version,
            forget=True,
        )
        for row in rows
    ]
