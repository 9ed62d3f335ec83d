"""How fast people really drive, learned from visits that were done: by area, by hour, and on the
whole.

A leg is the way from one door to the next on one day. Its speed is great-circle distance times the
detour of streets over the time between leaving and arriving. The median of a cell is drawn towards
the usual speed as if that had been seen `USUAL_LEGS` times, so that three legs prove nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from schemas.base import Value

USUAL_KMH, DETOUR = 28.0, 1.3
USUAL_LEGS = 20
METRES_MIN, METRES_MAX = 300.0, 30_000.0
"""Shorter ways are walked, longer ones are no way between two doors."""
KMH_MIN, KMH_MAX = 4.0, 90.0
"""Slower means that somebody waited or ate, faster that a clock was wrong."""
Cell = tuple[str, int]
"""Area and hour."""
WHOLE: Cell = ("", -1)
NO_AREA = "-"


class Leg(Value, frozen=True):
    """A way that was driven: metres as the crow flies, seconds, where it ended and at which
    hour."""

    metres: float
    seconds: float
    area: str
    hour: int


class Speed(Value, frozen=True):
    """What was learned of an area at an hour; area "" is everywhere, hour -1 always."""

    area: str
    hour: int
    kmh: float
    samples: int


def speed_at(known: Mapping[Cell, float], area: str | None, *, hour: int | None) -> float | None:
    """The speed of the nearest cell that is known: area and hour, area, hour. The whole is the
    problem's own and told by None."""
    where = area or NO_AREA
    at = -1 if hour is None else hour
    cells = ((where, at), (where, -1), ("", at))
    return next((known[each] for each in cells if each in known and each != WHOLE), None)


def learned(legs: Iterable[Leg]) -> tuple[Speed, ...]:
    """Speeds of every cell that a leg ended in, of every area, and of the whole."""
    cells: dict[tuple[str, int], list[float]] = {}
    for leg in legs:
        kmh = _kmh(leg)
        if kmh is not None:
            for cell in ((leg.area, leg.hour), (leg.area, -1), ("", leg.hour), WHOLE):
                cells.setdefault(cell, []).append(kmh)
    return tuple(
        Speed(area=area, hour=hour, kmh=_drawn(seen), samples=len(seen))
        for (area, hour), seen in sorted(cells.items())
    )


def _kmh(leg: Leg) -> float | None:
    if not METRES_MIN <= leg.metres <= METRES_MAX or leg.seconds <= 0:
        return None
    kmh = leg.metres * DETOUR / leg.seconds * 3.6
    return kmh if KMH_MIN <= kmh <= KMH_MAX else None


def _drawn(seen: Sequence[float]) -> float:
    weight = len(seen) / (len(seen) + USUAL_LEGS)
    return round(weight * median(seen) + (1 - weight) * USUAL_KMH, 1)
