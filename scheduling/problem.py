"""From a problem as people write it to arrays that a kernel reads; refuses what cannot be."""

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from scheduling.travel import Matrix, great_circle
from schemas.base import Value
from schemas.plan import DAY_SECONDS, Job, Point, Problem, Technician, Tier
from schemas.problems import Refusal

TIER_WEIGHTS: dict[Tier, float] = {
    "emergency": 1e13,
    "breaks_today": 1e10,
    "booked": 1e7,
    "due_soon": 1e2,
    "routine": 1.0,
}
"""Apart far enough that a whole day of a later tier never outweighs one job of an earlier one."""
FIXED_WEIGHT = 1e15
OTHER_GRID_SECONDS = 300
"""What it counts to send somebody out of the grids that are theirs."""
CHANGE_HANDS_SECONDS = 900
"""What it counts to take a job from the technician who holds it."""
NOT_PREFERRED_SECONDS = 600
NO_WAY = 10**7
WINDOWS_MAX = 8

ABLE, NO_SKILL, CERTIFICATE, EXCLUDED, FIXED_ELSEWHERE, UNREACHABLE = range(6)
REASON_CODES = ("able", "skill", "certificate", "excluded", "fixed_elsewhere", "tablet_unreachable")

Ints = NDArray[np.int64]


class Prepared(Value, frozen=True):
    """The problem in arrays: jobs are points 0…J-1, homes J…J+T-1.

    `why` holds, per technician and job, ABLE or the first rule that stands against it.
    """

    problem: Problem
    travel: Matrix
    seconds: Ints
    duration: Ints
    opens: Ints
    closes: Ints
    penalty: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    why: NDArray[np.int8]
    extra: Ints
    shift_opens: Ints
    shift_closes: Ints
    lunch_opens: Ints
    lunch_latest: Ints
    lunch_seconds: Ints


def prepare(problem: Problem) -> Prepared:
    """Checks a problem and lays it out. Refuses `plan_problem` with the field and the reason."""
    _refuse_unsound(problem)
    travel = _travel(problem)
    seconds = np.where(travel.seconds < 0, NO_WAY, travel.seconds).astype(np.int64)
    opens, closes = _windows(problem.jobs)
    people = problem.technicians
    return Prepared(
        problem=problem,
        travel=travel,
        seconds=np.ascontiguousarray(seconds),
        duration=np.array([each.duration_seconds for each in problem.jobs], dtype=np.int64),
        opens=opens,
        closes=closes,
        penalty=np.array([penalty_of(each) for each in problem.jobs], dtype=np.float64),
        fixed=np.array([each.fixed is not None for each in problem.jobs], dtype=np.bool_),
        why=_why(problem),
        extra=_extra(problem),
        shift_opens=np.array([each.shift.opens for each in people], dtype=np.int64),
        shift_closes=np.array([each.shift.closes for each in people], dtype=np.int64),
        lunch_opens=np.array([each.lunch.opens if each.lunch else 0 for each in people], np.int64),
        lunch_latest=np.array([_latest_lunch(each) for each in people], dtype=np.int64),
        lunch_seconds=np.array(
            [each.lunch.duration_seconds if each.lunch else 0 for each in people], dtype=np.int64
        ),
    )


def penalty_of(job: Job) -> float:
    """What leaving a job out costs, in seconds of travel."""
    if job.fixed is not None:
        return FIXED_WEIGHT
    return job.penalty_seconds * TIER_WEIGHTS[job.tier]


def start_bands(job: Job) -> list[tuple[int, int]]:
    """The stretches within which a job may begin, in order; empty where there is none.

    A due instant that has passed already does not forbid the work: late is better than never.
    """
    if job.fixed is not None:
        return [(job.fixed.start_seconds, job.fixed.start_seconds)]
    latest = DAY_SECONDS * 2
    if job.due_seconds is not None and job.due_seconds > job.earliest_seconds:
        latest = job.due_seconds
    given = [(each.opens, each.closes) for each in job.windows] or [(0, DAY_SECONDS * 2)]
    cut = [(max(o, job.earliest_seconds), min(c, latest)) for o, c in given]
    return sorted((o, c) for o, c in cut if o <= c)


def reason_against(technician: Technician, job: Job, *, problem: Problem) -> int:
    """The first rule that forbids a pairing whatever the hours, or ABLE."""
    if job.fixed is not None:
        return ABLE if job.fixed.technician == technician.id else FIXED_ELSEWHERE
    if not set(job.skills) <= set(technician.skills):
        return NO_SKILL
    for skill in job.skills:
        if technician.certificates.get(skill, problem.day) < problem.day:
            return CERTIFICATE
    if technician.id in job.never or (job.only and technician.id not in job.only):
        return EXCLUDED
    # a tablet that nobody can reach learns of no new work, and keeps what it has
    if not technician.reachable and job.holder != technician.id:
        return UNREACHABLE
    return ABLE


def _latest_lunch(technician: Technician) -> int:
    # -1 says that there is no break to take
    lunch = technician.lunch
    return lunch.closes - lunch.duration_seconds if lunch else -1


def _windows(jobs: tuple[Job, ...]) -> tuple[Ints, Ints]:
    opens = np.full((max(len(jobs), 1), WINDOWS_MAX), 1, dtype=np.int64)
    closes = np.full((max(len(jobs), 1), WINDOWS_MAX), -1, dtype=np.int64)
    for row, job in enumerate(jobs):
        for column, (first, last) in enumerate(start_bands(job)):
            opens[row, column], closes[row, column] = first, last
    return opens, closes


def _why(problem: Problem) -> NDArray[np.int8]:
    table = np.zeros((len(problem.technicians), len(problem.jobs)), dtype=np.int8)
    # jobs that ask for the same are judged once
    for row, person in enumerate(problem.technicians):
        known: dict[object, int] = {}
        for column, job in enumerate(problem.jobs):
            asks = (job.skills, job.only, job.never, job.holder, job.fixed)
            if asks not in known:
                known[asks] = reason_against(person, job, problem=problem)
            table[row, column] = known[asks]
    return table


def _extra(problem: Problem) -> Ints:
    return np.array(
        [[extra_seconds(each, job) for job in problem.jobs] for each in problem.technicians],
        dtype=np.int64,
    ).reshape(len(problem.technicians), len(problem.jobs))


def extra_seconds(technician: Technician, job: Job) -> int:
    """What a pairing counts besides travel: grids, the one who knows the case, changing hands."""
    extra = 0
    if job.grid is not None and technician.grids and job.grid not in technician.grids:
        extra += OTHER_GRID_SECONDS
    if job.prefers is not None and job.prefers != technician.id:
        extra += NOT_PREFERRED_SECONDS
    if job.holder is not None and job.holder != technician.id:
        extra += CHANGE_HANDS_SECONDS
    return extra


def _travel(problem: Problem) -> Matrix:
    points = [*(each.place for each in problem.jobs), *(each.home for each in problem.technicians)]
    if problem.matrix is None:
        latitudes = np.array([each.latitude for each in points], dtype=np.float64)
        longitudes = np.array([each.longitude for each in points], dtype=np.float64)
        return great_circle(
            latitudes, longitudes, speed_kmh=problem.speed_kmh, detour=problem.detour
        )
    order = np.array([each.index for each in points], dtype=np.int64)
    seconds = np.array(problem.matrix.seconds, dtype=np.int32)
    metres = np.array(problem.matrix.metres, dtype=np.int32)
    return Matrix(seconds=seconds[np.ix_(order, order)], metres=metres[np.ix_(order, order)])


def _refuse_unsound(problem: Problem) -> None:
    for kind, things in (("technicians", problem.technicians), ("jobs", problem.jobs)):
        ids = [each.id for each in things]
        if len(set(ids)) != len(ids):
            raise Refusal("plan_problem", field=kind, reason="the same id twice")
    size = _matrix_size(problem)
    for person in problem.technicians:
        _refuse_place(person.home, f"technicians.{person.id}.home", size=size)
        if person.shift.closes < person.shift.opens:
            raise Refusal(
                "plan_problem", field=f"technicians.{person.id}.shift", reason="ends early"
            )
        lunch = person.lunch
        if lunch and lunch.closes - lunch.opens < lunch.duration_seconds:
            raise Refusal(
                "plan_problem",
                field=f"technicians.{person.id}.lunch",
                reason="longer than its band",
            )
    known = {each.id for each in problem.technicians}
    for job in problem.jobs:
        _refuse_place(job.place, f"jobs.{job.id}.place", size=size)
        if any(each.closes < each.opens for each in job.windows):
            raise Refusal(
                "plan_problem", field=f"jobs.{job.id}.windows", reason="ends before it opens"
            )
        if job.fixed is not None and job.fixed.technician not in known:
            raise Refusal("plan_problem", field=f"jobs.{job.id}.fixed", reason="unknown technician")


def _matrix_size(problem: Problem) -> int | None:
    if problem.matrix is None:
        return None
    size = len(problem.matrix.seconds)
    for table in (problem.matrix.seconds, problem.matrix.metres):
        if len(table) != size or any(len(row) != size for row in table):
            raise Refusal("plan_problem", field="matrix", reason="not square")
    return size


def _refuse_place(place: Point, field: str, *, size: int | None) -> None:
    if size is not None:
        if place.index is None or place.index >= size:
            raise Refusal("plan_problem", field=field, reason="not a row of the matrix")
        return
    if place.latitude is None or place.longitude is None:
        raise Refusal("plan_problem", field=field, reason="no coordinates")
    if not (isfinite(place.latitude) and isfinite(place.longitude)):
        raise Refusal("plan_problem", field=field, reason="not a number")
