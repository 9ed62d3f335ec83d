"""Core: a record between the table and the merge, and the mark of whoever writes from the
office."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from schemas.sync import Authorship, FieldValue, Mark, RecordState
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


def office_mark(name: str, at: datetime) -> Mark:
    """A named person at the office; edits number themselves by the clock, so a later one replaces
    an earlier."""
    at_ms = int(at.timestamp() * 1000)
    return Mark(by=OFFICE, who=name, n=at_ms, at_ms=at_ms, trust="verified")
