"""What a plan costs, counted afresh from its hours by somebody who knows nothing of the search."""

from math import asin, cos, radians, sin, sqrt

from schemas.plan import Cost, Job, Plan, Point, Problem, Route, Technician

EARTH_RADIUS_M = 6_371_008.8

_GRID, _PREFERENCE, _HANDS, _SPLIT = 300, 600, 900, 600
_TOLD_GRACE, _TOLD_SHIFT, _CLOSED_DOOR = 900, 600, 1800
_OVERTIME, _RESERVE = 2, 1
_NO_WAY = 10**7
_STRICT = ("emergency", "breaks_today", "booked", "due_soon")


def cost(problem: Problem, plan: Plan) -> Cost:
    """What a plan costs by the rules of the design (docs/protocol/plan.md)."""
    jobs = {each.id: each for each in problem.jobs}
    people = {each.id: each for each in problem.technicians}
    placed = {stop.job for route in plan.routes for stop in route.stops}
    sums = dict.fromkeys((*_STRICT, "seconds"), 0)
    for job in problem.jobs:
        if job.id not in placed:
            tier = "emergency" if job.fixed else job.tier
            sums[tier if tier in _STRICT else "seconds"] += job.penalty_seconds
    for route in plan.routes:
        sums["seconds"] += _route(problem, people[route.technician], route=route, jobs=jobs)
    sums["seconds"] += _SPLIT * _helpers(plan, jobs)
    return Cost(**sums)


def drive_seconds(problem: Problem, one: Point, *, other: Point) -> int:
    """Whole seconds from one place to another; -1 where there is no way."""
    if problem.matrix is not None and one.index is not None and other.index is not None:
        return problem.matrix.seconds[one.index][other.index]
    return round(_metres(one, other) * problem.detour / ((other.kmh or problem.speed_kmh) / 3.6))


def _helpers(plan: Plan, jobs: dict[str, Job]) -> int:
    """How many people more than one there are in each compound or village, summed."""
    there: dict[str, set[str]] = {}
    for route in plan.routes:
        for stop in route.stops:
            group = jobs[stop.job].group
            if group is not None:
                there.setdefault(group, set()).add(route.technician)
    return sum(len(each) - 1 for each in there.values())


def _route(problem: Problem, person: Technician, *, route: Route, jobs: dict[str, Job]) -> int:
    if not route.stops:
        return 0
    total, at, work = 0, person.start or person.home, 0
    for stop in route.stops:
        job = jobs[stop.job]
        total += _way(problem, at, other=job.place)
        total += _pairing(person, job) + _start(job, stop.start_seconds)
        work += job.duration_seconds
        at = job.place
    total += _way(problem, at, other=person.end or person.home)
    shift = max(1, person.shift.closes - person.shift.opens)
    total += problem.fairness_seconds * work * work // (shift * shift)
    return total + _late(person, _home(problem, person, route=route, at=at))


def _way(problem: Problem, one: Point, *, other: Point) -> int:
    drive = drive_seconds(problem, one, other=other)
    return _NO_WAY if drive < 0 else drive


def _home(problem: Problem, person: Technician, *, route: Route, at: Point) -> int:
    free = route.stops[-1].end_seconds
    lunch = route.lunch_start_seconds
    if lunch is not None and person.lunch and lunch >= free:
        free = lunch + person.lunch.duration_seconds
    return free + _way(problem, at, other=person.end or person.home)


def _late(person: Technician, home: int) -> int:
    over = max(0, home - person.shift.closes)
    eaten = max(0, min(home, person.shift.closes) - person.shift.closes + person.reserve_seconds)
    return over * _OVERTIME + eaten * _RESERVE


def _pairing(person: Technician, job: Job) -> int:
    counted = _GRID if job.grid and person.grids and job.grid not in person.grids else 0
    counted += _PREFERENCE if job.prefers and job.prefers != person.id else 0
    return counted + (_HANDS if job.holder and job.holder != person.id else 0)


def _start(job: Job, start: int) -> int:
    counted = sum(
        round((1 - each.odds) * _CLOSED_DOOR)
        for each in job.access
        if each.opens <= start <= each.closes
    )
    told = job.told_seconds
    if told is not None and not job.fixed and abs(start - told) > _TOLD_GRACE:
        counted += _TOLD_SHIFT
    return counted


def _metres(one: Point, other: Point) -> float:
    if one.latitude is None or one.longitude is None:
        return 0.0
    if other.latitude is None or other.longitude is None:
        return 0.0
    phi, psi = radians(one.latitude), radians(other.latitude)
    half = sin((phi - psi) / 2) ** 2
    half += cos(phi) * cos(psi) * sin(radians(one.longitude - other.longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(min(1.0, half)))
