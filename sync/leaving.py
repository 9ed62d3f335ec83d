"""Core: a decision of the merge as rows of tables and outcomes on the wire. Values in, values
out."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from commitments import entry
from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.commitment import Event
from schemas.sync import Operation, Outcome, RecordState
from storage.mailboxes import Delivery
from storage.sync_store import Leaving
from sync.decision import (
    Captured,
    Change,
    Context,
    Decision,
    Disagreement,
    Step,
)
from sync.findings import hazard_rows, holders_of, on_the_spot, order_rows, visit_rows
from sync.merge import apply_all
from sync.reading import Read, Unread, canonical
from sync.rows import changed_row, conflict_row, history_row, new_row, quarantine_row

_operation = msgspec.json.Decoder(Operation)

Row = dict[str, Any]
ACCEPTED = ("applied", "merged", "conflict")


class Found(Value, frozen=True):
    """What the database held when the transaction began."""

    known: Mapping[UUID, Any]
    undecided: frozenset[UUID]
    records: dict[UUID, RecordState]
    held: tuple[Any, ...]
    holders: Mapping[UUID, Any]
    hazards: tuple[Any, ...]
    commitments: tuple[Any, ...]
    own_mailboxes: tuple[UUID, ...]
    context: Context


class Facts(Value, frozen=True):
    """Everything about one push that rows are made of."""

    sender: tuple[str, UUID]
    read: tuple[Read | Unread, ...]
    captured: tuple[Captured, ...]
    found: Found
    decision: Decision
    outcomes: tuple[Outcome, ...]
    ambient: Ambient


class Left(Value, frozen=True):
    """Rows to write, and the visits whose evidence has to be looked at again."""

    rows: Leaving
    evidence: tuple[UUID, ...]


def facts(
    sender: Sender,
    found: Found,
    *,
    read: Sequence[Read | Unread],
    captured: Sequence[Captured],
    ambient: Ambient,
) -> Facts:
    """What the merge makes of it, with everything that rows are made of."""
    decision = apply_all(found.records, captured, context=found.context)
    return Facts(
        sender=(sender.unit_id, sender.tablet_id),
        read=tuple(read),
        captured=tuple(captured),
        found=found,
        decision=decision,
        outcomes=tuple(outcomes(read, found, decision=decision)),
        ambient=ambient,
    )


def operation_of(row: Mapping[str, Any]) -> Operation:
    """A stored operation, as it was captured."""
    return _operation.decode(row["payload"])


def captured_again(row: Mapping[str, Any], *, late: bool = False) -> Captured:
    """An operation that has waited, taken up again with the instants of its first arrival.

    `late` applies it without what it waited for; whoever reads it sees that it was.
    """
    return Captured(
        operation=_operation.decode(row["payload"]),
        tablet=row["tablet_id"],
        technician=row["technician_id"],
        who=row["technician_name"],
        corrected_at=row["corrected_at"],
        received_at=row["received_at"],
        trust=row["trust"],
        late=late,
    )


def outcomes(read: Sequence[Read | Unread], found: Found, *, decision: Decision) -> list[Outcome]:
    """One outcome per operation sent: a known one answers with what became of it then."""
    results = {step.result.id: step for step in decision.steps}
    said: dict[UUID, Read] = {}
    answer: list[Outcome] = []
    for index, each in enumerate(read):
        if isinstance(each, Unread):
            answer.append(Outcome(outcome="quarantined", id=each.id, index=index, code=each.code))
            continue
        operation = each.operation
        known = found.known.get(operation.id)
        if known is not None and known["payload_hash"] != each.payload_hash:
            answer.append(Outcome(outcome="quarantined", id=operation.id, code="id_reused"))
        elif known is not None:
            answer.append(
                Outcome(
                    outcome="duplicate",
                    id=operation.id,
                    code=known["outcome"],
                    version=known["record_version"] or 0,
                )
            )
        elif (earlier := said.setdefault(operation.id, each)) is each:
            answer.append(_outcome(results[operation.id], operation))
        elif earlier.payload_hash != each.payload_hash:
            answer.append(
                Outcome(outcome="quarantined", id=operation.id, index=index, code="id_reused")
            )
        else:
            answer.append(Outcome(outcome="duplicate", id=operation.id, index=index))
    return answer


def rows(facts: Facts) -> Left:
    """Every row that a push leaves behind."""
    decision, found = facts.decision, facts.found
    changes = [each for step in decision.steps for each in step.changes]
    new = [each for key, each in decision.records.items() if key not in found.records]
    orders, spot_visits = on_the_spot(new, facts.captured, unit_id=facts.sender[0])
    holders = {**found.holders, **holders_of(orders, spot_visits)}
    visits = visit_rows(changes, holders)
    events, commitments = commitment_rows(
        facts.sender[0], changes, holders=found.holders, clocks=found.commitments
    )
    new_hazards, raised = hazard_rows(
        facts.sender[0], decision, records=found.records, hazards=found.hazards
    )
    declared, uses = _file_rows(facts)
    at = (facts.sender[0], facts.ambient.now)
    leaving = Leaving(
        new_work_orders=orders,
        new_visits=spot_visits,
        new_records=[new_row(each, facts.sender[0]) for each in new],
        changed_records=[
            changed_row(each) for key, each in decision.records.items() if key in found.records
        ],
        operations=_operation_rows(facts),
        settled=_settled(facts),
        history=[history_row(each, at=at) for step in decision.steps for each in step.lost],
        conflicts=_conflict_rows(facts),
        quarantine=_quarantine_rows(facts),
        come_again=_come_again(facts),
        attachments=declared,
        uses=uses,
        new_hazards=new_hazards,
        changed_hazards=raised,
        visits=visits,
        work_orders=order_rows(changes, holders),
        events=events,
        commitments=commitments,
    )
    # a photo or a statutory hazard that is named after the end makes a certified visit wait again
    named = {each["visit_id"] for each in (*uses, *new_hazards)}
    ended = {each["id"] for each in visits if each["state"] == "ended"}
    return Left(rows=leaving, evidence=tuple(sorted((named | ended) - {None})))


def _file_rows(facts: Facts) -> tuple[list[Row], list[Row]]:
    """Files that answers name, and where they are named."""
    unit_id = facts.sender[0]
    named = [each for step in facts.decision.steps for each in step.files]
    # in one order everywhere: two pushes that name the same files never wait in a ring
    files = sorted(named, key=lambda each: each.sha256)
    declared = [
        {
            "unit_id": unit_id,
            "sha256": each.sha256,
            "state": "declared",
            "declared_at": facts.ambient.now,
        }
        for each in files
    ]
    uses = [
        {
            "unit_id": unit_id,
            "sha256": each.sha256,
            "record_id": each.record,
            "field": each.field,
            "visit_id": _visit_of(facts, each.record),
        }
        for each in files
    ]
    return declared, uses


def deliveries(mailboxes: Sequence[UUID], new: Mapping[UUID, RecordState]) -> list[Delivery]:
    """What was made on the spot goes into the maker's own mailbox."""
    return [
        Delivery(mailbox_id=box, record_id=key, version=state.version)
        for box in mailboxes
        for key, state in new.items()
    ]


def _outcome(step: Step, operation: Operation) -> Outcome:
    result = step.result
    version = result.version
    touched = step.record.versions if step.record is not None else {}
    differing = {
        field: touched[field]
        for field in operation.fields
        if field in touched and touched[field] != version
    }
    return Outcome(
        outcome=result.outcome, id=result.id, code=result.code, version=version, versions=differing
    )


def _visit_of(facts: Facts, record: UUID) -> UUID | None:
    state = facts.decision.records.get(record) or facts.found.records.get(record)
    return state.visit_id if state is not None else None


def _operation_rows(facts: Facts) -> list[Row]:
    by_id = {each.operation.id: each for each in facts.captured}
    made: list[Row] = []
    for each, outcome in zip(facts.read, facts.outcomes, strict=True):
        if (
            isinstance(each, Unread)
            or outcome.outcome == "duplicate"
            or outcome.code == "id_reused"
        ):
            continue
        captured = by_id[each.operation.id]
        made.append(
            {
                "id": each.operation.id,
                "unit_id": facts.sender[0],
                "tablet_id": facts.sender[1],
                "n": each.operation.n,
                "record_id": each.operation.record,
                "payload_hash": each.payload_hash,
                "payload": each.payload,
                "outcome": outcome.outcome,
                "code": outcome.code,
                "record_version": outcome.version or None,
                "observed_at": each.operation.observed_at,
                "corrected_at": captured.corrected_at,
                "trust": captured.trust,
                "received_at": captured.received_at,
            }
        )
    return made


def _settled(facts: Facts) -> list[Row]:
    waited = {row["id"] for row in facts.found.held}
    return [
        {
            "id": step.result.id,
            "outcome": step.result.outcome,
            "code": step.result.code,
            "record_version": step.result.version or None,
        }
        for step in facts.decision.steps
        if step.result.id in waited and step.result.outcome != "held"
    ]


def _conflict_rows(facts: Facts) -> list[Row]:
    latest: dict[tuple[UUID, str], tuple[Disagreement, UUID]] = {}
    for step in facts.decision.steps:
        for each in step.disagreements:
            # the newest view of a field's values stands for the batch
            latest[(each.record, each.field)] = (each, step.result.id)
    at = (facts.sender[0], facts.ambient.now)
    return [conflict_row(each, operation, at=at) for each, operation in latest.values()]


def _quarantine_rows(facts: Facts) -> list[Row]:
    made: list[Row] = []
    for each, outcome in zip(facts.read, facts.outcomes, strict=True):
        if outcome.outcome == "quarantined":
            payload = each.payload.encode() if isinstance(each, Read) else each.raw
            of = (outcome.id, str(outcome.code))
            made.append(quarantine_row(payload, of, tablet=facts.sender, ambient=facts.ambient))
    return [*made, *_refused_after_waiting(facts)]


def _come_again(facts: Facts) -> Row | None:
    """What a revoked tablet handed in, and sends again under another enrolment: it is taken in, and
    its entry closed, by whom it came."""
    steps = {step.result.id: step.result.outcome for step in facts.decision.steps}
    taken = [each for each in facts.found.undecided if steps.get(each) in ACCEPTED]
    if not taken:
        return None
    by = next(each.who for each in facts.captured if each.operation.id == taken[0])
    unit_id = facts.sender[0]
    return {"operations": taken, "at": facts.ambient.now, "by": by, "unit_id": unit_id}


def _refused_after_waiting(facts: Facts) -> list[Row]:
    """What was held and cannot be applied now that it could: shown like any other.

    The very bytes it was first kept by: one that was let out and failed again is not shown twice.
    """
    held = {row["id"]: row for row in facts.found.held}
    return [
        quarantine_row(
            canonical(operation_of(held[each.id])),
            (each.id, str(each.code)),
            tablet=(facts.sender[0], held[each.id]["tablet_id"]),
            ambient=facts.ambient,
        )
        for each in (step.result for step in facts.decision.steps)
        if each.outcome == "quarantined" and each.id in held
    ]


def commitment_rows(
    unit_id: str, changes: Sequence[Change], *, holders: Mapping[UUID, Any], clocks: Sequence[Any]
) -> tuple[list[Row], list[Row]]:
    """Events by commitment: two work orders of one push may bear on the same inspection cycle."""
    orders = {key: holder["work_order_id"] for key, holder in holders.items()}
    following: dict[UUID, list[Event]] = {}
    for held in clocks:
        following.setdefault(held["id"], []).extend(
            _event(each, kind)
            for each in changes
            if each.lawful and orders.get(each.record) == held["via"]
            for kind in entry.field_events(held["work_kind"], each.state)
        )
    events: list[Row] = []
    commitments: list[Row] = []
    for held in {each["id"]: each for each in clocks}.values():
        if following[held["id"]]:
            added = entry.appended(unit_id, held, events=following[held["id"]])
            events += added.events
            commitments += added.commitments
    return events, commitments


def _event(change: Change, kind: str) -> Event:
    return Event(
        kind=kind,
        # a clock that cannot be trusted proves nothing: then the arrival counts, visibly
        observed_at=change.at if change.trust == "verified" else change.received_at,
        received_at=change.received_at,
        source=f"operation:{change.operation}:{kind}",
        body={"trust": change.trust, "state": change.state, "visit": str(change.record)},
    )
