"""Shell: publishes a plan. Stops are booked, visits made, and every change goes into mailboxes."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling.demand import ZONE
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.ids import named
from schemas.plan import Plan, Stop
from schemas.problems import Refusal
from schemas.sync import Authorship, Mark
from storage import audit, briefings, mailboxes, records, work
from storage.engine import Transaction
from storage.mailboxes import Delivery

Row = dict[str, Any]


class Booked(Value, frozen=True):
    """One stop as it is written: its visit, its place, and the record that tablets hear."""

    visit: Row
    stop: Row
    record: Row
    technician_id: UUID


async def publish(
    engine: AsyncEngine, unit_id: str, *, plan_id: UUID, actor: str, ambient: Ambient
) -> dict[str, int]:
    """All of a plan or nothing. Refuses `plan_not_ready` and, where the world moved,
    `plan_stale`."""
    async with engine.begin() as tx:
        row = await work.plan_of(tx, unit_id, plan_id=plan_id, lock=True)
        if row is None:
            raise Refusal("not_found")
        if row.state != "solved":
            raise Refusal("plan_not_ready", state=row.state)
        if await work.snapshot_mark(tx, unit_id) != row.snapshot:
            raise Refusal("plan_stale")
        plan = msgspec.convert(row.answer, Plan)
        booked = await _book(tx, row, plan=plan, unit_id=unit_id, ambient=ambient)
        await _write(tx, booked)
        await work.update_plan(tx, plan_id, state="published", published_at=ambient.now)
        await audit.append(
            tx,
            unit_id,
            entry=audit.Entry(
                at=ambient.now,
                actor=actor,
                action="plan.published",
                subject=str(plan_id),
                detail={"stops": len(booked)},
            ),
        )
        boxes = await mailboxes.of_technicians(tx, {each.technician_id for each in booked})
        await mailboxes.deliver(
            tx,
            [
                Delivery(
                    mailbox_id=boxes[each.technician_id], record_id=each.record["id"], version=1
                )
                for each in booked
            ],
        )
    return {"stops": len(booked), "technicians": len(boxes)}


async def _book(
    tx: Transaction, row: Any, *, plan: Plan, unit_id: str, ambient: Ambient
) -> list[Booked]:
    orders = [UUID(stop.job) for route in plan.routes for stop in route.stops]
    known = await briefings.briefings(tx, unit_id, orders=orders)
    midnight = datetime.combine(row.on_day, time(), ZONE)
    common = {"unit_id": unit_id, "plan_id": row.id, "on_day": row.on_day, "at": ambient.now}
    return [
        _booked(
            stop,
            known[UUID(stop.job)],
            common=common | {"rank": rank},
            place=(route.technician, midnight),
        )
        for route in plan.routes
        for rank, stop in enumerate(route.stops, start=1)
    ]


def _booked(stop: Stop, order: Any, *, common: Row, place: tuple[str, datetime]) -> Booked:
    technician, midnight = UUID(place[0]), place[1]
    attempt = int(order["attempts"]) + 1
    visit_id = named(common["unit_id"], "visit", order["number"], attempt)
    starts, ends = (midnight + timedelta(seconds=s) for s in (stop.start_seconds, stop.end_seconds))
    visit = {
        "id": visit_id,
        "unit_id": common["unit_id"],
        "work_order_id": order["id"],
        "premises_id": order["premises_id"],
        "technician_id": technician,
        "on_day": common["on_day"],
        "attempt": attempt,
        "state": "planned",
        "template": order["template"],
        "pinned": False,
        "pending_decision": False,
        "certification": "open",
        "version": 1,
    }
    booking = {
        "id": named(common["unit_id"], "stop", visit_id, technician, starts),
        "unit_id": common["unit_id"],
        "plan_id": common["plan_id"],
        "visit_id": visit_id,
        "technician_id": technician,
        "rank": common["rank"],
        "during": f"[{starts.isoformat()},{max(ends, starts + timedelta(seconds=1)).isoformat()})",
        "arrive_at": midnight + timedelta(seconds=stop.arrive_seconds),
        "travel_seconds": stop.travel_seconds,
        "travel_metres": stop.travel_metres,
    }
    fields = visit_fields(order, technician=technician, hours=(starts, ends))
    fields |= {"rank": common["rank"], "on_day": common["on_day"].isoformat()}
    record = record_row(visit, fields, at=common["at"])
    return Booked(visit=visit, stop=booking, record=record, technician_id=technician)


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


async def _write(tx: Transaction, booked: list[Booked]) -> None:
    await work.add_visits(tx, [each.visit for each in booked])
    await work.add_stops(tx, [each.stop for each in booked])
    await records.save_records(tx, [each.record for each in booked], new=True)
    await work.set_work_order_states(
        tx,
        [
            {
                "id": each.visit["work_order_id"],
                "state": "dispatched",
                "technician_id": each.technician_id,
                "attempts": each.visit["attempt"],
            }
            for each in booked
        ],
    )
