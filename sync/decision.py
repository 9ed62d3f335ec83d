"""What merging operations decides: the vocabulary between the merge core and the push shell."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

from schemas.base import Value
from schemas.sync import FieldValue, Mark, Operation, OutcomeKind, RecordState, Trust
from schemas.template import Template


class Captured(Value, frozen=True):
    """An operation with what the server knows of it: who, when by our clock, how sure.

    `shared` says that two installs speak under this tablet's identity: then nothing it says may
    take back what was said under it before. `late` that it is applied without its predecessor.
    """

    operation: Operation
    tablet: UUID
    technician: UUID
    who: str
    corrected_at: datetime
    received_at: datetime
    trust: Trust
    late: bool = False
    shared: bool = False


class Context(Value, frozen=True):
    """What the merge may lean on: checklists, the lifecycle, and who may write what.

    `mine` are records that this technician was ever given; `held_by` says who holds each visit now;
    `known` are operations that the server has applied; `premises` those of the unit that were
    named; `homes` the premises of the visits that creations name. `first_gas` are visits whose end
    would be the first gas at their premises, with when these were inspected; `looks` inspections.
    `together` are visits for two of which this technician is one.
    """

    templates: Mapping[str, Template]
    transitions: AbstractSet[tuple[str, str, str]]
    mine: AbstractSet[UUID]
    held_by: Mapping[UUID, UUID | None]
    known: AbstractSet[UUID]
    premises: AbstractSet[UUID]
    homes: Mapping[UUID, UUID] = {}
    first_gas: Mapping[UUID, datetime | None] = {}
    looks: AbstractSet[UUID] = frozenset()
    together: AbstractSet[UUID] = frozenset()


class Result(Value, frozen=True):
    """What became of one operation."""

    id: UUID
    outcome: OutcomeKind
    code: str | None = None
    version: int = 0


class Lost(Value, frozen=True):
    """A value that is no longer effective: history, never gone."""

    record: UUID
    field: str
    value: FieldValue
    version: int
    author: str
    reason: str
    operation: UUID | None
    observed_at: datetime | None


class Said(Value, frozen=True):
    """One of the values of a disagreement."""

    value: FieldValue
    version: int
    mark: Mark


class Disagreement(Value, frozen=True):
    """A field with several live values: open until a person decides, or settled by its policy."""

    record: UUID
    field: str
    policy: str
    values: tuple[Said, ...]
    open: bool
    reason: str


class Change(Value, frozen=True):
    """Field work came into a state, at the best estimate of when; `lawful` unless a person
    decides."""

    record: UUID
    state: str
    at: datetime
    trust: Trust
    received_at: datetime
    operation: UUID
    technician: UUID
    lawful: bool
    reason: str | None = None


class Danger(Value, frozen=True):
    """An answer that is a hazard; or one that no question asks for, with what it is in words."""

    record: UUID
    item: str
    grade: str
    statutory: str | None
    found_at: datetime
    operation: UUID
    note: str = ""


class Named(Value, frozen=True):
    """A file that an answer names."""

    record: UUID
    field: str
    sha256: str


class Step(Value, frozen=True):
    """Everything that one operation leads to; `record` is None where nothing of it changed."""

    result: Result
    record: RecordState | None = None
    lost: tuple[Lost, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    changes: tuple[Change, ...] = ()
    dangers: tuple[Danger, ...] = ()
    files: tuple[Named, ...] = ()


class Decision(Value, frozen=True):
    """Everything that a batch leads to: records as they end up, and the steps in order."""

    records: dict[UUID, RecordState]
    steps: tuple[Step, ...]
