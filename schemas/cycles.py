"""Inspection cycles at size: due lists, levelled months, places, attempts and coverage."""

from typing import Annotated

from msgspec import Meta

from schemas.base import UUID, Instant, Value, Wire, date


class DueItem(Value, frozen=True):
    """Premises whose inspection falls due, and the day on which it is planned."""

    premises: UUID
    account: str
    customer_class: str
    address: str
    grid: str | None
    due_on: date
    planned_on: date | None


class DueList(Value, frozen=True):
    """A page of a month's due list; `next` goes on from there."""

    month: str
    items: list[DueItem]
    next: str | None


class PlannedMonth(Value, frozen=True):
    """How many inspections are planned in a month, and how many would fall due in it."""

    month: str
    planned: int
    due: int


class PlannedPlace(Value, frozen=True):
    """A compound or village with the days of its trip."""

    place: str
    premises: int
    first_on: date
    last_on: date


class YearPlan(Value, frozen=True):
    """The levelled months of a unit. `peak_over_mean` is 1 where every month is equally full."""

    months: list[PlannedMonth]
    peak_over_mean: float | None


class PlaceList(Value, frozen=True):
    """The trips of a month, the largest first."""

    month: str
    items: list[PlannedPlace]


class Levelling(Wire, frozen=True):
    """How far a levelling looks ahead, how early work may be done, what it gathers. In months."""

    months: Annotated[int, Meta(ge=1, le=36)] = 12
    lead_months: Annotated[int, Meta(ge=0, le=36)] = 11
    gather_months: Annotated[int, Meta(ge=0, le=12)] = 2


class Levelled(Value, frozen=True):
    """What a levelling did."""

    premises: int
    places: int
    peak_over_mean_before: float | None
    peak_over_mean: float | None


class AttemptShown(Value, frozen=True):
    """A visit that found nobody, or was turned away."""

    visit: UUID
    at: Instant
    outcome: str
    band: str
    working_day: bool
    notice_left: bool


class NextTry(Value, frozen=True):
    """The kind of day and the band in which to knock next."""

    working_day: bool
    band: str


class AccessShown(Value, frozen=True):
    """Two figures for one premises that are never mixed, and what is missing of the second."""

    premises: UUID
    since: date
    due_on: date
    completed_on: date | None
    interval_kept: bool | None
    duty_kept: bool
    missing: list[str]
    attempts: list[AttemptShown]
    next_try: NextTry | None


class Retries(Value, frozen=True):
    """What became of visits that found nobody: tried again, or handed to a supervisor."""

    again: int
    escalated: int
