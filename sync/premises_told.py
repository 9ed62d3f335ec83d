"""Shell: what is so at premises now (gas, dangers, meters), told to every tablet that holds a record
of them.

Apart from the push that changed it: a push holds its own records and then the premises, and whoever
holds the premises must not wait for the records of another.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.ambient import Ambient
from schemas.sync import FieldValue, RecordState
from storage import mailboxes, news, records
from storage.engine import Transaction
from sync.fields import with_fields
from sync.rows import changed_row, office_mark, state_of

PREMISES_MAX = 200
BY = "premises"
"""Whom the record names as the author: nobody wrote it, it follows from what was said."""


async def tell(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Brings visits that are not over and villages taken along up to date; of how much news."""
    async with engine.begin() as tx:
        waiting = await news.oldest(tx, limit=PREMISES_MAX)
        changed: dict[UUID, RecordState] = {}
        for unit in sorted({row["unit_id"] for row in waiting}):
            homes = [row["premises_id"] for row in waiting if row["unit_id"] == unit]
            changed |= await _behind(tx, unit, homes=homes, ambient=ambient)
        await news.told(tx, [row["n"] for row in waiting])
        rows = [changed_row(each) for each in changed.values()]
        await records.save_records(tx, rows, new=False)
        await mailboxes.echo(tx, {key: state.version for key, state in changed.items()})
    return len(waiting)


async def _behind(
    tx: Transaction, unit_id: str, *, homes: list[UUID], ambient: Ambient
) -> dict[UUID, RecordState]:
    """Records that show otherwise than it is, which is read once they are locked: the last to come
    is right."""
    shown = await news.shown(tx, unit_id, premises=homes)
    found = await records.lock_records(tx, unit_id, ids=shown)
    stands = await news.stands(tx, unit_id, premises=homes)
    changed = {}
    for state in map(state_of, found.values()):
        if state.premises_id not in stands:
            continue
        so = _fields(state, stands[state.premises_id])
        fresh = {name: value for name, value in so.items() if state.fields.get(name) != value}
        if fresh:
            changed[state.id] = _with(state, fresh, ambient=ambient)
    return changed


def _fields(state: RecordState, stands: Mapping[str, Any]) -> dict[str, FieldValue]:
    gas: dict[str, FieldValue] = {"supply_state": stands["supply_state"]}
    if state.kind == "premises":
        return {**gas, "meters": list(stands["meters"]), "hazards": list(stands["hazards"])}
    # what the visit itself has found it knows; an empty list is not shown at all
    pairs = zip(stands["hazards"], stands["found_by"], strict=True)
    others = [hazard for hazard, visit in pairs if visit != state.id]
    return {**gas, "open_hazards": others or None}


def _with(state: RecordState, fresh: dict[str, FieldValue], *, ambient: Ambient) -> RecordState:
    version = state.version + 1
    return with_fields(
        state,
        version,
        fields={**state.fields, **fresh},
        touched=dict.fromkeys(fresh, version),
        mark=office_mark(BY, ambient.now),
    )
