"""Core: what a push leaves besides records: hazards, visits, work orders, papers of visits made
on the spot."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from schemas.ids import named
from schemas.sync import RecordState
from sync.decision import Captured, Change, Danger, Decision
from sync.lifecycle import ENDED, VISIT_STATES

HAZARD_DAYS = {"critical": 7, "major": 30, "minor": 30}
_GRADES = ("none", "minor", "major", "critical")
Row = dict[str, Any]


def hazard_rows(
    unit_id: str,
    decision: Decision,
    *,
    records: Mapping[UUID, RecordState],
    hazards: Sequence[Any],
) -> tuple[list[Row], list[Row]]:
    """New hazards, and known ones that were found again and worse. Danger never falls here
    (I19)."""
    known = {(each["premises_id"], each["item"]): each for each in hazards}
    new: dict[tuple[UUID, str], Row] = {}
    raised: dict[UUID, Row] = {}
    for step in decision.steps:
        for each in step.dangers:
            state = decision.records.get(each.record) or records[each.record]
            if state.premises_id is None:
                continue
            old = known.get((state.premises_id, each.item))
            if old is None:
                row = _hazard_row(each, state, unit_id=unit_id)
                place = (state.premises_id, each.item)
                before = new.get(place)
                if before is None or _worse(each.grade, before["grade"]):
                    new[place] = row
            elif _worse(each.grade, raised.get(old["id"], old)["grade"]):
                # found again: the first date and deadline stay, danger may only rise
                raised[old["id"]] = {"id": old["id"], "grade": each.grade}
    # in one order everywhere: two pushes that find the same never wait in a ring
    return [new[place] for place in sorted(new)], list(raised.values())


def _worse(one: str, other: str) -> bool:
    return _GRADES.index(one) > _GRADES.index(other)


def _hazard_row(danger: Danger, state: RecordState, *, unit_id: str) -> Row:
    return {
        # of the finding, not of the visit: found again after it was closed, it is another one
        "id": uuid5(danger.operation, danger.item),
        "unit_id": unit_id,
        "premises_id": state.premises_id,
        "visit_id": state.visit_id,
        "item": danger.item,
        "grade": danger.grade,
        "statutory": danger.statutory,
        "state": "open",
        "found_at": danger.found_at,
        "due_at": danger.found_at + timedelta(days=HAZARD_DAYS[danger.grade]),
        "body": {
            "operation": danger.operation,
            **({"note": danger.note, "record": danger.record} if danger.note else {}),
        },
        "version": 1,
    }


def on_the_spot(
    new: Sequence[RecordState], captured_now: Sequence[Captured], *, unit_id: str
) -> tuple[list[Row], list[Row]]:
    """A visit that a tablet made on the spot gets the work order that it never had."""
    technician = {each.operation.record: each for each in captured_now}
    orders, visits = [], []
    for state in new:
        if state.kind != "visit":
            continue
        captured = technician[state.id]
        template = captured.operation.template or str(state.fields.get("template", ""))
        order_id = named(unit_id, "work_order", "spot", state.id)
        common = {
            "unit_id": unit_id,
            "premises_id": state.premises_id,
            "template": template,
            "technician_id": captured.technician,
        }
        orders.append(_spot_order(common, order_id, state=state))
        visits.append(_spot_visit(common, order_id, state=state, at=captured.corrected_at))
    return orders, visits


def _spot_order(common: Row, order_id: UUID, *, state: RecordState) -> Row:
    return {
        **common,
        "id": order_id,
        "case_id": None,
        "number": f"SPOT-{state.id}",
        "kind": "inspection",
        "skills": [],
        "duration_seconds": 0,
        "tier": "normal",
        "state": "dispatched",
        "attempts": 1,
        "facts": {"made": "on_the_spot"},
        "version": 1,
    }


def _spot_visit(common: Row, order_id: UUID, *, state: RecordState, at: datetime) -> Row:
    return {
        **common,
        "id": state.id,
        "work_order_id": order_id,
        "on_day": at.date(),
        "attempt": 1,
        "state": "planned",
        "pinned": True,
        "pending_decision": False,
        "certification": "open",
        "version": 1,
    }


def holders_of(orders: Sequence[Row], visits: Sequence[Row]) -> dict[UUID, Row]:
    """Visits made in this very push, as the database will hold them: they may be finished in it."""
    by_id = {each["id"]: each for each in orders}
    return {
        each["id"]: {
            **each,
            "started_at": None,
            "ended_at": None,
            "outcome": None,
            "work_order_state": by_id[each["work_order_id"]]["state"],
        }
        for each in visits
    }


def visit_rows(changes: Sequence[Change], holders: Mapping[UUID, Any]) -> list[Row]:
    """Visits as lawful changes leave them; an unlawful one only marks that a person decides."""
    made: dict[UUID, Row] = {}
    for each in changes:
        holder = holders.get(each.record)
        if holder is None:
            continue
        row = made.setdefault(
            each.record,
            {
                "id": each.record,
                "state": holder["state"],
                "outcome": holder["outcome"],
                "started_at": holder["started_at"],
                "ended_at": holder["ended_at"],
                "pending_decision": holder["pending_decision"],
                "certification": holder["certification"],
            },
        )
        if not each.lawful:
            row["pending_decision"] = True
            continue
        row["state"] = VISIT_STATES[each.state]
        if each.state == "on_site" and row["started_at"] is None:
            row["started_at"] = each.at
        if each.state in ENDED:
            row |= {
                "outcome": each.state,
                "ended_at": row["ended_at"] or each.at,
                "certification": "waiting_evidence",
            }
    return list(made.values())


def order_rows(changes: Sequence[Change], holders: Mapping[UUID, Any]) -> list[Row]:
    """Work orders as their visits leave them."""
    states: dict[UUID, str] = {}
    for each in changes:
        holder = holders.get(each.record)
        if holder is not None and each.lawful:
            states[holder["work_order_id"]] = each.state
    return [{"id": key, "state": state} for key, state in states.items()]
