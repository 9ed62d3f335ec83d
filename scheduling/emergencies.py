"""An emergency in the live day: the next thing that somebody near does. Lesser work gives way to it,
then who is on the way elsewhere, then the end of a shift."""

from collections.abc import Sequence

import msgspec
import numpy as np

from scheduling import insertion, layout
from scheduling import lines as timing
from scheduling.insertion import put, willing
from scheduling.layout import Laid
from scheduling.lines import NEVER
from scheduling.pins import TIERS, frozen
from scheduling.problem import ABLE
from scheduling.rescue import place_free
from schemas.plan import Band, Job

EJECTED_TRIED = 8
SQUEEZED_MAX = 4
WORTH_WAITING_SECONDS = 1200
"""An emergency waits so long for somebody who has to leave nothing undone for it."""
PROMISE_WAITING_SECONDS = 1200
"""And so much longer for each promise that would be given up."""
SOON_GRACE_SECONDS = 300
OVERTIME_SECONDS = (1800, 3600, 7200, 4 * 3600)
"""For how long somebody is kept on at most, the least that does."""


def at_once(laid: Laid, job: Job) -> tuple[Laid, list[str]] | None:
    """The next thing that somebody near does: lesser jobs give way and find other places. Soonest;
    it waits a while for somebody who has to leave nothing undone for it, longer where that is a
    promise, and no longer."""
    found = insertion.evaluate(laid, job)
    first = [frozen_ahead(laid, route) for route in laid.routes]
    able = [
        t for t in range(len(first)) if int(found.why[t]) == ABLE and not found.own[t, first[t]]
    ]
    best: tuple[tuple[int, int], Laid, list[str]] | None = None
    for t in sorted(able, key=lambda each: found.arrive[each, first[each]])[:EJECTED_TRIED]:
        made = _squeezed(laid, job, t=t, place=first[t])
        if made is None:
            continue
        there, left = made
        jobs = [laid.problem.jobs[laid.numbers[name]] for name in left]
        promised = sum(1 for each in jobs if TIERS[each.tier] <= TIERS["booked"])
        waits = WORTH_WAITING_SECONDS * len(left) + PROMISE_WAITING_SECONDS * promised
        rank = (int(found.arrive[t, first[t]]) + waits, t)
        if best is None or rank < best[0]:
            best = (rank, there, left)
    return None if best is None else (best[1], best[2])


def called_back(laid: Laid, job: Job) -> tuple[Laid, list[str]] | None:
    """An emergency that nobody else can take calls somebody back who is on the way."""
    free = msgspec.structs.replace(laid.since, floors={})
    found = at_once(msgspec.structs.replace(laid, since=free), job)
    if found is None:
        return None
    there = msgspec.structs.replace(found[0], since=laid.since)
    for t, (was, now) in enumerate(zip(laid.routes, there.routes, strict=True)):
        there = layout.with_route(there, t, route=now) if was != now else there
    return there, found[1]


def keeping_on(laid: Laid, job: Job) -> tuple[Laid, list[str]] | None:
    """An emergency that nobody can take within a shift keeps one person on, as briefly as it goes:
    a leak does not wait for the morning."""
    everybody = range(len(laid.routes))
    for more in OVERTIME_SECONDS:
        found = insertion.evaluate(_closing(laid, everybody, more=more), job)
        able = willing(laid, job) & (found.why == ABLE)
        soonest = np.where(found.fits & able[:, None], found.arrive, NEVER).min(axis=1)
        for t in np.argsort(soonest, kind="stable")[:EJECTED_TRIED]:
            if soonest[t] < NEVER:
                later = _closing(laid, [int(t)], more=more)
                if (placed := at_once(later, job) or place_free(later, job)) is not None:
                    return placed
    return None


def _closing(laid: Laid, rows: Sequence[int], *, more: int) -> Laid:
    """The day with later ends of some shifts."""
    people, closes = list(laid.problem.technicians), laid.lines.shift_closes.copy()
    for t in rows:
        longer = people[t].overtime_seconds + more
        people[t] = msgspec.structs.replace(people[t], overtime_seconds=longer)
        closes[t] += more
    problem = msgspec.structs.replace(laid.problem, technicians=tuple(people))
    lines = msgspec.structs.replace(laid.lines, shift_closes=closes)
    return msgspec.structs.replace(laid, problem=problem, lines=lines, late=timing.latest(lines))


def frozen_ahead(laid: Laid, route: tuple[int, ...]) -> int:
    """How many visits of a route come before anything new: who is on the way is not called back."""
    ahead = 0
    for place, number in enumerate(route, start=1):
        job = laid.problem.jobs[number]
        if frozen(laid, job) or (job.fixed is not None and ahead == place - 1 and place == 1):
            ahead = place
    return ahead


def _squeezed(laid: Laid, job: Job, *, t: int, place: int) -> tuple[Laid, list[str]] | None:
    """A job at a place of a route, lesser jobs behind it taken out one by one until it fits."""
    shorter, out = laid, list[Job]()
    while not (fit := insertion.evaluate(shorter, job)).fits[t, place]:
        behind = [shorter.problem.jobs[n] for n in shorter.routes[t][place:]]
        weak = [each for each in behind if gives_way(shorter, each, to=job)]
        if not weak or len(out) >= SQUEEZED_MAX or fit.own[t, place] > 0:
            return None
        gone = min(weak, key=lambda each: (-TIERS[each.tier], behind.index(each)))
        out.append(gone)
        shorter = layout.without(shorter, gone)
    # what gave way may not come back before it
    there, left = _soon(put(shorter, job, t=t, place=place), job), list[str]()
    for each in out:
        again = place_free(there, each)
        there, left = (again[0], left) if again else (there, [*left, each.id])
    return there, left


def _soon(laid: Laid, job: Job) -> Laid:
    """What was placed at once stays at once, whatever is tidied up around it."""
    t, route = next((t, r) for t, r in enumerate(laid.routes) if laid.numbers[job.id] in r)
    walk = layout.walked(layout.rows_of(laid.lines, [t]))
    start = int(walk.start[0, route.index(laid.numbers[job.id])])
    latest = Band(opens=0, closes=start + SOON_GRACE_SECONDS)
    jobs = tuple(
        msgspec.structs.replace(each, windows=(latest,), tier="emergency")
        if each.id == job.id
        else each
        for each in laid.problem.jobs
    )
    problem = msgspec.structs.replace(laid.problem, jobs=jobs)
    return layout.with_route(msgspec.structs.replace(laid, problem=problem), t, route=route)


def gives_way(laid: Laid, lesser: Job, *, to: Job) -> bool:
    """Whether a job may be taken out for a graver one."""
    if lesser.fixed is not None or lesser.crew is not None or frozen(laid, lesser):
        return False
    return TIERS[lesser.tier] > TIERS[to.tier]
