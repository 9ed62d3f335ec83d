"""Core: a record as a reader is sent it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.sync import Change, FieldValue
from sync import cursor

_fields = msgspec.json.Decoder(dict[str, FieldValue])
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_versions = msgspec.json.Decoder(dict[str, int])
_encoder = msgspec.json.Encoder()

Row = Mapping[str, Any]


class _Wire(Change, frozen=True, omit_defaults=True):
    """A change whose values stay the JSON that the database holds: nobody here looks into them."""

    fields: Any = {}


def encoded(row: Row, place: cursor.Place) -> msgspec.Raw:
    """A record as JSON, as its reader needs it: only the fields newer than what it has seen."""
    versions = _versions.decode(row["versions"])
    seen = cursor.seen_version(row["trail"], place, position=row["position"])
    newer = cursor.newer_fields(versions, seen)
    if newer is None:
        fields: Any = msgspec.Raw(row["fields"].encode())
    else:
        held = _raw_fields.decode(row["fields"])
        fields = {name: held.get(name) for name in newer}
        versions = {name: versions[name] for name in newer}
    version = row["version"]
    change = _Wire(
        record=row["id"],
        version=version,
        kind=row["kind"],
        fields=fields,
        versions={name: at for name, at in versions.items() if at != version},
        whole=newer is None,
        deleted=row["deleted"],
        visit=row["visit_id"],
        premises=row["premises_id"] if newer is None else None,
    )
    return msgspec.Raw(_encoder.encode(change))


def whole(row: Row) -> Change:
    """A record with everything it has."""
    version, versions = row["version"], _versions.decode(row["versions"])
    return Change(
        record=row["id"],
        version=version,
        kind=row["kind"],
        fields=_fields.decode(row["fields"]),
        versions={name: at for name, at in versions.items() if at != version},
        whole=True,
        deleted=row["deleted"],
        visit=row["visit_id"],
        premises=row["premises_id"],
    )
