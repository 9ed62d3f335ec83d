"""One case and one commitment as the office reads them."""

from schemas.base import UUID, Instant, Value
from schemas.commitment import Rule, Verdict
from schemas.sync import FieldValue


class CaseOrder(Value, frozen=True):
    """A work order of a case."""

    id: UUID
    number: str
    kind: str
    state: str
    due_at: Instant | None


class CasePromise(Value, frozen=True):
    """A commitment of a case."""

    id: UUID
    rule_code: str
    clause: str
    state: str
    due_at: Instant | None
    stopped_at: Instant | None


class CaseView(Value, frozen=True):
    """One case with its work orders and commitments."""

    id: UUID
    number: str
    kind: str
    channel: str
    state: str
    premises_id: UUID | None
    description: str
    received_at: Instant
    registered_at: Instant
    reason: str | None
    tracking_code: str | None
    work_orders: list[CaseOrder]
    commitments: list[CasePromise]


class EventShown(Value, frozen=True):
    """One link of a commitment's chain, with both instants."""

    n: int
    kind: str
    observed_at: Instant
    received_at: Instant
    source: str
    body: dict[str, FieldValue]
    hash: str


class WarningShown(Value, frozen=True):
    """Who was told what of a commitment."""

    stage: str
    role: str
    at: Instant
    told_at: Instant | None
    seen_at: Instant | None
    seen_by: str | None


class Explained(Value, frozen=True):
    """Clause, rule version, every event, each day counted, the verdict, who was warned."""

    id: UUID
    clause: str
    rule: Rule
    case: UUID | None
    premises: UUID | None
    events: list[EventShown]
    verdict: Verdict
    warnings: list[WarningShown]
