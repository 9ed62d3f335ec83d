"""Shell: one push is one transaction. The answer is computed from what was committed.

The device row is locked, known operation ids are found, the touched records are locked in id order;
the core decides; a fixed number of statements writes the decision, whatever its size.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from commitments.entry import field_events
from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.problems import Refusal
from schemas.sync import OPERATIONS_MAX, Operation, Outcome, TabletClock
from schemas.template import Template
from storage.sync_store import Leaving, SyncStore, SyncTransaction
from sync import leaving, metering, supplying, time
from sync.deciding import first_gas
from sync.decision import Captured, Context, Decision
from sync.reading import Batch, Read, Unread, read_operation
from sync.rows import state_of

LOOK = "inspection_completed"
SETTLE_MAX = 200
"""Tablets whose held operations are settled at a time, each in a transaction of its own."""


class Library(Value, frozen=True):
    """What ships as data and the merge leans on."""

    templates: Mapping[str, Template]
    transitions: frozenset[tuple[str, str, str]]


async def push(
    store: SyncStore, sender: Sender, *, batch: Batch, library: Library, ambient: Ambient
) -> list[Outcome]:
    """One outcome per operation, in the order sent. Refuses `tablet_revoked` for a revoked
    tablet."""
    read = [read_operation(each, form=batch.form) for each in batch.operations]
    async with store.begin() as tx:
        tablet = await tx.lock_tablet(sender.unit_id, sender.tablet_id)
        if tablet is None or tablet["state"] != "active":
            raise Refusal("tablet_revoked")
        found = await _load(tx, sender, read=read, library=library)
        clocks = await _clocks(tx, tablet, read=read, known=found.known, heard=(batch, ambient))
        arrival = (batch.clock, clocks, ambient.now)
        captured = _captured(found, read, sender=sender, who=tablet, arrival=arrival)
        facts = leaving.facts(sender, found, read=read, captured=captured, ambient=ambient)
        facts, beside = await _at_home(tx, sender, facts=facts)
        await _write(tx, sender, facts=facts, beside=beside)
        heard = _heard(tablet, read, batch=batch, ambient=ambient)
        await tx.heard_from(sender.tablet_id, clock=msgspec.to_builtins(clocks), **heard)
    return list(facts.outcomes)


async def _clocks(
    tx: SyncTransaction,
    tablet: Mapping[str, Any],
    *,
    read: Sequence[Read | Unread],
    known: Mapping[UUID, Any],
    heard: tuple[Batch, Ambient],
) -> time.Clocks:
    """What is known of the tablet's clocks now, and whether two installs share its identity.

    A number that another operation of this tablet carries already is the sign of a copied install.
    """
    batch, ambient = heard
    before = time.clocks_of(tablet["clock"])
    boots = time.heard(before.boots, batch.clock, received_at=ambient.now)
    new = [each.operation for each in read if isinstance(each, Read)]
    again = {each.n: each.id for each in new if each.id not in known and each.n <= tablet["last_n"]}
    shared = before.shared or len({each.n for each in new}) < len({each.id for each in new})
    if again and not shared:
        held = await tx.operations_held(tablet["id"], after=min(again) - 1, limit=OPERATIONS_MAX)
        shared = any(again.get(row["n"], row["id"]) != row["id"] for row in held)
    return time.Clocks(boots=boots, shared=shared, first_n=before.first_n)


async def settle(store: SyncStore, before: datetime, *, library: Library, ambient: Ambient) -> int:
    """Applies, marked `predecessor_missing`, what has waited since `before` for what never came.

    Returns how many operations were settled. One that builds on a record that never came goes on
    waiting, in sight of the dispatcher: there is nothing to apply it to.
    """
    async with store.begin() as tx:
        senders = await tx.tablets_held_since(before, limit=SETTLE_MAX)
    return sum(
        [
            await _settle(
                store,
                Sender(**each),
                late=lambda row: bool(row["received_at"] <= before),
                with_=(library, ambient),
            )
            for each in senders
        ]
    )


async def release(
    store: SyncStore, sender: Sender, *, operation: UUID, library: Library, ambient: Ambient
) -> None:
    """Applies one operation that a person let out of quarantine; whatever else waits goes on
    waiting."""
    await _settle(store, sender, late=lambda row: row["id"] == operation, with_=(library, ambient))


async def _settle(
    store: SyncStore,
    sender: Sender,
    *,
    late: Callable[[Mapping[str, Any]], bool],
    with_: tuple[Library, Ambient],
) -> int:
    library, ambient = with_
    async with store.begin() as tx:
        await tx.lock_tablet(sender.unit_id, sender.tablet_id)
        found = await _load(tx, sender, read=(), library=library)
        captured = [leaving.captured_again(row, late=late(row)) for row in found.held]
        facts = leaving.facts(sender, found, read=(), captured=captured, ambient=ambient)
        facts, beside = await _at_home(tx, sender, facts=facts)
        return await _write(tx, sender, facts=facts, beside=beside)


async def _at_home(
    tx: SyncTransaction, sender: Sender, *, facts: leaving.Facts
) -> tuple[leaving.Facts, Leaving]:
    """What the push means for gas and meters, whose earlier words lie with other visits."""
    homes = metering.places(facts)
    gas = await supplying.settle(tx, sender.unit_id, facts=facts, beside=homes)
    facts = msgspec.structs.replace(facts, outcomes=gas.outcomes)
    meters = await metering.settle(tx, sender.unit_id, facts=facts, homes=homes)
    facts = msgspec.structs.replace(facts, outcomes=meters.outcomes)
    return facts, Leaving(
        conflicts=(*gas.conflicts, *meters.conflicts),
        supply_words=gas.words,
        premises=gas.premises,
        settled_doubts=meters.settled,
        meters=meters.meters,
    )


async def _write(
    tx: SyncTransaction, sender: Sender, *, facts: leaving.Facts, beside: Leaving
) -> int:
    left = leaving.rows(facts)
    rows = msgspec.structs.replace(
        left.rows,
        supply_words=beside.supply_words,
        premises=beside.premises,
        settled_doubts=beside.settled_doubts,
        meters=beside.meters,
        conflicts=[*left.rows.conflicts, *beside.conflicts],
    )
    await tx.leave(rows)
    await tx.certify(sender.unit_id, left.evidence)
    await _deliver(tx, sender, decision=facts.decision, found=facts.found)
    return len(left.rows.settled)


async def _heard_before(
    tx: SyncTransaction, sender: Sender, *, operations: Sequence[Operation]
) -> tuple[Sequence[Any], Mapping[UUID, Any]]:
    """What waits on these records or from this tablet, and every operation named that is stored."""
    held = await tx.held_operations(
        sender.unit_id, list({each.record for each in operations}), tablet_id=sender.tablet_id
    )
    # what comes now may be the last that an operation on another record waited for
    waiting = [leaving.operation_of(row) for row in held]
    named = [each.id for each in operations]
    named += [after for each in (*operations, *waiting) for after in each.after]
    return held, await tx.known_operations(sender.unit_id, named)


async def _load(
    tx: SyncTransaction, sender: Sender, *, read: Sequence[Read | Unread], library: Library
) -> leaving.Found:
    operations = [each.operation for each in read if isinstance(each, Read)]
    held, stored = await _heard_before(tx, sender, operations=operations)
    waits = {key for key, row in stored.items() if row["outcome"] == "open"}
    known = {key: row for key, row in stored.items() if key not in waits}
    waiting = [leaving.operation_of(row) for row in held]
    # what is here already touches nothing: a batch sent again costs one look
    new = [each for each in operations if each.id not in known]
    # rows are locked in the order of their ids by each statement itself
    touched = list({each.record for each in (*new, *waiting)})
    rows = await tx.lock_records(sender.unit_id, touched)
    records = {key: state_of(row) for key, row in rows.items()}
    visits = {each.visit for each in (*new, *waiting) if each.visit is not None}
    # only a change of state bears on a commitment, and may bring the first gas
    moves = any(each.kind == "command" for each in (*new, *waiting))
    holders = await tx.holders(sender.unit_id, list({*touched, *visits}), inspected=moves)
    boxes = await tx.mailboxes_of(sender.unit_id, sender.technician_id) if touched else ()
    own = [each["id"] for each in boxes if each["kind"] == "technician"]
    # a note may hang on a visit: on one's own, and on one that is there
    named_homes = {each.premises for each in (*new, *waiting) if each.premises is not None}
    homes = {each.premises_id for each in records.values() if each.premises_id is not None}
    homes |= {holders[key]["premises_id"] for key in visits if key in holders}
    moved = (holders[key] for key in touched if key in holders)
    orders = sorted({each["work_order_id"] for each in moved}) if moves else []
    together = {key for key, row in holders.items() if _both(sender, row)}
    context = Context(
        templates=library.templates,
        transitions=library.transitions,
        mine=await tx.ever_delivered(own, list({*touched, *visits})),
        held_by={key: row["technician_id"] for key, row in holders.items() if key not in together},
        known={key for key, row in known.items() if row["outcome"] != "held"},
        premises=await tx.known_premises(sender.unit_id, list(named_homes)),
        homes={key: holders[key]["premises_id"] for key in visits if key in holders},
        first_gas=first_gas(holders),
        looks=_looks(holders),
        together=together,
    )
    return leaving.Found(
        known=known,
        undecided=frozenset(waits),
        records=records,
        held=tuple(held),
        holders=holders,
        hazards=tuple(await tx.open_hazards(sender.unit_id, list(named_homes | homes))),
        commitments=tuple(await tx.lock_commitments(sender.unit_id, orders)),
        own_mailboxes=tuple(own),
        context=context,
    )


def _both(sender: Sender, row: Any) -> bool:
    return row["second_id"] is not None and sender.technician_id in (
        row["technician_id"],
        row["second_id"],
    )


def _looks(holders: Mapping[UUID, Any]) -> set[UUID]:
    """Visits that are inspections."""
    said = {key: field_events(row["work_kind"], "field_done") for key, row in holders.items()}
    return {key for key, events in said.items() if LOOK in events}


def _captured(
    found: leaving.Found,
    read: Sequence[Read | Unread],
    *,
    sender: Sender,
    who: Mapping[str, Any],
    arrival: tuple[TabletClock | None, time.Clocks, datetime],
) -> list[Captured]:
    """New operations in their order, then those that already waited for one of them."""
    clock, clocks, now = arrival
    taken: set[UUID] = set()
    captured: list[Captured] = []
    for each in read:
        if not isinstance(each, Read):
            continue
        operation = each.operation
        if operation.id in found.known or operation.id in taken:
            continue
        taken.add(operation.id)
        when = time.corrected(operation, clock, boots=clocks.boots, received_at=now)
        captured.append(
            Captured(
                operation=operation,
                tablet=sender.tablet_id,
                technician=sender.technician_id,
                who=who["technician_name"],
                corrected_at=when.at,
                received_at=now,
                trust=when.trust,
                shared=clocks.shared,
            )
        )
    return [*captured, *(leaving.captured_again(row) for row in found.held)]


def _heard(
    tablet: Mapping[str, Any], read: Sequence[Read | Unread], *, batch: Batch, ambient: Ambient
) -> dict[str, Any]:
    highest = max((each.operation.n for each in read if isinstance(each, Read)), default=0)
    if batch.carried:
        # what else it holds, only it can say
        return {"last_n": max(int(tablet["last_n"]), highest)}
    return {
        "seen_at": ambient.now,
        "last_n": max(int(tablet["last_n"]), highest),
        "unsent": batch.unsent,
        "offset_ms": time.offset(batch.clock, ambient.now).milliseconds,
    }


async def _deliver(
    tx: SyncTransaction, sender: Sender, *, decision: Decision, found: leaving.Found
) -> None:
    new = {key: state for key, state in decision.records.items() if key not in found.records}
    changed = {key: s.version for key, s in decision.records.items() if key not in new}
    await tx.deliver(leaving.deliveries(found.own_mailboxes, new), echoed=changed)
