"""Workflows as they are published, the facts of a case, and what a customer may see of it."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Instant, Name, Sha256, Value, Wire
from schemas.commitment import ClockUnit

Short = Annotated[str, Meta(max_length=400)]
StepCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,20}$")]
Fen = Annotated[int, Meta(ge=0, le=10**12)]
"""Money in fen: a sum in floating point would not add up."""
Need = Literal["papers", "contract", "payment", "manager"]


class StepClock(Wire, frozen=True):
    """How long a step may take."""

    unit: ClockUnit
    at_most: Annotated[float, Meta(ge=0, le=10_000)] = 0


class StepWish(Wire, frozen=True, omit_defaults=True):
    """A step (`next`) or a decision (`branches`: answer to step)."""

    step: StepCode
    zh: Name
    en: Annotated[str, Meta(max_length=120)] = ""
    dept_zh: Annotated[list[Name], Meta(max_length=20)] = []
    limit_zh: Annotated[str, Meta(max_length=120)] | None = None
    clock: StepClock | None = None
    next: StepCode | Literal["end_or_resubmit"] | None = None
    branches: dict[Name, StepCode | Literal["end_or_resubmit"]] | None = None
    customer_sees: bool | None = None
    papers: Annotated[list[Name], Meta(max_length=40)] = []
    papers_may_follow: bool = False
    needs: Annotated[list[Need], Meta(max_length=4)] = []


class WorkflowWish(Wire, frozen=True):
    """A workflow to be published: it is checked before anybody walks it."""

    code: Code
    version: Code
    zh: Name
    steps: Annotated[list[StepWish], Meta(min_length=1, max_length=200)]
    en: Annotated[str, Meta(max_length=120)] = ""


class WorkflowShown(Value, frozen=True):
    """A workflow that a unit may walk, and what its source leaves open."""

    code: str
    version: str
    zh: str
    en: str
    steps: int
    warnings: list[str]


class WorkflowList(Value, frozen=True):
    """Every workflow of the unit, the shipped ones included."""

    items: list[WorkflowShown]


class Begin(Wire, frozen=True):
    """A case begins to walk a workflow; a later version may take over at a step, with a reason."""

    workflow: Code
    version: Code | None = None
    at: StepCode | None = None
    reason: Annotated[str, Meta(max_length=2000)] = ""


class StepTaken(Wire, frozen=True):
    """The step that was finished, and the answer where it was a decision.

    `at` is when it was true; without it, now.
    """

    step: StepCode
    answer: Annotated[str, Meta(max_length=120)] = ""
    note: Short = ""
    at: Instant | None = None


class Document(Wire, frozen=True):
    """A paper that the customer or the company handed in."""

    paper: Name
    sha256: Sha256 | None = None
    number: Annotated[str, Meta(max_length=120)] = ""
    at: Instant | None = None


class Contract(Wire, frozen=True):
    """The installation contract as signed; `deadline` is the day that it promises, `amount_fen` what
    has to be paid before the work begins."""

    number: Name
    signed_at: Instant
    deadline: Instant | None = None
    amount_fen: Fen | None = None
    sha256: Sha256 | None = None


class Payment(Wire, frozen=True):
    """Money that came in. A service fee is recorded as such, so that clause 9e can be judged."""

    number: Name
    amount_fen: Fen
    paid_at: Instant
    purpose: Literal["installation", "materials", "service_fee"] = "installation"


class Manager(Wire, frozen=True):
    """The account manager: one person from acceptance to gas-on (clause 9e)."""

    name: Name
    phone: Annotated[str, Meta(pattern=r"^[0-9+ -]{3,30}$")]


class Passage(Value, frozen=True):
    """One stay in a step: since when, until when, by whom, and whether within its limit."""

    step: str
    zh: str
    en: str
    departments: tuple[str, ...]
    limit_zh: str | None
    defined: bool
    decision: bool
    visible: bool
    entered_at: Instant
    due_at: Instant | None = None
    left_at: Instant | None = None
    in_time: bool | None = None
    answer: str = ""
    by: str = ""


class CaseFact(Value, frozen=True):
    """A recorded fact of a case, as it lies in its chain."""

    n: int
    kind: str
    at: Instant
    received_at: Instant
    by: str
    body: dict[str, str | int | float | bool | None]


class Walk(Value, frozen=True):
    """Where a case stands in its workflow, how it came there, and what it still waits for.

    `answers` are those that the present step takes; `undefined` says that the handbook does not
    describe the step at which it stands.
    """

    workflow: str
    version: str
    at: str | None
    undefined: bool
    ended: bool
    answers: tuple[str, ...]
    passages: tuple[Passage, ...]
    missing_papers: tuple[str, ...]
    waits_for: tuple[str, ...]
    manager: str | None
    manager_phone: str | None
    paid_fen: int
    service_fee_fen: int
    facts: tuple[CaseFact, ...]


class TrackedStep(Value, frozen=True):
    """A step that a customer may see."""

    code: str
    zh: str
    en: str
    state: Literal["done", "now", "to_come"]
    entered_at: Instant | None = None
    left_at: Instant | None = None
    due_at: Instant | None = None


class TrackedVisit(Value, frozen=True):
    """A booked visit, without the name of who comes."""

    starts_at: Instant
    ends_at: Instant
    state: str


class TrackedPromise(Value, frozen=True):
    """A promise and its date, in the words of the handbook."""

    clause: str
    rule: str
    zh: str
    state: str
    due_at: Instant | None


class Appointment(Value, frozen=True):
    """The hours agreed with the customer; `link` is signed and lets its holder move or confirm, to
    hours that end by `latest`."""

    opens: Instant
    closes: Instant
    confirmed_at: Instant | None
    may_move: bool
    link: str
    link_until: Instant
    latest: Instant | None = None


class TrackedManager(Value, frozen=True):
    """Whom a customer may call."""

    name: str
    phone: str


class Tracked(Value, frozen=True):
    """What a customer may see of a case: no technician's name, no address, no other case."""

    number: str
    kind: str
    state: str
    received_at: Instant
    steps: list[TrackedStep]
    appointment: Appointment | None
    manager: TrackedManager | None
    missing_papers: list[str]
    promise: TrackedPromise | None
    visits: list[TrackedVisit]
    commitments: list[TrackedPromise]


class Move(Wire, frozen=True):
    """The customer would rather have other hours."""

    opens: Instant
    closes: Instant
    reason: Annotated[str, Meta(max_length=400)] = ""
