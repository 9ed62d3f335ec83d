"""Shell: a dispatcher's hand: give a visit to somebody else, or cancel it. Work done meanwhile
stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Assign, Principal
from schemas.ambient import Ambient
from schemas.ids import named
from schemas.problems import Refusal
from schemas.sync import FieldValue, RecordState
from storage import audit, checklists, mailboxes, records, registry, work
from storage.engine import Transaction
from storage.mailboxes import Delivery
from sync.decision import Context
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


async def assign(
    engine: AsyncEngine, who: Principal, *, visit_id: UUID, wish: Assign, ambient: Ambient
) -> None:
    """Revokes from one mailbox and grants in another, in one transaction.

    Refuses `stale_version`, `visit_under_way`, `technician_unable` and, by the database itself,
    `double_booking`. What the first tablet captured meanwhile is kept and shown to the new holder.
    """
    try:
        async with engine.begin() as tx:
            visit, record = await _locked(tx, who.unit_id, visit_id=visit_id)
            if record.version != wish.version:
                raise Refusal("stale_version", version=record.version)
            if visit.state not in ("planned", "en_route"):
                raise Refusal("visit_under_way", state=visit.state)
            await _refuse_unable(tx, who.unit_id, visit=visit, wish=wish)
            await _move(tx, visit, wish=wish, ambient=ambient)
            fields: dict[str, FieldValue] = {
                "technician": str(wish.technician),
                "starts_at": wish.starts_at.isoformat(),
                "ends_at": (wish.starts_at + timedelta(seconds=visit.duration_seconds)).isoformat(),
            }
            await _hand_over(tx, visit, record=(record, fields), wish=wish, ambient=ambient)
            await _audited(tx, who, action="visit.assigned", subject=visit_id, ambient=ambient)
    except IntegrityError as error:
        raise Refusal("double_booking") from error


async def cancel(
    engine: AsyncEngine, who: Principal, *, visit_id: UUID, reason: str, ambient: Ambient
) -> None:
    """Cancels a visit that has not begun; a tablet that worked on it offline is heard all the
    same."""
    async with engine.begin() as tx:
        visit, record = await _locked(tx, who.unit_id, visit_id=visit_id)
        if visit.state not in ("planned", "en_route"):
            raise Refusal("visit_under_way", state=visit.state)
        await work.release_stops(tx, [visit_id])
        await work.update_visits(tx, [{"id": visit_id, "state": "cancelled"}])
        await work.set_work_order_states(tx, [{"id": visit.work_order_id, "state": "cancelled"}])
        noted = await _edited(tx, record, fields={"office_note": reason}, who=who, ambient=ambient)
        now = force_state(noted, state="cancelled", mark=office_mark(who.name, ambient.now))
        await records.save_records(tx, [changed_row(now)], new=False)
        await mailboxes.echo(tx, {visit_id: now.version})
        await _audited(tx, who, action="visit.cancelled", subject=visit_id, ambient=ambient)


async def edit(
    engine: AsyncEngine,
    who: Principal,
    *,
    visit_id: UUID,
    fields: dict[str, FieldValue],
    ambient: Ambient,
) -> int:
    """The office writes into a visit's record, by the same policies as everybody; returns the
    version."""
    async with engine.begin() as tx:
        _, record = await _locked(tx, who.unit_id, visit_id=visit_id)
        now = await _edited(tx, record, fields=fields, who=who, ambient=ambient)
        await records.save_records(tx, [changed_row(now)], new=False)
        await mailboxes.echo(tx, {visit_id: now.version})
        await _audited(tx, who, action="visit.edited", subject=visit_id, ambient=ambient)
        return now.version


async def _locked(tx: Transaction, unit_id: str, *, visit_id: UUID) -> tuple[Any, RecordState]:
    rows = await records.lock_records(tx, unit_id, ids=[visit_id])
    visits = await work.visits_of(tx, unit_id, ids=[visit_id])
    if visit_id not in rows or visit_id not in visits:
        raise Refusal("not_found")
    return visits[visit_id], state_of(rows[visit_id])


async def _refuse_unable(tx: Transaction, unit_id: str, *, visit: Any, wish: Assign) -> None:
    people = {each.id: each for each in await registry.technicians(tx, unit_id)}
    person = people.get(wish.technician)
    if person is None:
        raise Refusal("not_found")
    held = (await registry.certificates(tx, unit_id)).get(wish.technician, {})
    for skill in visit.skills:
        until = held.get(skill)
        if skill not in person.skills or (until is not None and until < wish.starts_at.date()):
            raise Refusal("technician_unable", rule="skill", skill=skill)


async def _move(tx: Transaction, visit: Any, *, wish: Assign, ambient: Ambient) -> None:
    await work.release_stops(tx, [visit.id])
    ends = wish.starts_at + timedelta(seconds=max(1, visit.duration_seconds))
    booking = {
        "id": named(visit.unit_id, "stop", visit.id, wish.technician, ambient.now),
        "unit_id": visit.unit_id,
        "visit_id": visit.id,
        "technician_id": wish.technician,
        "rank": 0,
        "during": f"[{wish.starts_at.isoformat()},{ends.isoformat()})",
        "arrive_at": wish.starts_at,
        "travel_seconds": 0,
        "travel_metres": 0,
    }
    await work.add_stops(tx, [booking])
    await work.update_visits(tx, [{"id": visit.id, "technician_id": wish.technician}])


async def _hand_over(
    tx: Transaction,
    visit: Any,
    *,
    record: tuple[RecordState, dict[str, FieldValue]],
    wish: Assign,
    ambient: Ambient,
) -> None:
    before, fields = record
    office = Principal(unit_id=visit.unit_id, role="dispatcher", name="office")
    now = await _edited(tx, before, fields=fields, who=office, ambient=ambient)
    await records.save_records(tx, [changed_row(now)], new=False)
    boxes = await mailboxes.of_technicians(tx, {visit.technician_id, wish.technician})
    changed = [Delivery(mailbox_id=boxes[wish.technician], record_id=visit.id, version=now.version)]
    if visit.technician_id != wish.technician and visit.technician_id in boxes:
        old = boxes[visit.technician_id]
        changed.append(
            Delivery(mailbox_id=old, record_id=visit.id, version=now.version, forget=True)
        )
    await mailboxes.deliver(tx, changed)


async def _edited(
    tx: Transaction,
    record: RecordState,
    *,
    fields: dict[str, FieldValue],
    who: Principal,
    ambient: Ambient,
) -> RecordState:
    step = office_edit(
        record, fields=fields, mark=office_mark(who.name, ambient.now), context=OFFICE
    )
    # what the office overrules is history and what it contradicts is shown, like anybody's word
    at = (who.unit_id, ambient.now)
    await records.append_history(tx, [history_row(each, at=at) for each in step.lost])
    opened = [conflict_row(each, ambient.new_id(), at=at) for each in step.disagreements]
    await records.add_conflicts(tx, opened)
    return step.record or record


async def _audited(
    tx: Transaction, who: Principal, *, action: str, subject: UUID, ambient: Ambient
) -> None:
    await audit.append(
        tx,
        who.unit_id,
        entry=audit.Entry(at=ambient.now, actor=who.name, action=action, subject=str(subject)),
    )
