"""Travel between points: great circle x detour / speed, or a matrix that was given."""

import numpy as np
from numpy.typing import NDArray

from schemas.base import Value

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG), as geopy's great_circle uses it."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


class Matrix(Value, frozen=True):
    """Whole seconds and metres from each point (row) to each point (column); -1: no way."""

    seconds: Ints
    metres: Ints


def great_circle(
    latitudes: Floats, longitudes: Floats, *, speed_kmh: float = 28.0, detour: float = 1.3
) -> Matrix:
    """Haversine distance, lengthened by the detour of streets, driven at one speed.

    Takes degrees in WGS-84, shape (n,) each; gives (n, n).
    """
    phi, lam = np.radians(latitudes), np.radians(longitudes)
    chord = np.sin((phi[:, None] - phi[None, :]) / 2) ** 2
    cosine = np.cos(phi)
    chord += cosine[:, None] * cosine[None, :] * np.sin((lam[:, None] - lam[None, :]) / 2) ** 2
    metres = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1))) * detour
    seconds = metres / (speed_kmh / 3.6)
    return Matrix(
        seconds=np.rint(seconds).astype(np.int32), metres=np.rint(metres).astype(np.int32)
    )
