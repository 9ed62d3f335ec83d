"""What the office's pages show: rows of its lists, one work order's story, promises at a glance."""

from typing import Literal

from schemas.base import UUID, Instant, Value, date
from schemas.sync import FieldValue, Trust

Format = Literal["csv", "xlsx"]


class Filters(Value, frozen=True):
    """What a list is narrowed to; an empty one means all. `text` is looked for in number,
    account and address."""

    status: str | None = None
    kind: str | None = None
    grid: str | None = None
    text: str | None = None


class OrderRow(Value, frozen=True):
    """A work order in the list."""

    id: UUID
    number: str
    kind: str
    tier: str
    state: str
    due_at: Instant | None
    window_opens: Instant | None
    window_closes: Instant | None
    attempts: int
    case_id: UUID | None
    account: str
    address: str
    grid: str | None
    on_day: date | None
    technician: str | None


class CaseRow(Value, frozen=True):
    """A case in the list."""

    id: UUID
    number: str
    kind: str
    channel: str
    state: str
    received_at: Instant
    description: str
    account: str | None
    address: str | None
    grid: str | None


class CommitmentRow(Value, frozen=True):
    """A commitment in the list; `order` is the number of its work order."""

    id: UUID
    rule_code: str
    rule_version: str
    clause: str
    state: str
    started_at: Instant
    due_at: Instant | None
    due_on: date | None
    provisional: bool
    stopped_at: Instant | None
    case_id: UUID | None
    premises_id: UUID | None
    work_order_id: UUID | None
    order: str | None
    account: str | None
    address: str | None
    grid: str | None


class ConflictValue(Value, frozen=True):
    """One of the values of a conflict: what, by whom, when, and how sure that is.

    `by` is the tablet, or `office`; `n` its own number for it; `at_ms` the corrected instant it was
    said at, in milliseconds of the epoch.
    """

    value: FieldValue
    author: str
    by: str
    version: int
    n: int
    at_ms: int
    trust: Trust
    received_at: Instant | None = None


class ConflictRow(Value, frozen=True):
    """Values of one field that a person should see together, with who said them."""

    id: UUID
    record: UUID
    kind: str
    visit: UUID | None
    work_order: UUID | None
    field: str
    policy: str
    status: str
    values: list[ConflictValue]
    auto_resolved: bool
    resolution: dict[str, FieldValue] | None
    opened_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    record_version: int
    template: FieldValue
    number: FieldValue
    address: FieldValue
    photos: tuple[str, ...]


class QuarantineRow(Value, frozen=True):
    """An operation that could not be applied, with its bytes and whose they are."""

    id: UUID
    tablet: UUID
    technician: str | None
    operation: UUID | None
    code: str
    status: str
    received_at: Instant
    payload: str
    decided_at: Instant | None
    decided_by: str | None
    reason: str | None


class OrderPage(Value, frozen=True):
    """Some work orders, and where the list goes on."""

    items: list[OrderRow]
    next: UUID | None


class CasePage(Value, frozen=True):
    """Some cases, and where the list goes on."""

    items: list[CaseRow]
    next: UUID | None


class CommitmentPage(Value, frozen=True):
    """Some commitments, and where the list goes on."""

    items: list[CommitmentRow]
    next: UUID | None


class ConflictPage(Value, frozen=True):
    """Some conflicts, and where the list goes on."""

    items: list[ConflictRow]
    next: UUID | None


class QuarantinePage(Value, frozen=True):
    """Some of the quarantine, and where the list goes on."""

    items: list[QuarantineRow]
    next: UUID | None


class AtRisk(Value, frozen=True):
    """A promise that ends soon and is not kept yet, with where its work stands."""

    id: UUID
    clause: str
    rule_code: str
    rule_zh: str
    state: str
    due_at: Instant
    work_order_id: UUID | None
    visit_id: UUID | None
    number: str | None
    kind: str | None
    account: str | None
    address: str | None
    grid: str | None
    technician: str | None
    starts_at: Instant | None
    late_seconds: int | None


class Tally(Value, frozen=True):
    """How many promises of a clause, a grid or a day stand how."""

    key: str
    kept: int
    at_risk: int
    broken: int


class PromisesAtAGlance(Value, frozen=True):
    """Kept, at risk and broken: in all, by clause, by grid, and day by day."""

    since: date
    until: date
    kept: int
    at_risk: int
    broken: int
    by_clause: list[Tally]
    by_grid: list[Tally]
    by_day: list[Tally]


class GridCoverage(Value, frozen=True):
    """How far the inspections of a grid are. `overdue` are past their day, `soon` due within
    sixty days; the place is the middle of its premises."""

    grid: str
    premises: int
    inspected: int
    soon: int
    overdue: int
    never: int
    latitude: float | None
    longitude: float | None


class Coverage(Value, frozen=True):
    """Inspection coverage of the unit, the worst grid first."""

    as_of: date
    grids: list[GridCoverage]


class SaidBy(Value, frozen=True):
    """Who stands behind a value that counts, and when it was said."""

    who: str
    at_ms: int
    trust: str


class VisitStory(Value, frozen=True):
    """One attempt: who, when, with which answers."""

    id: UUID
    attempt: int
    state: str
    outcome: str | None
    template: str
    technician: str | None
    on_day: date | None
    started_at: Instant | None
    ended_at: Instant | None
    certification: str
    pending_decision: bool
    version: int | None
    fields: dict[str, FieldValue]
    said: dict[str, SaidBy]


class Lost(Value, frozen=True):
    """A value that was replaced, with who said it and why it went."""

    visit: UUID
    field: str
    value: FieldValue
    version: int | None
    author: str
    reason: str
    observed_at: Instant | None
    received_at: Instant


class Happening(Value, frozen=True):
    """One thing that happened to a work order: from a tablet, the office or a promise."""

    at: Instant
    received_at: Instant
    what: str
    who: str
    outcome: str
    trust: str
    detail: str


class Photo(Value, frozen=True):
    """A picture or signature of a visit."""

    sha256: str
    visit: UUID
    field: str
    state: str
    media_type: str | None


class HazardShown(Value, frozen=True):
    """A danger that was found on a visit: the question that named it, or a technician's own words."""

    id: UUID
    visit: UUID
    item: str
    note: str | None
    grade: str
    state: str
    found_at: Instant
    due_at: Instant | None
    closed_at: Instant | None


class OrderStory(Value, frozen=True):
    """Everything known of one work order."""

    order: OrderRow
    duration_seconds: int
    template: str
    skills: list[str]
    visits: list[VisitStory]
    history: list[Lost]
    happenings: list[Happening]
    photos: list[Photo]
    hazards: list[HazardShown]
    conflicts: list[ConflictRow]
    commitments: list[CommitmentRow]


class TabletRow(Value, frozen=True):
    """An install with what it says it still has to send."""

    id: UUID
    label: str
    state: str
    number: str
    name: str
    seen_at: Instant | None
    unsent: int | None
    last_n: int
    enrolled_at: Instant


class TabletList(Value, frozen=True):
    """Tablets of the unit."""

    items: list[TabletRow]
    next: str | None


class AuditRow(Value, frozen=True):
    """Who did what, hash-chained; `detail` is JSON as it is hashed."""

    n: int
    at: Instant
    actor: str
    action: str
    subject: str
    detail: str
    hash: str


class MapSetting(Value, frozen=True):
    """The ground under the board's map. `shifted` says that it is drawn in GCJ-02; `note` is what
    has to stand on it, such as an approval number."""

    base: Literal["none", "pmtiles", "xyz"] = "none"
    url: str = ""
    shifted: bool = False
    note: str = ""


class TemplateName(Value, frozen=True):
    """A checklist of the library."""

    ref: str
    name_zh: str
    name_en: str
