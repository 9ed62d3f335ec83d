"""Shell: what a push or a decision says about the gas of premises, settled under the premises' lock."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.sync import Outcome, RecordState
from storage.sync_store import SyncTransaction
from sync.decision import Captured, Context
from sync.leaving import ACCEPTED, Facts
from sync.rows import state_of
from sync.supply import (
    FIELD,
    UNPROVEN,
    Site,
    Standing,
    Word,
    conflict_of,
    fold,
    named_state,
    row_of,
    word_of,
)
from sync.template import items_by_code

Row = dict[str, Any]


class Settled(Value, frozen=True):
    """Rows that the words of a push lead to, and its outcomes with them."""

    words: tuple[Row, ...] = ()
    premises: tuple[Row, ...] = ()
    conflicts: tuple[Row, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


async def settle(tx: SyncTransaction, unit_id: str, *, facts: Facts, beside: set[UUID]) -> Settled:
    """New words and new critical findings at premises, and how the gas stands there after them.

    `beside` are premises to lock with these, in one go, so that nobody waits in a ring.
    """
    new = _new_words(facts)
    spoken_of = {each.premises for each in new} | _dangerous(facts) | _answered_again(facts)
    places = list(spoken_of | beside)
    if not places:
        return Settled(outcomes=facts.outcomes)
    stored, known = await tx.lock_supply(unit_id, places)
    words = [*map(word_of, known), *new]
    states = await _records(tx, unit_id, words=words, facts=facts)
    holders = await tx.holders(unit_id, list(states)) if states else {}
    held_by = {key: (row["technician_id"], row["second_id"]) for key, row in holders.items()}
    standings, moved = {}, {}
    by_place: dict[UUID, list[Word]] = {}
    for each in words:
        by_place.setdefault(each.premises, []).append(each)
    for place, here in by_place.items():
        site = _site(place, facts, states=states, held_by=held_by)
        standings[place] = fold(here, site)
        # what the office wrote beside a state stays as long as the state does
        if standings[place].state != named_state(stored.get(place, "on")):
            moved[place] = standings[place].state
    unproven = {each.id for standing in standings.values() for each in standing.unproven}
    return Settled(
        words=tuple(row_of(each, unit_id) for each in new),
        premises=tuple({"id": key, "supply_state": state} for key, state in moved.items()),
        conflicts=tuple(_conflicts(standings.values(), unit_id=unit_id, states=states)),
        outcomes=tuple(_held_back(each, unproven) for each in facts.outcomes),
    )


def _held_back(outcome: Outcome, unproven: set[UUID]) -> Outcome:
    if outcome.id not in unproven or outcome.outcome not in ACCEPTED:
        return outcome
    return msgspec.structs.replace(outcome, outcome="conflict", code=UNPROVEN)


def _conflicts(
    standings: Iterable[Standing], *, unit_id: str, states: dict[UUID, RecordState]
) -> list[Row]:
    return [
        conflict_of(
            each, standing, unit_id=unit_id, version=states[each.record].versions.get(FIELD, 0)
        )
        for standing in standings
        for each in standing.unproven
        if each.record in states
    ]


def _new_words(facts: Facts) -> list[Word]:
    steps = {step.result.id: step for step in facts.decision.steps}
    found = []
    for each in facts.captured:
        said = each.operation.fields.get(FIELD)
        step = steps.get(each.operation.id)
        if not isinstance(said, str) or step is None or step.result.outcome not in ACCEPTED:
            continue
        home = _home(facts, each.operation.record)
        if home is not None:
            found.append(_word(each, said, home=home))
    return found


def _word(captured: Captured, state: str, *, home: UUID) -> Word:
    return Word(
        id=captured.operation.id,
        premises=home,
        state=state,
        who=captured.who,
        at=captured.corrected_at,
        received_at=captured.received_at,
        trust=captured.trust,
        record=captured.operation.record,
        tablet=captured.tablet,
        technician=captured.technician,
        n=captured.operation.n,
    )


def _home(facts: Facts, record: UUID) -> UUID | None:
    state = facts.decision.records.get(record) or facts.found.records.get(record)
    return state.premises_id if state is not None and state.kind in ("visit", "hazard") else None


def _dangerous(facts: Facts) -> set[UUID]:
    homes = {
        _home(facts, each.record)
        for step in facts.decision.steps
        for each in step.dangers
        if each.grade == "critical"
    }
    return {each for each in homes if each is not None}


def _answered_again(facts: Facts) -> set[UUID]:
    """Premises with a critical finding that this push answers again: what was opened on the strength
    of the answer before may be unproven now, and the other way round."""
    critical = {
        (each["premises_id"], each["item"])
        for each in facts.found.hazards
        if each["grade"] == "critical"
    }
    return {
        home
        for each in facts.captured
        if (home := _home(facts, each.operation.record)) is not None
        and any((home, item) in critical for item in each.operation.fields)
    }


async def _records(
    tx: SyncTransaction, unit_id: str, *, words: Sequence[Word], facts: Facts
) -> dict[UUID, RecordState]:
    wanted = {each.record for each in words if each.record is not None}
    states = {**facts.found.records, **facts.decision.records}
    far = sorted(wanted - set(states))
    rows = await tx.read_records(unit_id, far) if far else {}
    states |= {key: state_of(row) for key, row in rows.items()}
    return {key: state for key, state in states.items() if key in wanted}


def _site(
    place: UUID,
    facts: Facts,
    *,
    states: dict[UUID, RecordState],
    held_by: dict[UUID, tuple[UUID | None, UUID | None]],
) -> Site:
    known = [
        (each["item"], each["found_at"])
        for each in facts.found.hazards
        if each["premises_id"] == place and each["grade"] == "critical"
    ]
    since = {
        each["item"]: each["found_at"]
        for each in facts.found.hazards
        if each["premises_id"] == place
    }
    # found again and worse, it counts from its first day, as the hazard itself does
    new = [
        (each.item, min(each.found_at, since.get(each.item, each.found_at)))
        for step in facts.decision.steps
        for each in step.dangers
        if each.grade == "critical" and _home(facts, each.record) == place
    ]
    return Site(
        dangers=(*known, *new),
        records=states,
        items={key: _items(facts.found.context, state) for key, state in states.items()},
        held_by=held_by,
    )


def _items(context: Context, state: RecordState) -> dict[str, Any]:
    template = context.templates.get(str(state.fields.get("template")))
    return items_by_code(template) if template is not None else {}
