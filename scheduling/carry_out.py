"""Shell: carries changes of a day out, all of them or none: stops are booked, visits and records
follow, who lost a visit forgets it and who got one hears of it, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import ExclusionViolationError
from sqlalchemy.exc import IntegrityError

from scheduling.briefing import Row, new_visit, stop_rows, two_of
from scheduling.diff import people_of
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.base import Value, date
from schemas.ids import named
from schemas.live import VisitChange
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
    """What is done to a day, and on whose word. `version` is the day's new one; `names` are those
    of people who go together."""

    id: UUID
    on_day: date
    version: int
    kind: str
    changes: tuple[VisitChange, ...]
    reason: str = ""
    accepted: tuple[str, ...] = ()
    subject: str | None = None
    plan_id: UUID | None = None
    names: Mapping[UUID, str] = {}


async def carry_out(
    tx: Transaction, who: Principal, *, act: Act, ambient: Ambient
) -> tuple[VisitChange, ...]:
    """Writes an act in a fixed number of statements; returns its changes with the ids of the visits
    that were made. Refuses `stale_version` where a visit is not where the act believes it is, and
    `double_booking` where the database says that somebody would be in two places."""
    places = [who for each in act.changes if each.after for who in people_of(each.after)]
    pairs = [each.after for each in act.changes if each.after and each.after.second_id]
    both = {who for each in pairs for who in people_of(each)}
    named_both = await briefings.names(tx, who.unit_id, people=both)
    act = msgspec.structs.replace(act, names=named_both)
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
    common: Row = {"unit_id": who.unit_id, "plan_id": act.plan_id, "on_day": act.on_day}
    common |= {"names": act.names, "accepted": list(act.accepted), "reason": act.reason}
    made = [
        new_visit(known[each.work_order_id], each.after, common=common, at=ambient.now)
        for each in fresh
        if each.after is not None
    ]
    await work.add_visits(tx, [each.visit for each in made])
    await work.add_stops(tx, [stop for each in made for stop in each.stops])
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
    booked = [row for each in changes for row in _stops(each, act, unit_id=who.unit_id)]
    await work.add_stops(tx, booked)
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
    held = people_of(change.before) if change.before else frozenset()
    now = frozenset(each for each in (visit.technician_id, visit.second_id) if each)
    if now != held and not back:
        raise Refusal("stale_version", visit=str(visit.id))


def _stops(change: VisitChange, act: Act, *, unit_id: str) -> list[Row]:
    if change.after is None:
        return []
    common = {"unit_id": unit_id, "plan_id": act.plan_id}
    ids = named(unit_id, "stop", change.visit_id, act.id), change.visit_id
    return stop_rows(ids, change.after, common=common)


def _visit(change: VisitChange, act: Act) -> Row:
    return {
        "id": change.visit_id,
        "technician_id": change.after.technician_id if change.after else None,
        "second_id": change.after.second_id if change.after else None,
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
    if any(each and each.second_id for each in (change.before, place)):
        fields |= two_of(place, act.names) or {"second": None, "together": None}
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
    everybody = {who for each in places for who in people_of(each)}
    boxes = await mailboxes.of_technicians(tx, everybody)
    told = []
    for each in changes:
        version = versions.get(each.visit_id, 1)
        now = people_of(each.after) if each.after else frozenset()
        before = people_of(each.before) if each.before else frozenset()
        for who in sorted((before | now) & boxes.keys()):
            # a visit that is cancelled stays on the tablet, and says so
            gone = who not in now and each.kind != "cancelled"
            told.append(_delivery(boxes[who], each, version=version, forget=gone))
    await mailboxes.deliver(tx, told)


def _delivery(box: UUID, change: VisitChange, *, version: int, forget: bool = False) -> Delivery:
    return Delivery(mailbox_id=box, record_id=change.visit_id, version=version, forget=forget)
