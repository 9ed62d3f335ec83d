"""The day as it stands: what is done lies behind, what is late already is late, and from there
every question about one job is answered for all technicians."""

from collections.abc import Mapping

import msgspec
import numpy as np

from scheduling import crews, insertion, layout, reasons
from scheduling import lines as timing
from scheduling.demand import Demand, midnight_of
from scheduling.layout import Laid, Since
from scheduling.lines import Walk
from scheduling.problem import (
    ON_DARK_TABLET,
    REASON_CODES,
    UNREACHABLE,
    crews_of,
    extra_seconds,
    start_bands,
)
from schemas.base import Value
from schemas.plan import Band, Fixed, Job, Problem, Technician

SOFT = frozenset(
    {
        "window",
        "due",
        "shift_end",
        "lunch",
        "pushes_next",
        "pinned_neighbour",
        "tablet_unreachable",
        "on_unreachable_tablet",
    }
)
"""Rules that a dispatcher may overrule; the others are hard."""


class Live(Value, frozen=True):
    """A day laid out as it stands, and the same people with nothing to do; `late` are jobs that
    come late whatever anybody does now."""

    asked: Demand
    laid: Laid
    empty: Laid
    late: Mapping[str, int]


class Option(Value, frozen=True):
    """One technician for one job: at `place` of what is still to come, or why not.

    `start` is when the job would begin; `late` which jobs would be late by how much; `soft` which
    rules would break, all of them such that a dispatcher may overrule them.
    """

    technician: str
    code: str
    place: int = -1
    added_seconds: int = 0
    counted: int = 0
    arrive: int = 0
    start: int = 0
    soft: tuple[str, ...] = ()
    late: tuple[tuple[str, int], ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether nothing would break."""
        return self.place >= 0 and not self.soft


def stands(asked: Demand, *, now_seconds: int = 0, meeting: bool = False) -> Live:
    """The day as it stands. What can no longer be kept is let go of first, so that it blocks
    nothing else: hours of late visits, lunches without room, the end of a shift that is passed.
    Where the whole of it is to be planned anew, two are late together (`meeting`)."""
    coming = _coming(asked, now=now_seconds)
    since = Since(now_seconds=now_seconds, floors=asked.starts, coming=coming)
    laid = layout.lay_out(asked.problem, asked.routes, since=since, table=asked.table)
    done = layout.walked(laid.lines)
    late: dict[str, int] = {}
    if timing.broken(done).any():
        problem, late = _let_go(laid, done, meeting=meeting)
        people = zip(laid.problem.technicians, done.lunch_lost, strict=True)
        hungry = frozenset(each.id for each, lost in people if lost)
        since = msgspec.structs.replace(since, hungry=hungry)
        laid = layout.lay_out(problem, asked.routes, since=since, table=asked.table)
    return Live(asked=asked, laid=laid, empty=layout.alone(laid), late=late)


def _coming(asked: Demand, *, now: int) -> dict[str, tuple[str, int]]:
    """The next visit of each technician and when it was told to be reached: nobody said that it is
    late, so who should have left for it by now has left."""
    fixed = {each.id: each.fixed for each in asked.problem.jobs}
    midnight = midnight_of(asked.problem.day)
    found = {}
    for who, route in asked.routes.items():
        ahead = (name for name in route if not ((pin := fixed[name]) and pin.started))
        name = next(ahead, None)
        if name is None or asked.starts[name] < now:
            continue
        told, arrive_at = asked.starts[name], asked.rows[name].arrive_at
        arrive = int((arrive_at - midnight).total_seconds()) if arrive_at else told
        found[name] = (who, min(told, arrive))
    return found


def _let_go(laid: Laid, done: Walk, *, meeting: bool) -> tuple[Problem, dict[str, int]]:
    jobs, people = list(laid.problem.jobs), list(laid.problem.technicians)
    late: dict[str, int] = {}
    starts: dict[int, int] = {}
    for t, route in enumerate(laid.routes):
        people[t] = _tired(people[t], int(done.overtime[t]), lost=bool(done.lunch_lost[t]))
        for p, number in enumerate(route):
            if done.late[t, p] > 0:
                late[jobs[number].id] = int(done.late[t, p])
                starts[number] = int(done.start[t, p])
    for pair in crews_of(laid.problem).values() if meeting else ():
        if found := [starts[number] for number in pair if number in starts]:
            # who comes in time waits for the other
            starts |= dict.fromkeys(pair, max(found))
    for number, start in starts.items():
        jobs[number] = _late(jobs[number], start)
    problem = msgspec.structs.replace(laid.problem, jobs=tuple(jobs), technicians=tuple(people))
    return problem, late


def _tired(person: Technician, overtime: int, *, lost: bool) -> Technician:
    more = person.overtime_seconds + overtime
    lunch = None if lost else person.lunch
    return msgspec.structs.replace(person, overtime_seconds=more, lunch=lunch)


def _late(job: Job, start: int) -> Job:
    if job.fixed is not None:
        fixed = Fixed(technician=job.fixed.technician, start_seconds=start)
        return msgspec.structs.replace(job, fixed=fixed)
    # as late as it is and no later; and never before the hours that were agreed
    *early, (opens, _) = start_bands(job) or [(job.earliest_seconds, start)]
    bands = [Band(opens=o, closes=c) for o, c in early]
    return msgspec.structs.replace(
        job,
        windows=(*bands, Band(opens=opens, closes=max(opens, start))),
        due_seconds=None,
    )


def options(live: Live, job: Job) -> tuple[Option, ...]:
    """Every technician for a job, the best first: who may and can by what it counts, then who could
    if something soft broke, then the rest."""
    laid = layout.without(layout.with_job(live.laid, job), job)
    if job.fixed is not None:
        rule = "begun" if job.fixed.started else "crew" if job.crew else "pinned"
        return tuple(Option(technician=each.id, code=rule) for each in laid.problem.technicians)
    found = insertion.evaluate(laid, job)
    best, _ = insertion.cheapest(found)
    places = np.where(best >= 0, best, insertion.least_bad(found))
    told = reasons.codes(laid, found, empty=live.empty)
    may = np.array([code == "able" or code in SOFT for code in told], dtype=np.bool_)
    made = _options(laid, found, places=np.where(may, places, -1), told=told)
    if job.crew is not None:
        made = _together(laid, job, made=made)
    return tuple(sorted(made, key=_order))


def _together(laid: Laid, job: Job, *, made: list[Option]) -> list[Option]:
    """Who could take one half of work for two: only who finds a second at the same instant."""
    found = crews.meetings(laid, job)
    out = []
    for t, each in enumerate(made):
        if (at := found.get(t)) is None:
            code = "crew" if each.feasible else each.code
            out.append(Option(technician=each.technician, code=code))
            continue
        out.append(
            Option(
                technician=each.technician,
                code="able",
                place=at.places[0],
                added_seconds=at.added,
                counted=at.added,
                arrive=at.start,
                start=at.start,
            )
        )
    return out


def at_place(live: Live, job: Job, *, technician: str, place: int) -> Option:
    """One technician and one place of what is still to come, whatever breaks there."""
    laid = layout.without(layout.with_job(live.laid, job), job)
    found = insertion.evaluate(laid, job)
    told = reasons.codes(laid, found, empty=live.empty)
    t = row_of(laid, technician)
    chosen = min(place, int(laid.lines.count[t]))
    places = np.full(len(told), -1, dtype=np.int64)
    hard = told[t] not in SOFT and told[t] != "able"
    places[t] = -1 if hard else chosen
    # the first rule that was found speaks of the best place, not of this one
    said = [*told]
    if not hard and not found.fits[t, chosen] and told[t] == "able":
        said[t] = "pushes_next"
    return _options(laid, found, places=places, told=said)[t]


def row_of(laid: Laid, technician: str) -> int:
    """The row of a technician; -1 where nobody of that name is on duty."""
    return next((t for t, each in enumerate(laid.problem.technicians) if each.id == technician), -1)


def _options(
    laid: Laid, found: insertion.Found, *, places: np.typing.NDArray[np.int64], told: list[str]
) -> list[Option]:
    job = found.job
    walk = layout.walked(layout.inserted(laid, job, places=places))
    made = []
    for t, person in enumerate(laid.problem.technicians):
        place = int(places[t])
        if place < 0:
            made.append(Option(technician=person.id, code=told[t]))
            continue
        counted = int(found.added[t, place])
        late = reasons.late_of(laid, walk, t=t, job=(job, place))
        soft = reasons.broken_by(laid, walk, t=t, late=late)
        if (why := int(found.why[t])) in (UNREACHABLE, ON_DARK_TABLET):
            soft = (*soft, REASON_CODES[why])
        code = told[t] if soft or told[t] == "able" else "able"
        made.append(
            Option(
                technician=person.id,
                code=soft[0] if soft and code not in soft else code,
                place=place,
                added_seconds=counted - extra_seconds(person, job),
                counted=counted,
                arrive=int(walk.arrive[t, place]),
                start=int(walk.start[t, place]),
                soft=soft,
                late=tuple((each.id, seconds) for each, seconds in late),
            )
        )
    return made


def _order(option: Option) -> tuple[int, int, int]:
    if option.place < 0:
        return 2, 0, 0
    if option.soft:
        return 1, sum(seconds for _, seconds in option.late), option.counted
    return 0, option.counted, 0


RISK: dict[bool, tuple[str, str]] = {
    True: (
        "原平板离线，可能不知道已改派：两人可能同时上门",
        "The first tablet may not hear that the visit was moved: two people may come.",
    ),
    False: (
        "平板离线，任务仍在其上，进展未知",
        "The tablet is not heard; the visit stays on it and nobody knows how far it is.",
    ),
}
"""What is said of a visit on a silent tablet, by whether it was moved."""
