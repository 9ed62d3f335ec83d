"""Shell: what a push says about meters, held against the earlier visits to the same premises."""

from uuid import UUID, uuid5

import msgspec

from schemas.base import Value
from schemas.sync import Outcome, RecordState
from schemas.template import Item
from storage.sync_store import SyncTransaction
from sync.decision import Context
from sync.leaving import Facts, Row
from sync.readings import BELOW, ROLLED, Oddity, Reading, disagreement, oddities, readings_of
from sync.rows import conflict_row, state_of
from sync.template import items_by_code

ACCEPTED = ("applied", "merged")


class Metered(Value, frozen=True):
    """Rows that readings lead to, and the outcomes of a push with them."""

    conflicts: tuple[Row, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def places(facts: Facts) -> set[UUID]:
    """Premises of which this push reads a meter."""
    return {
        state.premises_id
        for state in facts.decision.records.values()
        if state.premises_id is not None and _readings(facts, state) != _before(facts, state)
    }


async def settle(tx: SyncTransaction, unit_id: str, *, facts: Facts) -> Metered:
    """Readings that run backwards, shown to a person. The premises are locked by whoever calls."""
    homes = sorted(places(facts))
    if not homes:
        return Metered(outcomes=facts.outcomes)
    rows = await tx.visits_at(unit_id, homes)
    states = {row["id"]: state_of(row) for row in rows}
    states |= facts.decision.records
    odd = [
        each
        for home in homes
        for each in oddities(
            reading
            for state in states.values()
            if state.premises_id == home
            for reading in _readings(facts, state)
        )
    ]
    at = (unit_id, facts.ambient.now)
    doubted = {(e.reading.record, e.reading.field) for e in odd if not e.rolled}
    named = {each.operation.id: each.operation for each in facts.captured}
    return Metered(
        conflicts=tuple(
            _shown(conflict_row(disagreement(each, states), _cause(each), at=at), each)
            for each in odd
        ),
        outcomes=tuple(
            msgspec.structs.replace(outcome, outcome="conflict", code=BELOW)
            if outcome.outcome in ACCEPTED
            and outcome.id in named
            and any((named[outcome.id].record, f) in doubted for f in named[outcome.id].fields)
            else outcome
            for outcome in facts.outcomes
        ),
    )


def _shown(row: Row, oddity: Oddity) -> Row:
    if not oddity.rolled:
        return row
    return row | {"resolution": row["resolution"] | {"reason": ROLLED}}


def _cause(oddity: Oddity) -> UUID:
    # the same two readings are one doubt, whoever brings it up
    return uuid5(oddity.last.record, f"{oddity.last.index}>{oddity.reading.index}")


def _readings(facts: Facts, state: RecordState) -> list[Reading]:
    if state.kind != "visit":
        return []
    return readings_of(state, _items(facts.found.context, state))


def _before(facts: Facts, state: RecordState) -> list[Reading]:
    old = facts.found.records.get(state.id)
    return _readings(facts, old) if old is not None else []


def _items(context: Context, state: RecordState) -> dict[str, Item]:
    template = context.templates.get(str(state.fields.get("template")))
    return items_by_code(template) if template is not None else {}
