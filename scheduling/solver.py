"""Solves a day: wires problem, kernel and plan together and decides nothing itself."""

from collections.abc import Callable
from datetime import date
from time import monotonic, thread_time

import msgspec
import numpy as np
from numpy.typing import NDArray

from scheduling import desk as desks
from scheduling import kernel, rounds
from scheduling.kernel import Desk
from scheduling.problem import Prepared, crews_of, prepare
from scheduling.timing import timed_route
from schemas.base import Value
from schemas.plan import Band, Cost, Job, Lunch, Plan, Point, Problem, Technician

ENGINE = "doorstep-sisr-3"
HOT, COOL, COLD = 2.0, 0.2, 0.02
"""Temperatures at the beginning, at the beginning from another plan, and at the end, in typical
legs of travel."""


class Budget(Value, frozen=True):
    """How long to search: a number of rounds (the same plan every time), or seconds.

    With `cpu` seconds are those of the thread that searches, for measurements on a machine that
    others use.
    """

    seconds: float | None = 10.0
    iterations: int | None = None
    threads: int = 1
    cpu: bool = False


class Watch(Value, frozen=True):
    """Who is told how far the search is (share of the budget, best cost), and may stop it."""

    progress: Callable[[float, Cost], None] = lambda share, cost: None
    stop: Callable[[], bool] = lambda: False


TEN_SECONDS = Budget()
LEAST_SECONDS = 0.05
NOBODY = Watch()


def solve(
    problem: Problem,
    *,
    seed: int = 1,
    budget: Budget = TEN_SECONDS,
    start: Plan | None = None,
    watch: Watch = NOBODY,
) -> Plan:
    """The best plan found within the budget; with `iterations` the same seed gives the same plan.

    `start` is a plan to begin from: jobs and people that the problem does not know are skipped,
    what no longer fits is left out, and the search stays cool, so that little else moves.
    """
    clock = thread_time if budget.cpu else monotonic
    begun = clock()
    prepared = prepare(problem)
    desk = desks.desk_of(prepared, seed=seed)
    if start is not None:
        desks.seat(prepared, desk, plan=start)
        desks.keep_all(desk)
    done = 0
    if problem.jobs and problem.technicians:
        search = rounds.Search(
            heat=(HOT if start is None else COOL, COLD),
            # a slow machine may have spent the budget on preparing: a spent one must still end
            seconds=None
            if budget.seconds is None
            else max(LEAST_SECONDS, budget.seconds - (clock() - begun)),
            iterations=budget.iterations,
            threads=budget.threads,
            clock=clock,
            stop=watch.stop,
        )
        done = rounds.run(
            search, desk, progress=lambda share, cost: watch.progress(share, _cost(cost))
        )
    return _plan(prepared, desk, run=(seed, done, clock() - begun))


def warm() -> None:
    """Compiles the kernel into its cache, so that the first plan does not wait for the compiler."""
    home, near = Point(latitude=39.0, longitude=116.0), Point(latitude=39.01, longitude=116.01)
    lunch = Lunch(opens=43_200, closes=46_800, duration_seconds=1_800)
    person = Technician(id="t", home=home, shift=Band(opens=28_800, closes=61_200), lunch=lunch)
    people = (person, msgspec.structs.replace(person, id="u"))
    jobs = tuple(Job(id=str(n), place=near, duration_seconds=600) for n in range(4))
    problem = Problem(day=date(2026, 1, 5), technicians=people, jobs=jobs)
    plan = solve(problem, budget=Budget(seconds=None, iterations=20))
    solve(problem, budget=Budget(seconds=None, iterations=20, threads=2), start=plan)


def _cost(cost: NDArray[np.int64]) -> Cost:
    return Cost(**dict(zip(Cost.__struct_fields__, (int(each) for each in cost), strict=False)))


def _plan(prepared: Prepared, desk: Desk, *, run: tuple[int, int, float]) -> Plan:
    problem = prepared.problem
    people, jobs = prepared.why.shape
    chosen = desks.routes_of(desk.best[:, kernel.AFTER], people=people, jobs=jobs)
    meetings = {
        half: int(desk.best[half, kernel.BEGINS])
        for pair in crews_of(problem).values()
        for half in pair
        if problem.jobs[half].fixed is None
    }
    routes = tuple(
        timed_route(prepared, t, jobs=each, starts=meetings) for t, each in enumerate(chosen)
    )
    placed = {job for each in chosen for job in each}
    stops = [each for route in routes for each in route.stops]
    seed, iterations, seconds = run
    return Plan(
        engine=ENGINE,
        seed=seed,
        iterations=iterations,
        cost=_cost(desk.book[kernel.BEST_COST :]),
        routes=routes,
        unassigned=tuple(each.id for row, each in enumerate(problem.jobs) if row not in placed),
        travel_seconds=sum(each.travel_seconds for each in stops)
        + sum(each.back_travel_seconds for each in routes),
        travel_metres=sum(each.travel_metres for each in stops)
        + sum(each.back_travel_metres for each in routes),
        solve_seconds=round(seconds, 3),
    )
