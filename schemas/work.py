"""Requests, cases and work orders: what comes in through any channel and what it turns into."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Instant, Name, Span, Text, Value, Wire, date
from schemas.commitment import Facts

Kind = Literal[
    "repair",
    "inspection_booking",
    "appliance_install",
    "alteration",
    "relight",
    "refund",
    "complaint",
    "emergency",
    "enquiry",
    "pre_service",
    "connection",
]
"""The kinds of business that a request can be."""

Channel = Literal["hotline", "hall", "online_hall", "wechat", "field", "other"]
"""Clause 7: the channel is kept on every case, and the clock is the same for all of them."""

Number = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Account = Annotated[str, Meta(min_length=1, max_length=40)]


class Window(Wire, frozen=True):
    """The hours that were agreed with the customer."""

    opens: Instant
    closes: Instant


class CaseRequest(Wire, frozen=True):
    """A customer's request as any channel hands it over.

    `received_at` is when the channel had it, not when somebody typed it: clocks start there.
    `people` is how many the work is for, where that is not what the kind of business says.
    """

    kind: Kind
    channel: Channel
    account: Account
    received_at: Instant
    number: Number | None = None
    description: Annotated[str, Meta(max_length=2000)] = ""
    window: Window | None = None
    people: Literal[1, 2] | None = None
    purchased_on: date | None = None
    facts: Annotated[Facts, Meta(max_length=30)] = {}


class StepWish(Wire, frozen=True):
    """What an office or a portal says of a case: which step, when it was true, and its facts."""

    step: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    at: Instant
    facts: Annotated[Facts, Meta(max_length=30)] = {}


class StepStart(Value, frozen=True):
    """A clock that a step starts: from a fact (`since`), to one (`deadline`), or again until one
    (`until`); `only` for some classes of premises."""

    rule: str
    since: str | None = None
    deadline: str | None = None
    until: str | None = None
    only: tuple[str, ...] = ()


class StepCheck(Value, frozen=True):
    """A check that a step decides; a refusal is judged against the due instant of `within`."""

    rule: str
    within: str | None = None


class StepKind(Value, frozen=True):
    """A step of a kind of business. `needs` are facts with their shape; `after` steps come first.

    `says` is the event that the case's clocks hear, the step's own name unless said otherwise.
    `recorded` names what is on record of the case once the step is true: then nobody has to say it.
    """

    zh: str
    needs: dict[str, Literal["text", "day", "instant", "number", "yes"]] = {}
    after: tuple[str, ...] = ()
    says: str | None = None
    starts: tuple[StepStart, ...] = ()
    check: StepCheck | None = None
    voids: tuple[str, ...] = ()
    gate: Literal["first_gas_on", "extension"] | None = None
    recorded: Literal["manager", "papers", "money"] | None = None
    closes: bool = False


class Conditions(Value, frozen=True):
    """Steps that are all in before a clock starts, chosen by the facts (clause 9)."""

    all_of: tuple[str, ...]
    says: str


class StepDone(Value, frozen=True):
    """A step that was taken: when it was true, when it was told, by whom, with which facts."""

    step: str
    at: Instant
    received_at: Instant
    actor: str
    facts: Facts = {}


class CaseClock(Value, frozen=True):
    """A clock or check of a case."""

    id: UUID
    rule: str
    clause: str
    state: str
    started_at: Instant
    due_at: Instant | None
    stopped_at: Instant | None


class CaseStory(Value, frozen=True):
    """A case after a step: what was done, what may come next, and how its promises stand."""

    id: UUID
    number: str
    kind: str
    state: str
    steps: list[StepDone]
    may_follow: list[str]
    clocks: list[CaseClock]
    why: list[str] = []


class WorkKind(Value, frozen=True):
    """What field work a kind of business needs, and how many people at once."""

    template: str
    skills: tuple[str, ...]
    duration_minutes: int
    people: Literal[1, 2] = 1


class Service(Value, frozen=True):
    """One kind of business of the service catalogue."""

    zh: str
    en: str
    rules: dict[str, Literal["received", "purchased"]]
    work: WorkKind | None = None
    alarm: bool = False
    steps: dict[str, StepKind] = {}
    conditions: Conditions | None = None


class InspectionService(Value, frozen=True):
    """What the inspection of one class of premises needs."""

    template: str
    skills: tuple[str, ...]
    rule: str


class Services(Value, frozen=True):
    """The service catalogue."""

    version: str
    kinds: dict[str, Service]
    lead_days: int
    inspection_minutes: int
    inspections: dict[str, InspectionService]


class PremisesFacts(Value, frozen=True):
    """What intake has to know of the premises."""

    id: str
    account: str
    customer_class: str | None
    area: Literal["urban", "remote"] = "urban"


class WorkOrderDraft(Value, frozen=True):
    """Field work that a case asks for."""

    kind: str
    template: str
    skills: tuple[str, ...]
    duration_seconds: int
    tier: Literal["emergency", "normal"]
    window: Span | None
    earliest_at: Instant | None
    due_at: Instant | None
    people: int = 1


class Rejection(Wire, frozen=True):
    """A request that did not become a case, and why."""

    number: str | None
    account: str
    code: Name
    zh: Text
    en: Text
