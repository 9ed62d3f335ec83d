"""Opens a region: import, mailboxes, cases with their clocks, cycles and the work that is due."""

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases
from runtime import imports
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.ids import named
from schemas.registry import Saved
from storage import mailboxes, records, registry
from storage.engine import Transaction


class Opened(Value, frozen=True):
    """What came of opening a region."""

    region: imports.Region
    saved: Saved
    cases_opened: int
    cases_rejected: int
    cases_known: int
    cycles: int
    due_work: int


async def open_region(
    engine: AsyncEngine, folder: Path, *, unit: tuple[str, date], ambient: Ambient
) -> Opened:
    """From files to work that can be planned; doing it twice changes nothing."""
    unit_id, as_of = unit
    region = imports.read_region(folder, as_of=as_of, unit_id=unit_id)
    return await opened(engine, region, ambient=ambient)


async def opened(engine: AsyncEngine, region: imports.Region, *, ambient: Ambient) -> Opened:
    """The same, of what was read already."""
    unit_id = region.unit_id
    async with engine.begin() as tx:
        saved = await imports.save(tx, region, ambient=ambient)
        await records.ensure_epoch(tx, epoch=ambient.new_id(), now=ambient.now)
        await _mailboxes(tx, unit_id)
    requests = [each.request for each in region.requests]
    intake = await cases.open_cases(engine, unit_id, requests=requests, ambient=ambient)
    cycles = await cases.open_cycles(engine, unit_id, ambient=ambient)
    until = cases.lead_until(ambient.now)
    due = await cases.generate_due(engine, unit_id, until=until, ambient=ambient)
    return Opened(
        region=region,
        saved=saved,
        cases_opened=len(intake.opened),
        cases_rejected=len(intake.rejected),
        cases_known=len(intake.known),
        cycles=cycles,
        due_work=due,
    )


async def _mailboxes(tx: Transaction, unit_id: str) -> None:
    wanted: list[dict[str, Any]] = [
        {"id": named(unit_id, "mailbox", "unit"), "kind": "unit", "technician_id": None}
    ]
    for each in await registry.technicians(tx, unit_id):
        box = named(unit_id, "mailbox", each.number)
        wanted.append({"id": box, "kind": "technician", "technician_id": each.id})
    await mailboxes.open_missing(tx, unit_id, wanted=wanted)
