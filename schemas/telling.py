"""What the office says to a running commitment, each in its own shape."""

from typing import Annotated

from msgspec import Meta

from schemas.base import UUID, Instant, Name, Text, Value, Wire, date
from schemas.commitment import Facts, State
from schemas.rulebook import EventKind

Document = Annotated[str, Meta(min_length=1, max_length=400)]
"""What proves it: a file number, a letter, the hash of a scan."""


class Paused(Wire, frozen=True, tag_field="kind", tag="paused"):
    """The clock stands still, for one of the reasons that its rule names."""

    at: Instant
    reason: EventKind
    document: Document


class Resumed(Wire, frozen=True, tag_field="kind", tag="resumed"):
    """The clock runs on."""

    at: Instant
    document: Document


class Waived(Wire, frozen=True, tag_field="kind", tag="waived"):
    """The customer agreed to something else, before the first deadline."""

    consented_at: Instant
    agreed: Text
    document: Document


class Voided(Wire, frozen=True, tag_field="kind", tag="not_applicable"):
    """The promise does not apply (no right to the money, no such facility), and why."""

    at: Instant
    reason: Text


class Amended(Wire, frozen=True, tag_field="kind", tag="amended"):
    """A date that was agreed or announced moves; a counted one cannot."""

    at: Instant
    due_at: Instant
    reason: Text
    document: Document


class Extended(Wire, frozen=True, tag_field="kind", tag="extension_agreed_with_reason"):
    """An extension that the customer agreed to, with its reason (clause 16)."""

    at: Instant
    until: date
    reason: Annotated[str, Meta(max_length=2000)]
    customer_agreed: bool
    document: Document


class Happened(Wire, frozen=True, tag_field="kind", tag="happened"):
    """One of the events that the rule waits for."""

    at: Instant
    what: EventKind
    facts: Annotated[Facts, Meta(max_length=30)] = {}


Telling = Paused | Resumed | Waived | Voided | Amended | Extended | Happened


class Told(Wire, frozen=True):
    """What is said to a commitment."""

    event: Telling


class Standing(Value, frozen=True):
    """How a commitment stands after it was told."""

    id: UUID
    rule: str
    version: str
    state: State
    due_at: Instant | None
    due_on: date | None
    provisional: bool
    stopped_at: Instant | None
    events: int


class Warned(Value, frozen=True):
    """A stage of a commitment that a role was told of."""

    commitment: UUID
    rule: str
    clause: str
    state: State
    stage: str
    role: str
    at: Instant
    told_at: Instant
    due_at: Instant | None
    case: UUID | None
    premises: UUID | None
    seen_at: Instant | None
    seen_by: str | None


class Warnings(Value, frozen=True):
    """Who was told what when, the newest first."""

    items: list[Warned]


class Seen(Wire, frozen=True):
    """A member of a role has read a warning."""

    commitment: UUID
    stage: Name
