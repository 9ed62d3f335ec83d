"""Core: a record as a reader is sent it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.sync import Change, FieldValue
from sync import cursor

_fields = msgspec.json.Decoder(dict[str, FieldValue])
_versions = msgspec.json.Decoder(dict[str, int])

Row = Mapping[str, Any]


def change_of(row: Row, place: cursor.Place) -> Change:
    """A record as the reader needs it: only the fields that are newer than what it has seen."""
    fields, versions = _fields.decode(row["fields"]), _versions.decode(row["versions"])
    seen = cursor.seen_version(row["trail"], place, position=row["position"])
    newer = cursor.newer_fields(versions, seen)
    shown = fields if newer is None else {name: fields.get(name) for name in newer}
    named = versions if newer is None else {name: versions[name] for name in newer}
    version = row["version"]
    return Change(
        record=row["id"],
        version=version,
        kind=row["kind"],
        fields=shown,
        versions={name: at for name, at in named.items() if at != version},
        whole=newer is None,
        deleted=row["deleted"],
        visit=row["visit_id"],
        premises=row["premises_id"] if newer is None else None,
    )


def whole(row: Row) -> Change:
    """A record with everything it has."""
    return change_of({**row, "trail": (), "position": 0}, cursor.Place(at=0, end=0))
