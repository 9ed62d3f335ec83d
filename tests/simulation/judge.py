"""What has to be true once everything has healed (trust.md)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from schemas.sync import FieldValue, Operation
from storage.memory import Tables
from sync.lifecycle import ENDED
from sync.rows import state_of
from sync.template import SUPPLY, items_by_code, severity
from tests.simulation.device import Device
from tests.simulation.scene import LIBRARY

_plain = msgspec.json.Encoder(order="deterministic")
TRUSTED = timedelta(seconds=125)
"""How far a time that is marked as verified may be from the truth."""


class Finding(msgspec.Struct, frozen=True):
    """A broken invariant."""

    invariant: str
    what: str


def judge(t: Tables, boxes: dict[UUID, UUID], *, devices: list[Device]) -> list[Finding]:
    """Every broken invariant after healing; `boxes` are mailboxes by technician."""
    said = {key: pair for each in devices for key, pair in each.said.items()}
    return [
        *_converged(t, boxes, devices=devices),
        *_kept(t, said),
        *_acknowledged(t, devices),
        *_values(t, said),
        *_positions(t),
        *_completed_once(t),
        *_times(t, said),
        *_masked(t),
        *_gas(t),
    ]


def vanished(device: Device, sent: list[Operation]) -> Iterator[Finding]:
    """I19: what was sent alone stays on the screen of whoever said it, until the record comes."""
    kept = [each for each in sent if device.memory.outcomes[str(each.id)] != "quarantined"]
    last = {(each.record, field): value for each in kept for field, value in each.fields.items()}
    later = {(each.record, field) for each in device.memory.outbox for field in each.fields}
    for (record, field), value in last.items():
        shown = device.memory.shown(str(record)).get(field)
        # what went to somebody else is forgotten once everything on it is sent
        here = str(record) in device.memory.records and (record, field) not in later
        if here and shown != value:
            yield Finding("I19", f"{record} {field}: {value!r} was sent, {shown!r} is shown")


def _converged(t: Tables, boxes: dict[UUID, UUID], *, devices: list[Device]) -> Iterator[Finding]:
    """I1: each tablet shows what the server holds, of exactly the records in its mailbox."""
    for each in devices:
        if each.finished or each.dismissed:
            # it is told nothing any more
            continue
        box = boxes[each.sender.technician_id]
        held = {record for (b, record), row in t.entries.items() if b == box and not row["forget"]}
        shown = {UUID(key) for key in each.memory.records}
        if shown != held:
            yield Finding("I1", f"{len(shown - held)} too many, {len(held - shown)} missing")
        for record in shown & held:
            fields = _record(t, record).fields
            if _bytes(each.memory.records[str(record)].fields) != _bytes(fields):
                yield Finding("I1", f"{record} differs: {_differs(each, record, fields)}")
        if each.memory.outbox:
            yield Finding("I16", f"{len(each.memory.outbox)} never left")


def _differs(device: Device, record: UUID, fields: dict[str, FieldValue]) -> list[Any]:
    mine = device.memory.records[str(record)].fields
    return [
        (k, mine.get(k), fields.get(k)) for k in {*mine, *fields} if mine.get(k) != fields.get(k)
    ]


def _kept(t: Tables, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I2: what a tablet told its user is saved can be shown to a person."""
    quarantined = {row["operation_id"] for row in t.quarantine.values()}
    for key in said:
        if key not in t.operations and key not in quarantined:
            yield Finding("I2", f"operation {key} is nowhere")


def _acknowledged(t: Tables, devices: list[Device]) -> Iterator[Finding]:
    """I4: an outcome that a tablet has seen is what the server holds."""
    quarantined = {row["operation_id"] for row in t.quarantine.values()}
    for each in devices:
        for key, outcome in each.memory.outcomes.items():
            kept = UUID(key) in t.operations or UUID(key) in quarantined
            if outcome != "quarantined" and not kept:
                yield Finding("I4", f"{outcome} {key} was acknowledged and is gone")


def _values(t: Tables, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I2: every value of an accepted answer stands, stands beside another, or is history."""
    history = {(row["record_id"], row["field"], _bytes(row["value"])) for row in t.history}
    for key, (operation, _) in said.items():
        row = t.operations.get(key)
        if row is None or row["outcome"] not in ("applied", "merged", "conflict"):
            continue
        for field, value in operation.fields.items():
            if (operation.record, field, _bytes(value)) in history:
                continue
            if not _stands(t, operation, field=field, value=value):
                yield Finding("I2", f"{field}={value!r} of {key} ({row['outcome']}) is nowhere")


def _stands(t: Tables, operation: Operation, *, field: str, value: FieldValue) -> bool:
    state = _record(t, operation.record)
    live = [state.fields.get(field), *(r.value for r in state.authors.rivals.get(field, ()))]
    return any(_bytes(each) == _bytes(value) for each in live)


def _positions(t: Tables) -> Iterator[Finding]:
    """I5, I6: positions of a mailbox are unique and end at its counter."""
    for box in t.mailboxes:
        at = [row["position"] for (b, _), row in t.entries.items() if b == box]
        if len(at) != len(set(at)) or (at and max(at) > t.mailboxes[box]["position"]):
            yield Finding("I5", f"positions of {box}: {sorted(at)}")


def _completed_once(t: Tables) -> Iterator[Finding]:
    """I11: at most one accepted end a visit; a further one waits for a person."""
    done: dict[UUID, set[str]] = {}
    for row in t.operations.values():
        operation = msgspec.json.decode(row["payload"])
        if operation.get("command") in ENDED and row["outcome"] == "applied":
            done.setdefault(row["record_id"], set()).add(str(row["id"]))
    for record, operations in done.items():
        if len(operations) > 1:
            yield Finding("I11", f"{record} was completed {len(operations)} times")


def _times(t: Tables, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I18: a time marked as verified is true, and none is later than its arrival."""
    for key, (_, true) in said.items():
        row = t.operations.get(key)
        if row is None:
            continue
        if row["corrected_at"] > row["received_at"]:
            yield Finding("I18", f"{key} came from the future")
        if row["trust"] == "verified" and abs(row["corrected_at"] - true) > TRUSTED:
            yield Finding("I18", f"{key} is off by {row['corrected_at'] - true} and trusted")


def _masked(t: Tables) -> Iterator[Finding]:
    """I19: no merge lowers what somebody found; two different words on a danger are shown."""
    latest: dict[tuple[UUID, str], dict[UUID, tuple[int, FieldValue]]] = {}
    for row in t.operations.values():
        operation = msgspec.json.decode(row["payload"], type=Operation)
        if row["outcome"] not in ("applied", "merged", "conflict"):
            continue
        for field, value in operation.fields.items():
            mine = latest.setdefault((operation.record, field), {})
            if mine.get(row["tablet_id"], (0, None))[0] < operation.n:
                mine[row["tablet_id"]] = (operation.n, value)
    for (record, field), by_tablet in latest.items():
        state = _record(t, record)
        template = LIBRARY.templates.get(str(state.fields.get("template")))
        items = items_by_code(template) if template else {}
        if field not in items or items[field].policy != "severity_max":
            continue
        grades = {severity(items, field, value=value) for _, value in by_tablet.values()}
        if severity(items, field, value=state.fields.get(field)) < max(grades):
            yield Finding("I19", f"{record} {field} shows {state.fields.get(field)!r}: {by_tablet}")


def _gas(t: Tables) -> Iterator[Finding]:
    """I19: gas that somebody shut off is on only where somebody proved it after."""
    for word in t.supply_words.values():
        stands = SUPPLY[t.supply.get(word["premises_id"], "on")]
        if SUPPLY[word["state"]] <= stands:
            continue
        opened = [
            each
            for each in t.supply_words.values()
            if each["premises_id"] == word["premises_id"]
            and SUPPLY[each["state"]] < SUPPLY[word["state"]]
            and _proves(t, each, word)
        ]
        if not opened:
            yield Finding("I19", f"gas of {word['premises_id']} is on, nobody proved it")


def _proves(t: Tables, opening: Any, closing: Any) -> bool:
    own = opening["tablet_id"] == closing["tablet_id"] and opening["n"] > closing["n"]
    sure = opening["trust"] == closing["trust"] == "verified" and opening["at"] >= closing["at"]
    state = _record(t, opening["record_id"])
    template = LIBRARY.templates.get(str(state.fields.get("template")))
    items = items_by_code(template) if template else {}
    found = [
        row["item"]
        for row in t.hazards.values()
        if row["premises_id"] == opening["premises_id"]
        and row["grade"] == "critical"
        and row["found_at"] <= opening["at"]
    ]
    return (own or sure) and all(
        severity(items, item, value=state.fields.get(item)) <= 0 for item in found
    )


def _record(t: Tables, record: UUID) -> Any:
    row = t.records[record]
    text = {k: msgspec.json.encode(row[k]).decode() for k in ("fields", "versions", "authors")}
    return state_of({**row, **text})


def _bytes(value: Any) -> bytes:
    return _plain.encode(value)
