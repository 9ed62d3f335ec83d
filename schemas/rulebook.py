"""A rulebook as a supervisor writes it: YAML of the catalogue and body of `POST /rules` alike."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Text, Value, Wire, date
from schemas.commitment import ClockUnit, Escalation, Fact

RuleCode = Annotated[str, Meta(pattern=r"^S?[0-9]{1,2}[a-z]?$")]
Version = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
EventKind = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Limit = Annotated[float, Meta(gt=0, le=100_000)]
Words = Annotated[str, Meta(max_length=200)]


class ClockDraft(Wire, frozen=True):
    """What is counted, and how far: at most, or (a notice) at least."""

    unit: ClockUnit
    at_most: Limit | dict[Literal["urban", "remote"], Limit] | None = None
    at_least: Limit | None = None
    soft: bool = False
    first_day: Literal["day_after_purchase"] | None = None


class StopDraft(Wire, frozen=True):
    """Several events that end a clock together, or each for itself."""

    all_of: tuple[EventKind, ...] = ()
    any_of: tuple[EventKind, ...] = ()


class MilestoneDraft(Wire, frozen=True):
    """An event that should have come by a share of the time."""

    kind: EventKind
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class RuleDraft(Wire, frozen=True):
    """One rule. What only people read (evidence, note, basis …) is kept beside what is counted."""

    id: RuleCode
    zh: Text
    kind: Literal["clock", "check", "standing", "override"] | None = None
    start: EventKind | None = None
    stop: EventKind | StopDraft | None = None
    clock: ClockDraft | None = None
    deadline: Words | None = None
    window: dict[str, Words] | None = None
    pauses: tuple[EventKind, ...] = ()
    waiver: EventKind | None = None
    milestone: EventKind | None = None
    milestones: tuple[MilestoneDraft, ...] = ()
    parameter_source: Words | None = None
    basis: Words | None = None
    same_as: RuleCode | None = None
    proven_by: tuple[RuleCode, ...] = ()
    applies: dict[str, Fact | dict[str, Fact]] = {}
    parameters: dict[str, Fact] = {}
    measure: tuple[Words, ...] = ()
    evidence: tuple[Words, ...] = ()
    items: tuple[Words, ...] = ()
    channels: tuple[Words, ...] = ()
    track_also: tuple[Words, ...] = ()
    rule: Words | None = None
    exception: Words | None = None
    gate: Words | None = None
    also: Words | None = None
    fee: Annotated[int, Meta(ge=0)] | None = None
    owner: Words | None = None
    precedence: Words | None = None
    note: Words | None = None


class RulebookDraft(Wire, frozen=True):
    """Rules of a unit in one version, from a day on; a later version needs an end of this one."""

    version: Version
    effective_from: date
    rules: Annotated[list[RuleDraft], Meta(min_length=1, max_length=100)]
    effective_to: date | None = None
    escalation: list[Escalation] | None = None


class RuleEnd(Wire, frozen=True):
    """The last day on which a version begins new clocks."""

    on: date


class RuleShown(Value, frozen=True):
    """A rule version of a unit and how many commitments keep it; `draft` is the shipped rule as the
    handbook's book writes it, for who wants to change a limit."""

    code: str
    clause: str
    version: str
    zh: str
    kind: str
    unit: str | None
    limit: float
    source: str
    law: bool
    shipped: bool
    effective_from: date | None
    effective_to: date | None
    running: int
    commitments: int
    proven_by: tuple[str, ...] = ()
    draft: RuleDraft | None = None


class RulebookAnswer(Value, frozen=True):
    """What a rulebook would change or has changed: rule by rule, with the limit before."""

    version: str
    rules: list["RuleChange"]


class RuleChange(Value, frozen=True):
    """One rule of a rulebook beside the one that holds today."""

    code: str
    limit_before: float | None
    limit: float
    unit: str | None
    law: bool
