"""The independent checker: plain Python that knows the rules and nothing of how plans are found."""

from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt

from schemas.plan import Cost, Job, Plan, Point, Problem, Route, Technician, Violation

EARTH_RADIUS_M = 6_371_008.8
TOLERANCE_SECONDS = 1

_GRID, _PREFERENCE, _HANDS = 300, 600, 900


def check(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Every rule that a plan breaks; an empty answer means that it may be published (I17)."""
    return tuple(_violations(problem, plan))


def cost(problem: Problem, plan: Plan) -> Cost:
    """What a plan costs by the rules of the design, counted afresh."""
    jobs = {each.id: each for each in problem.jobs}
    people = {each.id: each for each in problem.technicians}
    placed = {stop.job for route in plan.routes for stop in route.stops}
    sums = dict.fromkeys(("emergency", "breaks_today", "booked", "due_soon", "seconds"), 0)
    for job in problem.jobs:
        if job.id not in placed:
            tier = "emergency" if job.fixed else job.tier
            sums["seconds" if tier == "routine" else tier] += job.penalty_seconds
    for route in plan.routes:
        person, at = people[route.technician], people[route.technician].home
        for stop in route.stops:
            job = jobs[stop.job]
            sums["seconds"] += _drive(problem, at, other=job.place) + _pairing(person, job)
            at = job.place
        if route.stops:
            sums["seconds"] += _drive(problem, at, other=person.home)
    return Cost(**sums)


def _pairing(person: Technician, job: Job) -> int:
    counted = _GRID if job.grid and person.grids and job.grid not in person.grids else 0
    counted += _PREFERENCE if job.prefers and job.prefers != person.id else 0
    return counted + (_HANDS if job.holder and job.holder != person.id else 0)


def _violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    jobs = {each.id: each for each in problem.jobs}
    people = {each.id: each for each in problem.technicians}
    seen: dict[str, str] = {}
    routed: set[str] = set()
    for route in plan.routes:
        who = route.technician
        if who not in people:
            yield Violation(code="unknown_technician", technician=who)
            continue
        if who in routed:
            yield Violation(code="two_routes", technician=who)
        routed.add(who)
        for stop in route.stops:
            if stop.job not in jobs:
                yield Violation(code="unknown_job", technician=who, job=stop.job)
            elif stop.job in seen:
                yield Violation(code="job_twice", technician=who, job=stop.job)
            seen[stop.job] = who
        if all(stop.job in jobs for stop in route.stops):
            yield from _route(problem, people[who], route=route, jobs=jobs)
    yield from _leftovers(problem, plan, seen=seen)


def _leftovers(problem: Problem, plan: Plan, *, seen: dict[str, str]) -> Iterator[Violation]:
    left = set(plan.unassigned)
    for job in problem.jobs:
        if job.id in seen and job.id in left:
            yield Violation(code="assigned_and_unassigned", job=job.id)
        if job.id not in seen and job.id not in left:
            yield Violation(code="job_lost", job=job.id)
        if job.fixed and seen.get(job.id) != job.fixed.technician:
            yield Violation(code="fixed_moved", job=job.id, detail="not with its technician")


def _route(
    problem: Problem, person: Technician, *, route: Route, jobs: dict[str, Job]
) -> Iterator[Violation]:
    who, free, at = person.id, person.shift.opens, person.home
    lunch = route.lunch_start_seconds
    ate = False
    yield from _lunch(person, route)
    for stop in route.stops:
        job = jobs[stop.job]
        yield from _able(problem, person, job=job)
        drive = _drive(problem, at, other=job.place)
        if drive < 0:
            yield Violation(code="no_way", technician=who, job=job.id)
            drive = 0
        ready = free + drive
        # the break lies somewhere between the last job and this one
        if lunch is not None and not ate and person.lunch and lunch < stop.start_seconds:
            ate = True
            if lunch + TOLERANCE_SECONDS < free:
                yield Violation(code="lunch_while_working", technician=who, job=job.id)
            before_drive = lunch + person.lunch.duration_seconds + drive
            after_drive = max(ready, lunch) + person.lunch.duration_seconds
            ready = after_drive if lunch + TOLERANCE_SECONDS >= ready else before_drive
        if stop.start_seconds + TOLERANCE_SECONDS < ready:
            yield Violation(
                code="too_early", technician=who, job=job.id,
                detail=f"starts at {stop.start_seconds}, cannot be there before {ready}",
            )  # fmt: skip
        if stop.end_seconds - stop.start_seconds != job.duration_seconds:
            yield Violation(code="duration", technician=who, job=job.id)
        yield from _hours(job, stop.start_seconds, who=who)
        free, at = stop.end_seconds, job.place
    if route.stops:
        yield from _end(problem, person, route=route, last=(free, at, ate))


def _end(
    problem: Problem, person: Technician, *, route: Route, last: tuple[int, Point, bool]
) -> Iterator[Violation]:
    free, at, ate = last
    lunch = route.lunch_start_seconds
    drive = _drive(problem, at, other=person.home)
    home = free + drive
    if lunch is not None and not ate and person.lunch:
        if lunch + TOLERANCE_SECONDS < free:
            yield Violation(code="lunch_while_working", technician=person.id)
        home = lunch + person.lunch.duration_seconds + drive
        ate = True
    if home > person.shift.closes + TOLERANCE_SECONDS:
        yield Violation(
            code="shift",
            technician=person.id,
            detail=f"home at {home}, shift ends {person.shift.closes}",
        )
    if person.lunch and not ate:
        latest = person.lunch.closes - person.lunch.duration_seconds
        if home > latest + TOLERANCE_SECONDS:
            yield Violation(code="lunch_missing", technician=person.id)


def _lunch(person: Technician, route: Route) -> Iterator[Violation]:
    lunch = route.lunch_start_seconds
    if lunch is None:
        return
    if person.lunch is None:
        yield Violation(code="lunch_unknown", technician=person.id)
    elif not person.lunch.opens <= lunch <= person.lunch.closes - person.lunch.duration_seconds:
        yield Violation(code="lunch_outside_band", technician=person.id)


def _able(problem: Problem, person: Technician, *, job: Job) -> Iterator[Violation]:
    if job.fixed:
        return
    for skill in job.skills:
        if skill not in person.skills:
            yield Violation(code="skill", technician=person.id, job=job.id, detail=skill)
        elif skill in person.certificates and person.certificates[skill] < problem.day:
            yield Violation(code="certificate", technician=person.id, job=job.id, detail=skill)
    if person.id in job.never or (job.only and person.id not in job.only):
        yield Violation(code="excluded", technician=person.id, job=job.id)
    if not person.reachable and job.holder != person.id:
        yield Violation(code="tablet_unreachable", technician=person.id, job=job.id)


def _hours(job: Job, start: int, *, who: str) -> Iterator[Violation]:
    if job.fixed:
        if start != job.fixed.start_seconds:
            yield Violation(code="fixed_moved", technician=who, job=job.id, detail="other start")
        return
    if start < job.earliest_seconds:
        yield Violation(code="earliest", technician=who, job=job.id)
    if job.windows and not any(each.opens <= start <= each.closes for each in job.windows):
        yield Violation(code="window", technician=who, job=job.id)
    lawful = job.due_seconds is not None and job.due_seconds > job.earliest_seconds
    if lawful and job.due_seconds is not None and start > job.due_seconds:
        yield Violation(code="due", technician=who, job=job.id)


def _drive(problem: Problem, one: Point, *, other: Point) -> int:
    if problem.matrix is not None and one.index is not None and other.index is not None:
        return problem.matrix.seconds[one.index][other.index]
    return round(_metres(one, other) * problem.detour / (problem.speed_kmh / 3.6))


def _metres(one: Point, other: Point) -> float:
    if one.latitude is None or one.longitude is None:
        return 0.0
    if other.latitude is None or other.longitude is None:
        return 0.0
    phi, psi = radians(one.latitude), radians(other.latitude)
    half = sin((phi - psi) / 2) ** 2
    half += cos(phi) * cos(psi) * sin(radians(one.longitude - other.longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half)))
