"""Core: a record as a reader is sent it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.sync import Change, FieldValue, LeanChange
from sync import cursor

_fields = msgspec.json.Decoder(dict[str, FieldValue])
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_versions = msgspec.json.Decoder(dict[str, int])
_encoder = msgspec.json.Encoder()

Row = Mapping[str, Any]


class _Wire(Change, frozen=True, omit_defaults=True):
    """A change whose values stay the JSON that the database holds: nobody here looks into them."""

    fields: Any = {}


class _Needed(Value, frozen=True):
    """What a reader lacks of a record; `versions` only of fields that differ from the record's."""

    fields: Any
    versions: dict[str, int]
    whole: bool


def encoded(row: Row, place: cursor.Place, *, lean: bool = False) -> msgspec.Raw:
    """A record as JSON, as its reader needs it: only the fields newer than what it has seen."""
    needed = _needed(row, place)
    if lean:
        return msgspec.Raw(_encoder.encode(_listed(row, needed)))
    change = _Wire(
        record=row["id"],
        version=row["version"],
        kind=row["kind"],
        fields=needed.fields,
        versions=needed.versions,
        whole=needed.whole,
        deleted=row["deleted"],
        visit=row["visit_id"],
        premises=row["premises_id"] if needed.whole else None,
    )
    return msgspec.Raw(_encoder.encode(change))


def _needed(row: Row, place: cursor.Place) -> _Needed:
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
    differing = {name: at for name, at in versions.items() if at != version}
    return _Needed(fields=fields, versions=differing, whole=newer is None)


def _listed(row: Row, needed: _Needed) -> list[Any]:
    """The short form: a list that ends where only defaults would follow."""
    own = row["kind"] == "visit"
    said = [
        urlsafe_b64encode(row["id"].bytes)[:22].decode(),
        row["version"],
        needed.fields,
        needed.whole,
        needed.versions,
        row["kind"],
        None if own else row["visit_id"],
        row["premises_id"] if needed.whole and not own else None,
        row["deleted"],
    ]
    while said[-1] in _DEFAULTS[len(said) - 1]:
        said.pop()
    return said


_DEFAULTS: tuple[tuple[Any, ...], ...] = (
    (), (), ({},), (False,), ({},), ("visit",), (None,), (None,), (False,),
)  # fmt: skip
"""What may be left out at each place of the short form."""


def unlisted(short: LeanChange) -> Change:
    """A short form as the change that it stands for; what a reader does with it."""
    record = UUID(bytes=urlsafe_b64decode(short.record + "=="))
    return Change(
        record=record,
        version=short.version,
        kind=short.kind,
        fields=short.fields,
        versions=short.versions,
        whole=short.whole,
        deleted=short.deleted,
        visit=record if short.kind == "visit" else short.visit,
        premises=short.premises,
    )


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
