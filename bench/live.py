"""The live day at size: `make bench-live`. CPU time of this process, p50 and p95; ratios in one run.

A generated day of 200 technicians and 2,000 jobs is planned once (CPU seconds by DOORSTEP_SEARCH),
then asked about every job that was left out, repaired after an illness, and searched anew.
"""

import os
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from geopy.distance import great_circle as by_geopy

from scheduling import insertion, layout, reasons
from scheduling.check import check, cost
from scheduling.layout import lay_out, routes_of
from scheduling.repair import _as_plan, _part
from scheduling.solver import Budget, solve, warm
from scheduling.travel import great_circle
from schemas.plan import Plan, Problem
from tests.scheduling.days import generated

PEOPLE, JOBS, ASKED = 200, 2_000, 300
SEARCH_SECONDS = float(os.environ.get("DOORSTEP_SEARCH", "20"))


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def told(name: str, spent: Sequence[float]) -> None:
    """One line of figures in milliseconds."""
    low, high = np.percentile(np.array(spent) * 1000, [50, 95])
    print(f"{name:58} p50 {low:8.2f} ms   p95 {high:8.2f} ms   of {len(spent)}", flush=True)


def main() -> None:
    """Prints the table of the live day."""
    warm()
    problem = generated(PEOPLE, JOBS, seed=1)
    plan = solve(problem, seed=1, budget=Budget(seconds=SEARCH_SECONDS, cpu=True))
    print(
        f"planned {JOBS - len(plan.unassigned)} of {JOBS}, {len(check(problem, plan))} violations"
    )
    routes = routes_of(plan)
    told("lay a day out", [timed(lambda: lay_out(problem, routes)) for _ in range(10)])
    laid = lay_out(problem, routes)
    empty = layout.alone(laid)
    asked = [problem.jobs[n % JOBS] for n in range(0, 7 * ASKED, 7)]
    days = [layout.without(laid, job) for job in asked]
    told(
        "take a visit out of its route", [timed(lambda j=j: layout.without(laid, j)) for j in asked]
    )

    def named(day: layout.Laid, job: object) -> None:
        found = insertion.evaluate(day, job)
        reasons.codes(day, found, empty=empty)

    pairs = list(zip(days, asked, strict=True))
    told("all places", [timed(lambda d=d, j=j: insertion.evaluate(d, j)) for d, j in pairs])
    told(
        "all places with reasons (goal 2 ms p95)",
        [timed(lambda d=d, j=j: named(d, j)) for d, j in pairs],
    )
    five = [laid] * 5
    told(
        "one job over five days (goal 20 ms)",
        [
            timed(lambda j=j: [insertion.cheapest(insertion.evaluate(d, j)) for d in five])
            for j in asked[:50]
        ],
    )
    ill(problem, laid, plan=plan)
    matrix()


def ill(problem: Problem, laid: layout.Laid, *, plan: Plan) -> None:
    """A technician falls ill: the neighbourhood is searched for a moment, and for long."""
    t = max(range(PEOPLE), key=lambda each: len(laid.routes[each]))
    loose = [laid.problem.jobs[n] for n in laid.routes[t]]
    gone = msgspec.structs.replace(laid.problem.technicians[t], skills=())
    people = (*laid.problem.technicians[:t], gone, *laid.problem.technicians[t + 1 :])
    day = msgspec.structs.replace(laid.problem, technicians=people)
    names = {
        p.id: [day.jobs[n].id for n in r] for p, r in zip(day.technicians, laid.routes, strict=True)
    }
    base = lay_out(day, {**names, gone.id: []})
    held = {job: who for who, jobs in names.items() for job in jobs}
    jobs = tuple(msgspec.structs.replace(j, holder=held.get(j.id)) for j in day.jobs)
    base = lay_out(msgspec.structs.replace(day, jobs=jobs), {**names, gone.id: []})
    found = [insertion.evaluate(base, job) for job in loose]
    near = np.min([np.where(f.fits, f.added, 10**9).min(axis=1) for f in found], axis=0)
    rows = [int(each) for each in np.argsort(near)[:16]]
    left = [base.problem.jobs[base.numbers[job.id]] for job in loose]
    part = _part(base, rows, loose=[msgspec.structs.replace(j, holder=None) for j in left])
    start = _as_plan(base, rows, left=tuple(job.id for job in loose))
    begun = time.process_time()
    short = solve(part, seed=1, budget=Budget(seconds=0.25, iterations=20_000), start=start)
    spent = time.process_time() - begun
    long = solve(part, seed=1, budget=Budget(seconds=10, cpu=True), start=start)
    moved = sum(
        1 for r in short.routes for s in r.stops
        if held.get(s.job) not in (r.technician, gone.id, None)
    )  # fmt: skip
    print(
        f"one ill of {PEOPLE} ({len(loose)} visits): {spent:.2f} s CPU, left {len(short.unassigned)}"
        f" (long {len(long.unassigned)}), cost {short.cost.seconds} against {long.cost.seconds}"
        f" ({100 * (short.cost.seconds / max(1, long.cost.seconds) - 1):.2f} %), others moved {moved}"
        f" of {JOBS} ({100 * moved / JOBS:.2f} %)"
    )
    rerun(base.problem, plan, short=short, gone=gone.id)


def rerun(problem: Problem, plan: Plan, *, short: Plan, gone: str) -> None:
    """The same illness against a search of the whole day, from the plan that stood and as long as
    that was searched for; both counted by the checker."""
    changed = {route.technician: route for route in short.routes}
    quick = msgspec.structs.replace(
        plan,
        routes=tuple(changed.get(r.technician, r) for r in plan.routes if r.technician != gone),
        unassigned=tuple({*plan.unassigned, *short.unassigned} - _placed(short)),
    )
    budget = Budget(seconds=SEARCH_SECONDS, cpu=True)
    whole = solve(problem, seed=1, budget=budget, start=plan)
    held = {stop.job: r.technician for r in plan.routes for stop in r.stops if r.technician != gone}
    for name, each in (("neighbourhood", quick), ("whole day", whole)):
        now = {stop.job: r.technician for r in each.routes for stop in r.stops}
        moved = sum(1 for job, who in held.items() if now.get(job) != who)
        promised = {job.id for job in problem.jobs if job.tier in ("breaks_today", "booked")}
        print(
            f"  {name}: {len(check(problem, each))} violations, cost {cost(problem, each)}, left"
            f" {len(each.unassigned)} ({len(promised & set(each.unassigned))} promised), moved {moved}"
        )


def _placed(plan: Plan) -> set[str]:
    return {stop.job for route in plan.routes for stop in route.stops}


def matrix() -> None:
    """2,000 x 2,000, and one pair by geopy."""
    dice = np.random.default_rng(1)
    lat, lon = 39 + dice.random(2_000) / 3, 116 + dice.random(2_000) / 3
    spent = timed(lambda: great_circle(lat, lon))
    pairs = list(zip(lat[:1_000], lon[:1_000], strict=True))
    one = timed(lambda: [by_geopy(a, b).m for a, b in zip(pairs, pairs[1:], strict=False)]) / 999
    print(
        f"matrix 2,000 x 2,000: {spent:.2f} s CPU (goal 1 s); geopy {one / (spent / 4e6):.0f} x a pair"
    )


if __name__ == "__main__":
    main()
