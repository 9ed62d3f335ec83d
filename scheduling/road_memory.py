"""What a road service told, remembered: the plan's ways for the live day, and a cache for the next
plan. Pure.

A unit has one table, square and bounded. What it does not tell is the great circle's.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from scheduling.travel import Table
from schemas.base import Place, Value

PLACES_KEPT = 2_000
"""How many places a unit's table remembers; the square of it is what is stored."""
KEPT_FOR = timedelta(days=30)
"""Streets change: a table as old as that is asked for anew."""
PACKING = 1
Ints = NDArray[np.int32]
NOTHING = np.zeros((0, 0), dtype=np.int32)


class Told(Value, frozen=True):
    """What a service told of the ways between places: seconds and metres; -1 where it did not."""

    provider: str
    places: tuple[Place, ...]
    seconds: Ints
    metres: Ints
    since: datetime | None = None

    def table(self) -> Table:
        """The same, to be looked up."""
        rows = {place: row for row, place in enumerate(self.places)}
        return Table(rows=rows, seconds=self.seconds, provider=self.provider)

    def says_something(self) -> bool:
        """Whether any way between two places is known."""
        return bool(((self.seconds >= 0) & ~np.eye(len(self.places), dtype=np.bool_)).any())


def still_good(known: Told | None, now: datetime) -> Told | None:
    """What is remembered, unless it has grown too old."""
    if known is None or known.since is None or now - known.since > KEPT_FOR:
        return None
    return known


def merged(known: Told | None, told: Told, *, most: int = PLACES_KEPT) -> Told:
    """What is known after a service was asked once more: the new word counts, an old one stays
    where there is none, and beyond `most` places the oldest are forgotten."""
    if known is None or known.provider != told.provider:
        known = msgspec.structs.replace(told, places=(), seconds=NOTHING, metres=NOTHING)
    new = set(told.places)
    places = (*told.places, *(each for each in known.places if each not in new))[:most]
    rows = {place: row for row, place in enumerate(places)}
    seconds = metres = np.full((len(places), len(places)), -1, dtype=np.int32)
    for source in (known, told):
        seconds, metres = laid_over((seconds, metres), source, rows=rows)
    return Told(
        provider=told.provider,
        places=places,
        seconds=seconds,
        metres=metres,
        since=known.since or told.since,
    )


def laid_over(
    tables: tuple[Ints, Ints], source: Told, *, rows: Mapping[Place, int]
) -> tuple[Ints, Ints]:
    """Tables of the places in `rows` with what a source tells of them written over."""
    kept = [row for row, place in enumerate(source.places) if place in rows]
    to = np.ix_(*2 * ([rows[source.places[row]] for row in kept],))
    found = []
    for table, told in zip(tables, (source.seconds, source.metres), strict=True):
        part, made = told[np.ix_(kept, kept)], table.copy()
        made[to] = np.where(part < 0, made[to], part)
        found.append(made)
    return found[0], found[1]


def packed(told: Told) -> dict[str, Any]:
    """The columns of a stored table."""
    places = np.array([(e.latitude, e.longitude) for e in told.places], dtype=np.float64)
    return {
        "provider": told.provider,
        "places": zlib.compress(places.tobytes(), PACKING),
        "seconds": zlib.compress(told.seconds.astype(np.int32).tobytes(), PACKING),
        "metres": zlib.compress(told.metres.astype(np.int32).tobytes(), PACKING),
        "since": told.since,
    }


def unpacked(row: Mapping[str, Any]) -> Told:
    """A table as it was stored."""
    places = np.frombuffer(zlib.decompress(row["places"]), dtype=np.float64).reshape(-1, 2)
    shape = (len(places), len(places))
    return Told(
        provider=row["provider"],
        places=tuple(Place(latitude=lat, longitude=lon) for lat, lon in places.tolist()),
        seconds=np.frombuffer(zlib.decompress(row["seconds"]), dtype=np.int32).reshape(shape),
        metres=np.frombuffer(zlib.decompress(row["metres"]), dtype=np.int32).reshape(shape),
        since=row["since"],
    )
