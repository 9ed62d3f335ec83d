"""From an order of jobs to hours: the earliest way through a route, and where lunch lies in it."""

from scheduling.problem import Prepared, start_bands
from schemas.base import Value
from schemas.plan import Job, Lunch, Route, Stop
from schemas.problems import Refusal


class _Leg(Value, frozen=True):
    """One way to have come here: when free, what was done, when lunch began."""

    free: int
    stops: tuple[tuple[int, int, int, int], ...]
    lunch: int | None


def timed_route(prepared: Prepared, t: int, *, jobs: list[int]) -> Route:
    """The route of technician `t` with every instant; refuses `plan_problem` where it cannot be."""
    person = prepared.problem.technicians[t]
    count = len(prepared.problem.jobs)
    home, at = count + t, count + t
    legs = [_Leg(free=person.shift.opens, stops=(), lunch=None)]
    for job in jobs:
        drive = int(prepared.seconds[at, job])
        legs = _fewest(
            _onward(legs, prepared.problem.jobs[job], way=(job, drive), lunch=person.lunch)
        )
        at = job
    drive = int(prepared.seconds[at, home]) if jobs else 0
    done = [_home(each, drive, lunch=person.lunch) for each in legs]
    possible = [each for each in done if each is not None and each.free <= person.shift.closes]
    if not possible:
        raise Refusal("plan_problem", field=f"routes.{person.id}", reason="the hours do not fit")
    best = min(possible, key=lambda each: each.free)
    return _route(prepared, t, leg=best, drive=drive, last=at)


def _onward(legs: list[_Leg], job: Job, *, way: tuple[int, int], lunch: Lunch | None) -> list[_Leg]:
    number, drive = way
    found: list[_Leg] = []
    for leg in legs:
        # without lunch, lunch before the drive, lunch after it
        for rest in (None, "before", "after"):
            arrive, ate = leg.free + drive, leg.lunch
            ready = arrive
            if rest is not None:
                if lunch is None or leg.lunch is not None:
                    continue
                eat = max(leg.free if rest == "before" else arrive, lunch.opens)
                if eat + lunch.duration_seconds > lunch.closes:
                    continue
                ate, ready = eat, eat + lunch.duration_seconds
                if rest == "before":
                    ready += drive
                    arrive = ready
            start = next((max(ready, o) for o, c in start_bands(job) if ready <= c), None)
            if start is not None:
                stop = (number, arrive, start, drive)
                found.append(
                    _Leg(free=start + job.duration_seconds, stops=(*leg.stops, stop), lunch=ate)
                )
    return found


def _fewest(legs: list[_Leg]) -> list[_Leg]:
    # one way with lunch behind and one with lunch ahead: the earliest of each is never worse
    kept: dict[bool, _Leg] = {}
    for leg in legs:
        known = kept.get(leg.lunch is not None)
        if known is None or leg.free < known.free:
            kept[leg.lunch is not None] = leg
    return list(kept.values())


def _home(leg: _Leg, drive: int, *, lunch: Lunch | None) -> _Leg | None:
    if lunch is None or leg.lunch is not None or not leg.stops:
        return _Leg(free=leg.free + drive, stops=leg.stops, lunch=leg.lunch)
    eat = max(leg.free, lunch.opens)
    latest = lunch.closes - lunch.duration_seconds
    if leg.free + drive <= latest:
        # home before the break has to begin: it is taken there
        return _Leg(free=leg.free + drive, stops=leg.stops, lunch=None)
    if eat <= latest:
        return _Leg(free=eat + lunch.duration_seconds + drive, stops=leg.stops, lunch=eat)
    return None


def _route(prepared: Prepared, t: int, *, leg: _Leg, drive: int, last: int) -> Route:
    problem = prepared.problem
    home = len(problem.jobs) + t
    at, stops = home, []
    for number, arrive, start, seconds in leg.stops:
        job = problem.jobs[number]
        stops.append(
            Stop(
                job=job.id,
                arrive_seconds=arrive,
                start_seconds=start,
                end_seconds=start + job.duration_seconds,
                travel_seconds=seconds,
                travel_metres=int(prepared.travel.metres[at, number]),
            )
        )
        at = number
    return Route(
        technician=problem.technicians[t].id,
        stops=tuple(stops),
        lunch_start_seconds=leg.lunch,
        back_seconds=leg.free,
        back_travel_seconds=drive,
        back_travel_metres=int(prepared.travel.metres[last, home]) if stops else 0,
    )
