"""Hazards and their life, quarantine decisions, reasons for a sampling review."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Instant, Text, Value, Wire

HazardStepKind = Literal["notify", "rectify", "ask_recheck", "close", "regrade"]
Grade = Literal["minor", "major", "critical"]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class HazardStep(Wire, frozen=True):
    """One step in a hazard's life, by a named person and for a reason.

    `evidence` is the SHA-256 of a notice or photo; `recheck` the visit that passed it; `grade` the
    new one of a `regrade`.
    """

    step: HazardStepKind
    reason: Text
    evidence: Sha256 | None = None
    recheck: UUID | None = None
    grade: Grade | None = None


class QuarantineDecision(Wire, frozen=True):
    """What happens to an operation that could not be applied."""

    decision: Literal["release", "reject"]
    reason: Text


MarkKind = Literal[
    "same_photo", "same_signature", "far_from_address", "impossible_speed",
    "instrument_in_two_places",
]  # fmt: skip


class ReviewMark(Value, frozen=True):
    """A reason to look again at a visit. Never a refusal: honest work looks odd at times."""

    kind: MarkKind
    visit: UUID
    other: UUID | None
    technician: str
    at: Instant
    detail: dict[str, float | str]
