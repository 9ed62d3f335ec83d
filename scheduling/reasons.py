"""The first rule that stands against a technician taking a job, by name and in words."""

from collections.abc import Mapping

import numpy as np

from scheduling import insertion, layout
from scheduling import lines as timing
from scheduling.insertion import Found
from scheduling.layout import Laid
from scheduling.lines import Walk
from scheduling.problem import REASON_CODES, start_bands
from scheduling.travel import NO_WAY_SECONDS, around
from schemas.plan import Job

HOURS = frozenset({"window", "due", "shift_end", "lunch", "pushes_next", "pinned_neighbour"})
"""Reasons that depend on where in the day a job is put."""


def codes(laid: Laid, found: Found, *, empty: Laid) -> list[str]:
    """For every technician `able`, or the first rule that stands against it: who may not, what is
    impossible even on an empty day (`empty`, the same people with nothing to do), and then what the
    least bad place would break."""
    people = len(laid.routes)
    hours = (
        _hours(laid, found, empty=empty) if start_bands(found.job) else ["no_lawful_hour"] * people
    )
    fits: list[bool] = np.any(found.fits, axis=1).tolist()
    out = []
    for t, why in enumerate(int(each) for each in found.why):
        # a tablet that nobody reaches is the last thing to look at: there may be no room either
        papers = why not in insertion.PERHAPS
        out.append(REASON_CODES[why] if papers or fits[t] else hours[t])
    return out


def _hours(laid: Laid, found: Found, *, empty: Laid) -> list[str]:
    job = found.job
    ever = np.any(insertion.evaluate(empty, job, why=found.why).fits, axis=1).tolist()
    place = insertion.least_bad(found)
    rows = np.arange(len(place))
    own, knock = found.own[rows, place].tolist(), found.knock[rows, place].tolist()
    at_end = (place - laid.lines.count >= 0).tolist()
    after = [
        laid.problem.jobs[route[k]].fixed is not None if k < len(route) else False
        for route, k in zip(laid.routes, place.tolist(), strict=True)
    ]
    never = [] if all(ever) else _never(laid, job)
    own_code = late_code(job)
    out = []
    for t in range(len(place)):
        if not ever[t]:
            out.append(never[t])
        elif own[t] > 0:
            out.append(own_code)
        elif knock[t] > 0:
            out.append(
                "shift_end" if at_end[t] else "pinned_neighbour" if after[t] else "pushes_next"
            )
        else:
            out.append("lunch")
    return out


def refined(laid: Laid, found: Found, *, told: list[str]) -> list[str]:
    """The same with hours looked at more closely: what breaks first where the job is put at the
    least bad place and everybody goes on from there."""
    hours = [code in HOURS for code in told]
    places = np.where(np.array(hours, dtype=np.bool_), insertion.least_bad(found), -1)
    walk = layout.walked(layout.inserted(laid, found.job, places=places))
    out = [*told]
    for t, place in enumerate(int(each) for each in places):
        if place >= 0:
            late = late_of(laid, walk, t=t, job=(found.job, place))
            out[t] = next(iter(broken_by(laid, walk, t=t, late=late)), told[t])
    return out


def late_of(laid: Laid, walk: Walk, *, t: int, job: tuple[Job, int]) -> list[tuple[Job, int]]:
    """Which jobs of a route come late, in order; `job` is the one that was put in and its
    place."""
    ahead = [laid.problem.jobs[number] for number in laid.routes[t]]
    ahead.insert(job[1], job[0])
    return [(each, int(walk.late[t, p])) for p, each in enumerate(ahead) if walk.late[t, p] > 0]


def broken_by(laid: Laid, walk: Walk, *, t: int, late: list[tuple[Job, int]]) -> tuple[str, ...]:
    """Which rules a walk of a route breaks, the first one first."""
    broken = []
    known = {laid.problem.jobs[number].id for number in laid.routes[t]}
    for each, _ in late:
        if each.id not in known:
            broken.append(late_code(each))
        else:
            broken.append("pinned_neighbour" if each.fixed else "pushes_next")
    if walk.overtime[t] > 0:
        broken.append("shift_end")
    if walk.lunch_lost[t]:
        broken.append("lunch")
    return tuple(dict.fromkeys(broken))


def late_code(job: Job) -> str:
    """What a job that begins too late has missed."""
    if job.fixed is not None:
        return "pinned_hour"
    return "window" if job.windows else "due"


def _never(laid: Laid, job: Job) -> list[str]:
    """Why not even an empty day would do, for every technician."""
    lines = laid.lines
    drive = around(laid.ways, job.place)[0][laid.seq[:, 0]]
    opens, closes = layout.bands_of(laid, job)
    leave = np.maximum(lines.shift_opens, laid.since.now_seconds)
    start, late = timing.begin(opens, closes, ready=leave + drive)
    ends = start + job.duration_seconds + drive
    waits = start > leave + drive
    told = np.where(waits, "window_outside_shift", "shift_too_short")
    told = np.where(ends <= lines.shift_closes, "lunch", told)
    told = np.where(late > 0, late_code(job), told)
    told = np.where(drive >= NO_WAY_SECONDS, "unreachable", told)
    return [str(each) for each in told]


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
    "on_unreachable_tablet": (
        "任务在离线平板上，改派可能无人知晓",
        "It lies on a tablet that nobody reaches: its holder may not hear that it was moved.",
    ),
    "standby": ("待命人员只接应急任务", "Who stands by takes emergencies only."),
    "overload": ("车辆装载已满", "The vehicle carries no more."),
    "no_lawful_hour": ("当天没有可用的时间", "No lawful hour is left on that day."),
    "unreachable": ("无法到达", "There is no way to the place."),
    "window_outside_shift": ("预约时段不在班次内", "The window lies outside the shift."),
    "shift_too_short": ("班次内来不及完成", "The shift is too short for it, even alone."),
    "window": ("赶不上预约时段", "The booked window would be missed."),
    "due": ("赶不上承诺时限", "The promise would be broken: it would begin too late."),
    "pushes_next": ("会使后面的上门迟到", "A later visit would miss its hours."),
    "pinned_neighbour": ("与已固定的上门冲突", "It does not fit beside a pinned visit."),
    "shift_end": ("下班前回不来", "The shift would end too early."),
    "lunch": ("与午休冲突", "It leaves no room for lunch."),
    "no_technician": ("没有可派人员", "Nobody is on duty."),
    "pinned_hour": ("赶不上固定的时间", "Its pinned hour cannot be met."),
    "begun": ("上门已开始", "The visit has begun and stays."),
    "pinned": ("上门已固定", "The visit is pinned and stays."),
    "crew": (
        "需两人同时到场，此时凑不齐第二人；已排定的不能单独改派一人",
        "Two have to be there at one instant: nobody is free beside, or one would be left alone.",
    ),
    "no_coordinates": ("缺少坐标，待补录", "No coordinates yet."),
}
"""What each code says to a dispatcher, in Chinese and English."""
