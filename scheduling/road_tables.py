"""Road services without the network: what each is asked and what its answer says. Pure.

A table is asked for in blocks within a service's limit. A cell that an answer leaves open stays the
great circle's, and is counted: a plan is never without a matrix, and never pretends.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from scheduling.road_memory import Told
from scheduling.travel import (
    GREAT_CIRCLE,
    NO_WAY_SECONDS,
    Matrix,
    Ways,
    between,
    great_circle,
    place_at,
    ways_between,
)
from schemas.base import Place, Value
from schemas.plan import MatrixGiven, Point, Problem, Technician

SECONDS_MAX, METRES_MAX = 86_400, 2_000_000
FAR_METRES = 10**7
Figure = Annotated[float, Meta(ge=0)]
Cell = tuple[int, int]


class Block(Value, frozen=True):
    """A piece of a table: from each origin to each target."""

    origins: tuple[Place, ...]
    targets: tuple[Place, ...]


class Terms(Value, frozen=True):
    """As whom a service is asked, and for which vehicle."""

    profile: str
    key: str = ""


class Ask(Value, frozen=True):
    """A request as a service wants it; a body is JSON and makes it a POST."""

    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes | None = None


class Service(Value, frozen=True):
    """How one kind of road service is asked (block, terms) and read (answer, block).

    `read` raises `msgspec.DecodeError` for what is no answer, and gives cells row by row.
    """

    name: str
    profile: str
    origins_max: int
    targets_max: int
    ask: Callable[[Block, Terms], Ask]
    read: Callable[[bytes, Block], list[list[Cell | None]]]
    shifted: bool = False


class _Osrm(msgspec.Struct):
    code: str
    durations: list[list[Figure | None]]
    distances: list[list[Figure | None]]


class _Hop(msgspec.Struct):
    time: Figure | None = None
    distance: Figure | None = None


class _Valhalla(msgspec.Struct):
    sources_to_targets: list[list[_Hop]]


class _Ors(msgspec.Struct):
    durations: list[list[Figure | None]]
    distances: list[list[Figure | None]]


class _AmapHop(msgspec.Struct):
    origin_id: str
    distance: str = ""
    duration: str = ""
    code: str | None = None


class _Amap(msgspec.Struct):
    status: str
    results: list[_AmapHop]


def _both(block: Block) -> tuple[list[Place], list[int], list[int]]:
    first = len(block.origins)
    last = first + len(block.targets)
    return [*block.origins, *block.targets], list(range(first)), list(range(first, last))


def _lon_lat(place: Place) -> str:
    return f"{place.longitude:.6f},{place.latitude:.6f}"


def _ask_osrm(block: Block, terms: Terms) -> Ask:
    places, origins, targets = _both(block)
    query = {
        "sources": ";".join(map(str, origins)),
        "destinations": ";".join(map(str, targets)),
        "annotations": "duration,distance",
    }
    return Ask(path=f"/table/v1/{terms.profile}/{';'.join(map(_lon_lat, places))}", query=query)


def _read_osrm(answer: bytes, block: Block) -> list[list[Cell | None]]:
    told = msgspec.json.decode(answer, type=_Osrm)
    if told.code != "Ok":
        raise msgspec.ValidationError(told.code)
    return _paired(told.durations, told.distances, block=block)


def _ask_valhalla(block: Block, terms: Terms) -> Ask:
    def spots(places: tuple[Place, ...]) -> list[dict[str, float]]:
        return [{"lat": round(p.latitude, 6), "lon": round(p.longitude, 6)} for p in places]

    body = {
        "sources": spots(block.origins),
        "targets": spots(block.targets),
        "costing": terms.profile,
        "units": "kilometers",
    }
    return Ask(path="/sources_to_targets", body=msgspec.json.encode(body))


def _read_valhalla(answer: bytes, block: Block) -> list[list[Cell | None]]:
    rows = msgspec.json.decode(answer, type=_Valhalla).sources_to_targets
    seconds = [[each.time for each in row] for row in rows]
    # kilometres, however long the request's other figures are
    metres = [[None if e.distance is None else e.distance * 1000 for e in row] for row in rows]
    return _paired(seconds, metres, block=block)


def _ask_ors(block: Block, terms: Terms) -> Ask:
    places, origins, targets = _both(block)
    body = {
        "locations": [[round(p.longitude, 6), round(p.latitude, 6)] for p in places],
        "sources": [str(each) for each in origins],
        "destinations": [str(each) for each in targets],
        "metrics": ["duration", "distance"],
        "units": "m",
    }
    headers = {"authorization": terms.key} if terms.key else {}
    return Ask(path=f"/v2/matrix/{terms.profile}", headers=headers, body=msgspec.json.encode(body))


def _read_ors(answer: bytes, block: Block) -> list[list[Cell | None]]:
    told = msgspec.json.decode(answer, type=_Ors)
    return _paired(told.durations, told.distances, block=block)


def _ask_amap(block: Block, terms: Terms) -> Ask:
    query = {
        "origins": "|".join(map(_lon_lat, block.origins)),
        "destination": _lon_lat(block.targets[0]),
        "type": terms.profile,
        "output": "json",
        "key": terms.key,
    }
    return Ask(path="/v3/distance", query=query)


def _read_amap(answer: bytes, block: Block) -> list[list[Cell | None]]:
    told = msgspec.json.decode(answer, type=_Amap)
    if told.status != "1":
        raise msgspec.ValidationError("refused")
    found: list[list[Cell | None]] = [[None] for _ in block.origins]
    for each in told.results:
        row = int(each.origin_id) - 1 if each.origin_id.isdecimal() else -1
        whole = each.duration.isdecimal() and each.distance.isdecimal()
        if 0 <= row < len(found) and each.code is None and whole:
            found[row] = [_cell(float(each.duration), float(each.distance))]
    return found


def _paired(
    seconds: list[list[Figure | None]], metres: list[list[Figure | None]], *, block: Block
) -> list[list[Cell | None]]:
    wide = len(block.targets)
    shapes = {len(row) for row in (*seconds, *metres)}
    if (len(seconds), len(metres)) != (len(block.origins),) * 2 or shapes != {wide}:
        raise msgspec.ValidationError("a table of another shape")
    return [
        [_cell(one, other) for one, other in zip(*rows, strict=True)]
        for rows in zip(seconds, metres, strict=True)
    ]


def _cell(seconds: float | None, metres: float | None) -> Cell | None:
    if seconds is None or metres is None:
        return None
    # what no day holds is no answer about a day's way
    if not (seconds <= SECONDS_MAX and metres <= METRES_MAX):
        return None
    return round(seconds), round(metres)


SERVICES = {
    each.name: each
    for each in (
        # the limits that these services ship with: 100 x 100, 2,500 pairs, 2,500 pairs, 100 to one
        Service(
            name="osrm", profile="driving", origins_max=50, targets_max=50,
            ask=_ask_osrm, read=_read_osrm,
        ),
        Service(
            name="valhalla", profile="auto", origins_max=50, targets_max=50,
            ask=_ask_valhalla, read=_read_valhalla,
        ),
        Service(
            name="ors", profile="driving-car", origins_max=50, targets_max=50,
            ask=_ask_ors, read=_read_ors,
        ),
        Service(
            name="amap", profile="1", origins_max=100, targets_max=1,
            ask=_ask_amap, read=_read_amap, shifted=True,
        ),
    )
}  # fmt: skip


def places_of(problem: Problem) -> tuple[Place, ...]:
    """Where a day begins, ends and leads, each place once; none where a matrix is given."""
    if problem.matrix is not None:
        return ()
    return tuple(_points(problem))


def guessed(problem: Problem, places: tuple[Place, ...]) -> Matrix:
    """What the great circle says of places: where every table begins."""
    latitudes = np.array([each.latitude for each in places], dtype=np.float64)
    longitudes = np.array([each.longitude for each in places], dtype=np.float64)
    points = _points(problem)
    kmh = np.array([points[each].kmh or problem.speed_kmh for each in places], dtype=np.float64)
    far = great_circle(latitudes, longitudes, speed_kmh=kmh, detour=problem.detour)
    # one point on the other side of the globe must not make a given matrix that is refused
    return Matrix(
        seconds=np.minimum(far.seconds, NO_WAY_SECONDS), metres=np.minimum(far.metres, FAR_METRES)
    )


def with_matrix(problem: Problem, places: tuple[Place, ...], *, matrix: Matrix) -> Problem:
    """The same day over a table of its places; coordinates stay, for maps."""
    rows = {place: row for row, place in enumerate(places)}

    def at(point: Point) -> Point:
        return msgspec.structs.replace(point, index=rows[place_at(point)])

    def person(each: Technician) -> Technician:
        start = at(each.start) if each.start else None
        end = at(each.end) if each.end else None
        return msgspec.structs.replace(each, home=at(each.home), start=start, end=end)

    return msgspec.structs.replace(
        problem,
        technicians=tuple(person(each) for each in problem.technicians),
        jobs=tuple(msgspec.structs.replace(e, place=at(e.place)) for e in problem.jobs),
        matrix=MatrixGiven(
            seconds=tuple(map(tuple, matrix.seconds.tolist())),
            metres=tuple(map(tuple, matrix.metres.tolist())),
        ),
    )


def _points(problem: Problem) -> dict[Place, Point]:
    people = problem.technicians
    ends = [point for each in people for point in (each.home, each.start, each.end) if point]
    # the last word on a place is a job's, which may know how fast people drive there
    return {place_at(each): each for each in [*ends, *(job.place for job in problem.jobs)]}


def along(ways: Ways, problem: Problem) -> Problem:
    """A part of a day over the same ways as the day itself, as a problem that stands alone."""
    if ways.table is None:
        return problem
    places = places_of(problem)
    found = _points(problem)
    part = ways_between([found[each] for each in places], problem, table=ways.table)
    every = np.arange(len(places))
    seconds = between(part, np.repeat(every, len(every)), end=np.tile(every, len(every)))
    square = np.minimum(seconds, NO_WAY_SECONDS).reshape(len(every), len(every)).astype(np.int32)
    # metres are nobody's question while a day is repaired
    return with_matrix(problem, places, matrix=Matrix(seconds=square, metres=square))


class Paved(Value, frozen=True):
    """A day with its ways: who told them, of how many cells, how many are the great circle's after
    all, and how many blocks had to be asked for."""

    problem: Problem
    provider: str
    cells: int = 0
    estimated: int = 0
    asked: int = 0
    told: Told | None = None


def straight(problem: Problem, *, estimated: int = 0) -> Paved:
    """A day without a road service."""
    return Paved(problem=problem, provider=GREAT_CIRCLE, cells=estimated, estimated=estimated)
