"""What a crew lead sees: the day of the people who work in the lead's grids."""

from schemas.base import UUID, Value, date, datetime


class CrewVisit(Value, frozen=True):
    """A visit of the day; hours are aware instants, None where nobody set them yet."""

    visit: UUID
    number: str
    kind: str
    tier: str
    state: str
    address: str
    starts_at: datetime | None
    ends_at: datetime | None
    due_at: datetime | None
    certification: str
    pending_decision: bool


class CrewMember(Value, frozen=True):
    """A technician, when the tablet was last heard, and how much it said is only there."""

    technician: UUID
    number: str
    name: str
    seen_at: datetime | None
    unsent: int
    visits: list[CrewVisit]


class CrewDay(Value, frozen=True):
    """The crew of a day."""

    day: date
    unsent: int
    members: list[CrewMember]
