"""One job against every technician and every place of a plan: where it fits, what it costs, or
why not."""

from collections.abc import Mapping

import numpy as np

from scheduling import kernel
from scheduling.problem import ABLE, REASON_CODES, Prepared
from scheduling.solver import State, empty_state, kernel_arrays
from schemas.base import Value
from schemas.plan import Plan

OVERTIME_SECONDS_MAX = 2 * 3600


class Place(Value, frozen=True):
    """What a technician could do with a job; `code` is `able` or the first rule that stands
    against it.

    `overtime_seconds` is how much longer the shift would have to be, where that alone would help.
    """

    technician: str
    code: str
    added_seconds: int | None = None
    position: int | None = None
    overtime_seconds: int | None = None


def state_of(prepared: Prepared, plan: Plan) -> State:
    """A plan back in the kernel's arrays."""
    state = empty_state(prepared)
    numbers = {each.id: row for row, each in enumerate(prepared.problem.jobs)}
    people = {each.id: row for row, each in enumerate(prepared.problem.technicians)}
    for route in plan.routes:
        t = people[route.technician]
        for place, stop in enumerate(route.stops):
            kernel.insert(t, place, numbers[stop.job], state.routes, state.length, state.where)
        refresh(prepared, state, t=t)
    return state


def refresh(prepared: Prepared, state: State, *, t: int) -> None:
    """Recomputes the hours of one route."""
    arrays = kernel_arrays(prepared)
    kernel.refresh(t, arrays, state.routes, state.length, state.early, state.late)


def places(
    prepared: Prepared, state: State, *, job: int, overtime: bool = False
) -> tuple[Place, ...]:
    """Every technician with the cheapest place for a job, or the first rule that blocks it."""
    return tuple(
        _place(prepared, state, job=job, t=t, overtime=overtime)
        for t in range(len(prepared.problem.technicians))
    )


def best(found: tuple[Place, ...]) -> Place | None:
    """The cheapest place of all, or None where nobody can."""
    able = [each for each in found if each.added_seconds is not None]
    return min(able, key=lambda each: each.added_seconds or 0, default=None)


def _place(prepared: Prepared, state: State, *, job: int, t: int, overtime: bool) -> Place:
    who = prepared.problem.technicians[t].id
    why = int(prepared.why[t, job])
    if why != ABLE:
        return Place(technician=who, code=REASON_CODES[why])
    added, position = _try(prepared, state, job=job, t=t)
    if position >= 0:
        return Place(technician=who, code="able", added_seconds=added, position=position)
    return Place(
        technician=who,
        code=_hours_reason(prepared, job, t=t),
        overtime_seconds=_overtime(prepared, state, job=job, t=t) if overtime else None,
    )


def _try(prepared: Prepared, state: State, *, job: int, t: int) -> tuple[int, int]:
    dice = np.ones(1, dtype=np.uint64)
    added, position = kernel.place(
        t,
        job,
        kernel_arrays(prepared),
        prepared.extra,
        state.routes,
        state.length,
        state.early,
        state.late,
        0.0,
        dice,
    )
    return int(added), int(position)


def _hours_reason(prepared: Prepared, job: int, *, t: int) -> str:
    """Whether even an empty day would not do, and why; else the day is full."""
    arrays = kernel_arrays(prepared)
    if prepared.closes[job, 0] < prepared.opens[job, 0]:
        return "no_lawful_hour"
    alone = empty_state(prepared)
    if _try(prepared, alone, job=job, t=t)[1] >= 0:
        return "route_full"
    home = prepared.duration.shape[0] + t
    drive = int(prepared.seconds[home, job])
    if drive >= 10**7:
        return "unreachable"
    start = kernel.begin_at(arrays[2], arrays[3], job, int(prepared.shift_opens[t]) + drive)
    if start >= kernel.NEVER:
        return "window_before_shift"
    if start + int(prepared.duration[job]) + drive > prepared.shift_closes[t]:
        return "shift_too_short"
    return "lunch"


def _overtime(prepared: Prepared, state: State, *, job: int, t: int) -> int | None:
    kept = int(prepared.shift_closes[t])
    fewest: int | None = None
    low, high = 0, OVERTIME_SECONDS_MAX
    try:
        # more time never makes a day less possible, so the shortest is found by halving
        while low <= high:
            middle = (low + high) // 2
            prepared.shift_closes[t] = kept + middle
            refresh(prepared, state, t=t)
            if _try(prepared, state, job=job, t=t)[1] >= 0:
                fewest, high = middle, middle - 60
            else:
                low = middle + 60
    finally:
        prepared.shift_closes[t] = kept
        refresh(prepared, state, t=t)
    return fewest


WORDS: Mapping[str, tuple[str, str]] = {
    "able": (
        "有空位，但加入会排挤更重要的工作或代价过高",
        "There is room, but it costs more than it is worth today.",
    ),
    "skill": ("缺少技能", "The skill is missing."),
    "certificate": ("证书已过期", "The certificate has expired on that day."),
    "excluded": ("不允许此人承担", "This person is excluded from the job."),
    "fixed_elsewhere": ("已固定给他人", "The job is fixed to somebody else."),
    "tablet_unreachable": (
        "平板离线，无法下达新任务",
        "The tablet cannot be reached with new work.",
    ),
    "no_lawful_hour": ("当天没有可用的时间", "No lawful hour is left on that day."),
    "route_full": ("当天行程已满", "The day is full."),
    "unreachable": ("无法到达", "There is no way to the place."),
    "window_before_shift": ("预约时段不在班次内", "The window lies outside the shift."),
    "shift_too_short": ("班次内来不及完成", "The shift ends too early."),
    "lunch": ("与午休冲突", "It leaves no room for lunch."),
    "no_technician": ("没有可派人员", "Nobody is on duty."),
}
"""What each code says to a dispatcher, in Chinese and English."""
