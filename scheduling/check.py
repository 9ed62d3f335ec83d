"""The independent checker: plain Python that knows the rules and nothing of how plans are found."""

from collections.abc import Iterator

from scheduling.check_cost import cost, drive_seconds
from schemas.base import Value
from schemas.plan import Job, Plan, Point, Problem, Route, Stop, Technician, Violation

TOLERANCE_SECONDS = 1

__all__ = ["check", "cost"]


def check(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Every rule that a plan breaks; an empty answer means that it may be published (I17)."""
    return tuple(_violations(problem, plan))


class _Book(Value, frozen=True):
    """What is looked up while a plan is read."""

    problem: Problem
    jobs: dict[str, Job]
    dark: frozenset[str]


class _At(Value, frozen=True):
    """Where a person is after a stop, since when, and whether lunch is over."""

    free: int
    place: Point
    fed: bool


def _violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    book = _Book(
        problem=problem,
        jobs={each.id: each for each in problem.jobs},
        dark=frozenset(each.id for each in problem.technicians if not each.reachable),
    )
    people = {each.id: each for each in problem.technicians}
    seen: dict[str, tuple[str, Stop]] = {}
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
            if stop.job not in book.jobs:
                yield Violation(code="unknown_job", technician=who, job=stop.job)
            elif stop.job in seen:
                yield Violation(code="job_twice", technician=who, job=stop.job)
            seen[stop.job] = (who, stop)
        if all(stop.job in book.jobs for stop in route.stops):
            yield from _route(book, people[who], route=route)
    yield from _leftovers(problem, plan, seen=seen)
    yield from _crews(problem, seen)


def _leftovers(
    problem: Problem, plan: Plan, *, seen: dict[str, tuple[str, Stop]]
) -> Iterator[Violation]:
    left = set(plan.unassigned)
    for job in problem.jobs:
        who = seen[job.id][0] if job.id in seen else None
        if who and job.id in left:
            yield Violation(code="assigned_and_unassigned", job=job.id)
        if not who and job.id not in left:
            yield Violation(code="job_lost", job=job.id)
        if job.fixed and who != job.fixed.technician:
            yield Violation(code="fixed_moved", job=job.id, detail="not with its technician")


def _crews(problem: Problem, seen: dict[str, tuple[str, Stop]]) -> Iterator[Violation]:
    crews: dict[str, list[str]] = {}
    for job in problem.jobs:
        if job.crew:
            crews.setdefault(job.crew, []).append(job.id)
    for halves in crews.values():
        there = [seen[each] for each in halves if each in seen]
        if not there:
            continue
        if len(there) != len(halves):
            yield Violation(code="crew_halved", job=halves[0])
        if len({stop.start_seconds for _, stop in there}) > 1:
            yield Violation(code="crew_apart", job=halves[0], detail="two starts")
        if len({who for who, _ in there}) < len(there):
            yield Violation(code="crew_alone", job=halves[0], technician=there[0][0])


def _route(book: _Book, person: Technician, *, route: Route) -> Iterator[Violation]:
    yield from _lunch(person, route)
    at = _At(free=person.shift.opens, place=person.start or person.home, fed=not person.lunch)
    begun = True
    for stop in route.stops:
        job = book.jobs[stop.job]
        started = job.fixed is not None and job.fixed.started
        if started and not begun:
            yield Violation(
                code="before_started", technician=person.id, job=job.id,
                detail="something lies before a visit that has started",
            )  # fmt: skip
        begun = begun and started
        yield from _able(book, person, job=job)
        if stop.end_seconds - stop.start_seconds != job.duration_seconds:
            yield Violation(code="duration", technician=person.id, job=job.id)
        yield from _hours(person, stop, job=job)
        if started:
            late = person.lunch and stop.end_seconds > _latest_lunch(person)
            at = _At(free=stop.end_seconds, place=job.place, fed=bool(late) or not person.lunch)
        else:
            found, at = _onward(book, person, at=at, stop=stop, lunch=route.lunch_start_seconds)
            yield from found
    yield from _loads(book, person, route=route)
    if route.stops:
        yield from _end(book, person, route=route, at=at)


def _onward(
    book: _Book, person: Technician, *, at: _At, stop: Stop, lunch: int | None
) -> tuple[list[Violation], _At]:
    found: list[Violation] = []
    job = book.jobs[stop.job]
    drive = drive_seconds(book.problem, at.place, other=job.place)
    if drive < 0:
        found.append(Violation(code="no_way", technician=person.id, job=job.id))
        drive = 0
    if stop.travel_seconds != drive:
        found.append(Violation(code="travel", technician=person.id, job=job.id))
    ready, fed = at.free + drive, at.fed
    # the break lies somewhere between the last job and this one
    if lunch is not None and not fed and person.lunch and lunch < stop.start_seconds:
        fed = True
        if lunch + TOLERANCE_SECONDS < at.free:
            found.append(Violation(code="lunch_while_working", technician=person.id, job=job.id))
        before_drive = lunch + person.lunch.duration_seconds + drive
        after_drive = max(ready, lunch) + person.lunch.duration_seconds
        ready = after_drive if lunch + TOLERANCE_SECONDS >= ready else before_drive
    if stop.start_seconds + TOLERANCE_SECONDS < ready:
        found.append(
            Violation(
                code="too_early",
                technician=person.id,
                job=job.id,
                detail=f"starts at {stop.start_seconds}, cannot be there before {ready}",
            )
        )
    return found, _At(free=stop.end_seconds, place=job.place, fed=fed)


def _end(book: _Book, person: Technician, *, route: Route, at: _At) -> Iterator[Violation]:
    lunch = route.lunch_start_seconds
    drive = drive_seconds(book.problem, at.place, other=person.end or person.home)
    if drive < 0:
        yield Violation(code="no_way", technician=person.id, detail="home")
        drive = 0
    home, fed = at.free + drive, at.fed
    if lunch is not None and not fed and person.lunch:
        if lunch + TOLERANCE_SECONDS < at.free:
            yield Violation(code="lunch_while_working", technician=person.id)
        home, fed = lunch + person.lunch.duration_seconds + drive, True
    if route.back_seconds + TOLERANCE_SECONDS < home:
        yield Violation(code="home_too_early", technician=person.id)
    last = person.shift.closes + person.overtime_seconds
    if home > last + TOLERANCE_SECONDS:
        yield Violation(
            code="shift", technician=person.id, detail=f"home at {home}, may work until {last}"
        )
    if not fed and home > _latest_lunch(person) + TOLERANCE_SECONDS:
        yield Violation(code="lunch_missing", technician=person.id)


def _latest_lunch(person: Technician) -> int:
    return person.lunch.closes - person.lunch.duration_seconds if person.lunch else 0


def _lunch(person: Technician, route: Route) -> Iterator[Violation]:
    lunch = route.lunch_start_seconds
    if lunch is None:
        return
    if person.lunch is None:
        yield Violation(code="lunch_unknown", technician=person.id)
    elif not person.lunch.opens <= lunch <= _latest_lunch(person):
        yield Violation(code="lunch_outside_band", technician=person.id)


def _loads(book: _Book, person: Technician, *, route: Route) -> Iterator[Violation]:
    load = sum(book.jobs[stop.job].load for stop in route.stops)
    pinned = all(book.jobs[stop.job].fixed for stop in route.stops)
    if person.capacity is not None and load > person.capacity and not pinned:
        yield Violation(code="overload", technician=person.id, detail=f"{load} aboard")


def _able(book: _Book, person: Technician, *, job: Job) -> Iterator[Violation]:
    if job.fixed:
        return
    for skill in job.skills:
        if skill not in person.skills:
            yield Violation(code="skill", technician=person.id, job=job.id, detail=skill)
        elif skill in person.certificates and person.certificates[skill] < book.problem.day:
            yield Violation(code="certificate", technician=person.id, job=job.id, detail=skill)
    if person.id in job.never or (job.only and person.id not in job.only):
        yield Violation(code="excluded", technician=person.id, job=job.id)
    if job.holder == person.id:
        return
    if person.standby and job.tier != "emergency":
        yield Violation(code="standby", technician=person.id, job=job.id)
    if not person.reachable:
        yield Violation(code="tablet_unreachable", technician=person.id, job=job.id)
    if job.holder in book.dark:
        yield Violation(code="on_unreachable_tablet", technician=person.id, job=job.id)


def _hours(person: Technician, stop: Stop, *, job: Job) -> Iterator[Violation]:
    who, start = person.id, stop.start_seconds
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
    if any(start < each.closes and stop.end_seconds > each.opens for each in person.absences):
        yield Violation(code="absent", technician=who, job=job.id)
