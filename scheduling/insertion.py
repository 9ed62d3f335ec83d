"""One job against every technician and every place of a plan: where it fits, what it costs, or
why not."""

from collections.abc import Mapping

from scheduling import desk as desks
from scheduling import kernel
from scheduling.kernel import Desk
from scheduling.problem import ABLE, REASON_CODES, Prepared
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


def state_of(prepared: Prepared, plan: Plan) -> Desk:
    """A plan back in the kernel's arrays."""
    desk = desks.desk_of(prepared, seed=1)
    desks.seat(prepared, desk, plan=plan)
    return desk


def places(
    prepared: Prepared, state: Desk, *, job: int, overtime: bool = False
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


def _place(prepared: Prepared, state: Desk, *, job: int, t: int, overtime: bool) -> Place:
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


def _try(prepared: Prepared, state: Desk, *, job: int, t: int) -> tuple[int, int]:
    people, jobs = prepared.why.shape
    nodes, seconds = state.nodes, state.seconds
    best, where, place, node = kernel.NEVER, -1, 0, jobs + t
    while node < jobs + people:
        after, spot = int(nodes[node, kernel.NEXT]), nodes[node, kernel.SPOT]
        added = int(seconds[spot, job] + seconds[job, nodes[after, kernel.SPOT]])
        added += int(state.price[t, job])
        added -= int(nodes[node, kernel.DRIVE]) if state.people[t, kernel.COUNT] else 0
        if added < best and desks.fits_after(state, t=t, job=job, before=node):
            best, where = added, place
        node, place = after, place + 1
    return best, where


def _hours_reason(prepared: Prepared, job: int, *, t: int) -> str:
    """Whether even an empty day would not do, and why; else the day is full."""
    opens, closes = prepared.opens[job], prepared.closes[job]
    if closes[0] < opens[0]:
        return "no_lawful_hour"
    drive = int(prepared.seconds[prepared.start_spot[t], job])
    home = int(prepared.seconds[job, prepared.end_spot[t]])
    if max(drive, home) >= 10**7:
        return "unreachable"
    ready = int(prepared.shift_opens[t]) + drive
    starts = [max(ready, int(o)) for o, c in zip(opens, closes, strict=True) if ready <= c]
    if not starts:
        return "window_before_shift"
    if starts[0] + int(prepared.duration[job]) + home > prepared.shift_closes[t]:
        return "shift_too_short"
    return "route_full"


def _overtime(prepared: Prepared, state: Desk, *, job: int, t: int) -> int | None:
    end = state.nodes.shape[0] - state.people.shape[0] + t
    kept = int(state.nodes[end, kernel.LATE1])
    fewest: int | None = None
    low, high = 0, OVERTIME_SECONDS_MAX
    try:
        # more time never makes a day less possible, so the shortest is found by halving
        while low <= high:
            middle = (low + high) // 2
            state.nodes[end, kernel.LATE1] = kept + middle
            kernel.backwards(state, t, end, end)
            if _try(prepared, state, job=job, t=t)[1] >= 0:
                fewest, high = middle, middle - 60
            else:
                low = middle + 60
    finally:
        state.nodes[end, kernel.LATE1] = kept
        kernel.backwards(state, t, end, end)
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
    "standby": ("该员待命，只接紧急工作", "The person stands by for emergencies."),
    "overload": ("超出车辆载量", "The vehicle cannot carry what the job needs."),
    "on_unreachable_tablet": (
        "已在离线平板上，不能盲目改派",
        "The job is on a tablet that nobody can reach.",
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
