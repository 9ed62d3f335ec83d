"""What cannot be a problem: refused with the field and the reason before anybody searches."""

from math import isfinite

from schemas.plan import DAY_SECONDS, Band, Job, MatrixGiven, Point, Problem, Technician
from schemas.problems import Refusal


def refuse_unsound(problem: Problem) -> None:
    """Refuses `plan_problem` naming the first field that cannot be, and why."""
    for kind, things in (("technicians", problem.technicians), ("jobs", problem.jobs)):
        ids = [each.id for each in things]
        if len(set(ids)) != len(ids):
            raise _refusal(kind, "the same id twice")
    size = _matrix_size(problem.matrix)
    for person in problem.technicians:
        _refuse_person(person, size=size)
    known = {each.id for each in problem.technicians}
    for job in problem.jobs:
        _refuse_job(job, size=size, known=known)
    _refuse_crews(problem)


def _refusal(field: str, reason: str) -> Refusal:
    return Refusal("plan_problem", field=field, reason=reason)


def _refuse_person(person: Technician, *, size: int | None) -> None:
    field = f"technicians.{person.id}"
    for name in ("home", "start", "end"):
        place = getattr(person, name)
        if place is not None:
            _refuse_place(place, f"{field}.{name}", size=size)
    if person.shift.closes < person.shift.opens:
        raise _refusal(f"{field}.shift", "ends before it opens")
    _refuse_bands((person.shift,), f"{field}.shift")
    _refuse_bands(person.absences, f"{field}.absences")
    if min(person.overtime_seconds, person.reserve_seconds) < 0:
        raise _refusal(f"{field}.overtime_seconds", "negative")
    lunch = person.lunch
    if lunch and (lunch.duration_seconds < 0 or lunch.opens < 0):
        raise _refusal(f"{field}.lunch", "negative")
    if lunch and lunch.closes - lunch.opens < lunch.duration_seconds:
        raise _refusal(f"{field}.lunch", "longer than its band")


def _refuse_job(job: Job, *, size: int | None, known: set[str]) -> None:
    field = f"jobs.{job.id}"
    _refuse_place(job.place, f"{field}.place", size=size)
    if not 0 <= job.duration_seconds <= 2 * DAY_SECONDS:
        raise _refusal(f"{field}.duration_seconds", "negative or longer than two days")
    if job.penalty_seconds < 1:
        raise _refusal(f"{field}.penalty_seconds", "less than 1")
    _refuse_bands(job.windows, f"{field}.windows")
    if any(not 0 <= each.odds <= 1 for each in job.access):
        raise _refusal(f"{field}.access", "odds outside 0 to 1")
    if job.fixed is not None and job.fixed.technician not in known:
        raise _refusal(f"{field}.fixed", "unknown technician")


def _refuse_bands(bands: tuple[Band, ...], field: str) -> None:
    for each in bands:
        if each.closes < each.opens:
            raise _refusal(field, "ends before it opens")
        if each.opens < 0 or each.closes > 2 * DAY_SECONDS:
            raise _refusal(field, "outside two days")


def _refuse_crews(problem: Problem) -> None:
    crews: dict[str, list[Job]] = {}
    for job in problem.jobs:
        if job.crew is not None:
            crews.setdefault(job.crew, []).append(job)
    for halves in crews.values():
        fixed = [each.fixed for each in halves if each.fixed is not None]
        field = f"jobs.{halves[0].id}.crew"
        if len(halves) != 2:
            raise _refusal(field, "a crew is two jobs")
        if len(fixed) == 2 and fixed[0].start_seconds != fixed[1].start_seconds:
            raise _refusal(field, "its halves are fixed at two instants")
        if len(fixed) == 2 and fixed[0].technician == fixed[1].technician:
            raise _refusal(field, "its halves are fixed to one person")


def _matrix_size(matrix: MatrixGiven | None) -> int | None:
    if matrix is None:
        return None
    size = len(matrix.seconds)
    for name, table in (("seconds", matrix.seconds), ("metres", matrix.metres)):
        if len(table) != size or any(len(row) != size for row in table):
            raise _refusal(f"matrix.{name}", "not square")
        if any(not -1 <= each <= 10**7 for row in table for each in row):
            raise _refusal(f"matrix.{name}", "neither -1 (no way) nor a whole number of seconds")
    return size


def _refuse_place(place: Point, field: str, *, size: int | None) -> None:
    if size is not None:
        if place.index is None or not 0 <= place.index < size:
            raise _refusal(field, "not a row of the matrix")
        return
    if place.latitude is None or place.longitude is None:
        raise _refusal(field, "no coordinates")
    if not (isfinite(place.latitude) and isfinite(place.longitude)):
        raise _refusal(field, "not a number")
    if place.kmh is not None and not 1 <= place.kmh <= 200:
        raise _refusal(field, "a speed outside 1 to 200")
    if abs(place.latitude) > 90 or abs(place.longitude) > 180:
        raise _refusal(field, "outside the globe")
