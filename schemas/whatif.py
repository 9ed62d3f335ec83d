"""What would have been: last year's facts under another rule."""

from typing import Annotated

from msgspec import Meta

from schemas.base import UUID, Code, Value, Wire, date


class WhatIf(Wire, frozen=True):
    """A rule with another limit (in its own unit), over what fell due in a period."""

    rule: Code
    limit: Annotated[float, Meta(gt=0, le=100_000)]
    since: date
    until: date


class Turned(Value, frozen=True):
    """A promise that would have ended otherwise."""

    id: UUID
    was: str
    would_be: str


class WhatWouldBe(Value, frozen=True):
    """Counts by state as it was and as it would be; `turned` names some of those that differ."""

    rule: str
    limits: list[float]
    limit: float
    unit: str | None
    since: date
    until: date
    commitments: int
    was: dict[str, int]
    would_be: dict[str, int]
    differ: int
    turned: list[Turned]
