"""Where a technician on duty was, who agreed to be seen."""

from typing import Annotated

from msgspec import Meta

from schemas.base import Instant, Latitude, Longitude, Wire


class Seen(Wire, frozen=True):
    """One place at one instant; degrees in WGS-84."""

    at: Instant
    latitude: Latitude
    longitude: Longitude


class Positions(Wire, frozen=True):
    """Some places, the oldest first."""

    items: Annotated[list[Seen], Meta(min_length=1, max_length=200)]


class Consent(Wire, frozen=True):
    """Whether somebody agrees to be seen on the map while on duty."""

    agreed: bool
