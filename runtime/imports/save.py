"""Brings a region into the registry in the caller's transaction: all of it or nothing."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from commitments import cycles, writing
from runtime.imports.region import Progress, Reached, Region
from runtime.imports.report import summary
from schemas.ambient import Ambient
from schemas.base import Place
from schemas.ids import named
from schemas.registry import Premises, Saved, Technician
from storage import registry
from storage.engine import Transaction

BATCH_ROWS = 2_000
Row = dict[str, Any]


async def save(
    tx: Transaction,
    region: Region,
    *,
    ambient: Ambient,
    progress: Progress | None = None,
) -> Saved:
    """Saves grids, premises, technicians and the report; known rows stay untouched.

    Ids follow from account and number, so the same files change nothing the second time.
    """
    unit_id = region.unit_id
    # an import into an empty database is the usual first start
    await registry.ensure_unit(tx, unit_id, name_zh=unit_id)
    await registry.save_grids(tx, [_grid(unit_id, code) for code in region.grids])
    rules = await writing.rulebook(tx, unit_id)
    changed = done = 0
    for batch in _batches(region.premises):
        changed += await registry.save_premises(
            tx,
            [_premises(unit_id, each, rules=rules) for each in batch],
            customers=[_customer(unit_id, each) for each in batch],
            meters=[_meter(unit_id, each) for each in batch if each.meter_serial],
        )
        done += len(batch)
        if progress is not None:
            progress(Reached("save", done, len(region.premises)))
    technicians_changed = await registry.save_technicians(
        tx,
        [_technician(unit_id, each) for each in region.technicians],
        certificates=[row for each in region.technicians for row in _certificates(unit_id, each)],
    )
    saved = Saved(premises_changed=changed, technicians_changed=technicians_changed)
    await registry.save_import(tx, _run(region, saved, ambient=ambient))
    return saved


def _batches(premises: Iterable[Premises]) -> Iterator[list[Premises]]:
    each = iter(premises)
    while batch := list(islice(each, BATCH_ROWS)):
        yield batch


def _grid(unit_id: str, code: str) -> Row:
    return {"id": named(unit_id, "grid", code), "unit_id": unit_id, "code": code}


def _premises(unit_id: str, each: Premises, *, rules: writing.Rules) -> Row:
    row: Row = {
        "unit_id": unit_id,
        "account": each.account,
        "customer_id": named(unit_id, "customer", each.account),
        "grid_id": named(unit_id, "grid", each.grid) if each.grid else None,
        "address": each.address,
        "address_given": each.address_given,
        "customer_class": each.customer_class,
        **_coordinates(each.place),
        "place_given": each.place_given,
        "first_gas_on": each.first_gas_on,
        "last_inspection_on": each.last_inspection_on,
        "last_inspection_result": each.last_inspection_result,
        # inside the hash: a rule that changes moves due days, and those rows have to be rewritten
        "inspection_due_on": cycles.due_on(
            rules,
            each.customer_class,
            inspected_on=each.last_inspection_on,
            first_gas_on=each.first_gas_on,
        ),
        "marks": each.marks,
    }
    return _hashed(row, named(unit_id, "premises", each.account))


def _customer(unit_id: str, each: Premises) -> Row:
    return {
        "id": named(unit_id, "customer", each.account),
        "unit_id": unit_id,
        "name": each.name,
        "phone": each.phone or None,
    }


def _meter(unit_id: str, each: Premises) -> Row:
    return {
        "id": named(unit_id, "meter", each.account, each.meter_serial),
        "unit_id": unit_id,
        "premises_id": named(unit_id, "premises", each.account),
        "serial": each.meter_serial,
        "class": each.meter_class,
        "in_service_on": each.meter_in_service_on,
    }


def _technician(unit_id: str, each: Technician) -> Row:
    row: Row = {
        "unit_id": unit_id,
        "number": each.number,
        "name": each.name,
        "phone": each.phone or None,
        "station": each.station or None,
        **_coordinates(each.home),
        "skills": each.skills,
        "grids": each.grids,
        "shift_opens": each.shift_opens,
        "shift_closes": each.shift_closes,
        "lunch_opens": each.lunch_opens,
        "lunch_closes": each.lunch_closes,
        "vehicle": each.vehicle or None,
    }
    # a renewed certificate is a change of the technician, though it lives in rows of its own
    return _hashed(
        row, named(unit_id, "technician", each.number), besides=str(each.certificate_until)
    )


def _certificates(unit_id: str, each: Technician) -> list[Row]:
    # without a day there is no proof, and an empty day would read as "for ever"
    if each.certificate_until is None:
        return []
    return [
        {
            "id": named(unit_id, "certificate", each.number, skill),
            "unit_id": unit_id,
            "technician_id": named(unit_id, "technician", each.number),
            "skill": skill,
            "valid_until": each.certificate_until,
        }
        for skill in each.skills
    ]


def _coordinates(place: Place | None) -> Row:
    if place is None:
        return {"latitude": None, "longitude": None}
    return {"latitude": place.latitude, "longitude": place.longitude}


def _hashed(row: Row, id_: UUID, *, besides: str = "") -> Row:
    # of the cleaned row, so that a tidier export of the same facts changes nothing
    digest = hashlib.sha256(msgspec.json.encode(row) + besides.encode()).hexdigest()
    return {"id": id_, **row, "row_hash": digest}


def _run(region: Region, saved: Saved, *, ambient: Ambient) -> Row:
    return {
        "id": ambient.new_id(),
        "unit_id": region.unit_id,
        "at": ambient.now,
        "source": ", ".join(each.name for each in region.report.files),
        "report": msgspec.to_builtins({**summary(region.report), "saved": saved}),
    }
