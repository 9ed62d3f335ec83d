"""Shell: named people decide about hazards and about operations in quarantine."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Principal, Sender
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.safety import HazardStep, QuarantineDecision
from storage import access, attachments, audit, checklists, safety
from storage.engine import Transaction
from sync.hazards import stepped
from sync.reading import Unread, read_operation
from sync.rows import state_of
from sync.template import items_by_code, severity


async def step(
    engine: AsyncEngine, who: Principal, *, hazard_id: UUID, wish: HazardStep, ambient: Ambient
) -> dict[str, Any]:
    """One step in a hazard's life; returns the hazard as it stands then."""
    async with engine.begin() as tx:
        hazard = await safety.lock_hazard(tx, who.unit_id, hazard_id=hazard_id)
        if hazard is None:
            raise Refusal("not_found")
        rechecked = await _rechecked(tx, hazard, visit_id=wish.recheck)
        changes = stepped(
            hazard, wish, who=(who.name, who.role), rechecked=rechecked, now=ambient.now
        )
        await safety.save_hazard(tx, changes)
        if hazard["visit_id"] is not None:
            # a notice that was served later may be all that the visit waited for
            await attachments.certify(tx, who.unit_id, visits=[hazard["visit_id"]])
        await _audited(tx, who, action=f"hazard.{wish.step}", subject=hazard_id, ambient=ambient)
    return {**hazard, **changes}


async def _rechecked(tx: Transaction, hazard: Any, *, visit_id: UUID | None) -> bool:
    """Whether a later visit to these premises was completed and found this very item sound."""
    if visit_id is None or not await safety.ended_well(
        tx, visit_id, premises_id=hazard["premises_id"], since=hazard["found_at"]
    ):
        return False
    if not _asked(hazard["item"]):
        # no question asks for it: that the visit ended well and left nothing open is the recheck
        return True
    state = state_of(await safety.record_of(tx, visit_id))
    items, item = checklists.items_of(state.fields.get("template")), hazard["item"]
    said = [each.value for each in state.authors.rivals.get(item, ())]
    grades = [severity(items, item, value=each) for each in [*said, state.fields.get(item)]]
    # not answered is not sound, and neither is one sound word beside a worse one
    return item in items and max(grades) == min(grades) == 0


def _asked(item: str) -> bool:
    return any(item in items_by_code(each) for each in checklists.templates().values())


async def reject(
    engine: AsyncEngine, who: Principal, *, entry: UUID, wish: QuarantineDecision, ambient: Ambient
) -> None:
    """The operation stays on file and is never applied."""
    async with engine.begin() as tx:
        await _open_entry(tx, who, entry=entry)
        await safety.decide(
            tx, entry, status="rejected", by=(who.name, wish.reason), now=ambient.now
        )
        await _audited(tx, who, action="quarantine.rejected", subject=entry, ambient=ambient)


async def take_up(engine: AsyncEngine, who: Principal, *, entry: UUID) -> tuple[Sender, UUID]:
    """Puts the operation among those that wait, to be released next; returns whose it is and its id.

    Refuses `quarantine_unreadable` for bytes that are no operation, and where its id stands for
    other work.
    """
    async with engine.begin() as tx:
        row = await _open_entry(tx, who, entry=entry)
        read = read_operation(bytes(row["payload"]), form="json")
        if isinstance(read, Unread) or row["code"] == "id_reused":
            raise Refusal("quarantine_unreadable", reason=row["code"])
        tablet = await access.tablet_of(tx, who.unit_id, tablet_id=row["tablet_id"])
        await safety.wait_again(
            tx,
            {
                "id": read.operation.id,
                "unit_id": who.unit_id,
                "tablet_id": row["tablet_id"],
                "n": read.operation.n,
                "record_id": read.operation.record,
                "payload_hash": read.payload_hash,
                "payload": read.payload,
                "observed_at": read.operation.observed_at,
                "received_at": row["received_at"],
            },
        )
    sender = Sender(
        unit_id=who.unit_id, tablet_id=row["tablet_id"], technician_id=tablet.technician_id
    )
    return sender, read.operation.id


async def released(
    engine: AsyncEngine, who: Principal, *, entry: UUID, wish: QuarantineDecision, ambient: Ambient
) -> None:
    """Closes an entry whose operation was settled. Refuses `quarantine_still` where it cannot be
    applied even now: it stays open."""
    async with engine.begin() as tx:
        row = await _open_entry(tx, who, entry=entry)
        outcome, code = await safety.outcome_of(tx, row["operation_id"])
        if outcome in ("quarantined", "held"):
            raise Refusal("quarantine_still", reason=code or outcome)
        await safety.decide(
            tx, entry, status="released", by=(who.name, wish.reason), now=ambient.now
        )
        await _audited(tx, who, action="quarantine.released", subject=entry, ambient=ambient)


async def _open_entry(tx: Transaction, who: Principal, *, entry: UUID) -> Any:
    row = await safety.lock_entry(tx, who.unit_id, entry=entry)
    if row is None:
        raise Refusal("not_found")
    if row["status"] != "open":
        raise Refusal("conflict_closed")
    return row


async def _audited(
    tx: Transaction, who: Principal, *, action: str, subject: UUID, ambient: Ambient
) -> None:
    entry = audit.Entry(at=ambient.now, actor=who.name, action=action, subject=str(subject))
    await audit.append(tx, who.unit_id, entry=entry)
