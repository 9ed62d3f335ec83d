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
from storage import audit, board, mailboxes, records
from sync.rows import changed_row, office_mark, state_of


async def resolve(
    engine: AsyncEngine, who: Principal, *, conflict_id: UUID, wish: Resolution, ambient: Ambient
) -> None:
    """The chosen value becomes effective under the decider's name. Refuses `conflict_closed`."""
    async with engine.begin() as tx:
        row = await board.conflict_of(tx, who.unit_id, conflict_id=conflict_id)
        if row is None:
            raise Refusal("not_found")
        if row["status"] != "open":
            raise Refusal("conflict_closed")
        value = _chosen(row["values"], wish)
        rows = await records.lock_records(tx, who.unit_id, ids=[row["record_id"]])
        state = decided(
            state_of(rows[row["record_id"]]), row["field"], value=value, who=who, ambient=ambient
        )
        await records.save_records(tx, [changed_row(state)], new=False)
        decision = {"value": value, "reason": wish.reason}
        await board.close_conflict(
            tx, conflict_id, values=(msgspec.json.encode(decision).decode(), ambient.now, who.name)
        )
        await audit.append(
            tx,
            who.unit_id,
            entry=audit.Entry(
                at=ambient.now,
                actor=who.name,
                action="conflict.resolved",
                subject=str(conflict_id),
                detail=decision,
            ),
        )
        await mailboxes.echo(tx, {state.id: state.version})


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
