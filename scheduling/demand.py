"""A day's problem from rows: who is there, what may be done, how urgent each thing is. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from commitments.cycles import place_of
from scheduling.speeds import WHOLE, Cell, speed_at
from scheduling.travel import Table
from schemas.base import Value
from schemas.day import PersonRow, WorkRow
from schemas.plan import (
    DAY_SECONDS,
    Access,
    Band,
    Fixed,
    Job,
    Lunch,
    Point,
    Problem,
    Technician,
    Tier,
)

ZONE = ZoneInfo("Asia/Shanghai")
DUE_SOON_DAYS = 7
SILENT_AFTER = timedelta(minutes=45)
"""A tablet that was not heard for so long during its shift may not hear of a change in time."""
STILL_SECONDS = 300
"""How much longer a visit that overran is taken to last, from now on."""
RESERVE_SECONDS = 1800
"""What is neither planned nor sold of anybody's day, so that an emergency finds somebody."""
FAIRNESS_SECONDS = 1200
"""What a shift full of work counts, half a shift a quarter of it: work spreads."""
DOOR_KINDS = frozenset({"inspection", "inspection_booking"})
"""Work that fails at the door: nobody called for it."""
BEGUN = frozenset({"on_site", "in_progress", "suspended"})


class Day(Value, frozen=True):
    """Rows that a problem is made of. Without `now` nothing has begun and every tablet is heard,
    but for those that somebody says are `silent`. Where `pairs_stand`, two who were told to come
    together are as good as pinned: the live day moves one of them without the other never."""

    on_day: date
    people: Sequence[PersonRow]
    work: Sequence[WorkRow]
    now: datetime | None = None
    silent: frozenset[UUID] = frozenset()
    pairs_stand: bool = False
    speeds: Mapping[Cell, float] = {}
    doors: tuple[Access, ...] = ()
    table: Table | None = None


class Demand(Value, frozen=True):
    """The problem, the day as it is published, and the work that cannot even be asked for.

    `routes` is technician to jobs in order, `starts` job to the start that was told; `silent` are
    technicians whose tablet is not heard, `table` what a road service told of the ways.
    """

    problem: Problem
    rows: Mapping[str, WorkRow]
    routes: Mapping[str, tuple[str, ...]]
    starts: Mapping[str, int]
    silent: Mapping[str, datetime | None]
    unplaceable: Mapping[str, str]
    table: Table | None = None


def demand(day: Day) -> Demand:
    """Work without coordinates waits for geocoding and says so; everything else is asked for."""
    midnight = midnight_of(day.on_day)
    silent = {
        str(each.id): each.seen_at
        for each in day.people
        if each.id in day.silent or (day.now is not None and is_silent(each, day.now))
    }
    people = tuple(
        technician_of(each, midnight=midnight, reachable=str(each.id) not in silent)
        for each in day.people
        if each.latitude is not None and each.shift_kind != "absent"
    )
    known = {each.id for each in people}
    work = [half for each in day.work for half in _halves(each)]
    # what somebody who is away has done is done, and nobody's to plan
    placed = [
        each
        for each in work
        if each.latitude is not None and (_ahead(each) or str(each.technician_id) in known)
    ]
    jobs = _grouped([_job(each, day, known=known, silent=silent) for each in placed], placed)
    jobs = _paired(jobs, placed)
    starts = {
        job.id: int((began - midnight).total_seconds())
        for job, row in zip(jobs, placed, strict=True)
        if (began := began_at(row)) is not None and str(row.technician_id) in known
    }
    problem = Problem(
        day=day.on_day, technicians=people, jobs=jobs, fairness_seconds=FAIRNESS_SECONDS
    )
    if (usual := day.speeds.get(WHOLE)) is not None:
        problem = msgspec.structs.replace(problem, speed_kmh=usual)
    return Demand(
        problem=problem,
        rows={each.job: each for each in work},
        routes=_routes(placed, starts),
        starts=starts,
        silent=silent,
        unplaceable={each.job: "no_coordinates" for each in day.work if each.latitude is None},
        table=day.table,
    )


def _grouped(jobs: Sequence[Job], rows: Sequence[WorkRow]) -> tuple[Job, ...]:
    """Jobs of one compound or village would rather share a technician; an emergency waits for
    nobody."""
    places = [
        place_of(row.address) if job.tier != "emergency" and row.people == 1 else ""
        for job, row in zip(jobs, rows, strict=True)
    ]
    many = Counter(places)
    return tuple(
        msgspec.structs.replace(job, group=place) if place and many[place] > 1 else job
        for job, place in zip(jobs, places, strict=True)
    )


def _halves(row: WorkRow) -> tuple[WorkRow, ...]:
    """Work for two is two jobs, one for each; what began with one is that one's alone."""
    if row.people < 2 or (row.second_id is None and not _ahead(row)):
        return (row,)
    one, other = row.technician_id, row.second_id
    return row, msgspec.structs.replace(row, half=True, technician_id=other, second_id=one)


def _paired(jobs: Sequence[Job], rows: Sequence[WorkRow]) -> tuple[Job, ...]:
    """Halves begin together, so what holds one where it is holds the other."""
    pairs: dict[str, list[Job]] = {}
    for job, row in zip(jobs, rows, strict=True):
        if row.people > 1:
            pairs.setdefault(str(row.visit_id or row.work_order_id), []).append(job)
    made = {}
    for name, pair in pairs.items():
        holds = next((each.fixed for each in pair if each.fixed), None)
        for each in pair if len(pair) > 1 else ():
            fixed = each.fixed
            if holds is not None and fixed is None and each.holder is not None:
                fixed = msgspec.structs.replace(holds, technician=each.holder)
            made[each.id] = msgspec.structs.replace(each, crew=name, fixed=fixed)
    return tuple(made.get(each.id, each) for each in jobs)


def midnight_of(day: date) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(), ZONE)


def now_seconds(on_day: date, now: datetime) -> int:
    """How far a day has come; 0 before it begins."""
    passed = int((now - midnight_of(on_day)).total_seconds())
    return max(0, min(passed, 2 * DAY_SECONDS))


def is_silent(person: PersonRow, now: datetime) -> bool:
    """Whether a tablet has not been heard for long; who has none, or has just got one, hears by
    telephone."""
    if person.tablet is None or person.seen_at is None:
        return False
    return now - person.seen_at > SILENT_AFTER


def began_at(row: WorkRow) -> datetime | None:
    """When a visit began or is to begin."""
    return row.started_at or row.starts_at


def _routes(placed: Sequence[WorkRow], starts: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    routes: dict[str, list[WorkRow]] = {}
    for each in placed:
        if each.job in starts:
            routes.setdefault(str(each.technician_id), []).append(each)
    return {
        who: tuple(
            each.job for each in sorted(rows, key=lambda row: (_ahead(row), starts[row.job]))
        )
        for who, rows in routes.items()
    }


def _ahead(row: WorkRow) -> bool:
    # what has begun comes first, whatever hour a tablet says it was
    return not (row.state == "ended" or row.state in BEGUN)


def tier_of(row: WorkRow, midnight: datetime) -> Tier:
    """Safety first, then promises that would break that day, booked hours, what is due soon."""
    if row.tier == "emergency":
        return "emergency"
    ends = midnight + timedelta(days=1)
    promised = row.case_id is not None
    if promised and row.due_at is not None and row.due_at <= ends:
        return "breaks_today"
    if row.window_opens is not None and midnight <= row.window_opens < ends:
        return "booked"
    soon = ends + timedelta(days=DUE_SOON_DAYS)
    if row.due_at is not None and row.due_at <= soon:
        return "due_soon"
    return "routine"


def technician_of(row: PersonRow, *, midnight: datetime, reachable: bool = True) -> Technician:
    """A person's day; hours of the day itself go before the usual ones."""
    opens, closes = _seconds(row.shift_opens), _seconds(row.shift_closes)
    if row.opens_at is not None:
        opens = max(0, _after(midnight, row.opens_at) or 0)
    if row.closes_at is not None:
        closes = max(opens, _after(midnight, row.closes_at) or 0)
    return Technician(
        id=str(row.id),
        home=Point(latitude=row.latitude, longitude=row.longitude),
        shift=Band(opens=opens, closes=closes),
        # who fell ill finishes what is pinned or begun, if anything, and takes nothing else
        skills=() if row.shift_kind == "sick" else tuple(row.skills),
        certificates=row.certificates,
        lunch=_lunch(row),
        grids=tuple(row.grids),
        reachable=reachable,
        standby=row.shift_kind == "standby",
        reserve_seconds=min(RESERVE_SECONDS, closes - opens),
    )


def _lunch(row: PersonRow) -> Lunch | None:
    if row.lunch_opens is None or row.lunch_closes is None:
        return None
    opens, closes = _seconds(row.lunch_opens), _seconds(row.lunch_closes)
    # the hour that the export names may float by half an hour to either side
    return Lunch(opens=opens - 1800, closes=closes + 1800, duration_seconds=closes - opens)


def _job(row: WorkRow, day: Day, *, known: set[str], silent: Mapping[str, datetime | None]) -> Job:
    midnight = midnight_of(day.on_day)
    began = _after(midnight, began_at(row))
    who = str(row.technician_id)
    fixed, holder = None, who if began is not None and who in known else None
    if began is not None and holder is not None:
        fixed = _fixed(row, (who, began), now=_after(midnight, day.now), silent=who in silent)
    if fixed is None and holder is not None and day.pairs_stand and row.people > 1:
        fixed = Fixed(technician=who, start_seconds=max(0, began or 0))
    window = _window(row, midnight)
    due = _after(midnight, row.due_at)
    tier = tier_of(row, midnight)
    asked_for = window is not None or row.kind not in DOOR_KINDS
    return Job(
        id=row.job,
        place=Point(
            latitude=row.latitude, longitude=row.longitude, kmh=_speed(row, day, window=window)
        ),
        duration_seconds=_lasts(row, now=day.now),
        skills=tuple(row.skills),
        windows=(window,) if window else (),
        earliest_seconds=min(max(0, _after(midnight, row.earliest_at) or 0), 2 * DAY_SECONDS),
        # a promise that ends during the day bounds the start; one that has ended only raises
        # urgency
        due_seconds=due if due is not None and 0 < due <= DAY_SECONDS and row.case_id else None,
        tier=tier,
        # who found a danger looks whether it is gone; who comes to an emergency is who is near
        prefers=None if tier == "emergency" else _person(row.finder_id, known),
        # who agreed on hours, or called, opens
        access=() if asked_for else day.doors,
        penalty_seconds=_penalty(row, midnight),
        grid=row.grid,
        fixed=fixed,
        holder=holder,
        told_seconds=began if began is not None and began >= 0 and row.visit_id else None,
    )


def _person(who: UUID | None, known: set[str]) -> str | None:
    return str(who) if who is not None and str(who) in known else None


def _speed(row: WorkRow, day: Day, *, window: Band | None) -> float | None:
    """How fast people drive there, at the hour that was agreed where one was."""
    hour = (window.opens + window.closes) // 7200 if window is not None else None
    return speed_at(day.speeds, row.grid, hour=hour)


def _fixed(row: WorkRow, place: tuple[str, int], *, now: int | None, silent: bool) -> Fixed | None:
    who, began = place
    started = row.state == "ended" or row.state in BEGUN
    # of a tablet that is not heard, what should have begun by now has begun for all we know
    started = started or (silent and now is not None and began <= now)
    if started or row.pinned or row.state == "en_route":
        return Fixed(technician=who, start_seconds=max(0, began), started=started)
    return None


def _lasts(row: WorkRow, *, now: datetime | None) -> int:
    """How long a visit took, takes, or is to take."""
    if row.started_at is not None and row.ended_at is not None:
        return max(60, min(DAY_SECONDS, int((row.ended_at - row.started_at).total_seconds())))
    if row.started_at is not None and row.state in BEGUN and now is not None:
        so_far = int((now - row.started_at).total_seconds())
        planned = int(row.duration_seconds)
        if row.ends_at is not None:
            planned = max(planned, int((row.ends_at - row.started_at).total_seconds()))
        return max(planned, min(so_far + STILL_SECONDS, DAY_SECONDS))
    if row.started_at is None and row.starts_at is not None and row.ends_at is not None:
        # somebody said beforehand that it takes longer, and its place in the day is as long
        booked = int((row.ends_at - row.starts_at).total_seconds())
        return max(int(row.duration_seconds), min(booked, DAY_SECONDS))
    return int(row.duration_seconds)


def _window(row: WorkRow, midnight: datetime) -> Band | None:
    opens, closes = _after(midnight, row.window_opens), _after(midnight, row.window_closes)
    if opens is None or closes is None or closes <= 0 or opens >= DAY_SECONDS:
        # hours that were agreed for another day do not bind this one
        return None
    return Band(opens=max(0, opens), closes=max(0, opens, closes))


def _penalty(row: WorkRow, midnight: datetime) -> int:
    """Grows towards the due instant: from an hour of travel to two, and on after it."""
    if row.due_at is None:
        return 3600
    days = (row.due_at - midnight).total_seconds() / DAY_SECONDS
    return int(min(20_000, max(1_800, 7_200 - days * 120)))


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _after(midnight: datetime, at: datetime | None) -> int | None:
    return None if at is None else int((at - midnight).total_seconds())
