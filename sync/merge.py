"""The merge: operations and a record in, the record and what follows out. Pure; every value is
kept.

Causality decides, never a clock: an operation names per field the version it had seen. Equations,
each held by a test (docs/promises.md): apply(apply(r, a), b) and apply(apply(r, b), a) hold the
same effective values; apply(apply(r, a), a) = apply(r, a).
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from schemas.problems import Refusal
from schemas.sync import FieldValue, Mark, Operation, RecordState
from schemas.template import Item
from sync.decision import (
    Captured,
    Change,
    Context,
    Decision,
    Disagreement,
    Lost,
    Named,
    Result,
    Said,
    Step,
)
from sync.fields import Answers, mark_of, with_fields
from sync.lifecycle import COMPLETED, judge, judge_first_gas, passed
from sync.reading import sound_number
from sync.template import (
    files_in,
    hazard_refused,
    items_by_code,
    policy_of,
    refused,
)

SHARED = "~"
"""Between a tablet and an operation where the tablet alone does not say who spoke."""


def apply_all(
    records: dict[UUID, RecordState], captured: Sequence[Captured], *, context: Context
) -> Decision:
    """Operations in order; one that waits for another is tried again once that one is in.

    An operation that cannot be applied stands in nobody's way.
    """
    now, steps = dict(records), {}
    known = set(context.known)
    waiting = list(captured)
    while waiting:
        held: list[Captured] = []
        for each in waiting:
            operation = each.operation
            waits = _waits(now, operation, known=known)
            if waits and not each.late:
                held.append(each)
                continue
            step = apply(now.get(operation.record), each, context=context)
            step = _marked_late(step) if waits else step
            steps[operation.id] = step
            known.add(operation.id)
            if step.record is not None:
                if operation.record not in now:
                    context = _with_new(context, step.record)
                now[operation.record] = step.record
            context = _with_look(context, step, now=now)
        if len(held) == len(waiting):
            break
        waiting = held
    for each in waiting:
        result = Result(id=each.operation.id, outcome="held", code="waits_for_predecessor")
        steps.setdefault(each.operation.id, Step(result=result))
    changed = {key: state for key, state in now.items() if records.get(key) is not state}
    ordered = tuple(steps[each.operation.id] for each in captured)
    return Decision(records=changed, steps=ordered)


def _with_new(context: Context, made: RecordState) -> Context:
    """What is made in this very batch is its maker's: a hazard may hang on a visit made before it."""
    homes, looks = context.homes, context.looks
    if made.kind == "visit" and made.premises_id is not None:
        # what is made on the spot is an inspection
        homes, looks = {**homes, made.id: made.premises_id}, {*looks, made.id}
    mine = {*context.mine, made.id}
    return msgspec.structs.replace(context, mine=mine, homes=homes, looks=looks)


def _with_look(context: Context, step: Step, *, now: Mapping[UUID, RecordState]) -> Context:
    """An inspection that ended in this very batch is one that the first gas may follow."""
    gates = dict(context.first_gas)
    for each in step.changes:
        if not (each.lawful and each.state in COMPLETED and each.record in context.looks):
            continue
        for visit, inspected_at in context.first_gas.items():
            here = now.get(visit)
            if here is not None and here.premises_id == now[each.record].premises_id:
                gates[visit] = min(each.at, inspected_at or each.at)
    return msgspec.structs.replace(context, first_gas=gates) if gates else context


def apply(record: RecordState | None, captured: Captured, *, context: Context) -> Step:
    """One operation becomes applied, merged, a conflict, held, or is put into quarantine."""
    operation = captured.operation
    code = _refusal(record, captured, context=context)
    if code is not None:
        return _quarantined(operation, code)
    if record is None:
        if operation.kind != "create":
            # what it builds on never came: kept whole, shown at once
            return Step(
                result=Result(id=operation.id, outcome="held", code="waits_for_predecessor")
            )
        record = _fresh(operation, home=_home(operation, context))
    if operation.kind == "command":
        return _command(record, captured, context=context)
    if operation.kind == "delete":
        return _delete(record, captured)
    return _answers(record, captured, context=context)


def _home(operation: Operation, context: Context) -> UUID | None:
    """The premises that an operation names, or those of the visit that it names."""
    if operation.premises is not None or operation.visit is None:
        return operation.premises
    return context.homes.get(operation.visit)


def _fresh(operation: Operation, *, home: UUID | None) -> RecordState:
    """A record before its first word. A visit made on the spot begins where a planned one does."""
    begins: dict[str, FieldValue] = {}
    if operation.record_kind == "visit":
        begins = {"state": "dispatched", "template": operation.template}
    return RecordState(
        id=operation.record,
        kind=operation.record_kind,
        visit_id=_own_visit(operation) or operation.visit,
        premises_id=home,
        fields=begins,
        versions=dict.fromkeys(begins, 1),
    )


def office_edit(
    record: RecordState, *, fields: dict[str, FieldValue], mark: Mark, context: Context
) -> Step:
    """What the office writes goes the same way, with every version it had on screen as its base.

    Refuses `invalid_field` for what no form knows (a state and a checklist have ways of their own)
    and for a value that is no answer to its question.
    """
    items = _items(context, record.fields.get("template"))
    for field, value in fields.items():
        known = policy_of(items, record.kind, field=field) is not None
        if not known or not sound_number(value) or refused(items, field, value=value) is not None:
            raise Refusal("invalid_field", field=field)
    step = Answers(record, items, mark=mark, operation=None, base=dict(record.versions))
    return step.run(fields)


def force_state(record: RecordState, *, state: str, mark: Mark) -> RecordState:
    """The office sets a state (assign, cancel, decide); who and when stay on file."""
    version = record.version + 1
    fields = {**record.fields, "state": state}
    return with_fields(record, version, fields=fields, touched={"state": version}, mark=mark)


def _marked_late(step: Step) -> Step:
    result = step.result
    if result.outcome in ("held", "quarantined"):
        return step
    return msgspec.structs.replace(
        step, result=msgspec.structs.replace(result, code=result.code or "predecessor_missing")
    )


def _waits(records: dict[UUID, RecordState], operation: Operation, *, known: set[UUID]) -> bool:
    if any(each not in known for each in operation.after):
        return True
    return operation.kind != "create" and operation.record not in records


def _refusal(record: RecordState | None, captured: Captured, *, context: Context) -> str | None:
    operation = captured.operation
    # a visit that never was this technician's is not shown, and not written
    if (
        record is not None
        and operation.record not in context.mine
        and not _made_by(record, captured)
    ):
        return "not_yours"
    if operation.template is not None and operation.template not in context.templates:
        return "template_unknown"
    if operation.kind == "create":
        return _create_refusal(operation, context)
    if operation.kind == "command":
        return None if operation.command else "command_missing"
    if operation.kind == "delete" and record is not None and record.kind in ("visit", "premises"):
        return "not_deletable"
    return None if operation.fields or operation.kind == "delete" else "fields_missing"


def _made_by(record: RecordState, captured: Captured) -> bool:
    first = record.authors.marks.get(1)
    return first is not None and first.by.partition(SHARED)[0] == str(captured.tablet)


def _create_refusal(operation: Operation, context: Context) -> str | None:
    if operation.record_kind in ("visit", "hazard") and _home(operation, context) is None:
        return "premises_missing"
    if operation.premises is not None and operation.premises not in context.premises:
        return "premises_unknown"
    if operation.record_kind == "hazard" and operation.fields.get("grade") is None:
        return "fields_missing"
    named = operation.visit
    if named is not None and named != operation.record and named not in context.mine:
        return "not_yours"
    return None


def _own_visit(operation: Operation) -> UUID | None:
    return operation.record if operation.record_kind == "visit" else None


def _quarantined(operation: Operation, code: str) -> Step:
    return Step(result=Result(id=operation.id, outcome="quarantined", code=code))


def _mark(captured: Captured) -> Mark:
    by = str(captured.tablet)
    return Mark(
        by=f"{by}{SHARED}{captured.operation.id}" if captured.shared else by,
        who=captured.who,
        n=captured.operation.n,
        at_ms=int(captured.corrected_at.timestamp() * 1000),
        trust=captured.trust,
    )


def _items(context: Context, ref: FieldValue) -> dict[str, Item]:
    template = context.templates.get(str(ref))
    return items_by_code(template) if template is not None else {}


def _answers(record: RecordState, captured: Captured, *, context: Context) -> Step:
    operation = captured.operation
    items = _items(context, operation.template or record.fields.get("template"))
    for field, value in operation.fields.items():
        if policy_of(items, record.kind, field=field) is None:
            return _quarantined(operation, "item_unknown")
        code = refused(items, field, value=value)
        if code is None and record.kind == "hazard":
            code = hazard_refused(field, value=value)
        if code is not None:
            return _quarantined(operation, code)
    step = Answers(
        record, items, mark=_mark(captured), operation=operation, base=operation.base
    ).run(dict(operation.fields), captured)
    holder = context.held_by.get(record.id)
    if holder is not None and holder != captured.technician and step.result.code is None:
        result = msgspec.structs.replace(step.result, outcome="merged", code="reassigned")
        return msgspec.structs.replace(step, result=result)
    return step


def _command(record: RecordState, captured: Captured, *, context: Context) -> Step:
    operation, wanted = captured.operation, str(captured.operation.command)
    state = str(record.fields.get("state", "dispatched"))
    verdict = judge(context.transitions, state, wanted=wanted, role="T")
    if record.id in context.together and passed(state, wanted=wanted):
        return Step(result=Result(id=operation.id, outcome="merged", version=record.version))
    holder = context.held_by.get(record.id)
    if verdict == "unknown_state":
        return _quarantined(operation, "state_unknown")
    if verdict in ("lawful", "same") and holder is not None and holder != captured.technician:
        verdict = "reassigned"
    if verdict == "lawful" and wanted in COMPLETED and record.id in context.first_gas:
        verdict = judge_first_gas(context.first_gas[record.id], at=captured.corrected_at)
    mark, version = _mark(captured), record.version + 1
    reason = None if verdict in ("lawful", "same") else verdict
    change = Change(
        record=record.id,
        state=wanted,
        at=captured.corrected_at,
        trust=captured.trust,
        received_at=captured.received_at,
        operation=operation.id,
        technician=captured.technician,
        lawful=reason is None,
        reason=reason,
    )
    if verdict == "same":
        result = Result(id=operation.id, outcome="merged", version=record.version)
        step = Step(result=result, changes=(change,))
    elif reason is None:
        step = _moved(record, captured, change=change, mark=mark)
    else:
        step = _undecided(record, captured, change=change, marks=(mark, version))
    items = _items(context, operation.template or record.fields.get("template"))
    return msgspec.structs.replace(step, files=_files_beside(operation, items))


def _moved(record: RecordState, captured: Captured, *, change: Change, mark: Mark) -> Step:
    version = record.version + 1
    fields = {**record.fields, "state": change.state}
    touched = {"state": version}
    now = with_fields(record, version, fields=fields, touched=touched, mark=mark)
    result = Result(id=captured.operation.id, outcome="applied", version=version)
    extra = _answers_beside(captured)
    return Step(result=result, record=now, changes=(change,), lost=extra)


def _files_beside(operation: Operation, items: dict[str, Item]) -> tuple[Named, ...]:
    # a file that is named with an end proves it as one that is named in an answer does
    return tuple(
        Named(record=operation.record, field=field, sha256=each)
        for field, value in operation.fields.items()
        for each in files_in(items, field, value=value)
    )


def _answers_beside(captured: Captured) -> tuple[Lost, ...]:
    # a command's own words (a reason, a position) are kept with it, whatever the record shows
    return tuple(
        Lost(
            record=captured.operation.record,
            field=field,
            value=value,
            version=0,
            author=captured.who,
            reason="said_with_command",
            operation=captured.operation.id,
            observed_at=captured.corrected_at,
        )
        for field, value in captured.operation.fields.items()
    )


def _undecided(
    record: RecordState, captured: Captured, *, change: Change, marks: tuple[Mark, int]
) -> Step:
    """Work after a cancel, a second completion, work on a visit that moved on: a person decides."""
    mark, version = marks
    pending = f"{change.reason}:{change.state}"
    known = record.fields.get("pending_decision")
    said = [*(known if isinstance(known, list) else []), pending]
    fields: dict[str, FieldValue] = {**record.fields, "pending_decision": said}
    now = with_fields(
        record, version, fields=fields, touched={"pending_decision": version}, mark=mark
    )
    standing = record.versions.get("state", 0)
    values = (
        Said(value=record.fields.get("state"), version=standing, mark=mark_of(record, standing)),
        Said(value=change.state, version=version, mark=mark),
    )
    conflict = Disagreement(
        record=record.id,
        field="state",
        policy="monotonic_state",
        values=values,
        open=True,
        reason=str(change.reason),
    )
    result = Result(
        id=captured.operation.id, outcome="conflict", code=change.reason, version=version
    )
    return Step(
        result=result,
        record=now,
        changes=(change,),
        disagreements=(conflict,),
        lost=_answers_beside(captured),
    )


def _delete(record: RecordState, captured: Captured) -> Step:
    version = record.version + 1
    now = with_fields(record, version, fields=record.fields, touched={}, mark=_mark(captured))
    now = msgspec.structs.replace(now, deleted=True)
    return Step(
        result=Result(id=captured.operation.id, outcome="applied", version=version), record=now
    )
