"""From a problem as people write it to arrays that a kernel reads."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scheduling.refusals import refuse_unsound
from scheduling.travel import Matrix, great_circle
from schemas.base import Value
from schemas.plan import DAY_SECONDS, Job, Point, Problem, Technician, Tier

TIERS: tuple[Tier, ...] = ("emergency", "breaks_today", "booked", "due_soon", "routine")
OTHER_GRID_SECONDS = 300
"""What it counts to send somebody out of the grids that are theirs."""
CHANGE_HANDS_SECONDS = 900
"""What it counts to take a job from the technician who holds it."""
NOT_PREFERRED_SECONDS = 600
GROUP_SPLIT_SECONDS = 600
"""What each further technician in one compound or village counts."""
TOLD_GRACE_SECONDS = 900
TOLD_SHIFT_SECONDS = 600
"""What it counts to come at another time than the customer was told, beyond the grace."""
CLOSED_DOOR_SECONDS = 1800
"""What a visit counts at which nobody opens, times how likely that is."""
OVERTIME_PRICE = 2
"""What a second of overtime counts, besides the travel in it."""
RESERVE_PRICE = 1
"""What a second of the reserve for emergencies counts, once work eats it."""
NO_WAY = 10**7
WINDOWS_MAX = 8

ABLE, NO_SKILL, CERTIFICATE, EXCLUDED, FIXED_ELSEWHERE, UNREACHABLE = range(6)
STANDBY, OVERLOAD, ON_DARK_TABLET = range(6, 9)
REASON_CODES = (
    "able", "skill", "certificate", "excluded", "fixed_elsewhere", "tablet_unreachable", "standby",
    "overload", "on_unreachable_tablet",
)  # fmt: skip

Ints = NDArray[np.int32]


class Prepared(Value, frozen=True):
    """The problem in arrays: spots 0…J-1 are the jobs', those after them where people begin and
    end.

    `why` holds, per technician and job, ABLE or the first rule that stands against it.
    """

    problem: Problem
    travel: Matrix
    seconds: Ints
    start_spot: Ints
    end_spot: Ints
    duration: Ints
    opens: Ints
    closes: Ints
    fixed: NDArray[np.bool_]
    why: NDArray[np.int8]
    extra: Ints
    shift_opens: Ints
    shift_closes: Ints
    lunch_opens: Ints
    lunch_latest: Ints
    lunch_seconds: Ints

    def hours(self, job: int) -> list[tuple[int, int]]:
        """The stretches within which a job may begin, in order."""
        pairs = zip(self.opens[job].tolist(), self.closes[job].tolist(), strict=True)
        return [(opens, closes) for opens, closes in pairs if opens <= closes]


def prepare(problem: Problem) -> Prepared:
    """Checks a problem and lays it out. Refuses `plan_problem` with the field and the reason."""
    refuse_unsound(problem)
    people = problem.technicians
    places = [each.place for each in problem.jobs]
    depots: dict[Point, int] = {}
    for person in people:
        for point in (start_of(person), end_of(person)):
            depots.setdefault(point, len(places) + len(depots))
    travel = _travel(problem, [*places, *depots])
    opens, closes = _windows(problem)
    why, extra = _pairings(problem)
    return Prepared(
        problem=problem,
        travel=travel,
        seconds=np.where(travel.seconds < 0, np.int32(NO_WAY), travel.seconds),
        start_spot=_column([depots[start_of(each)] for each in people]),
        end_spot=_column([depots[end_of(each)] for each in people]),
        duration=_column([each.duration_seconds for each in problem.jobs]),
        opens=opens,
        closes=closes,
        fixed=np.array([each.fixed is not None for each in problem.jobs], dtype=np.bool_),
        why=why,
        extra=extra,
        shift_opens=_column([each.shift.opens for each in people]),
        shift_closes=_column([each.shift.closes + each.overtime_seconds for each in people]),
        lunch_opens=_column([each.lunch.opens if each.lunch else 0 for each in people]),
        lunch_latest=_column([latest_lunch(each) for each in people]),
        lunch_seconds=_column(
            [each.lunch.duration_seconds if each.lunch else 0 for each in people]
        ),
    )


def start_of(person: Technician) -> Point:
    """Where a day begins: a station, where the person stands now, or home."""
    return person.start or person.home


def end_of(person: Technician) -> Point:
    """Where a day ends: a station, or home."""
    return person.end or person.home


def tier_number(job: Job) -> int:
    """The row of the cost that leaving a job out counts in; what is fixed counts as an emergency."""
    return 0 if job.fixed is not None else TIERS.index(job.tier)


def latest_lunch(person: Technician) -> int:
    """The last instant at which lunch may begin; -1: there is none to take."""
    lunch = person.lunch
    return lunch.closes - lunch.duration_seconds if lunch else -1


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
    cut = sorted((max(o, job.earliest_seconds), min(c, latest)) for o, c in given)
    return _joined([(o, c) for o, c in cut if o <= c])


def reason_against(
    technician: Technician, job: Job, *, problem: Problem, dark: frozenset[str] | None = None
) -> int:
    """The first rule that forbids a pairing whatever the hours, or ABLE.

    `dark` names the technicians whose tablet nobody can reach, where that is known already.
    """
    if job.fixed is not None:
        return ABLE if job.fixed.technician == technician.id else FIXED_ELSEWHERE
    if not set(job.skills) <= set(technician.skills):
        return NO_SKILL
    for skill in job.skills:
        if technician.certificates.get(skill, problem.day) < problem.day:
            return CERTIFICATE
    if technician.id in job.never or (job.only and technician.id not in job.only):
        return EXCLUDED
    if technician.capacity is not None and job.load > technician.capacity:
        return OVERLOAD
    if job.holder == technician.id:
        return ABLE
    if technician.standby and job.tier != "emergency":
        return STANDBY
    # a tablet that nobody can reach learns of no new work, and keeps what it has
    if not technician.reachable:
        return UNREACHABLE
    if job.holder in (_dark(problem) if dark is None else dark):
        return ON_DARK_TABLET
    return ABLE


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


def start_prices(job: Job) -> list[tuple[int, int, int]]:
    """What beginning within a stretch counts: another time than was told, and a door that stays
    shut."""
    found = [
        (each.opens, each.closes, round((1 - each.odds) * CLOSED_DOOR_SECONDS))
        for each in job.access
    ]
    if job.told_seconds is not None and job.fixed is None:
        early, late = job.told_seconds - TOLD_GRACE_SECONDS, job.told_seconds + TOLD_GRACE_SECONDS
        found.append((0, early - 1, TOLD_SHIFT_SECONDS))
        found.append((late + 1, 2 * DAY_SECONDS, TOLD_SHIFT_SECONDS))
    return [each for each in found if each[2] > 0 and each[0] <= each[1]]


def crews_of(problem: Problem) -> Mapping[str, list[int]]:
    """The rows of the jobs of each crew."""
    crews: dict[str, list[int]] = {}
    for row, job in enumerate(problem.jobs):
        if job.crew is not None:
            crews.setdefault(job.crew, []).append(row)
    return crews


def _dark(problem: Problem) -> frozenset[str]:
    return frozenset(each.id for each in problem.technicians if not each.reachable)


def _column(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int32)


def _joined(bands: list[tuple[int, int]]) -> list[tuple[int, int]]:
    # windows that overlap are one, so that there is one latest start before every instant
    joined: list[tuple[int, int]] = []
    for opens, closes in bands:
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _windows(problem: Problem) -> tuple[Ints, Ints]:
    bands = [start_bands(each) for each in problem.jobs]
    for pair in crews_of(problem).values():
        # both halves begin at one instant, so that both are bound by the hours of either
        shared = _shared(bands[pair[0]], bands[pair[1]])
        for row in pair:
            bands[row] = shared if problem.jobs[row].fixed is None else bands[row]
    opens = np.full((max(len(bands), 1), WINDOWS_MAX), 1, dtype=np.int32)
    closes = np.full((max(len(bands), 1), WINDOWS_MAX), -1, dtype=np.int32)
    for row, several in enumerate(bands):
        for column, (first, last) in enumerate(several[:WINDOWS_MAX]):
            opens[row, column], closes[row, column] = first, last
    return opens, closes


def _shared(ones: list[tuple[int, int]], others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    both = [(max(a, c), min(b, d)) for a, b in ones for c, d in others]
    return sorted((o, c) for o, c in both if o <= c)


def _pairings(problem: Problem) -> tuple[NDArray[np.int8], Ints]:
    people, jobs = problem.technicians, problem.jobs
    why = np.zeros((len(people), len(jobs)), dtype=np.int8)
    extra = np.zeros((len(people), len(jobs)), dtype=np.int32)
    dark = _dark(problem)
    # jobs that ask for the same are judged once
    asks: dict[object, list[int]] = {}
    for column, job in enumerate(jobs):
        key = (
            job.skills, job.only, job.never, job.holder, job.fixed, job.load, job.tier, job.grid,
            job.prefers,
        )  # fmt: skip
        asks.setdefault(key, []).append(column)
    for columns in asks.values():
        job = jobs[columns[0]]
        against = [reason_against(each, job, problem=problem, dark=dark) for each in people]
        why[:, columns] = np.array(against, dtype=np.int8)[:, None]
        counted = [extra_seconds(each, job) for each in people]
        extra[:, columns] = np.array(counted, dtype=np.int32)[:, None]
    return why, extra


def _travel(problem: Problem, points: list[Point]) -> Matrix:
    if problem.matrix is None:
        latitudes = np.array([each.latitude for each in points], dtype=np.float64)
        longitudes = np.array([each.longitude for each in points], dtype=np.float64)
        kmh = np.array([each.kmh or problem.speed_kmh for each in points], dtype=np.float64)
        return great_circle(latitudes, longitudes, speed_kmh=kmh, detour=problem.detour)
    order = np.array([each.index for each in points], dtype=np.int64)
    seconds = np.array(problem.matrix.seconds, dtype=np.int32)
    metres = np.array(problem.matrix.metres, dtype=np.int32)
    return Matrix(seconds=seconds[np.ix_(order, order)], metres=metres[np.ix_(order, order)])
