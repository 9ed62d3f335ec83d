"""Rows that a day is made of, as storage reads them and the planning cores take them."""

from datetime import time
from uuid import uuid5

from schemas.base import UUID, Value, date, datetime


def second_of(job: str) -> str:
    """How the planner calls the second half of work for two; the first is called as ever."""
    return str(uuid5(UUID(job), "second"))


class WorkRow(Value, frozen=True):
    """Work of a day: a visit, a slot that was sold (`visit_id` is None, somebody holds it), or an
    order that nobody has. Instants are aware; `state` is the visit's, `held` or `unplaced`."""

    visit_id: UUID | None
    work_order_id: UUID
    technician_id: UUID | None
    state: str
    pinned: bool
    pending_decision: bool
    certification: str
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    accepted: list[str]
    record_version: int | None
    stop_id: UUID | None
    arrive_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    travel_seconds: int | None
    number: str
    kind: str
    tier: str
    case_id: UUID | None
    skills: list[str]
    duration_seconds: int
    window_opens: datetime | None
    window_closes: datetime | None
    earliest_at: datetime | None
    due_at: datetime | None
    latitude: float | None
    longitude: float | None
    address: str
    grid: str | None
    finder_id: UUID | None = None
    """Who found the danger that is still open there."""
    people: int = 1
    second_id: UUID | None = None
    half: bool = False
    """Of work for two: the other technician, and whether this is the second one's half of it."""

    @property
    def job(self) -> str:
        """How the planner calls it: by its visit, or by its work order where it has none."""
        return self.second if self.half else str(self.visit_id or self.work_order_id)

    @property
    def second(self) -> str:
        """How the planner calls the second technician's half."""
        return second_of(str(self.visit_id or self.work_order_id))

    @property
    def who(self) -> tuple[UUID, ...]:
        """Everybody who has it, whichever half this is."""
        return tuple({each: None for each in (self.technician_id, self.second_id) if each})


class PersonRow(Value, frozen=True):
    """A technician with the day's shift, papers (skill to last valid day) and tablet."""

    id: UUID
    number: str
    name: str
    latitude: float | None
    longitude: float | None
    skills: list[str]
    grids: list[str]
    shift_opens: time
    shift_closes: time
    lunch_opens: time | None
    lunch_closes: time | None
    tablet: UUID | None
    unsent: int | None
    seen_at: datetime | None
    shift_kind: str | None
    opens_at: datetime | None
    closes_at: datetime | None
    certificates: dict[str, date]
