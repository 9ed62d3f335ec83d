"""Core: a record between the table and the merge, and the mark of whoever writes from the
office."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from schemas.ambient import Ambient
from schemas.sync import Authorship, FieldValue, Mark, RecordState
from sync.decision import Disagreement, Lost, Said
from sync.policies import OFFICE

_fields = msgspec.json.Decoder(dict[str, FieldValue])
_versions = msgspec.json.Decoder(dict[str, int])
_authors = msgspec.json.Decoder(Authorship)

Row = dict[str, Any]


def state_of(row: Mapping[str, Any]) -> RecordState:
    """A record of the table as the core knows it; JSON columns arrive as text."""
    return RecordState(
        id=row["id"],
        kind=row["kind"],
        visit_id=row["visit_id"],
        premises_id=row["premises_id"],
        version=row["version"],
        fields=_fields.decode(row["fields"]),
        versions=_versions.decode(row["versions"]),
        authors=_authors.decode(row["authors"]),
        deleted=row["deleted"],
    )


def changed_row(state: RecordState) -> Row:
    """The columns that a merge or a decision changes."""
    return {
        "id": state.id,
        "version": state.version,
        "fields": state.fields,
        "versions": state.versions,
        "authors": state.authors,
        "deleted": state.deleted,
    }


def new_row(state: RecordState, unit_id: str) -> Row:
    """A whole row, for a record that is new."""
    return changed_row(state) | {
        "unit_id": unit_id,
        "kind": state.kind,
        "visit_id": state.visit_id,
        "premises_id": state.premises_id,
    }


def history_row(lost: Lost, *, at: tuple[str, datetime]) -> Row:
    """A value that is no longer effective, in a unit, at the instant it arrived."""
    unit_id, received_at = at
    return {
        "unit_id": unit_id,
        "record_id": lost.record,
        "field": lost.field,
        "value": lost.value,
        "version": lost.version,
        "author": lost.author,
        "reason": lost.reason,
        "operation_id": lost.operation,
        "observed_at": lost.observed_at,
        "received_at": received_at,
    }


def conflict_row(each: Disagreement, cause: UUID, *, at: tuple[str, datetime]) -> Row:
    """A disagreement with every value; `cause` is what brought it up (an operation, a version)."""
    unit_id, now = at
    return {
        "id": uuid5(each.record, f"{each.field}:{cause}"),
        "unit_id": unit_id,
        "record_id": each.record,
        "field": each.field,
        "policy": each.policy,
        "values": [_said(value, received_at=now) for value in each.values],
        "status": "open" if each.open else "resolved",
        "auto_resolved": not each.open,
        "resolution": None if each.open else {"by": "policy", "policy": each.policy},
        "opened_at": now,
        "closed_at": None if each.open else now,
        "closed_by": None if each.open else "policy",
    }


def _said(value: Said, *, received_at: datetime) -> Row:
    return {
        "value": value.value,
        "author": value.mark.who,
        "by": value.mark.by,
        "version": value.version,
        "n": value.mark.n,
        "at_ms": value.mark.at_ms,
        "trust": value.mark.trust,
        "received_at": received_at,
    }


def quarantine_row(
    payload: bytes, of: tuple[UUID | None, str], *, tablet: tuple[str, UUID], ambient: Ambient
) -> Row:
    """What could not be applied, with its bytes; `of` is the operation's id and the code, `tablet`
    the unit and the tablet it came from."""
    operation_id, code = of
    unit_id, tablet_id = tablet
    return {
        "id": ambient.new_id(),
        "unit_id": unit_id,
        "tablet_id": tablet_id,
        "operation_id": operation_id,
        "code": code,
        "payload": payload,
        "payload_hash": hashlib.sha256(payload).hexdigest(),
        "received_at": ambient.now,
    }


def office_mark(name: str, at: datetime) -> Mark:
    """A named person at the office; edits number themselves by the clock, so a later one replaces
    an earlier."""
    at_ms = int(at.timestamp() * 1000)
    return Mark(by=OFFICE, who=name, n=at_ms, at_ms=at_ms, trust="verified")
