"""GCJ-02 to WGS-84 and back.

Chinese map services shift every point of the mainland by some 300 to 700 m. Inside we keep WGS-84,
so the shift is undone at the edge (ADR 9) and what was given is kept beside it.
"""

from math import cos, pi, sin, sqrt

from schemas.base import Place

# the ellipsoid that the published shift is defined on: Krasovsky 1940, metres
AXIS_METRES = 6_378_245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323
# a rectangle, because the services themselves shift by a rectangle and not by the border
LONGITUDES = (72.004, 137.8347)
LATITUDES = (0.8293, 55.8271)
DEGREES_CLOSE = 1e-9
ROUNDS_MAX = 30


def shifted(place: Place) -> bool:
    """Whether the Chinese shift applies where this place lies."""
    return (
        LONGITUDES[0] <= place.longitude <= LONGITUDES[1]
        and LATITUDES[0] <= place.latitude <= LATITUDES[1]
    )


def to_gcj02(place: Place) -> Place:
    """The point that a Chinese map shows for a WGS-84 position."""
    if not shifted(place):
        return place
    north, east = _shift(place.latitude, place.longitude)
    return Place(latitude=place.latitude + north, longitude=place.longitude + east)


def to_wgs84(given: Place) -> Place:
    """The WGS-84 position behind a point of a Chinese map, to within a millimetre.

    The shift has no inverse in closed form. It changes slowly, so taking off the error of the
    last guess converges by two to three digits a round.
    """
    if not shifted(given):
        return given
    latitude, longitude = given.latitude, given.longitude
    for _ in range(ROUNDS_MAX):
        north, east = _shift(latitude, longitude)
        off_north = latitude + north - given.latitude
        off_east = longitude + east - given.longitude
        latitude, longitude = latitude - off_north, longitude - off_east
        if abs(off_north) < DEGREES_CLOSE and abs(off_east) < DEGREES_CLOSE:
            break
    return Place(latitude=latitude, longitude=longitude)


def _shift(latitude: float, longitude: float) -> tuple[float, float]:
    """Degrees north and east that the service adds."""
    x, y = longitude - 105.0, latitude - 35.0
    metres_north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    metres_north += _waves(x, (20, 6), (20, 2)) + _waves(y, (20, 1), (40, 1 / 3))
    metres_north += _waves(y, (160, 1 / 12), (320, 1 / 30))
    metres_east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    metres_east += _waves(x, (20, 6), (20, 2)) + _waves(x, (20, 1), (40, 1 / 3))
    metres_east += _waves(x, (150, 1 / 12), (300, 1 / 30))
    return _degrees(latitude, metres_north=metres_north, metres_east=metres_east)


def _waves(at: float, *waves: tuple[float, float]) -> float:
    return sum(height * sin(at * turns * pi) for height, turns in waves) * 2 / 3


def _degrees(latitude: float, *, metres_north: float, metres_east: float) -> tuple[float, float]:
    radians = latitude / 180 * pi
    magic = 1 - ECCENTRICITY_SQUARED * sin(radians) ** 2
    meridian = AXIS_METRES * (1 - ECCENTRICITY_SQUARED) / (magic * sqrt(magic))
    parallel = AXIS_METRES / sqrt(magic) * cos(radians)
    return metres_north * 180 / (meridian * pi), metres_east * 180 / (parallel * pi)
