"""What tablets and server say to each other, and the state of a record that both keep.

On the wire `versions` names only the fields whose version differs from the record version beside
it; a field that is not named there has that version. So a one-field change stays one field long.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.base import (
    UUID,
    Code,
    Count,
    Instant,
    Name,
    Text,
    Value,
    Wire,
    date,
)

OPERATIONS_MAX = 500
ANSWER_BYTES_MAX = 64 * 1024
PAGE_MAX = 500

Short = Annotated[str, Meta(max_length=4000)]
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Scalar = None | bool | Whole | float | Short
Part = Scalar | Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=64)]
Entry = Scalar | Annotated[dict[str, Scalar], Meta(max_length=32)]
FieldValue = (
    Scalar
    | Annotated[list[Entry], Meta(max_length=200)]
    | Annotated[dict[str, Part], Meta(max_length=64)]
)
"""An answer: a scalar, a list of scalars or small objects, or an object. Two levels, no more."""

FieldName = Annotated[str, Meta(min_length=1, max_length=64)]
Version = Annotated[int, Meta(ge=0, le=2**53)]
Fields = Annotated[dict[FieldName, FieldValue], Meta(max_length=128)]
Versions = Annotated[dict[FieldName, Version], Meta(max_length=256)]
Sequence = Annotated[int, Meta(ge=1, le=2**53)]
TemplateRef = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}@[A-Za-z0-9_.-]{1,20}$")]
"""`code@version` of a checklist."""
Uptime = Annotated[int, Meta(ge=0, le=400_000_000_000)]
"""Milliseconds since the tablet booted; more than twelve years is no uptime."""
Cursor = Annotated[str, Meta(max_length=1024)]
"""Opaque; an empty one asks for everything."""

GroupName = Annotated[str, Meta(pattern="^[0-9a-f]{0,4}$")]

RecordKind = Literal["visit", "hazard", "appliance", "note"]
OperationKind = Literal["create", "patch", "append", "command", "delete"]
OutcomeKind = Literal["applied", "merged", "duplicate", "conflict", "held", "quarantined"]
Trust = Literal["verified", "skewed", "unknown"]


class Operation(Wire, frozen=True, omit_defaults=True):
    """One thing a person did on a tablet, as the tablet saved it before saying so.

    `fields` of a create, patch or append are the answers; `base` names, for each field touched, the
    version the tablet showed at that moment: absent or 0 means it had shown none. A `command` is the state that the record should be in.
    """

    id: UUID
    n: Sequence
    record: UUID
    kind: OperationKind
    observed_at: Instant
    record_kind: RecordKind = "visit"
    visit: UUID | None = None
    premises: UUID | None = None
    base: Versions = {}
    fields: Fields = {}
    command: Code | None = None
    after: Annotated[list[UUID], Meta(max_length=32)] = []
    uptime_ms: Uptime | None = None
    boot: UUID | None = None
    template: TemplateRef | None = None


class TabletClock(Wire, frozen=True):
    """The tablet's clocks at the instant it sent: wall, and time since boot.

    With the same `boot`, the age of an operation is a difference of uptimes, whatever the wall
    clock was set to in between. `heard_at` is the `server_time` of an answer of ours in this boot
    and `heard_uptime_ms` when it came: between that and this message the boot is pinned down.
    """

    sent_at: Instant
    uptime_ms: Uptime | None = None
    boot: UUID | None = None
    heard_at: Instant | None = None
    heard_uptime_ms: Uptime | None = None


class SyncRequest(Wire, frozen=True, omit_defaults=True):
    """One exchange: what the tablet has to say, and how much it can take back.

    Operations stay raw here and are read one by one, so that a malformed one harms no other. With
    `lanes` of "safety" alone nothing is sent back but outcomes: what is dangerous gets out first
    over the worst of links. With `lean` records come in their short form (`LeanChange`).
    """

    cursor: Cursor = ""
    operations: Annotated[list[msgspec.Raw], Meta(max_length=OPERATIONS_MAX)] = []
    budget_bytes: Annotated[int, Meta(ge=1024, le=4 * 1024 * 1024)] = 512 * 1024
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX
    lanes: Annotated[list[Literal["safety", "answers"]], Meta(max_length=2)] = []
    lean: bool = False
    unsent: Count = 0
    clock: TabletClock | None = None


class Outcome(Wire, frozen=True, omit_defaults=True):
    """What became of one operation: exactly one for each that was sent, in the order sent.

    `id` is absent only where the bytes held no readable id; `index` is the place in the request.
    """

    outcome: OutcomeKind
    id: UUID | None = None
    index: int | None = None
    code: Code | None = None
    version: Version = 0
    versions: Versions = {}


class Change(Wire, frozen=True, omit_defaults=True):
    """A record as a mailbox shows it: the whole of it, or only the fields newer than the cursor."""

    record: UUID
    version: Version
    kind: RecordKind | Literal["premises"] = "visit"
    fields: dict[str, FieldValue] = {}
    versions: dict[str, Version] = {}
    whole: bool = False
    removed: list[FieldName] = []
    deleted: bool = False
    visit: UUID | None = None
    premises: UUID | None = None


class LeanChange(Value, frozen=True, array_like=True):
    """A `Change` as a list, for whoever asked for `lean`: what is at its default at the end is left
    out.

    `record` is the 16 bytes of the id: binary in MessagePack, base64url without padding in JSON. A
    visit's record is its visit, and its premises are left out: what is made there names the visit.
    """

    record: Annotated[str, Meta(max_length=36)]
    version: Version
    fields: dict[str, FieldValue] = {}
    whole: bool = False
    versions: dict[str, Version] = {}
    kind: RecordKind | Literal["premises"] = "visit"
    visit: UUID | None = None
    premises: UUID | None = None
    deleted: bool = False


class SyncAnswer(Wire, frozen=True, omit_defaults=True):
    """Outcomes of what was sent, then the first page of what is new."""

    cursor: Cursor
    server_time: Instant
    outcomes: list[Outcome] = []
    changes: list[Change] = []
    lean: list[LeanChange] = []
    forget: list[UUID] = []
    more: bool = False


class HelloRequest(Wire, frozen=True, omit_defaults=True):
    """A tablet introduces itself; `next_n` is the number its next operation will carry."""

    clock: TabletClock
    epoch: UUID | None = None
    next_n: Sequence = 1
    unsent: Count = 0
    templates: Annotated[list[TemplateRef], Meta(max_length=200)] = []
    app: Annotated[str, Meta(max_length=40)] = ""


class Limits(Wire, frozen=True):
    """What the server takes at once."""

    operations: int = OPERATIONS_MAX
    body_bytes: int = 2 * 1024 * 1024
    answer_bytes: int = ANSWER_BYTES_MAX
    photo_bytes: int = 10 * 1024 * 1024
    page: int = PAGE_MAX


class HelloAnswer(Wire, frozen=True, omit_defaults=True):
    """Where the two stand. `reoffer` says: this database is younger than what you were told.

    `offset_ms` is tablet wall clock minus server clock; `templates` are checklists that its visits
    need and that it did not name (`GET /templates/{ref}`); `contiguous_n` the highest number up to
    which the server holds everything of this tablet.
    """

    server_time: Instant
    epoch: UUID
    limits: Limits
    contiguous_n: int
    highest_n: int = 0
    offset_ms: int | None = None
    trust: Trust = "unknown"
    reoffer: bool = False
    templates: list[str] = []


class Receipt(Wire, frozen=True, omit_defaults=True):
    """The server holds operation `n`."""

    n: Sequence
    id: UUID
    outcome: OutcomeKind
    code: Code | None = None


class Receipts(Wire, frozen=True, omit_defaults=True):
    """What the server holds of this tablet; `gaps` are inclusive ranges of missing numbers."""

    epoch: UUID
    contiguous_n: int
    receipts: list[Receipt] = []
    gaps: list[tuple[int, int]] = []
    next: int | None = None


class DigestRequest(Wire, frozen=True, omit_defaults=True):
    """Hashes of what the tablet holds, by record group; or, to heal, the records of some groups.

    A record's group at depth d is the first d hexadecimal digits of the MD5 of its id as text; a
    group's hash is the MD5 of `id:version` of its records, in the order of their ids, joined by
    commas. MD5 tells copies apart here; nobody is kept out by it.
    """

    depth: Annotated[int, Meta(ge=0, le=4)] = 0
    groups: Annotated[dict[GroupName, str], Meta(max_length=4096)] = {}
    records: Annotated[dict[UUID, Version], Meta(max_length=5_000)] | None = None


class DigestAnswer(Wire, frozen=True, omit_defaults=True):
    """Groups whose hashes differ; or, where records were named, whole records that heal them.

    `forget` are records that the tablet should not hold; `more` asks to come again with what is
    held then.
    """

    depth: int
    different: list[str] = []
    changes: list[Change] = []
    forget: list[UUID] = []
    more: bool = False


class PackRequest(Wire, frozen=True, omit_defaults=True):
    """Take a village or grid along until a day: premises, history, hazards, templates."""

    grid: Name
    until: date


class PackOffer(Wire, frozen=True):
    """A grid that a technician may take along, and how many premises that is."""

    grid: Name
    premises: int


class PackOffers(Wire, frozen=True):
    """Every grid that a technician answers for."""

    grids: list[PackOffer]


class PackAnswer(Wire, frozen=True):
    """What was put into the mailbox, and the checklists of visits that are made there on the
    spot."""

    grid: Name
    until: date
    records: Count
    templates: list[str] = []


class Bundle(Wire, frozen=True):
    """Another tablet's outbox as a file: carried by whoever has a network.

    `payload` is the JSON of a `BundlePayload`; `signature` is Ed25519 over exactly those bytes.
    """

    tablet: UUID
    payload: Annotated[bytes, Meta(max_length=2 * 1024 * 1024)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class BundlePayload(Wire, frozen=True, omit_defaults=True):
    """What a bundle carries."""

    tablet: UUID
    made_at: Instant
    operations: Annotated[list[msgspec.Raw], Meta(max_length=OPERATIONS_MAX)]
    clock: TabletClock | None = None


class Drained(Wire, frozen=True, omit_defaults=True):
    """Whether a tablet may be wiped or handed over: nothing of it is only on it."""

    tablet: UUID
    drained: bool
    contiguous_n: int
    unsent: int
    held: int = 0
    attachments_missing: int = 0
    at: Instant | None = None
    signature: str = ""


class Resolution(Wire, frozen=True, omit_defaults=True):
    """A named person's decision: one of the values by its place, or another value, and why."""

    reason: Text
    choice: Annotated[int, Meta(ge=0, le=200)] | None = None
    value: FieldValue | UnsetType = UNSET


class Mark(Value, frozen=True, array_like=True):
    """Who wrote a version of a record: install (or `office`), person, their number, when.

    `at_ms` is the corrected instant in milliseconds of the epoch. Array-like, because every record
    row carries some.
    """

    by: str
    who: str
    n: int
    at_ms: int
    trust: Trust = "unknown"


class Rival(Value, frozen=True, array_like=True):
    """One of several values of a field that stand beside each other: its version, what it had
    seen."""

    version: int
    base: int
    value: FieldValue


class Authorship(Value, frozen=True, omit_defaults=True):
    """Who stands behind a record's fields: marks by record version, rivals where values differ."""

    marks: dict[int, Mark] = {}
    rivals: dict[str, list[Rival]] = {}


class RecordState(Value, frozen=True):
    """The fold of operations and office edits on one record; mirrors the table `record`."""

    id: UUID
    kind: str
    visit_id: UUID | None = None
    premises_id: UUID | None = None
    version: int = 0
    fields: dict[str, FieldValue] = {}
    versions: dict[str, int] = {}
    authors: Authorship = Authorship()
    deleted: bool = False
