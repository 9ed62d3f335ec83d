"""The live day: what the board asks about a visit, a move or an event, and what it is told."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import UUID, Count, Instant, Value, Wire, date
from schemas.plan import Tier

SoftCode = Literal[
    "window",
    "due",
    "shift_end",
    "lunch",
    "pushes_next",
    "pinned_neighbour",
    "tablet_unreachable",
    "on_unreachable_tablet",
]
"""Rules that a dispatcher may overrule with a reason; every other rule is hard."""

Rank = Annotated[int, Meta(ge=1, le=100)]


class Asked(Wire, frozen=True):
    """Which work is meant: a visit, or a work order that has none yet. Exactly one of the two."""

    visit_id: UUID | None = None
    work_order_id: UUID | None = None


class LateVisit(Value, frozen=True):
    """A visit that would begin later than its window or its promise allows."""

    visit_id: UUID
    seconds: int


class Candidate(Value, frozen=True):
    """What one technician could do with a job. `rank` is the place in the route, from 1.

    `code` is `able` or the first rule that stands against it; where `feasible` is false and `soft`
    is not empty, the move is allowed with those codes accepted and a reason given.
    """

    technician_id: UUID
    feasible: bool
    code: str
    words_zh: str
    words_en: str
    added_seconds: int | None = None
    arrive_at: Instant | None = None
    rank: int | None = None
    soft: tuple[str, ...] = ()
    late: tuple[LateVisit, ...] = ()
    commitments_touched: tuple[UUID, ...] = ()
    tablet_silent_since: Instant | None = None


class Feasibility(Value, frozen=True):
    """Every technician of the day for one job, best first.

    `roads` says who told the ways, as the day's plan had them; `estimated` that the job's own place
    is none of theirs yet and its ways are great circles.
    """

    version: int
    technicians: tuple[Candidate, ...]
    roads: str = "great_circle"
    estimated: bool = False
    visit_id: UUID | None = None
    work_order_id: UUID | None = None


class MoveWish(Wire, frozen=True):
    """A job goes to a technician (or to nobody) at a rank; without one, to its cheapest place.

    `version` is that of the day on screen. `accept` names the soft rules that may break.
    """

    version: Count
    visit_id: UUID | None = None
    work_order_id: UUID | None = None
    technician_id: UUID | None = None
    rank: Rank | None = None
    accept: tuple[SoftCode, ...] = ()
    reason: Annotated[str, Meta(max_length=500)] = ""


class Placement(Value, frozen=True):
    """A visit's place in somebody's day; of work for two, in the second's as well."""

    technician_id: UUID
    rank: int
    arrive_at: Instant
    starts_at: Instant
    ends_at: Instant
    second_id: UUID | None = None


ChangeKind = Literal["moved", "retimed", "added", "dropped", "cancelled"]


class VisitChange(Value, frozen=True):
    """What happened to one visit. `new` says that the visit did not exist before."""

    kind: ChangeKind
    visit_id: UUID
    work_order_id: UUID
    before: Placement | None = None
    after: Placement | None = None
    new: bool = False


class Moved(Value, frozen=True):
    """A change of the day that was carried out, and what it changed."""

    move_id: UUID
    version: int
    changes: tuple[VisitChange, ...]


class EventWish(Wire, frozen=True):
    """Something happened in the field or at the desk.

    emergency: a work order (or visit) that has to be placed now. sick: a technician, from `at` on.
    overrun: a visit that will end at `until`. cancel: a visit, with its reason. no_access: a visit
    at which nobody opened. tablet_silent: a technician whose tablet is not heard; with `move` the
    visits that have not begun are given to others knowingly. hours_moved: a visit whose agreed hours
    are others by now.
    """

    kind: Literal[
        "emergency", "sick", "overrun", "cancel", "no_access", "tablet_silent", "hours_moved"
    ]
    visit_id: UUID | None = None
    work_order_id: UUID | None = None
    technician_id: UUID | None = None
    at: Instant | None = None
    until: Instant | None = None
    move: bool = False
    reason: Annotated[str, Meta(max_length=500)] = ""


class Promise(Value, frozen=True):
    """A promised hour that an event put at risk: a window, or the end of a promise today."""

    visit_id: UUID | None
    work_order_id: UUID
    tier: Tier
    technician_id: UUID | None = None
    late_seconds: int | None = None


class Risk(Value, frozen=True):
    """A visit that lies on a tablet nobody reaches: it stays there, or two may come to the door."""

    visit_id: UUID
    technician_id: UUID
    silent_since: Instant | None
    moved: bool
    zh: str
    en: str


class EventDone(Value, frozen=True):
    """What an event led to: few changes, and the promises it kept or cost. `took` in seconds;
    `roads` told the ways; `kept_on` are technicians who work past the end of their shift for it."""

    move_id: UUID
    version: int
    changes: tuple[VisitChange, ...]
    promises_kept: tuple[Promise, ...]
    promises_lost: tuple[Promise, ...]
    risks: tuple[Risk, ...]
    took: float
    roads: str = "great_circle"
    kept_on: tuple[UUID, ...] = ()


class DayStop(Value, frozen=True):
    """A visit on the board."""

    visit: UUID
    work_order: UUID
    number: str
    kind: str
    tier: str
    state: str
    pinned: bool
    pending_decision: bool
    certification: str
    technician_id: UUID | None
    version: int | None
    arrive_at: Instant | None
    starts_at: Instant | None
    ends_at: Instant | None
    due_at: Instant | None
    window_opens: Instant | None
    window_closes: Instant | None
    rank: int | None
    accepted: tuple[str, ...]
    latitude: float | None
    longitude: float | None
    address: str
    people: int = 1
    second_id: UUID | None = None


class DayTechnician(Value, frozen=True):
    """A technician on the board with load, last sync and what the tablet has not sent."""

    id: UUID
    number: str
    name: str
    latitude: float | None
    longitude: float | None
    skills: tuple[str, ...]
    grids: tuple[str, ...]
    tablet: UUID | None
    unsent: int | None
    seen_at: Instant | None
    silent: bool
    absent: bool
    shift_opens: Instant
    shift_closes: Instant
    work_seconds: int
    travel_seconds: int
    load: float
    stops: tuple[DayStop, ...]


class ReasonShown(Value, frozen=True):
    """Why a job is not in the plan, with how many technicians the rule stops."""

    code: str
    zh: str
    en: str
    count: int


class LeftOut(Value, frozen=True):
    """Work of the day that nobody has: a visit without a technician, or an order without a
    visit."""

    work_order: UUID
    visit: UUID | None = None
    number: str = ""
    kind: str = ""
    tier: str = ""
    due_at: Instant | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str = ""
    grid: str | None = None
    people: int = 1
    reasons: tuple[ReasonShown, ...] = ()
    relaxation: str | None = None


class Board(Value, frozen=True):
    """A day on the board; `version` rises with every change of the day and never falls. `roads`
    tells the ways by which it is judged."""

    day: date
    version: int
    technicians: tuple[DayTechnician, ...]
    unassigned: tuple[LeftOut, ...]
    roads: str = "great_circle"


class DayChange(Value, frozen=True):
    """One entry of a day's history: who changed what, and whether it can be undone."""

    move_id: UUID
    version: int
    kind: str
    actor: str
    at: Instant
    reason: str
    accepted: tuple[str, ...]
    changes: tuple[VisitChange, ...]
    undone_by: UUID | None = None


class DayHistory(Value, frozen=True):
    """Changes of a day, the oldest first."""

    items: tuple[DayChange, ...]


class PlanAsked(Value, frozen=True):
    """A run that was asked for."""

    id: UUID
    state: str


class PlanShown(Value, frozen=True):
    """A run with how far it is; `best_cost` falls while it searches. `roads` told `cells` of its
    table, but for `cells_estimated`, which are the great circle's."""

    id: UUID
    day: date
    state: str
    progress: float
    best_cost: float | None
    seed: int
    seconds: float
    engine: str
    requested_by: str
    requested_at: Instant
    finished_at: Instant | None
    published_at: Instant | None
    worker: str | None
    attempts: int
    candidates: int | None
    assigned: int | None
    unassigned: int | None
    checker_violations: int | None
    travel_seconds: int | None
    travel_km: float | None
    roads: str | None = None
    cells: int | None = None
    cells_estimated: int | None = None
    against: "PlanDiff | None" = None


class PlanList(Value, frozen=True):
    """Runs, the newest first."""

    items: tuple[PlanShown, ...]


class PlanDiff(Value, frozen=True):
    """A plan against what is published: what each technician and customer would notice."""

    moved: int
    retimed: int
    added: int
    dropped: int
    unchanged: int
    promises_gained: tuple[UUID, ...]
    promises_lost: tuple[UUID, ...]
    travel_seconds: int
    changes: tuple[VisitChange, ...] = ()


class WhyLeft(Value, frozen=True):
    """Why a job was left out, with the cheapest way to take it in."""

    work_order: UUID
    reasons: tuple[ReasonShown, ...]
    relaxation_zh: str | None = None
    relaxation_en: str | None = None
    technician_id: UUID | None = None


class WhyThere(Value, frozen=True):
    """Why a job is where it is: what the next best place would cost, and what it would break."""

    work_order: UUID
    technician_id: UUID
    cost_seconds: int
    next_technician_id: UUID | None
    next_cost_seconds: int | None
    breaks: tuple[ReasonShown, ...]


class PlanExplained(Value, frozen=True):
    """Every job of a plan with its reasons."""

    unassigned: tuple[WhyLeft, ...]
    assigned: tuple[WhyThere, ...]
