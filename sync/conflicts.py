"""Shell: a named person decides between values that tablets and office hold. Every value is
kept."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.sync import Authorship, FieldValue, RecordState, Resolution, Rival
from storage import audit, board, checklists, mailboxes, outages, records, supply
from storage.engine import Transaction
from sync import deciding
from sync.decision import Disagreement, Said
from sync.fields import mark_of
from sync.reading import sound_number
from sync.rows import changed_row, conflict_row, office_mark, state_of
from sync.supply import FIELD, Word, row_of
from sync.template import refused


async def resolve(
    engine: AsyncEngine, who: Principal, *, conflict_id: UUID, wish: Resolution, ambient: Ambient
) -> None:
    """The chosen value becomes effective under the decider's name.

    Refuses `conflict_closed`; `invalid_field` for a value that is no answer; `conflict_stale` where
    somebody said something that the decider has not seen: the conflict shows it from then on.
    """
    stale = False
    async with engine.begin() as tx:
        row = await board.conflict_of(tx, who.unit_id, conflict_id=conflict_id)
        if row is None:
            raise Refusal("not_found")
        if row["status"] != "open":
            raise Refusal("conflict_closed")
        value = _chosen(row["values"], wish)
        rows = await records.lock_records(tx, who.unit_id, ids=[row["record_id"]])
        before = state_of(rows[row["record_id"]])
        stale = _unseen(before, row)
        if stale:
            at = (who.unit_id, ambient.now)
            # what it is measured against was said at another visit, and still stands beside it
            far = [each for each in row["values"] if each["version"] == 0]
            shown = far + conflict_row(_as_it_stands(before, row), conflict_id, at=at)["values"]
            await board.refresh_conflict(
                tx, conflict_id, values=msgspec.json.encode(shown).decode()
            )
        else:
            await _decide(tx, before, row=row, wish=(value, wish), by=(who, ambient))
    if stale:
        raise Refusal("conflict_stale")


async def _decide(
    tx: Transaction,
    before: RecordState,
    *,
    row: Any,
    wish: tuple[FieldValue, Resolution],
    by: tuple[Principal, Ambient],
) -> None:
    (value, wished), (who, ambient) = wish, by
    items = checklists.items_of(before.fields.get("template"))
    if not sound_number(value) or refused(items, row["field"], value=value) is not None:
        raise Refusal("invalid_field", field="value")
    if row["field"] == deciding.FIELD:
        word = deciding.chosen(row["values"], value=value, choice=wished.choice)
        value = await deciding.decide(tx, before, unit_id=who.unit_id, word=word)
        before = decided(before, "pending_decision", value=None, who=who, ambient=ambient)
    state = decided(before, row["field"], value=value, who=who, ambient=ambient)
    await records.save_records(tx, [changed_row(state)], new=False)
    decision = {"value": value, "reason": wished.reason}
    # what was open on this field before is decided with it
    await board.close_conflicts(
        tx,
        (row["record_id"], row["field"]),
        values=(msgspec.json.encode(decision).decode(), ambient.now, who.name),
    )
    await audit.append(
        tx,
        who.unit_id,
        entry=audit.Entry(
            at=ambient.now,
            actor=who.name,
            action="conflict.resolved",
            subject=str(row["id"]),
            detail=decision,
        ),
    )
    if row["field"] == FIELD and before.premises_id is not None:
        await _decide_gas(tx, before, value=str(value), by=by)
    await mailboxes.echo(tx, {state.id: state.version})


async def _decide_gas(
    tx: Transaction, state: RecordState, *, value: str, by: tuple[Principal, Ambient]
) -> None:
    """What a person says about the gas settles everything that was said before it. Refuses
    `recheck_missing` as the office's own door does: it is not opened over a critical danger."""
    who, ambient = by
    home = state.premises_id
    if home is None:
        return
    await supply.lock_words(tx, who.unit_id, premises=[home])
    if value == "on" and await outages.open_dangers(tx, who.unit_id, premises_id=home):
        raise Refusal("recheck_missing")
    word = Word(
        id=ambient.new_id(),
        premises=home,
        state=value,
        who=who.name,
        at=ambient.now,
        received_at=ambient.now,
        trust="verified",
        record=state.id,
        decided=True,
    )
    await supply.add_words(tx, [row_of(word, who.unit_id)])
    await supply.set_states(tx, [{"id": home, "supply_state": value}])


def _unseen(state: RecordState, row: Any) -> bool:
    if row["field"] == "state":
        return False
    seen = {each["version"] for each in row["values"]}
    return any(each.version not in seen for each in _as_it_stands(state, row).values)


def _as_it_stands(state: RecordState, row: Any) -> Disagreement:
    field = row["field"]
    live = state.authors.rivals.get(field) or [
        Rival(version=state.versions.get(field, 0), base=0, value=state.fields.get(field))
    ]
    said = tuple(
        Said(value=each.value, version=each.version, mark=mark_of(state, each.version))
        for each in live
    )
    return Disagreement(
        record=state.id, field=field, policy=row["policy"], values=said, open=True, reason=""
    )


def decided(
    state: RecordState, field: str, *, value: FieldValue, who: Principal, ambient: Ambient
) -> RecordState:
    """The record with a person's decision: one live value, theirs. This alone may lower a
    danger."""
    version = state.version + 1
    mark = office_mark(who.name, ambient.now)
    rivals: dict[str, list[Rival]] = {
        name: live for name, live in state.authors.rivals.items() if name != field
    }
    return msgspec.structs.replace(
        state,
        version=version,
        fields={**state.fields, field: value},
        versions={**state.versions, field: version},
        authors=Authorship(marks={**state.authors.marks, version: mark}, rivals=rivals),
    )


def _chosen(values: list[dict[str, Any]], wish: Resolution) -> FieldValue:
    if wish.value is not msgspec.UNSET:
        return wish.value
    if wish.choice is None or wish.choice >= len(values):
        raise Refusal("invalid_field", field="choice")
    found: FieldValue = values[wish.choice]["value"]
    return found
