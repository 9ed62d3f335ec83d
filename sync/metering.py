"""Shell: what a push says about meters, held against the earlier visits to the same premises."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from schemas.base import Value
from schemas.ids import named
from schemas.sync import Outcome, RecordState
from schemas.template import Item
from storage.sync_store import SyncTransaction
from sync.decision import Context
from sync.leaving import Facts, Row
from sync.readings import (
    BELOW,
    ROLLED,
    Oddity,
    Reading,
    disagreement,
    metered,
    moved,
    oddities,
    put_in,
    puts_in,
    readings_of,
)
from sync.rows import conflict_row, state_of
from sync.template import items_by_code

ACCEPTED = ("applied", "merged")
ZONE = ZoneInfo("Asia/Shanghai")


class Metered(Value, frozen=True):
    """Rows that readings lead to, doubts that are none any more, and the outcomes of a push."""

    conflicts: tuple[Row, ...] = ()
    settled: tuple[UUID, ...] = ()
    meters: tuple[Row, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def places(facts: Facts) -> set[UUID]:
    """Premises of which this push reads a meter."""
    return {
        state.premises_id
        for key, state in facts.decision.records.items()
        if state.kind == "visit"
        and state.premises_id is not None
        and moved(state, facts.found.records.get(key), items=_items(facts.found.context, state))
    }


async def settle(
    tx: SyncTransaction, unit_id: str, *, facts: Facts, homes: Collection[UUID]
) -> Metered:
    """Readings that run backwards at `homes`, shown to a person. The premises are locked by whoever
    calls."""
    if not homes:
        return Metered(outcomes=facts.outcomes)
    here = {**facts.found.records, **facts.decision.records}
    rows = await tx.visits_at(unit_id, list(homes), but=list(here))
    states = here | {row["id"]: state_of(row) for row in rows}
    odd = [each for read in _series(facts, states, homes=homes) for each in oddities(read)]
    at = (unit_id, facts.ambient.now)
    doubted = {(e.reading.record, e.reading.field) for e in odd if not e.rolled}
    said = {each.operation.id: each.operation for each in facts.captured} if doubted else {}
    return Metered(
        settled=tuple(_were_in_doubt(facts, states, homes=homes) - {_doubt(each) for each in odd}),
        meters=tuple(_meters(unit_id, facts)),
        conflicts=tuple(
            _shown(conflict_row(disagreement(each, states), _cause(each), at=at), each)
            for each in odd
        ),
        outcomes=tuple(
            msgspec.structs.replace(outcome, outcome="conflict", code=BELOW)
            if outcome.id in said
            and outcome.outcome in ACCEPTED
            and any((said[outcome.id].record, f) in doubted for f in said[outcome.id].fields)
            else outcome
            for outcome in facts.outcomes
        ),
    )


def _were_in_doubt(
    facts: Facts, states: Mapping[UUID, RecordState], *, homes: Collection[UUID]
) -> set[UUID]:
    """What a person was shown of these homes before this push, by the conflict's id."""
    far = len(states) > len({*facts.found.records, *facts.decision.records})
    if not far and not any(_metered(facts, state) for state in facts.found.records.values()):
        # nothing was read there before, so nothing was in doubt
        return set()
    new = facts.decision.records.keys() - facts.found.records.keys()
    before = {key: state for key, state in states.items() if key not in new}
    before |= facts.found.records
    read = _series(facts, before, homes=homes)
    return {_doubt(each) for home in read if len(home) > 1 for each in oddities(home)}


def _metered(facts: Facts, state: RecordState) -> bool:
    names = metered(_items(facts.found.context, state))
    return any(state.fields.get(name) is not None for name in names)


def _meters(unit_id: str, facts: Facts) -> Iterable[Row]:
    """Meters that visits of this push put in; a serial that is corrected takes the place of its
    first writing."""
    for state in facts.decision.records.values():
        items = _items(facts.found.context, state)
        if state.kind != "visit" or state.premises_id is None or not puts_in(items):
            continue
        for each in put_in(state, items):
            at = datetime.fromtimestamp(each.at_ms / 1000, ZONE)
            yield {
                "id": named(unit_id, "meter", "visit", state.id, each.field),
                "unit_id": unit_id,
                "premises_id": state.premises_id,
                "serial": each.serial,
                "in_service_on": at.date(),
            }


def _series(
    facts: Facts, states: Mapping[UUID, RecordState], *, homes: Collection[UUID]
) -> Iterable[list[Reading]]:
    """What was read at each of the homes."""
    read: dict[UUID, list[Reading]] = {home: [] for home in homes}
    for state in states.values():
        if state.kind == "visit" and state.premises_id in read:
            read[state.premises_id] += readings_of(state, _items(facts.found.context, state))
    return read.values()


def _shown(row: Row, oddity: Oddity) -> Row:
    if not oddity.rolled:
        return row
    return row | {"resolution": row["resolution"] | {"reason": ROLLED}}


def _doubt(oddity: Oddity) -> UUID:
    return uuid5(oddity.reading.record, f"{oddity.reading.field}:{_cause(oddity)}")


def _cause(oddity: Oddity) -> UUID:
    # the same two readings are one doubt, whoever brings it up
    return uuid5(oddity.last.record, f"{oddity.last.index}>{oddity.reading.index}")


def _items(context: Context, state: RecordState) -> dict[str, Item]:
    template = context.templates.get(str(state.fields.get("template")))
    return items_by_code(template) if template is not None else {}
