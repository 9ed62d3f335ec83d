"""What a road service told of a unit's ways: one bounded table a unit, read by the live day."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from storage.engine import Transaction, driver
from storage.tables import road_table

_READ = (
    "SELECT provider, places, seconds, metres, since, told_at FROM road_table WHERE unit_id = $1"
)


async def told_at(tx: Transaction, unit_id: str) -> datetime | None:
    """When the table was last written, or None where there is none."""
    connection = await driver(tx)
    found: datetime | None = await connection.fetchval(
        "SELECT told_at FROM road_table WHERE unit_id = $1", unit_id
    )
    return found


async def provider(tx: Transaction, unit_id: str) -> str | None:
    """Who told the ways of a unit, or None where nobody did."""
    connection = await driver(tx)
    found: str | None = await connection.fetchval(
        "SELECT provider FROM road_table WHERE unit_id = $1", unit_id
    )
    return found


async def read(tx: Transaction, unit_id: str, *, lock: bool = False) -> Any:
    """The table as it is stored, or None."""
    connection = await driver(tx)
    return await connection.fetchrow(f"{_READ} FOR UPDATE" if lock else _READ, unit_id)


async def save(tx: Transaction, row: dict[str, Any]) -> None:
    """Puts a unit's table in the place of the old one."""
    made = insert(road_table).values(**row)
    await tx.execute(
        made.on_conflict_do_update(
            index_elements=["unit_id"],
            set_={name: made.excluded[name] for name in row if name != "unit_id"},
        )
    )
