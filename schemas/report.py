"""Reports: how the promises were kept, by what a manager wants to see them by."""

from typing import Literal

from schemas.base import Value, date

By = Literal["clause", "rule", "rule_version", "unit", "grid", "month"]


class Slack(Value, frozen=True):
    """Hours between the stop and the due instant; below zero it was late. None without a stop."""

    p10_hours: float | None
    p50_hours: float | None
    p90_hours: float | None


class Line(Value, frozen=True):
    """What became of the promises of one group. `kept_share` leaves out what is open or waived."""

    key: str
    zh: str
    total: int
    kept: int
    breached: int
    excused: int
    waived: int
    not_applicable: int
    pending: int
    kept_share: float | None
    slack: Slack


class VisitFigures(Value, frozen=True):
    """How often the first visit finished the work, and how often the door was opened."""

    orders: int
    first_visit_done: int
    first_visit_success: float | None
    visits: int
    let_in: int
    access_rate: float | None


class BacklogMonth(Value, frozen=True):
    """Inspections that fall due in a month, what can be done, and what is left over."""

    month: str
    due: int
    capacity: int
    backlog: int


class SlackBin(Value, frozen=True):
    """How many promises stopped that many hours before (or, below zero, after) their due instant."""

    from_hours: float | None
    until_hours: float | None
    count: int


class Report(Value, frozen=True):
    """A period's promises, by one reading, with the figures of field work beside them."""

    unit: str
    since: date
    until: date
    by: By
    lines: list[Line]
    total: Line
    slack: list[SlackBin]
    visits: VisitFigures
    backlog: list[BacklogMonth]


class CoverageLine(Value, frozen=True):
    """Inspections of one grid that fell due in one month, in two figures that are never mixed."""

    grid: str
    month: str
    due: int
    interval_kept: int
    interval_open: int
    duty_kept: int
    attempts: int


class Coverage(Value, frozen=True):
    """*Interval actually kept* and *duty to offer kept*, by grid and month."""

    unit: str
    since: date
    until: date
    lines: list[CoverageLine]
