"""What a new visit is made of: its row, its place, and what a technician has to know of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.base import Value
from schemas.ids import named
from schemas.live import Placement
from schemas.sync import Authorship, FieldValue, Mark

Row = dict[str, Any]
Fields = dict[str, FieldValue]


class NewVisit(Value, frozen=True):
    """One visit as it is written: itself, its stops, the record that tablets hear, its order."""

    visit: Row
    stops: list[Row]
    record: Row
    order: Row


def new_visit(order: Any, place: Placement, *, common: Row, at: datetime) -> NewVisit:
    """The next attempt at a work order, at somebody's hour. `common` is unit, plan, day, the names
    of people who go together, and which soft rules break for what reason."""
    attempt = int(order["attempts"]) + 1
    visit_id = named(common["unit_id"], "visit", order["number"], attempt)
    technician, starts, ends = place.technician_id, place.starts_at, place.ends_at
    visit = {
        "id": visit_id,
        "unit_id": common["unit_id"],
        "work_order_id": order["id"],
        "premises_id": order["premises_id"],
        "technician_id": technician,
        "second_id": place.second_id,
        "on_day": common["on_day"],
        "attempt": attempt,
        "state": "planned",
        "template": order["template"],
        "pinned": False,
        "pending_decision": False,
        "certification": "open",
        "version": 1,
        "accepted": common["accepted"],
        "accepted_reason": common["reason"] if common["accepted"] else None,
    }
    ids = named(common["unit_id"], "stop", visit_id, technician, starts), visit_id
    owner = {"unit_id": common["unit_id"], "plan_id": common["plan_id"]}
    fields = visit_fields(order, technician=technician, hours=(starts, ends))
    fields |= {"rank": place.rank, "on_day": common["on_day"].isoformat()}
    fields |= two_of(place, common["names"]) or {}
    state = {
        "id": order["id"],
        "state": "dispatched",
        "technician_id": technician,
        "attempts": attempt,
    }
    return NewVisit(
        visit=visit,
        stops=stop_rows(ids, place, common=owner),
        record=record_row(visit, fields, at=at),
        order=state,
    )


def two_of(place: Placement | None, names: Mapping[UUID, str]) -> Fields | None:
    """What both tablets are told of work for two: the second technician, and both by name."""
    if place is None or place.second_id is None:
        return None
    both = [names.get(each, "") for each in (place.technician_id, place.second_id)]
    return {"second": str(place.second_id), "together": "、".join(both)}


def stop_rows(ids: tuple[UUID, UUID], place: Placement, *, common: Row) -> list[Row]:
    """A place as it is booked, in the second technician's day as well; `ids` are the stop's and the
    visit's."""
    hours = f"[{place.starts_at.isoformat()},{place.ends_at.isoformat()})"
    first = common | {
        "id": ids[0],
        "visit_id": ids[1],
        "technician_id": place.technician_id,
        "rank": place.rank,
        "during": hours,
        "arrive_at": place.arrive_at,
        "travel_seconds": 0,
        "travel_metres": 0,
    }
    second = {
        "id": named(common["unit_id"], "stop", ids[0], "second"),
        "technician_id": place.second_id,
    }
    return [first, first | second] if place.second_id else [first]


def visit_fields(order: Any, *, technician: UUID, hours: tuple[datetime, datetime]) -> Row:
    """What a technician has to know before knocking, as fields of the visit's record."""

    def said(name: str) -> Any:
        value = order[name]
        return value.isoformat() if hasattr(value, "isoformat") else value

    names = (
        "number", "kind", "template", "tier", "account", "address", "customer_class",
        "customer_name", "customer_phone", "description", "latitude", "longitude", "grid",
        "meter_serial", "meter_class", "meter_in_service_on", "last_inspection_on",
        "last_inspection_result", "window_opens", "window_closes", "due_at", "supply_state",
    )  # fmt: skip
    fields = {name: said(name) for name in names if order[name] is not None}
    hazards = order["open_hazards"]
    return fields | {
        "state": "dispatched",
        "technician": str(technician),
        "starts_at": hours[0].isoformat(),
        "ends_at": hours[1].isoformat(),
        **({"open_hazards": hazards} if hazards else {}),
    }


def record_row(visit: Row, fields: Row, *, at: datetime) -> Row:
    """A new visit's record, written by the office at version 1."""
    mark = Mark(by="office", who="office", n=0, at_ms=int(at.timestamp() * 1000), trust="verified")
    return {
        "id": visit["id"],
        "unit_id": visit["unit_id"],
        "kind": "visit",
        "visit_id": visit["id"],
        "premises_id": visit["premises_id"],
        "version": 1,
        "fields": fields,
        "versions": dict.fromkeys(fields, 1),
        "authors": Authorship(marks={1: mark}),
        "deleted": False,
    }
