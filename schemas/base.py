"""Base structs, scalar types with their limits, and the strict decoder that every edge uses."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

Instant = Annotated[datetime, Meta(tz=True)]
"""A moment with its zone. Naive values are refused; everything is stored in UTC."""

Text = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]
Name = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"\S")]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:@-]{1,64}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
"""Degrees, WGS-84."""
Longitude = Annotated[float, Meta(ge=-180, le=180)]
"""Degrees, WGS-84."""
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Position = Annotated[int, Meta(ge=0, le=2**62)]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A plain value passed between a shell and a core."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value read from or written to a client; an unknown field is refused, never ignored."""


class Place(Value, frozen=True):
    """A point on the ground, degrees in WGS-84."""

    latitude: Latitude
    longitude: Longitude


class Span(Value, frozen=True):
    """Half-open stretch of time `[opens, closes)`."""

    opens: Instant
    closes: Instant


__all__ = [
    "UUID",
    "Code",
    "Count",
    "Instant",
    "Latitude",
    "Longitude",
    "Name",
    "Place",
    "Position",
    "Sha256",
    "Span",
    "Text",
    "Value",
    "Wire",
    "date",
    "datetime",
]
