"""What has to be true once everything has healed (trust.md)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from schemas.sync import FieldValue, Operation
from sync.lifecycle import COMPLETED
from sync.rows import state_of
from sync.template import items_by_code, severity
from tests.simulation.device import Device
from tests.simulation.scene import LIBRARY, Server

_plain = msgspec.json.Encoder(order="deterministic")
TRUSTED = timedelta(seconds=125)
"""How far a time that is marked as verified may be from the truth."""


class Finding(msgspec.Struct, frozen=True):
    """A broken invariant."""

    invariant: str
    what: str


def judge(server: Server, devices: list[Device]) -> list[Finding]:
    """Every broken invariant after healing."""
    said = {key: pair for each in devices for key, pair in each.said.items()}
    return [
        *_converged(server, devices),
        *_kept(server, said),
        *_acknowledged(server, devices),
        *_values(server, said),
        *_positions(server),
        *_completed_once(server),
        *_times(server, said),
        *_masked(server),
    ]


def _converged(server: Server, devices: list[Device]) -> Iterator[Finding]:
    """I1: each tablet shows what the server holds, of exactly the records in its mailbox."""
    t = server.store.tables
    for each in devices:
        box = server.box(each.sender.technician_id)
        held = {record for (b, record), row in t.entries.items() if b == box and not row["forget"]}
        shown = {UUID(key) for key in each.memory.records}
        if shown != held:
            yield Finding("I1", f"{len(shown - held)} too many, {len(held - shown)} missing")
        for record in shown & held:
            fields = _record(server, record).fields
            if _bytes(each.memory.records[str(record)].fields) != _bytes(fields):
                yield Finding("I1", f"{record} differs: {_differs(each, record, fields)}")
        if each.memory.outbox:
            yield Finding("I16", f"{len(each.memory.outbox)} never left")


def _differs(device: Device, record: UUID, fields: dict[str, FieldValue]) -> list[Any]:
    mine = device.memory.records[str(record)].fields
    return [
        (k, mine.get(k), fields.get(k)) for k in {*mine, *fields} if mine.get(k) != fields.get(k)
    ]


def _kept(server: Server, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I2: what a tablet told its user is saved can be shown to a person."""
    t = server.store.tables
    quarantined = {row["operation_id"] for row in t.quarantine.values()}
    for key in said:
        if key not in t.operations and key not in quarantined:
            yield Finding("I2", f"operation {key} is nowhere")


def _acknowledged(server: Server, devices: list[Device]) -> Iterator[Finding]:
    """I4: an outcome that a tablet has seen is what the server holds."""
    t = server.store.tables
    quarantined = {row["operation_id"] for row in t.quarantine.values()}
    for each in devices:
        for key, outcome in each.memory.outcomes.items():
            kept = UUID(key) in t.operations or UUID(key) in quarantined
            if outcome != "quarantined" and not kept:
                yield Finding("I4", f"{outcome} {key} was acknowledged and is gone")


def _values(server: Server, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I2: every value of an accepted answer stands, stands beside another, or is history."""
    t = server.store.tables
    history = {(row["record_id"], row["field"], _bytes(row["value"])) for row in t.history}
    for key, (operation, _) in said.items():
        row = t.operations.get(key)
        if row is None or row["outcome"] not in ("applied", "merged", "conflict"):
            continue
        for field, value in operation.fields.items():
            if (operation.record, field, _bytes(value)) in history:
                continue
            if not _stands(server, operation, field=field, value=value):
                yield Finding("I2", f"{field}={value!r} of {key} ({row['outcome']}) is nowhere")


def _stands(server: Server, operation: Operation, *, field: str, value: FieldValue) -> bool:
    state = _record(server, operation.record)
    live = [state.fields.get(field), *(r.value for r in state.authors.rivals.get(field, ()))]
    return any(_bytes(each) == _bytes(value) for each in live)


def _positions(server: Server) -> Iterator[Finding]:
    """I5, I6: positions of a mailbox are unique and end at its counter."""
    t = server.store.tables
    for box in t.mailboxes:
        at = [row["position"] for (b, _), row in t.entries.items() if b == box]
        if len(at) != len(set(at)) or (at and max(at) > t.mailboxes[box]["position"]):
            yield Finding("I5", f"positions of {box}: {sorted(at)}")


def _completed_once(server: Server) -> Iterator[Finding]:
    """I11: at most one accepted completion a visit; a further one waits for a person."""
    done: dict[UUID, set[str]] = {}
    for row in server.store.tables.operations.values():
        operation = msgspec.json.decode(bytes(row["payload"]))
        if operation.get("command") in COMPLETED and row["outcome"] == "applied":
            done.setdefault(row["record_id"], set()).add(str(row["id"]))
    for record, operations in done.items():
        if len(operations) > 1:
            yield Finding("I11", f"{record} was completed {len(operations)} times")


def _times(server: Server, said: dict[UUID, Any]) -> Iterator[Finding]:
    """I18: a time marked as verified is true, and none is later than its arrival."""
    for key, (_, true) in said.items():
        row = server.store.tables.operations.get(key)
        if row is None:
            continue
        if row["corrected_at"] > row["received_at"]:
            yield Finding("I18", f"{key} came from the future")
        if row["trust"] == "verified" and abs(row["corrected_at"] - true) > TRUSTED:
            yield Finding("I18", f"{key} is off by {row['corrected_at'] - true} and trusted")


def _masked(server: Server) -> Iterator[Finding]:
    """I19: no merge lowers what somebody found; two different words on a danger are shown."""
    t = server.store.tables
    latest: dict[tuple[UUID, str], dict[UUID, tuple[int, FieldValue]]] = {}
    for row in t.operations.values():
        operation = msgspec.json.decode(bytes(row["payload"]), type=Operation)
        if row["outcome"] not in ("applied", "merged", "conflict"):
            continue
        for field, value in operation.fields.items():
            mine = latest.setdefault((operation.record, field), {})
            if mine.get(row["tablet_id"], (0, None))[0] < operation.n:
                mine[row["tablet_id"]] = (operation.n, value)
    for (record, field), by_tablet in latest.items():
        state = _record(server, record)
        template = LIBRARY.templates.get(str(state.fields.get("template")))
        items = items_by_code(template) if template else {}
        if field not in items or items[field].policy != "severity_max":
            continue
        grades = {severity(items, field, value=value) for _, value in by_tablet.values()}
        if severity(items, field, value=state.fields.get(field)) < max(grades):
            yield Finding("I19", f"{record} {field} shows {state.fields.get(field)!r}: {by_tablet}")


def _record(server: Server, record: UUID) -> Any:
    row = server.store.tables.records[record]
    text = {k: msgspec.json.encode(row[k]).decode() for k in ("fields", "versions", "authors")}
    return state_of({**row, **text})


def _bytes(value: Any) -> bytes:
    return _plain.encode(value)
