"""Travel between points: great circle x detour / speed, or a matrix that was given."""

import numpy as np
from numpy.typing import NDArray

from schemas.base import Value
from schemas.plan import Point, Problem

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG), as geopy's great_circle uses it."""
NO_WAY_SECONDS = 10**7
ROWS_AT_ONCE = 128

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


class Matrix(Value, frozen=True):
    """Whole seconds and metres from each point (row) to each point (column); -1: no way."""

    seconds: Ints
    metres: Ints


class Ways(Value, frozen=True):
    """Travel without a matrix: what a few rows of it would say, worked out when they are asked for.

    Points are radians (phi, lam), or rows of `given`, where a matrix was given.
    """

    phi: Floats
    lam: Floats
    seconds_per_metre: float
    given: NDArray[np.int64] | None = None
    order: NDArray[np.int64] | None = None


def great_circle(
    latitudes: Floats, longitudes: Floats, *, speed_kmh: float = 28.0, detour: float = 1.3
) -> Matrix:
    """Haversine distance, lengthened by the detour of streets, driven at one speed.

    Takes degrees in WGS-84, shape (n,) each; gives (n, n).
    """
    phi, lam = np.radians(latitudes), np.radians(longitudes)
    whole = (len(phi), len(phi))
    found = Matrix(seconds=np.empty(whole, np.int32), metres=np.empty(whole, np.int32))
    # by rows: floats of a whole city at once would be gigabytes, and most of the time
    for first in range(0, len(phi), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        here = (phi[rows, None], lam[rows, None])
        metres = _haversine(here, (phi[None, :], lam[None, :])) * detour
        found.seconds[rows] = np.rint(metres / (speed_kmh / 3.6))
        found.metres[rows] = np.rint(metres)
    return found


def _haversine(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    chord = np.sin((one[0] - other[0]) / 2) ** 2
    chord = chord + np.cos(one[0]) * np.cos(other[0]) * np.sin((one[1] - other[1]) / 2) ** 2
    found: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return found


def metres_between(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """Great-circle metres pair by pair, from degrees (latitudes, longitudes)."""
    start, end = ((np.radians(lat), np.radians(lon)) for lat, lon in (one, other))
    return _haversine(start, end)


def ways_of(problem: Problem) -> Ways:
    """Travel of a problem's points: where its technicians start, where they end, and its jobs in
    order."""
    people = problem.technicians
    points = [
        *(each.start or each.home for each in people),
        *(each.end or each.home for each in people),
        *(each.place for each in problem.jobs),
    ]
    given = problem.matrix
    if given is not None:
        table = np.array(given.seconds, dtype=np.int64)
        return Ways(
            phi=np.zeros(0),
            lam=np.zeros(0),
            seconds_per_metre=0.0,
            given=np.where(table < 0, NO_WAY_SECONDS, table),
            order=np.array([each.index for each in points], dtype=np.int64),
        )
    return Ways(
        phi=np.radians(np.array([each.latitude for each in points], dtype=np.float64)),
        lam=np.radians(np.array([each.longitude for each in points], dtype=np.float64)),
        seconds_per_metre=problem.detour / (problem.speed_kmh / 3.6),
    )


def with_point(ways: Ways, place: Point) -> Ways:
    """The same with one more point at the end."""
    if ways.order is not None:
        order = np.append(ways.order, np.int64(place.index or 0))
        return Ways(
            phi=ways.phi, lam=ways.lam, seconds_per_metre=0.0, given=ways.given, order=order
        )
    return Ways(
        phi=np.append(ways.phi, np.radians(np.float64(place.latitude))),
        lam=np.append(ways.lam, np.radians(np.float64(place.longitude))),
        seconds_per_metre=ways.seconds_per_metre,
    )


def between(ways: Ways, start: NDArray[np.int64], *, end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole seconds from points to points, pair by pair."""
    if ways.given is not None and ways.order is not None:
        return ways.given[ways.order[start], ways.order[end]]
    ends = (ways.phi[end], ways.lam[end])
    metres = _haversine((ways.phi[start], ways.lam[start]), ends)
    return np.rint(metres * ways.seconds_per_metre).astype(np.int64)


def around(ways: Ways, place: Point) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole seconds from every point to a place, and from it to every point."""
    if ways.given is not None and ways.order is not None:
        at = place.index or 0
        return ways.given[ways.order, at], ways.given[at, ways.order]
    here = (np.radians(np.float64(place.latitude)), np.radians(np.float64(place.longitude)))
    metres = _haversine((ways.phi, ways.lam), here)
    seconds = np.rint(metres * ways.seconds_per_metre).astype(np.int64)
    return seconds, seconds
