"""Shell: a technician takes a village along: its premises enter the mailbox until a day.

With them on the tablet a visit can be made on the spot, offline, at any door of the village.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.ids import named
from schemas.problems import Refusal
from schemas.sync import FieldValue, PackAnswer, PackOffer, PackOffers, PackRequest, RecordState
from storage import checklists, mailboxes, packs, records
from storage.mailboxes import Delivery
from sync.rows import changed_row, new_row, state_of

ZONE = ZoneInfo("Asia/Shanghai")
DAYS_MAX = 60
ENDED_MAX = 2_000
SPOT = {"rural_piped": "RURAL-PRE"}
"""Checklists of an inspection made on the spot, by class of premises; else `RES-INSP`."""


async def offered(engine: AsyncEngine, sender: Sender) -> PackOffers:
    """The grids that the technician answers for: nobody has to know their names by heart."""
    async with engine.connect() as tx:
        grids = await packs.grids_of(tx, sender.unit_id, technician_id=sender.technician_id)
        rows = await packs.offers(tx, sender.unit_id, grids=grids)
    return PackOffers(grids=[PackOffer(grid=row.code, premises=row.premises) for row in rows])


async def take(
    engine: AsyncEngine, sender: Sender, *, wish: PackRequest, ambient: Ambient
) -> PackAnswer:
    """Puts the premises of a grid into the technician's own mailbox.

    Refuses `pack_unknown_grid` for one that the technician does not answer for, `pack_until` for
    a day that is over or too far. Asked again, it brings what changed and moves the day.
    """
    until = datetime.combine(wish.until + timedelta(days=1), time(0), ZONE)
    if not ambient.now < until <= ambient.now + timedelta(days=DAYS_MAX + 1):
        raise Refusal("pack_until", days_max=DAYS_MAX)
    async with engine.begin() as tx:
        grids = await packs.grids_of(tx, sender.unit_id, technician_id=sender.technician_id)
        if wish.grid not in grids:
            raise Refusal("pack_unknown_grid", grid=wish.grid)
        rows = await packs.premises_of(tx, sender.unit_id, code=wish.grid)
        if len(rows) > packs.PREMISES_MAX:
            raise Refusal("pack_too_large", most=packs.PREMISES_MAX)
        wanted = {named(sender.unit_id, "pack", row["id"]): row for row in rows}
        held = await records.lock_records(tx, sender.unit_id, ids=sorted(wanted))
        known = {key: state_of(each) for key, each in held.items()}
        states = {key: _state(key, row, known=known.get(key)) for key, row in wanted.items()}
        new = [new_row(each, sender.unit_id) for key, each in states.items() if key not in known]
        # another tablet may take the same grid along at this very moment
        await records.save_records(tx, new, new=True, known_stay=True)
        changed = {k: s for k, s in states.items() if k in known and s is not known[k]}
        await records.save_records(tx, [changed_row(each) for each in changed.values()], new=False)
        box = (await mailboxes.of_technicians(tx, [sender.technician_id]))[sender.technician_id]
        await mailboxes.deliver(
            tx,
            [
                Delivery(mailbox_id=box, record_id=key, version=each.version)
                for key, each in states.items()
            ],
            echoed={key: each.version for key, each in changed.items()},
        )
        await packs.keep_until(tx, box, ids=sorted(states), until=until)
    return PackAnswer(
        grid=wish.grid,
        until=wish.until,
        records=len(states),
        templates=spot_templates({row["customer_class"] for row in rows}),
    )


def spot_templates(classes: Collection[str]) -> list[str]:
    """The newest checklists under which visits to such premises are made on the spot."""
    codes = {SPOT.get(each, "RES-INSP") for each in classes}
    newest = sorted(checklists.templates().values(), key=lambda each: each.version)
    return sorted({each.code: each.ref for each in newest if each.code in codes}.values())


async def end(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """What was taken along leaves the tablets once its day is over; returns how many entries."""
    async with engine.begin() as tx:
        over = await packs.ended(tx, ambient.now, limit=ENDED_MAX)
        await mailboxes.deliver(tx, over)
    return len(over)


def _state(key: UUID, row: Mapping[str, Any], *, known: RecordState | None) -> RecordState:
    fields = _fields(row)
    if known is None:
        return RecordState(
            id=key,
            kind="premises",
            premises_id=row["id"],
            version=1,
            fields=fields,
            versions=dict.fromkeys(fields, 1),
        )
    touched = [name for name, value in fields.items() if known.fields.get(name) != value]
    if not touched:
        return known
    version = known.version + 1
    return RecordState(
        id=key,
        kind="premises",
        premises_id=row["id"],
        version=version,
        fields={**known.fields, **fields},
        versions={**known.versions, **dict.fromkeys(touched, version)},
        authors=known.authors,
    )


def _fields(row: Mapping[str, Any]) -> dict[str, FieldValue]:
    days = ("last_inspection_on", "inspection_due_on")
    plain = ("account", "address", "customer_class", "latitude", "longitude", "supply_state")
    lists = ("meters", "appliances", "hazards")
    return {
        **{name: row[name] for name in plain},
        **{name: row[name].isoformat() if row[name] else None for name in days},
        **{name: list(row[name]) for name in lists},
        "last_inspection_result": row["last_inspection_result"],
    }
