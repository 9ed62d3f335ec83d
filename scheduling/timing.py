"""From an order of jobs to hours: the earliest way through a route, and where lunch lies in it.

Two earliest finishes are kept for each job, lunch taken or not. Of several ways home that are
equally early the one whose lunch is latest is written down, so that mornings begin early.
"""

from collections.abc import Mapping
from types import MappingProxyType

from scheduling.problem import Prepared, latest_lunch
from schemas.base import Value
from schemas.plan import Route, Stop, Technician
from schemas.problems import Refusal

NEVER = 10**9
NO_STARTS: Mapping[int, int] = MappingProxyType({})

Pair = tuple[int, int]


class _Way(Value, frozen=True):
    """A route to be timed: its person, its jobs, the drive to each and home, agreed starts."""

    prepared: Prepared
    t: int
    jobs: list[int]
    drives: list[int]
    starts: Mapping[int, int]

    @property
    def person(self) -> Technician:
        return self.prepared.problem.technicians[self.t]


def timed_route(
    prepared: Prepared, t: int, *, jobs: list[int], starts: Mapping[int, int] = NO_STARTS
) -> Route:
    """The route of technician `t` with every instant; refuses `plan_problem` where it cannot be.

    `starts` are the instants at which crews meet, by job.
    """
    spots = [int(prepared.start_spot[t]), *jobs, int(prepared.end_spot[t])]
    drives = [int(prepared.seconds[a, b]) for a, b in zip(spots, spots[1:], strict=False)]
    way = _Way(prepared=prepared, t=t, jobs=jobs, drives=drives, starts=starts)
    if not jobs:
        return Route(technician=way.person.id, stops=(), back_seconds=way.person.shift.opens)
    done = _finishes(way)
    back, fed, lunch = _home(way, done[-1])
    if back > int(prepared.shift_closes[t]):
        raise Refusal(
            "plan_problem", field=f"routes.{way.person.id}", reason="the hours do not fit"
        )
    hours, lunch = _traced(way, done, state=(fed, lunch))
    return _route(way, hours, lunch=lunch, back=back)


def begin_at(way: _Way, job: int, *, ready: int) -> int:
    """The earliest start of a job for a person who is ready: windows, crews' meetings, absences."""
    if job in way.starts:
        return way.starts[job] if ready <= way.starts[job] else NEVER
    work, pinned = int(way.prepared.duration[job]), bool(way.prepared.fixed[job])
    away = () if pinned else sorted((a.opens, a.closes) for a in way.person.absences)
    for opens, closes in way.prepared.hours(job):
        start = max(ready, opens)
        for gone, again in away:
            if start < again and start + work > gone:
                start = again
        if start <= closes:
            return start
    return NEVER


def _finishes(way: _Way) -> list[Pair]:
    """Per job the earliest finish before lunch and after it; the first pair is the start."""
    hungry = way.person.lunch is not None
    opens = way.person.shift.opens
    done = [(opens, NEVER) if hungry else (NEVER, opens)]
    for k, job in enumerate(way.jobs):
        fixed = way.prepared.problem.jobs[job].fixed
        if fixed is not None and fixed.started:
            # a fact; a break whose hours have passed counts as taken
            ends = fixed.start_seconds + int(way.prepared.duration[job])
            fed = not hungry or ends > latest_lunch(way.person)
            done.append((NEVER, ends) if fed else (ends, NEVER))
            continue
        free, fed_at = done[-1]
        unfed = _finish(way, job, ready=free + way.drives[k])
        after = min(
            _finish(way, job, ready=fed_at + way.drives[k]), _fed_here(way, k, free=free)[0]
        )
        done.append((unfed, after))
    return done


def _finish(way: _Way, job: int, *, ready: int) -> int:
    start = begin_at(way, job, ready=ready) if ready < NEVER else NEVER
    return start + int(way.prepared.duration[job]) if start < NEVER else NEVER


def _fed_here(way: _Way, k: int, *, free: int) -> tuple[int, int, int]:
    """Finish of the k-th job with lunch just before it: (finish, lunch, arrival)."""
    lunch, found = way.person.lunch, (NEVER, 0, 0)
    if lunch is None or free >= NEVER:
        return found
    for drive_first in (True, False):
        arrive = free + way.drives[k] if drive_first else free
        eat = max(arrive, lunch.opens)
        if eat > latest_lunch(way.person):
            continue
        ready = eat + lunch.duration_seconds + (0 if drive_first else way.drives[k])
        finish = _finish(way, way.jobs[k], ready=ready)
        if finish < found[0]:
            found = (finish, eat, arrive if drive_first else ready)
    return found


def _home(way: _Way, last: Pair) -> tuple[int, bool, int | None]:
    """When the person is home, whether lunch was before the last finish, or else when it begins."""
    free, fed = last
    drive, lunch = way.drives[-1], way.person.lunch
    home, eat_at = NEVER, None
    if lunch is not None and free < NEVER:
        eat = max(free, lunch.opens)
        if free + drive <= latest_lunch(way.person):
            # home before the break has to begin: it is taken there
            home = free + drive
        elif eat <= latest_lunch(way.person):
            home, eat_at = eat + lunch.duration_seconds + drive, eat
    if home <= fed + drive:
        return home, False, eat_at
    return fed + drive, True, None


def _traced(
    way: _Way, done: list[Pair], *, state: tuple[bool, int | None]
) -> tuple[list[Pair], int | None]:
    """Arrival and start of each job, walking home backwards; and when lunch begins."""
    fed, lunch = state
    hours: list[Pair] = []
    for k in range(len(way.jobs) - 1, -1, -1):
        free, finish = done[k][0], done[k + 1][1 if fed else 0]
        start = finish - int(way.prepared.duration[way.jobs[k]])
        here = _fed_here(way, k, free=free) if fed else (NEVER, 0, 0)
        if here[0] <= finish and here[0] < NEVER:
            fed, lunch = False, here[1]
            hours.append((here[2], start))
        else:
            before = done[k][1 if fed else 0]
            hours.append((min(before + way.drives[k], start) if before < NEVER else start, start))
    return hours[::-1], lunch


def _route(way: _Way, hours: list[Pair], *, lunch: int | None, back: int) -> Route:
    prepared, metres = way.prepared, way.prepared.travel.metres
    at, stops = int(prepared.start_spot[way.t]), []
    for number, drive, (arrive, start) in zip(way.jobs, way.drives, hours, strict=False):
        stops.append(
            Stop(
                job=prepared.problem.jobs[number].id,
                arrive_seconds=arrive,
                start_seconds=start,
                end_seconds=start + int(prepared.duration[number]),
                travel_seconds=drive,
                travel_metres=int(metres[at, number]),
            )
        )
        at = number
    return Route(
        technician=way.person.id,
        stops=tuple(stops),
        lunch_start_seconds=lunch,
        back_seconds=back,
        back_travel_seconds=way.drives[-1],
        back_travel_metres=int(metres[at, prepared.end_spot[way.t]]),
    )
