"""Travel between points: great circle x detour / speed, a table of roads, or a matrix that was
given."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.base import Place, Value
from schemas.plan import Point, Problem

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG), as geopy's great_circle uses it."""
NO_WAY_SECONDS = 10**7
ROWS_AT_ONCE = 128
GREAT_CIRCLE = "great_circle"
CELL_DIGITS = 4
"""Places are told apart by some eleven metres: one door, and one key of the cache."""

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Angle = Floats | np.float64


class Matrix(Value, frozen=True):
    """Whole seconds and metres from each point (row) to each point (column); -1: no way."""

    seconds: Ints
    metres: Ints


class Table(Value, frozen=True):
    """Seconds that a road service told between places; -1 where it did not. `rows` finds a place
    by what stands for everything within its cell."""

    rows: Mapping[Place, int]
    seconds: Ints
    provider: str = GREAT_CIRCLE


class Ways(Value, frozen=True):
    """Travel without a matrix: what a few rows of it would say, worked out when they are asked for.

    Points are radians (phi, lam) with the seconds that a metre to them takes; `order` is their row
    of `given`, or -1. What `given` does not tell is the great circle's. Under a matrix of the
    problem's own nothing is left to tell, and -1 becomes no way.
    """

    phi: Floats
    lam: Floats
    pace: Floats
    speed_kmh: float
    detour: float
    order: Longs
    given: NDArray[np.integer]
    table: Table | None = None

    @property
    def whole(self) -> bool:
        """Whether the problem's own matrix tells everything."""
        return self.table is None and self.given.size > 0


def great_circle(
    latitudes: Floats, longitudes: Floats, *, speed_kmh: float | Floats = 28.0, detour: float = 1.3
) -> Matrix:
    """Haversine distance, lengthened by the detour of streets, driven at one speed, or at that of
    the place where it leads.

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


def _haversine(one: tuple[Angle, Angle], other: tuple[Angle, Angle]) -> Floats:
    chord = np.sin((one[0] - other[0]) / 2) ** 2
    chord = chord + np.cos(one[0]) * np.cos(other[0]) * np.sin((one[1] - other[1]) / 2) ** 2
    found: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return found


def metres_between(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """Great-circle metres pair by pair, from degrees (latitudes, longitudes)."""
    start, end = ((np.radians(lat), np.radians(lon)) for lat, lon in (one, other))
    return _haversine(start, end)


def rounded(place: Place) -> Place:
    """The place that stands for everything within its cell."""
    return Place(
        latitude=round(place.latitude, CELL_DIGITS), longitude=round(place.longitude, CELL_DIGITS)
    )


def place_at(point: Point) -> Place:
    """The place that a point lies in."""
    return rounded(Place(latitude=point.latitude or 0.0, longitude=point.longitude or 0.0))


def ways_of(problem: Problem, table: Table | None = None) -> Ways:
    """Travel of a problem's points: where its technicians start, where they end, and its jobs in
    order; over its own matrix, or over what a table tells and great circles."""
    people = problem.technicians
    points = [
        *(each.start or each.home for each in people),
        *(each.end or each.home for each in people),
        *(each.place for each in problem.jobs),
    ]
    return ways_between(points, problem, table=table)


def ways_between(points: Sequence[Point], problem: Problem, *, table: Table | None = None) -> Ways:
    """Travel of some points under the speeds of a problem."""
    spots = np.array([_degrees(each, table) for each in points], dtype=np.float64).reshape(-1, 2)
    ways = Ways(
        phi=np.radians(spots[:, 0]),
        lam=np.radians(spots[:, 1]),
        pace=problem.detour
        / (np.array([each.kmh or problem.speed_kmh for each in points], dtype=np.float64) / 3.6),
        speed_kmh=problem.speed_kmh,
        detour=problem.detour,
        order=np.full(len(points), -1, dtype=np.int64),
        given=np.zeros((0, 0), dtype=np.int32),
    )
    if problem.matrix is not None:
        told = np.array(problem.matrix.seconds, dtype=np.int64)
        return msgspec.structs.replace(
            ways,
            given=np.where(told < 0, NO_WAY_SECONDS, told),
            order=np.array([each.index for each in points], dtype=np.int64),
        )
    if table is None:
        return ways
    order = np.array([table.rows.get(place_at(each), -1) for each in points], dtype=np.int64)
    return msgspec.structs.replace(ways, given=table.seconds, order=order, table=table)


def with_point(ways: Ways, place: Point) -> Ways:
    """The same with one more point at the end."""
    row, (phi, lam) = _row(ways, place), _radians(ways, place)
    return msgspec.structs.replace(
        ways,
        phi=np.append(ways.phi, phi),
        lam=np.append(ways.lam, lam),
        pace=np.append(ways.pace, _pace(ways, place)),
        order=np.append(ways.order, np.int64(row)),
    )


def between(ways: Ways, start: Longs, *, end: Longs) -> Longs:
    """Whole seconds from points to points, pair by pair."""
    told = _told(ways, ways.order[start], end=ways.order[end])
    if ways.whole and told is not None:
        return told
    metres = _haversine((ways.phi[start], ways.lam[start]), (ways.phi[end], ways.lam[end]))
    circle = np.rint(metres * ways.pace[end]).astype(np.int64)
    return circle if told is None else np.where(told < 0, circle, told)


def around(ways: Ways, place: Point) -> tuple[Longs, Longs]:
    """Whole seconds from every point to a place, and from it to every point."""
    row = np.full_like(ways.order, _row(ways, place))
    told, back = _told(ways, ways.order, end=row), _told(ways, row, end=ways.order)
    if ways.whole and told is not None and back is not None:
        return told, back
    metres = _haversine((ways.phi, ways.lam), _radians(ways, place))
    to = np.rint(metres * _pace(ways, place)).astype(np.int64)
    onward = np.rint(metres * ways.pace).astype(np.int64)
    if told is None or back is None:
        return to, onward
    return np.where(told < 0, to, told), np.where(back < 0, onward, back)


def _told(ways: Ways, start: Longs, *, end: Longs) -> Longs | None:
    """What is given from rows to rows, -1 where nothing is; None where nothing is at all."""
    if not ways.given.size:
        return None
    found = ways.given[start, end].astype(np.int64)
    # a place without a row reads the last one
    return found if ways.whole else np.where((start < 0) | (end < 0), -1, found)


def _row(ways: Ways, place: Point) -> int:
    if ways.table is not None:
        return ways.table.rows.get(place_at(place), -1)
    return (place.index or 0) if ways.whole else -1


def _pace(ways: Ways, place: Point) -> float:
    return ways.detour / ((place.kmh or ways.speed_kmh) / 3.6)


def _degrees(point: Point, table: Table | None) -> tuple[float, float]:
    # beside a table the circle is drawn as the plan drew it: from cell to cell
    if table is None:
        return point.latitude or 0.0, point.longitude or 0.0
    cell = place_at(point)
    return cell.latitude, cell.longitude


def _radians(ways: Ways, place: Point) -> tuple[np.float64, np.float64]:
    latitude, longitude = _degrees(place, ways.table)
    return np.radians(np.float64(latitude)), np.radians(np.float64(longitude))
