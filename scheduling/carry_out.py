"""Shell: carries changes of a day out, all of them or none: stops are booked, visits and records
follow, who lost a visit forgets it and who got one hears of it, in the caller's transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import ExclusionViolationError
from sqlalchemy.exc import IntegrityError

from scheduling.briefing import Row, new_visit
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.base import Value, date
from schemas.ids import named
from schemas.live import Placement, VisitChange
from schemas.problems import Refusal
from schemas.sync import FieldValue, RecordState
from storage import audit, briefings, checklists, live, mailboxes, records, work
from storage.engine import Transaction
from storage.mailboxes import Delivery
from sync.decision import Context, Step
from sync.merge import force_state, office_edit
from sync.rows import changed_row, conflict_row, history_row, office_mark, state_of

OFFICE = Context(
    templates=checklists.templates(),
    transitions=frozenset(),
    mine=frozenset(),
    held_by={},
    known=frozenset(),
    premises=frozenset(),
)
MOVABLE = ("planned", "en_route")


class Act(Value, frozen=True):
    """What is done to a day, and on whose word. `version` is the day's new one."""

    id: UUID
    on_day: date
    version: int
    kind: str
    changes: tuple[VisitChange, ...]
    reason: str = ""
    accepted: tuple[str, ...] = ()
    subject: str | None = None
    plan_id: UUID | None = None


async def carry_out(
    tx: Transaction, who: Principal, *, act: Act, ambient: Ambient
) -> tuple[VisitChange, ...]:
    """Writes an act in a fixed number of statements; returns its changes with the ids of the visits
    that were made. Refuses `stale_version` where a visit is not where the act believes it is, and
    `double_booking` where the database says that somebody would be in two places."""
    places = [each.after.technician_id for each in act.changes if each.after]
    try:
        await live.shrink_stops(tx, who.unit_id, technicians=sorted(set(places)))
        # who gives a place up does so before anybody takes it
        moved = await _known(tx, who, act=act, ambient=ambient)
        made = await _new(tx, who, act=act, ambient=ambient)
    except (IntegrityError, ExclusionViolationError) as error:
        raise Refusal("double_booking") from error
    changes = tuple(made.get(each.work_order_id, each) for each in act.changes)
    await live.add_change(
        tx,
        {
            "id": act.id,
            "unit_id": who.unit_id,
            "on_day": act.on_day,
            "version": act.version,
            "kind": act.kind,
            "subject": act.subject,
            "actor": who.name,
            "at": ambient.now,
            "reason": act.reason,
            "accepted": list(act.accepted),
            "changes": msgspec.to_builtins(changes),
        },
    )
    entry = audit.Entry(
        at=ambient.now,
        actor=who.name,
        action=f"day.{act.kind}",
        subject=act.subject or str(act.id),
        detail={"day": act.on_day.isoformat(), "changes": len(changes), "reason": act.reason},
    )
    await _deliver(tx, changes, versions=moved)
    await audit.append(tx, who.unit_id, entry=entry)
    return changes


async def _new(
    tx: Transaction, who: Principal, *, act: Act, ambient: Ambient
) -> dict[UUID, VisitChange]:
    """Visits of work that had none: the change by work order."""
    fresh = [each for each in act.changes if each.new and each.after is not None]
    if not fresh:
        return {}
    orders = [each.work_order_id for each in fresh]
    known = await briefings.briefings(tx, who.unit_id, orders=orders)
    if len(known) < len(set(orders)):
        raise Refusal("not_found")
    await live.release_slots(tx, orders=orders)
    common = {"unit_id": who.unit_id, "plan_id": act.plan_id, "on_day": act.on_day}
    made = [
        new_visit(known[each.work_order_id], each.after, common=common, at=ambient.now)
        for each in fresh
        if each.after is not None
    ]
    await work.add_visits(tx, [each.visit for each in made])
    await work.add_stops(tx, [each.stop for each in made])
    await records.save_records(tx, [each.record for each in made], new=True)
    await work.set_work_order_states(tx, [each.order for each in made])
    return {
        change.work_order_id: msgspec.structs.replace(change, visit_id=one.visit["id"])
        for change, one in zip(fresh, made, strict=True)
    }


async def _known(tx: Transaction, who: Principal, *, act: Act, ambient: Ambient) -> dict[UUID, int]:
    """Visits that exist: moved, retimed, dropped, cancelled, or given back. Record versions."""
    changes = [each for each in act.changes if not each.new]
    ids = [each.visit_id for each in changes]
    if not ids:
        return {}
    rows = await records.lock_records(tx, who.unit_id, ids=ids)
    visits = await live.lock_visits(tx, who.unit_id, ids=ids)
    for each in changes:
        _refuse_elsewhere(each, visits.get(each.visit_id))
    await work.release_stops(tx, ids)
    await work.add_stops(
        tx, [_stop(each, act, unit_id=who.unit_id) for each in changes if each.after]
    )
    await work.update_visits(tx, [_visit(each, act) for each in changes])
    await work.set_work_order_states(tx, [_order(each) for each in changes])
    states = {
        each.visit_id: state_of(rows[each.visit_id]) for each in changes if each.visit_id in rows
    }
    edited = {
        each.visit_id: _edited(states[each.visit_id], each, who=who, act=act, ambient=ambient)
        for each in changes
        if each.visit_id in states
    }
    await _save(tx, who.unit_id, edited=edited, ambient=ambient)
    return {key: state.version for key, (state, _) in edited.items()}


def _refuse_elsewhere(change: VisitChange, visit: Any) -> None:
    """What the act believes of a visit has to be so still."""
    if visit is None:
        raise Refusal("not_found")
    back = change.kind == "added" and visit.state == "cancelled"
    if visit.state not in MOVABLE and not back:
        raise Refusal("visit_under_way", state=visit.state, visit=str(visit.id))
    held = change.before.technician_id if change.before else None
    if visit.technician_id != held and not back:
        raise Refusal("stale_version", visit=str(visit.id))


def _stop(change: VisitChange, act: Act, *, unit_id: str) -> Row:
    place = change.after
    if place is None:
        raise ValueError("a visit without a place has no stop")
    return stop_row(change.visit_id, place, unit_id=unit_id, act=act)


def stop_row(visit_id: UUID, place: Placement, *, unit_id: str, act: Act) -> Row:
    """A place in somebody's day as it is booked."""
    starts, ends = place.starts_at, place.ends_at
    return {
        "id": named(unit_id, "stop", visit_id, act.id),
        "unit_id": unit_id,
        "plan_id": act.plan_id,
        "visit_id": visit_id,
        "technician_id": place.technician_id,
        "rank": place.rank,
        "during": f"[{starts.isoformat()},{ends.isoformat()})",
        "arrive_at": place.arrive_at,
        "travel_seconds": 0,
        "travel_metres": 0,
    }


def _visit(change: VisitChange, act: Act) -> Row:
    return {
        "id": change.visit_id,
        "technician_id": change.after.technician_id if change.after else None,
        "on_day": act.on_day,
        "state": "cancelled" if change.kind == "cancelled" else "planned",
        "accepted": list(act.accepted),
        "accepted_reason": act.reason if act.accepted else None,
    }


def _order(change: VisitChange) -> Row:
    return {
        "id": change.work_order_id,
        "state": "cancelled" if change.kind == "cancelled" else "dispatched",
        "technician_id": change.after.technician_id if change.after else None,
    }


def _edited(
    before: RecordState, change: VisitChange, *, who: Principal, act: Act, ambient: Ambient
) -> tuple[RecordState, Step]:
    place = change.after
    fields: dict[str, FieldValue] = {"technician": None, "starts_at": None, "ends_at": None}
    if place is not None:
        fields = {
            "technician": str(place.technician_id),
            "starts_at": place.starts_at.isoformat(),
            "ends_at": place.ends_at.isoformat(),
            "rank": place.rank,
            "on_day": act.on_day.isoformat(),
        }
    if change.kind == "cancelled":
        fields = {"office_note": act.reason or "cancelled"}
    mark = office_mark(who.name, ambient.now)
    step = office_edit(before, fields=fields, mark=mark, context=OFFICE)
    now = step.record or before
    if change.kind == "cancelled":
        now = force_state(now, state="cancelled", mark=mark)
    elif now.fields.get("state") == "cancelled":
        now = force_state(now, state="dispatched", mark=mark)
    return now, step


async def _save(
    tx: Transaction,
    unit_id: str,
    *,
    edited: dict[UUID, tuple[RecordState, Step]],
    ambient: Ambient,
) -> None:
    at = (unit_id, ambient.now)
    steps = [step for _, step in edited.values()]
    await records.save_records(tx, [changed_row(state) for state, _ in edited.values()], new=False)
    # what the office overrules is history and what it contradicts is shown, like anybody's word
    lost = [history_row(each, at=at) for step in steps for each in step.lost]
    opened = [
        conflict_row(each, ambient.new_id(), at=at) for step in steps for each in step.disagreements
    ]
    await records.append_history(tx, lost)
    await records.add_conflicts(tx, opened)


async def _deliver(
    tx: Transaction, changes: Sequence[VisitChange], *, versions: dict[UUID, int]
) -> None:
    places = [place for each in changes for place in (each.before, each.after) if place]
    boxes = await mailboxes.of_technicians(tx, {each.technician_id for each in places})
    told = []
    for each in changes:
        version = versions.get(each.visit_id, 1)
        holder = each.after.technician_id if each.after else None
        before = each.before.technician_id if each.before else None
        if before in boxes and before is not None and before != holder:
            # a visit that is cancelled stays on the tablet, and says so
            gone = each.kind != "cancelled"
            told.append(_delivery(boxes[before], each, version=version, forget=gone))
        if holder is not None and holder in boxes:
            told.append(_delivery(boxes[holder], each, version=version))
    await mailboxes.deliver(tx, told)


def _delivery(box: UUID, change: VisitChange, *, version: int, forget: bool = False) -> Delivery:
    return Delivery(mailbox_id=box, record_id=change.visit_id, version=version, forget=forget)
