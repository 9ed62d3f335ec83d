"""What would have been: last year's facts under another rule."""

from typing import Annotated

from msgspec import Meta

from schemas.base import UUID, Code, Value, Wire, date
from schemas.rulebook import RuleDraft


class WhatIf(Wire, frozen=True):
    """A rule with another limit (in its own unit), or a whole other rule as a rulebook writes it,
    over what fell due in a period."""

    rule: Code
    since: date
    until: date
    limit: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    other: RuleDraft | None = None


class Turned(Value, frozen=True):
    """A promise that would have ended otherwise."""

    id: UUID
    was: str
    would_be: str


class WhatWouldBe(Value, frozen=True):
    """Counts by state as it was and as it would be; `turned` names some of those that differ.

    `unit`, `start`, `stops` are those of the other rule. A promise on whose record nothing says the
    other start is `not_started`; `unheard` are events of the other rule that no record says at all.
    """

    rule: str
    limits: list[float]
    units: list[str]
    limit: float
    unit: str | None
    start: str | None
    stops: list[str]
    since: date
    until: date
    commitments: int
    was: dict[str, int]
    would_be: dict[str, int]
    differ: int
    turned: list[Turned]
    unheard: list[str]
