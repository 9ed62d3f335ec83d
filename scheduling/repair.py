"""After an event: work that lost its place finds another with few changes. First the cheapest free
place, then a place that one lesser job gives up, then the neighbourhood is searched as a whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from scheduling import crews, insertion, layout
from scheduling.emergencies import EJECTED_TRIED, at_once, called_back, gives_way, keeping_on
from scheduling.insertion import put, willing
from scheduling.layout import Laid
from scheduling.lines import NEVER
from scheduling.live import Live
from scheduling.pins import TIERS, frozen, room_for_pins
from scheduling.problem import ABLE
from scheduling.rescue import late_promises, place_free, rescued
from scheduling.road_tables import along
from schemas.base import Value
from schemas.plan import (
    Band,
    Cost,
    Fixed,
    Job,
    Plan,
    Problem,
    Route,
    Stop,
    Technician,
)
from schemas.problems import Refusal

NEIGHBOURS = 16

Improve = Callable[[Problem, Plan], Plan]


class Repaired(Value, frozen=True):
    """The day after the repair: for technicians whose day changed what is still to come, what
    nobody has a place for, and which promises come late by how many seconds."""

    laid: Laid
    routes: Mapping[str, tuple[str, ...]]
    left: tuple[str, ...]
    late: Mapping[str, int] = {}


def repair(live: Live, loose: Sequence[Job], *, improve: Improve | None = None) -> Repaired:
    """Places loose jobs, the gravest first; then lets `improve` search among the technicians around
    them. What has begun, is pinned or begins soon never moves, and what lies on a tablet that
    nobody reaches stays there."""
    laid, pushed = room_for_pins(live)
    names = {each.id for each in loose}
    loose = [*loose, *(each for each in pushed if each.id not in names)]
    for job in loose:
        laid = layout.without(layout.with_job(laid, job), job)
    left: list[str] = []
    alone = [each for each in loose if each.crew is None]
    for job in sorted(alone, key=lambda each: (TIERS[each.tier], -each.penalty_seconds)):
        grave = job.tier == "emergency"
        placed = (at_once(laid, job) if grave else None) or place_free(laid, job)
        placed = placed or _instead(laid, job)
        if placed is None and grave:
            placed = called_back(laid, job) or keeping_on(laid, job)
        if placed is None:
            left.append(job.id)
            continue
        laid, ejected = placed
        left += ejected
    if improve is not None and alone:
        laid, left = _improved(live, laid, around=alone, left=left, improve=improve)
        # the search looks at some technicians; a promise is offered to everybody once more
        for name in [*left]:
            job = laid.problem.jobs[laid.numbers[name]]
            again = place_free(laid, job) if TIERS[job.tier] <= TIERS["booked"] else None
            if again is not None:
                laid = again[0]
                left.remove(name)
    # two who meet need room in two days at once: they come when the others have found theirs
    for pair in crews.pairs(loose):
        meeting = crews.meet(laid, pair[0])
        laid = crews.seated(laid, pair, at=meeting) if meeting else laid
        left += [] if meeting else [each.id for each in pair]
    laid = rescued(live, laid)
    late = {each.job.id: each.seconds for each in late_promises(live, laid)}
    return Repaired(laid=laid, routes=_differences(live, laid), left=tuple(left), late=late)


def kept_on(live: Live, done: Repaired) -> tuple[str, ...]:
    """Who works past the end of the shift for what happened."""
    pairs = zip(live.laid.problem.technicians, done.laid.problem.technicians, strict=True)
    return tuple(was.id for was, now in pairs if now.overtime_seconds > was.overtime_seconds)


def retimed(done: Repaired, touched: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The routes that changed, and those of technicians whose hours an event shifts though their
    order stays."""
    routes = dict(done.routes)
    for person, route in zip(done.laid.problem.technicians, done.laid.routes, strict=True):
        if person.id in touched:
            routes[person.id] = tuple(done.laid.problem.jobs[n].id for n in route)
    return routes


def _differences(live: Live, laid: Laid) -> dict[str, tuple[str, ...]]:
    return {
        person.id: tuple(laid.problem.jobs[n].id for n in now)
        for person, was, now in zip(
            laid.problem.technicians, live.laid.routes, laid.routes, strict=True
        )
        if was != now
    }


def _instead(laid: Laid, job: Job) -> tuple[Laid, list[str]] | None:
    """A place that one lesser job gives up; what gives way finds another, or is left out."""
    found = insertion.evaluate(laid, job)
    asked = willing(laid, job) & (found.why == ABLE)
    able = [int(t) for t in np.flatnonzero(asked)]
    least = {t: int((found.own + found.knock)[t][found.valid[t]].min(initial=NEVER)) for t in able}
    best: tuple[tuple[int, int], Laid, list[str]] | None = None
    for t in sorted(able, key=lambda each: least[each])[:EJECTED_TRIED]:
        for number in laid.routes[t]:
            lesser = laid.problem.jobs[number]
            if not gives_way(laid, lesser, to=job):
                continue
            shorter = layout.with_route(
                laid, t, route=tuple(each for each in laid.routes[t] if each != number)
            )
            there = _at(shorter, job, t=t)
            if there is None:
                continue
            again = place_free(there, lesser)
            # best where the lesser job keeps a place, then where the least is given up
            rank = (0 if again else 5 - TIERS[lesser.tier], lesser.penalty_seconds)
            if best is None or rank < best[0]:
                best = (rank, again[0], []) if again else (rank, there, [lesser.id])
    return None if best is None else (best[1], best[2])


def _at(laid: Laid, job: Job, *, t: int) -> Laid | None:
    found = insertion.evaluate(laid, job)
    row = np.where(found.fits[t], found.added[t], NEVER)
    place = int(row.argmin())
    return put(laid, job, t=t, place=place) if row[place] < NEVER else None


def _improved(
    live: Live, laid: Laid, *, around: Iterable[Job], left: list[str], improve: Improve
) -> tuple[Laid, list[str]]:
    """The neighbourhood searched as a whole, from the plan that was found step by step."""
    rows = _neighbourhood(live, laid, around=around)
    jobs = laid.problem.jobs
    loose = [jobs[laid.numbers[name]] for name in left]
    problem = _part(laid, rows, loose=loose)
    try:
        plan = improve(problem, _as_plan(laid, rows, left=tuple(left)))
    except Refusal:
        # hours that nobody keeps any more (a pin that comes late) are no problem to solve; what was
        # found step by step stands, and no event is refused for the search's sake
        return laid, left
    routes = {route.technician: [stop.job for stop in route.stops] for route in plan.routes}
    better = laid
    for t in rows:
        names = routes.get(laid.problem.technicians[t].id, [])
        better = layout.with_route(better, t, route=tuple(laid.numbers[name] for name in names))
    return better, list(plan.unassigned)


def _neighbourhood(live: Live, laid: Laid, *, around: Iterable[Job]) -> list[int]:
    """Technicians whose day changed, and those who could take the jobs cheapest; nobody whose
    tablet is not heard, nor who has lost lunch."""
    changed = {
        t
        for t, (was, now) in enumerate(zip(live.laid.routes, laid.routes, strict=True))
        if was != now
    }
    score = np.full(len(laid.routes), NEVER, dtype=np.int64)
    for job in around:
        found = insertion.evaluate(laid, job)
        able = np.where((found.why == ABLE)[:, None] & found.valid, found.added, NEVER)
        score = np.minimum(score, able.min(axis=1))
    nearest = [int(t) for t in np.argsort(score, kind="stable") if score[t] < NEVER]
    chosen = [*sorted(changed), *(t for t in nearest if t not in changed)]
    people = laid.problem.technicians
    heard = [t for t in chosen if people[t].reachable and people[t].id not in laid.since.hungry]
    return heard[: max(NEIGHBOURS, len(changed))]


def _part(laid: Laid, rows: Sequence[int], *, loose: Sequence[Job]) -> Problem:
    """What is still to come of some technicians, as a problem of its own."""
    names = {laid.problem.technicians[t].id for t in rows}
    people = tuple(_from_now(laid, t) for t in rows)
    jobs = [laid.problem.jobs[n] for t in rows for n in laid.routes[t]]
    held = {
        laid.problem.jobs[n].id: laid.problem.technicians[t].id
        for t in rows
        for n in laid.routes[t]
    }
    starts = _walked_starts(laid, rows)
    # who has left for the next visit is not sent elsewhere by the search
    left = {laid.routes[t][0] for t in rows if laid.lines.leave[t, 0] < laid.since.now_seconds}
    away = {laid.problem.jobs[n].id for n in left}
    # of two who stand like a pin only one may be among these
    made = tuple(
        _settled(job, place=(held[job.id], starts[job.id]))
        if job.id in away or frozen(laid, job)
        else msgspec.structs.replace(job, crew=None)
        for job in jobs
    )
    kept = tuple(msgspec.structs.replace(each, holder=_known(each.holder, names)) for each in loose)
    part = msgspec.structs.replace(laid.problem, technicians=people, jobs=(*made, *kept))
    return along(laid.ways, part)


def _known(holder: str | None, names: set[str]) -> str | None:
    return holder if holder in names else None


def _walked_starts(laid: Laid, rows: Sequence[int]) -> dict[str, int]:
    walk = layout.walked(layout.rows_of(laid.lines, rows))
    return {
        laid.problem.jobs[n].id: int(walk.start[row, p])
        for row, t in enumerate(rows)
        for p, n in enumerate(laid.routes[t])
    }


def _settled(job: Job, *, place: tuple[str, int]) -> Job:
    who, start = place
    settled = msgspec.structs.replace(job, crew=None)
    if job.fixed is None and job.holder == who:
        fixed = Fixed(technician=who, start_seconds=start)
        return msgspec.structs.replace(settled, fixed=fixed)
    return settled


def _from_now(laid: Laid, t: int) -> Technician:
    person = laid.problem.technicians[t]
    point = int(laid.seq[t, 0])
    now = laid.since.now_seconds
    free, lunch = max(int(laid.lines.shift_opens[t]), now), person.lunch
    if laid.lines.leave[t, 0] < now:
        # who has left for the next visit does nothing before it but what was told
        walk = layout.walked(layout.rows_of(laid.lines, [t]))
        begins = int(walk.start[0, 0])
        free = max(int(laid.lines.shift_opens[t]), begins - int(laid.lines.drive[t, 0]))
        lunch = None if 0 <= walk.lunch[0] < begins else lunch
    first = layout.first_job(laid.problem)
    start = laid.problem.jobs[point - first].place if point >= first else None
    closes = max(free, person.shift.closes)
    late = laid.lines.lunch_latest[t] < free
    # the end stays where it was, however late the rest of the day begins
    overtime = max(0, int(laid.lines.shift_closes[t]) - closes)
    return msgspec.structs.replace(
        person,
        start=start or person.start or person.home,
        shift=Band(opens=free, closes=closes),
        overtime_seconds=overtime,
        lunch=None if laid.lines.fed[t] or late else lunch,
    )


def _as_plan(laid: Laid, rows: Sequence[int], *, left: tuple[str, ...]) -> Plan:
    """Routes in their order; the search works the hours out by itself."""
    return Plan(
        engine="repair",
        seed=0,
        iterations=0,
        cost=Cost(),
        routes=tuple(
            Route(
                technician=laid.problem.technicians[t].id,
                stops=tuple(_bare(laid.problem.jobs[n].id) for n in laid.routes[t]),
            )
            for t in rows
        ),
        unassigned=left,
        travel_seconds=0,
        travel_metres=0,
    )


def _bare(job: str) -> Stop:
    return Stop(
        job=job,
        arrive_seconds=0,
        start_seconds=0,
        end_seconds=0,
        travel_seconds=0,
        travel_metres=0,
    )
