"""Why each job that was left out was left out and the cheapest way to take it in after all; why
each other is where it is."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
import numpy as np

from scheduling import insertion, layout, reasons
from scheduling import lines as timing
from scheduling.insertion import Found
from scheduling.layout import Laid, Since
from scheduling.lines import Ints
from scheduling.problem import prepare
from scheduling.reasons import WORDS
from schemas.base import Value
from schemas.plan import Assigned, Job, Plan, Problem, Reason, Unassigned

OVERTIME_STEP_SECONDS, OVERTIME_STEPS = 300, 24
"""Overtime is asked for in steps of five minutes, two hours at most."""
OTHERS_TOLD = 6

Ask = Literal["room", "overtime", "later"]
ASKED: Mapping[Ask, tuple[str, str]] = {
    "room": (
        "{who}可多用 {minutes} 分钟完成",
        "{who} could, with {minutes} minutes more on the way",
    ),
    "overtime": ("{who}加班 {minutes} 分钟即可完成", "with {minutes} minutes overtime {who} could"),
    "later": (
        "若客户同意晚 {minutes} 分钟，{who}可完成",
        "{who} could, if it may begin {minutes} minutes later",
    ),
}
"""What would have to be asked of whom."""


class Explainer(Value, frozen=True):
    """A plan laid out for questions: as it is, with nothing to do, and with more and more
    overtime."""

    laid: Laid
    empty: Laid
    longer: tuple[Ints, ...]


def explainer(problem: Problem, plan: Plan) -> Explainer:
    """Lays a plan out once for any number of questions."""
    prepare(problem)
    since = Since(floors=layout.starts_of(plan))
    laid = layout.lay_out(problem, layout.routes_of(plan), since=since)
    steps = [(step + 1) * OVERTIME_STEP_SECONDS for step in range(OVERTIME_STEPS)]
    closes = laid.lines.shift_closes
    longer = [
        timing.latest(msgspec.structs.replace(laid.lines, shift_closes=closes + each))
        for each in steps
    ]
    return Explainer(laid=laid, empty=layout.alone(laid), longer=tuple(longer))


def explain(problem: Problem, plan: Plan) -> tuple[Unassigned, ...]:
    """Every unassigned job has reasons: for each technician the first rule that blocks it,
    counted."""
    if not problem.technicians:
        prepare(problem)
        nobody = (_reason("no_technician", ()),)
        return tuple(Unassigned(job=each, reasons=nobody) for each in plan.unassigned)
    asked = explainer(problem, plan)
    jobs = {each.id: each for each in problem.jobs}
    return tuple(unassigned(asked, jobs[name]) for name in plan.unassigned)


def unassigned(asked: Explainer, job: Job) -> Unassigned:
    """Why a job is left out, and whom to ask for what."""
    found = insertion.evaluate(asked.laid, job)
    told = reasons.codes(asked.laid, found, empty=asked.empty)
    told = reasons.refined(asked.laid, found, told=told)
    people = [each.id for each in asked.laid.problem.technicians]
    ways = [each for each in (_room(found), _overtime(asked, found), _later(found)) if each]
    if job.crew is not None:
        # what one of the two could do alone helps nobody
        told, ways = ["crew" if each == "able" else each for each in told], []
    # room that is there beats any favour; between favours the smaller one
    ask, t, seconds = min(ways, key=lambda each: (each[0] != "room", each[2])) if ways else NOBODY
    minutes = -(-seconds // 60)
    zh, en = ASKED[ask] if ask else (None, None)
    who = people[t] if ask else None
    return Unassigned(
        job=job.id,
        reasons=grouped(told, people),
        relaxation=en.format(who=who, minutes=minutes) if en else None,
        relaxation_zh=zh.format(who=who, minutes=minutes) if zh else None,
        overtime_seconds=seconds if ask == "overtime" else None,
        ask=ask,
        technician=who,
        seconds=seconds if ask else None,
    )


NOBODY: tuple[Ask | None, int, int] = (None, -1, 0)


def _room(found: Found) -> tuple[Ask, int, int] | None:
    places, added = insertion.cheapest(found)
    t = int(added.argmin())
    return ("room", t, int(added[t])) if places[t] >= 0 else None


def _overtime(asked: Explainer, found: Found) -> tuple[Ask, int, int] | None:
    """The fewest minutes for which anybody could, by halving: more time never makes a day less
    possible."""
    low, high, best = 0, OVERTIME_STEPS - 1, None
    while low <= high:
        middle = (low + high) // 2
        longer = msgspec.structs.replace(asked.laid, late=asked.longer[middle])
        places, added = insertion.cheapest(insertion.evaluate(longer, found.job))
        if (places >= 0).any():
            best, high = (int(added.argmin()), middle), middle - 1
        else:
            low = middle + 1
    if best is None:
        return None
    return "overtime", best[0], (best[1] + 1) * OVERTIME_STEP_SECONDS


def _later(found: Found) -> tuple[Ask, int, int] | None:
    """Who could if the job itself might begin later than its hours allow."""
    if not found.job.windows:
        return None
    able = (found.own > 0) & (found.knock == 0) & found.valid & (found.why == 0)[:, None]
    late = np.where(able, found.own, insertion.FORBIDDEN)
    t, place = divmod(int(late.argmin()), late.shape[1])
    seconds = int(late[t, place])
    return ("later", t, seconds) if seconds <= 2 * 3600 else None


def assigned(asked: Explainer, names: Iterable[str]) -> tuple[Assigned, ...]:
    """What each placed job counts where it is and with the next best person, and what stands
    against the rest."""
    problem = asked.laid.problem
    held = {
        problem.jobs[number].id: problem.technicians[t].id
        for t, route in enumerate(asked.laid.routes)
        for number in route
    }
    jobs = {each.id: each for each in problem.jobs}
    return tuple(_assigned(asked, jobs[name], who=held[name]) for name in names if name in held)


def _assigned(asked: Explainer, job: Job, *, who: str) -> Assigned:
    people = [each.id for each in asked.laid.problem.technicians]
    loose = msgspec.structs.replace(job, fixed=None)
    laid = layout.without(asked.laid, job)
    found = insertion.evaluate(laid, loose)
    _, added = insertion.cheapest(found)
    mine = people.index(who)
    others = np.where(np.arange(len(people)) == mine, insertion.FORBIDDEN, added)
    best = int(others.argmin())
    able = bool(others[best] < insertion.FORBIDDEN)
    told = reasons.codes(laid, found, empty=asked.empty)
    rest = [(code, name) for code, name in zip(told, people, strict=True) if code != "able"]
    here = int(added[mine]) if added[mine] < insertion.FORBIDDEN else 0
    return Assigned(
        job=job.id,
        technician=who,
        seconds=here,
        next_technician=people[best] if able else None,
        next_seconds=int(others[best]) if able else None,
        reasons=grouped([code for code, _ in rest], [name for _, name in rest])[:OTHERS_TOLD],
    )


def grouped(told: list[str], people: list[str]) -> tuple[Reason, ...]:
    """Codes with whom they stop, the most frequent first."""
    by_code: dict[str, list[str]] = {}
    for code, name in zip(told, people, strict=True):
        by_code.setdefault(code, []).append(name)
    found = (_reason(code, tuple(names)) for code, names in by_code.items())
    return tuple(sorted(found, key=lambda each: -each.count))


def _reason(code: str, names: tuple[str, ...]) -> Reason:
    zh, en = WORDS[code]
    return Reason(code=code, zh=zh, en=en, count=len(names), technicians=names)
