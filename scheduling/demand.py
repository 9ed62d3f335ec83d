"""A day's problem from rows: who is there, what may be done, how urgent each thing is. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.base import Value
from schemas.plan import Band, Fixed, Job, Lunch, Point, Problem, Technician, Tier

ZONE = ZoneInfo("Asia/Shanghai")
DUE_SOON_DAYS = 7
WINDOW_GRACE_SECONDS = 0


class Day(Value, frozen=True):
    """Rows that a problem is made of."""

    on_day: date
    technicians: Sequence[Any]
    certificates: Mapping[UUID, Mapping[str, date | None]]
    orders: Sequence[Any]
    grids: Mapping[UUID, str]
    absent: frozenset[UUID] = frozenset()
    fixed: Mapping[UUID, Fixed] = {}


class Demand(Value, frozen=True):
    """The problem, and the work that cannot even be asked for: order id and why."""

    problem: Problem
    unplaceable: Mapping[str, str]


def demand(day: Day) -> Demand:
    """Work without coordinates waits for geocoding and says so; everything else is asked for."""
    unplaceable = {str(each.id): "no_coordinates" for each in day.orders if each.latitude is None}
    midnight = datetime.combine(day.on_day, time(), ZONE)
    technicians = tuple(
        _technician(each, day) for each in day.technicians
        if each.latitude is not None and each.id not in day.absent
    )  # fmt: skip
    jobs = tuple(
        _job(each, day, midnight=midnight) for each in day.orders if each.latitude is not None
    )
    problem = Problem(day=day.on_day, technicians=technicians, jobs=jobs)
    return Demand(problem=problem, unplaceable=unplaceable)


def tier_of(order: Any, midnight: datetime) -> Tier:
    """Safety first, then promises that would break that day, booked hours, what is due soon."""
    if order.tier == "emergency":
        return "emergency"
    ends = midnight + timedelta(days=1)
    promised = order.case_id is not None
    if promised and order.due_at is not None and order.due_at <= ends:
        return "breaks_today"
    if order.window_opens is not None and midnight <= order.window_opens < ends:
        return "booked"
    soon = ends + timedelta(days=DUE_SOON_DAYS)
    if order.due_at is not None and order.due_at <= soon:
        return "due_soon"
    return "routine"


def _technician(row: Any, day: Day) -> Technician:
    held = day.certificates.get(row.id, {})
    return Technician(
        id=str(row.id),
        home=Point(latitude=row.latitude, longitude=row.longitude),
        shift=Band(opens=_seconds(row.shift_opens), closes=_seconds(row.shift_closes)),
        skills=tuple(row.skills),
        certificates={skill: until for skill, until in held.items() if until is not None},
        lunch=_lunch(row),
        grids=tuple(row.grids),
    )


def _lunch(row: Any) -> Lunch | None:
    if row.lunch_opens is None or row.lunch_closes is None:
        return None
    opens, closes = _seconds(row.lunch_opens), _seconds(row.lunch_closes)
    # the hour that the export names may float by half an hour to either side
    return Lunch(opens=opens - 1800, closes=closes + 1800, duration_seconds=closes - opens)


def _job(row: Any, day: Day, *, midnight: datetime) -> Job:
    tier = tier_of(row, midnight)
    window = _window(row, midnight)
    due = _after(midnight, row.due_at)
    return Job(
        id=str(row.id),
        place=Point(latitude=row.latitude, longitude=row.longitude),
        duration_seconds=int(row.duration_seconds),
        skills=tuple(row.skills),
        windows=(window,) if window else (),
        earliest_seconds=max(0, _after(midnight, row.earliest_at) or 0),
        # a promise that ends during the day bounds the start; one that has ended only raises
        # urgency
        due_seconds=due if due is not None and 0 < due <= 86_400 and row.case_id else None,
        tier=tier,
        penalty_seconds=_penalty(row, midnight),
        grid=day.grids.get(row.grid_id),
        fixed=day.fixed.get(row.id),
    )


def _window(row: Any, midnight: datetime) -> Band | None:
    opens, closes = _after(midnight, row.window_opens), _after(midnight, row.window_closes)
    if opens is None or closes is None or closes <= 0 or opens >= 86_400:
        # hours that were agreed for another day do not bind this one
        return None
    return Band(opens=max(0, opens), closes=max(0, closes))


def _penalty(row: Any, midnight: datetime) -> int:
    """Grows towards the due instant: from an hour of travel to two, and on after it."""
    if row.due_at is None:
        return 3600
    days = (row.due_at - midnight).total_seconds() / 86_400
    return int(min(20_000, max(1_800, 7_200 - days * 120)))


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _after(midnight: datetime, at: datetime | None) -> int | None:
    return None if at is None else int((at - midnight).total_seconds())
