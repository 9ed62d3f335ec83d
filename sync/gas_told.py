"""Shell: how the gas of premises stands now, told to every tablet that holds a record of them.

Apart from the push that changed it: a push holds its own records and then the premises, and whoever
holds the premises must not wait for the records of another.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.ambient import Ambient
from schemas.sync import RecordState
from storage import mailboxes, records, supply
from storage.engine import Transaction
from sync.fields import with_fields
from sync.rows import changed_row, office_mark, state_of

FIELD = "supply_state"
SINCE = timedelta(days=2)
"""Words older than this were told, or nobody was there to tell."""
RECORDS_MAX = 500
BY = "gas"
"""Whom the record names as the author: nobody wrote it, it follows from what was said."""


async def tell(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Brings visits that are not over and villages taken along up to date; how many records."""
    async with engine.begin() as tx:
        behind = await supply.behind(tx, ambient.now - SINCE, limit=RECORDS_MAX)
        told = [
            await _tell(tx, unit, ids=[row["id"] for row in behind if row["unit_id"] == unit])
            for unit in sorted({row["unit_id"] for row in behind})
        ]
        changed = {
            state.id: _with_gas(state, stands, ambient=ambient)
            for pairs in told
            for state, stands in pairs
        }
        rows = [changed_row(each) for each in changed.values()]
        await records.save_records(tx, rows, new=False)
        await mailboxes.echo(tx, {key: state.version for key, state in changed.items()})
    return len(changed)


async def _tell(tx: Transaction, unit_id: str, *, ids: list[UUID]) -> list[tuple[RecordState, str]]:
    """Records and how the gas stands there, read once they are locked: the last to come is right."""
    found = await records.lock_records(tx, unit_id, ids=ids)
    states = [state_of(row) for row in found.values()]
    homes = [each.premises_id for each in states if each.premises_id is not None]
    stands = await supply.states_of(tx, unit_id, premises=homes)
    return [
        (each, stands[each.premises_id])
        for each in states
        if each.premises_id in stands and each.fields.get(FIELD) != stands[each.premises_id]
    ]


def _with_gas(state: RecordState, stands: str, *, ambient: Ambient) -> RecordState:
    version = state.version + 1
    return with_fields(
        state,
        version,
        fields={**state.fields, FIELD: stands},
        touched={FIELD: version},
        mark=office_mark(BY, ambient.now),
    )
