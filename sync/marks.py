"""Core: what about a day's visits deserves a second look, with the reason. Never a refusal.

Positions come with a command as `position` (`lat`, `lon`, `accuracy_m`, WGS-84); instruments as the
`instrument` of a composite answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import nan
from uuid import UUID

from geopy.distance import great_circle

from schemas.base import Value
from schemas.safety import MarkKind, ReviewMark
from schemas.sync import Operation
from sync.template import hashes_in

FAR_METRES = 300.0
"""Beside what the receiver itself says it may be off."""
FAST_KMH = 150.0
NEAR_METRES = 500.0
"""Two readings of one receiver that are nearer than this say nothing about a speed."""

Place = tuple[float, float]


class Seen(Value, frozen=True):
    """One operation on a visit, with who, when, and where the premises are."""

    operation: Operation
    visit: UUID
    tablet: UUID
    technician: str
    at: datetime
    home: Place | None


def marks(seen: Sequence[Seen], *, named: Mapping[str, set[UUID]]) -> list[ReviewMark]:
    """Every mark of a day; `named` says which visits, whenever, name a file."""
    return [*_files(seen, named), *_far(seen), *_fast(seen), *_instruments(seen)]


def files_of(operation: Operation) -> set[str]:
    """Files that an operation names: photos of answers, of a door that nobody opened, signatures."""
    return {each for value in operation.fields.values() for each in hashes_in(value)}


def _files(seen: Sequence[Seen], named: Mapping[str, set[UUID]]) -> Iterable[ReviewMark]:
    for each in seen:
        for sha256 in sorted(files_of(each.operation)):
            others = sorted(named.get(sha256, set()) - {each.visit})
            if others:
                signed = each.operation.fields.get("signature") == sha256
                kind: MarkKind = "same_signature" if signed else "same_photo"
                yield _mark(kind, each, other=others[0], sha256=sha256)


def _far(seen: Sequence[Seen]) -> Iterable[ReviewMark]:
    for each in seen:
        found = _position(each.operation)
        if found is None or each.home is None:
            continue
        place, accuracy = found
        away = metres(place, each.home)
        if away > FAR_METRES + accuracy:
            yield _mark("far_from_address", each, other=None, metres=round(away))


def _fast(seen: Sequence[Seen]) -> Iterable[ReviewMark]:
    last: dict[UUID, tuple[Seen, Place]] = {}
    for each in sorted(seen, key=lambda one: one.at):
        found = _position(each.operation)
        if found is None:
            continue
        place, accuracy = found
        before = last.get(each.tablet)
        if before is not None:
            away = metres(before[1], place) - accuracy
            hours = (each.at - before[0].at).total_seconds() / 3600
            if away > NEAR_METRES and (hours <= 0 or away / 1000 / hours > FAST_KMH):
                kmh = round(away / 1000 / hours) if hours > 0 else 0
                yield _mark("impossible_speed", each, other=before[0].visit, kmh=kmh)
        last[each.tablet] = (each, place)


def _instruments(seen: Sequence[Seen]) -> Iterable[ReviewMark]:
    last: dict[str, Seen] = {}
    for each in sorted(seen, key=lambda one: one.at):
        for serial in _serials(each.operation):
            before = last.get(serial)
            if before is not None and before.home and each.home and before.tablet != each.tablet:
                away = metres(before.home, each.home)
                hours = max((each.at - before.at).total_seconds() / 3600, 1 / 60)
                if away > NEAR_METRES and away / 1000 / hours > FAST_KMH:
                    yield _mark(
                        "instrument_in_two_places", each, other=before.visit, instrument=serial
                    )
            last[serial] = each


def _serials(operation: Operation) -> list[str]:
    named = (each.get("instrument") for each in operation.fields.values() if isinstance(each, dict))
    return [each for each in named if isinstance(each, str)]


def _position(operation: Operation) -> tuple[Place, float] | None:
    value = operation.fields.get("position")
    if not isinstance(value, dict):
        return None
    numbers = [value.get(name, 0) for name in ("lat", "lon", "accuracy_m")]
    if "lat" not in value or "lon" not in value:
        return None
    lat, lon, accuracy = (float(n) if isinstance(n, int | float) else nan for n in numbers)
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and accuracy >= 0):
        return None
    return (lat, lon), accuracy


def metres(one: Place, other: Place) -> float:
    """Great-circle distance."""
    found: float = great_circle(one, other).meters
    return found


def _mark(kind: MarkKind, each: Seen, *, other: UUID | None, **detail: float | str) -> ReviewMark:
    return ReviewMark(
        kind=kind,
        visit=each.visit,
        other=other,
        technician=each.technician,
        at=each.at,
        detail=detail,
    )
