"""A notice on working days: of the State Council, or of the operator for itself."""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Text, Value, Wire, date

Layer = Literal["official", "provisional", "operator"]
"""Who says so: the State Council, a guess until it has spoken, the operator for itself."""


class NoticeDay(Wire, frozen=True):
    """A day off that would be worked, or a make-up day that would be off."""

    on: date
    works: bool
    name: Annotated[str, Meta(max_length=40)] = ""


class Notice(Wire, frozen=True):
    """What was announced for a year. An operator's own day prevails over an official one."""

    year: Annotated[int, Meta(ge=2020, le=2100)]
    source: Text
    layer: Layer
    days: Annotated[list[NoticeDay], Meta(min_length=1, max_length=366)]


class Recalendared(Wire, frozen=True):
    """What a notice changed: how many clocks lean on it, and which fall due at another time."""

    days: int
    clocks: int
    moved: int
    official_until: int


class CalendarDay(Value, frozen=True):
    """A day that is not as its weekday says, or that somebody laid down; who said so last."""

    on: date
    works: bool
    layer: Layer | Literal["shipped"]
    source: str


class CalendarYear(Value, frozen=True):
    """A year as the unit counts it. Not official: every due date in it says that it is a guess."""

    year: int
    official: bool
    working_days: int
    days: list[CalendarDay]
