"""Shell: what a visit came to, where a named person decides it: as if the tablet's word had been lawful,
behind the same gates."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from commitments.duties import may_turn_on_first
from commitments.entry import lights
from schemas.problems import Refusal
from schemas.sync import RecordState
from storage import attachments, ledger, records, safety, work
from storage.engine import Transaction
from storage.services import services
from sync.decision import Change
from sync.findings import order_rows, visit_rows
from sync.leaving import commitment_rows, operation_of
from sync.lifecycle import COMPLETED

FIELD = "state"
Row = Mapping[str, Any]


def first_gas(holders: Mapping[UUID, Any]) -> dict[UUID, datetime | None]:
    """Visits whose end would turn on gas that was never on, and when somebody looked there."""
    return {
        key: row["inspected_at"]
        for key, row in holders.items()
        if row["first_gas_on"] is None and lights(row["work_kind"], services())
    }


def chosen(values: Sequence[Row], *, value: object, choice: int | None) -> Row | None:
    """The word of a tablet that a person lets count; None where the visit stays as it is.

    The first value is what stood. Refuses `invalid_field` for a state that nobody said.
    """
    stood, *said = values
    if choice is not None:
        return values[choice] if choice else None
    if value == stood["value"]:
        return None
    found = [each for each in said if each["value"] == value]
    if not found:
        raise Refusal("invalid_field", field="value")
    return found[-1]


async def decide(tx: Transaction, before: RecordState, *, unit_id: str, word: Row | None) -> str:
    """Lets the word count with all that goes before it, or leaves the visit as it is; the state that
    its record shows from now on.

    Refuses `first_gas_on_gate`; `invalid_field` where a visit that ended well would not have.
    """
    state = str(before.fields.get(FIELD, "dispatched"))
    if word is None or word["value"] == state:
        await work.hours_kept(tx, unit_id, visit_id=before.id, decided=True)
        return state
    if state in COMPLETED:
        raise Refusal("invalid_field", field="choice", reason="what ended well stays")
    changes = await _changes(tx, before.id, unit_id=unit_id, word=word)
    holders = await records.holders(tx, unit_id, visits=[before.id], inspected=True)
    gates = first_gas(holders)
    for each in changes:
        if each.state in COMPLETED and each.record in gates:
            may_turn_on_first(inspected_at=gates[each.record], at=each.at)
    holder = holders[before.id]
    # it ended when the tablet said so, not when somebody knocked in vain before
    fresh = {before.id: {**holder, "ended_at": None}}
    (row,) = visit_rows(changes, fresh)
    clocks = await ledger.lock_for_work(tx, unit_id, orders=[holder["work_order_id"]])
    events, commitments = commitment_rows(unit_id, changes, holders=holders, clocks=clocks)
    await work.update_visits(tx, [{**row, "pending_decision": False}])
    await work.set_work_order_states(tx, order_rows(changes, holders))
    await ledger.append_events(tx, events)
    await ledger.update_commitments(tx, commitments)
    await attachments.certify(tx, unit_id, visits=[before.id])
    return changes[-1].state


async def _changes(tx: Transaction, visit: UUID, *, unit_id: str, word: Row) -> list[Change]:
    found = await safety.undecided_commands(
        tx, unit_id, record_id=visit, said=(UUID(word["by"][:36]), word["n"])
    )
    return [
        Change(
            record=visit,
            state=str(operation_of(row).command),
            at=row["corrected_at"],
            trust=row["trust"],
            received_at=row["received_at"],
            operation=row["id"],
            technician=row["technician_id"],
            lawful=True,
        )
        for row in found
    ]
