"""The planning problem and the plan: string ids, integer seconds from local midnight, metres."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Latitude, Longitude, Value, date

DAY_SECONDS = 86_400
Seconds = Annotated[int, Meta(ge=0, le=2 * DAY_SECONDS)]
Id = Annotated[str, Meta(min_length=1, max_length=80)]
Skill = Annotated[str, Meta(min_length=1, max_length=60)]

Load = Annotated[int, Meta(ge=0, le=10**6)]
Speed = Annotated[float, Meta(ge=1, le=200)]

Tier = Literal["emergency", "breaks_today", "booked", "due_soon", "routine"]
"""Strict order: no number of jobs of a later tier outweighs one of an earlier tier."""


class Point(Value, frozen=True, forbid_unknown_fields=True):
    """Where something is: degrees in WGS-84, or a row of the problem's own matrix.

    `kmh` is how fast people drive there, where that is known; otherwise the problem's speed.
    """

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    index: Annotated[int, Meta(ge=0)] | None = None
    kmh: Speed | None = None


class Band(Value, frozen=True, forbid_unknown_fields=True):
    """A stretch of the day within which something has to begin, both ends included."""

    opens: Seconds
    closes: Seconds


class Lunch(Value, frozen=True, forbid_unknown_fields=True):
    """A break that floats inside a band; it has to end by `closes`."""

    opens: Seconds
    closes: Seconds
    duration_seconds: Seconds


class Technician(Value, frozen=True, forbid_unknown_fields=True):
    """A person's day. `certificates` name the last valid day of a skill, where there is one.

    The day begins at `start` and ends at `end` (a station, where the person stands now); both are
    `home` unless said otherwise. No job overlaps an absence; driving and lunch may. The shift may
    be overrun by `overtime_seconds`, which counts; its last `reserve_seconds` are kept for
    emergencies, and what eats them counts. Who stands by takes emergencies and nothing else.
    `capacity` bounds the sum of the jobs' `load` (parts that the vehicle carries).
    """

    id: Id
    home: Point
    shift: Band
    skills: tuple[Skill, ...] = ()
    certificates: dict[Skill, date] = {}
    lunch: Lunch | None = None
    grids: tuple[str, ...] = ()
    reachable: bool = True
    start: Point | None = None
    end: Point | None = None
    absences: Annotated[tuple[Band, ...], Meta(max_length=4)] = ()
    overtime_seconds: Seconds = 0
    reserve_seconds: Seconds = 0
    standby: bool = False
    capacity: Load | None = None


class Fixed(Value, frozen=True, forbid_unknown_fields=True):
    """A visit that has begun or is pinned: this technician, this start. It never moves.

    What has `started` is a fact: nothing comes before it and nobody asks how it was reached.
    """

    technician: Id
    start_seconds: Seconds
    started: bool = False


class Access(Value, frozen=True, forbid_unknown_fields=True):
    """How likely the door is opened to somebody who knocks within these hours."""

    opens: Seconds
    closes: Seconds
    odds: Annotated[float, Meta(ge=0, le=1)]


class Job(Value, frozen=True, forbid_unknown_fields=True):
    """Work at a place. `windows` bound the start; `due_seconds` is the last lawful start today.

    `penalty_seconds` is what leaving it out costs within its tier, in seconds of travel. Two jobs
    with the same `crew` are one piece of work for two people: both begin at one instant, or
    neither is planned. Jobs of one `group` (a compound, a village) would rather share a technician.
    `holder` has the job in the published plan, which told the customer `told_seconds`. Where no
    band of `access` covers a start, the door opens.
    """

    id: Id
    place: Point
    duration_seconds: Seconds
    skills: tuple[Skill, ...] = ()
    windows: Annotated[tuple[Band, ...], Meta(max_length=8)] = ()
    earliest_seconds: Seconds = 0
    due_seconds: Seconds | None = None
    tier: Tier = "routine"
    penalty_seconds: Annotated[int, Meta(ge=1, le=10**6)] = 3600
    grid: str | None = None
    group: str | None = None
    only: tuple[Id, ...] = ()
    never: tuple[Id, ...] = ()
    prefers: Id | None = None
    holder: Id | None = None
    fixed: Fixed | None = None
    crew: Id | None = None
    told_seconds: Seconds | None = None
    access: Annotated[tuple[Access, ...], Meta(max_length=8)] = ()
    load: Load = 0


class MatrixGiven(Value, frozen=True, forbid_unknown_fields=True):
    """Travel between indexed points; -1 where there is no way."""

    seconds: tuple[tuple[int, ...], ...]
    metres: tuple[tuple[int, ...], ...]


class Problem(Value, frozen=True, forbid_unknown_fields=True):
    """One unit's day.

    `fairness_seconds` is what a shift full of work counts; half a shift counts a quarter of it, so
    that work spreads. 0: who does how much is nobody's business.
    """

    day: date
    technicians: tuple[Technician, ...]
    jobs: tuple[Job, ...]
    matrix: MatrixGiven | None = None
    speed_kmh: Annotated[float, Meta(gt=0, le=200)] = 28.0
    detour: Annotated[float, Meta(ge=1, le=3)] = 1.3
    fairness_seconds: Seconds = 0


class Cost(Value, frozen=True, order=True, forbid_unknown_fields=True):
    """What a plan costs; compared field by field from the top, so that tiers are strict.

    The first four are the penalties of what was left out of each tier. `seconds` are the penalties
    of routine work left out, and travel, and everything else that counts, in seconds of travel.
    """

    emergency: int = 0
    breaks_today: int = 0
    booked: int = 0
    due_soon: int = 0
    seconds: int = 0


class Stop(Value, frozen=True, forbid_unknown_fields=True):
    """A job at its place in a route."""

    job: Id
    arrive_seconds: int
    start_seconds: int
    end_seconds: int
    travel_seconds: int
    travel_metres: int


class Route(Value, frozen=True, forbid_unknown_fields=True):
    """A technician's day as planned; `back_seconds` is when the technician is home again."""

    technician: Id
    stops: tuple[Stop, ...]
    lunch_start_seconds: int | None = None
    back_seconds: int = 0
    back_travel_seconds: int = 0
    back_travel_metres: int = 0


class Plan(Value, frozen=True, forbid_unknown_fields=True):
    """An answer to a problem. The same problem, seed and iterations give the same plan."""

    engine: str
    seed: int
    iterations: int
    cost: Cost
    routes: tuple[Route, ...]
    unassigned: tuple[Id, ...]
    travel_seconds: int
    travel_metres: int
    solve_seconds: float = 0.0


class Violation(Value, frozen=True):
    """A rule that a plan breaks, found by the independent checker."""

    code: str
    technician: str = ""
    job: str = ""
    detail: str = ""


class Reason(Value, frozen=True):
    """Why a job is not in the plan: how many technicians the same rule stops, and which."""

    code: str
    zh: str
    en: str
    count: int
    technicians: tuple[str, ...] = ()


class Unassigned(Value, frozen=True):
    """A job that was left out, with its reasons and the cheapest way to take it in: whom to ask,
    for what (`room`, `overtime`, `later`) and for how long."""

    job: str
    reasons: tuple[Reason, ...]
    relaxation: str | None = None
    relaxation_zh: str | None = None
    overtime_seconds: int | None = None
    ask: Literal["room", "overtime", "later"] | None = None
    technician: str | None = None
    seconds: int | None = None


class Assigned(Value, frozen=True):
    """Why a job is where it is: what it counts there, what it would count with the next best
    person, and what stands against the others."""

    job: str
    technician: str
    seconds: int
    next_technician: str | None
    next_seconds: int | None
    reasons: tuple[Reason, ...]
