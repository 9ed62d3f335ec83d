"""Solves a day: wires problem, kernel and plan together and decides nothing itself."""

from collections.abc import Callable
from datetime import date
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from scheduling import kernel
from scheduling.problem import ABLE, Prepared, prepare
from scheduling.timing import timed_route
from schemas.base import Value
from schemas.plan import Band, Cost, Job, Lunch, Plan, Point, Problem, Technician

ENGINE = "doorstep-sisr-1"
NEAR_MAX = 100
ROUTE_JOBS_MAX = 60
ROUNDS_A_SLICE = 50
WARM_SECONDS, COLD_SECONDS = 1200.0, 2.0
"""Temperatures at the beginning and the end, in seconds of travel."""
ROUNDS_MAX = 10**9

Ints = NDArray[np.int64]


class State(Value, frozen=True):
    """A plan in the kernel's arrays."""

    routes: Ints
    length: Ints
    where: Ints
    cost: NDArray[np.float64]
    early: Ints
    late: Ints


class Budget(Value, frozen=True):
    """How long to search: a number of rounds (the same plan every time), or seconds."""

    seconds: float | None = 10.0
    iterations: int | None = None


TEN_SECONDS = Budget()


def solve(
    problem: Problem,
    *,
    seed: int = 1,
    budget: Budget = TEN_SECONDS,
    progress: Callable[[float, float], None] = lambda share, cost: None,
    stop: Callable[[], bool] = lambda: False,
) -> Plan:
    """The best plan found within the budget; with `iterations` the same seed gives the same
    plan."""
    begun = monotonic()
    prepared = prepare(problem)
    if not problem.jobs or not problem.technicians:
        return _plan(prepared, None, seed=seed, rounds=0, begun=begun)
    state, rounds = _search(prepared, seed=seed, budget=budget, told=(progress, stop))
    return _plan(prepared, state, seed=seed, rounds=rounds, begun=begun)


def warm() -> None:
    """Compiles the kernel into its cache, so that the first plan does not wait for the compiler."""
    home, near = Point(latitude=39.0, longitude=116.0), Point(latitude=39.01, longitude=116.01)
    lunch = Lunch(opens=43_200, closes=46_800, duration_seconds=1_800)
    person = Technician(id="t", home=home, shift=Band(opens=28_800, closes=61_200), lunch=lunch)
    jobs = tuple(Job(id=str(n), place=near, duration_seconds=600) for n in range(4))
    problem = Problem(day=date(2026, 1, 5), technicians=(person,), jobs=jobs)
    solve(problem, budget=Budget(seconds=None, iterations=20))


def kernel_arrays(prepared: Prepared) -> tuple[NDArray[np.int64], ...]:
    """The part of the problem that routes are timed with, as the kernel takes it."""
    return (
        prepared.seconds,
        prepared.duration,
        prepared.opens,
        prepared.closes,
        prepared.shift_opens,
        prepared.shift_closes,
        prepared.lunch_opens,
        prepared.lunch_latest,
        prepared.lunch_seconds,
    )


def empty_state(prepared: Prepared) -> State:
    """Nobody has anything to do yet."""
    people, jobs = prepared.why.shape
    places = min(jobs, ROUTE_JOBS_MAX) + 2
    state = State(
        routes=np.zeros((people, places), dtype=np.int64),
        length=np.zeros(people, dtype=np.int64),
        where=np.full(jobs, -1, dtype=np.int64),
        cost=np.array([np.inf]),
        early=np.zeros((people, places + 1, 2), dtype=np.int64),
        late=np.zeros((people, places + 1, 2), dtype=np.int64),
    )
    for t in range(people):
        kernel.refresh(
            t, kernel_arrays(prepared), state.routes, state.length, state.early, state.late
        )
    return state


def _search(
    prepared: Prepared,
    *,
    seed: int,
    budget: Budget,
    told: tuple[Callable[[float, float], None], Callable[[], bool]],
) -> tuple[State, int]:
    progress, stop = told
    arrays, rules = kernel_arrays(prepared), _rules(prepared)
    work, best = empty_state(prepared), empty_state(prepared)
    # an odd word that is never zero, whatever the seed
    dice = np.array([seed * 0x9E3779B97F4A7C15 % 2**64 | 1], dtype=np.uint64)
    begun, rounds = monotonic(), 0
    share = 0.0
    size = ROUNDS_A_SLICE
    while share < 1.0 and not stop():
        slice_ = min(size, (budget.iterations or ROUNDS_MAX) - rounds)
        # the kernel cools by rounds; under a budget of seconds the share of time is given as rounds
        total = budget.iterations or ROUNDS_MAX
        first = rounds if budget.iterations else int(share * total)
        run = (first, first + slice_, total, WARM_SECONDS, COLD_SECONDS)
        kernel.search(
            arrays,
            rules,
            (best.routes, best.length, best.where, best.cost),
            (work.routes, work.length, work.where, work.cost, work.early, work.late),
            run,
            dice,
        )
        rounds += slice_
        by_time = (monotonic() - begun) / budget.seconds if budget.seconds else 0.0
        by_rounds = rounds / budget.iterations if budget.iterations else 0.0
        share = max(by_time, by_rounds)
        progress(min(share, 1.0), float(best.cost[0]))
    return best, rounds


def _rules(prepared: Prepared) -> tuple[NDArray[np.generic], ...]:
    jobs = prepared.duration.shape[0]
    between = prepared.seconds[:jobs, :jobs]
    near = np.argsort(between, axis=1, kind="stable")[:, 1 : NEAR_MAX + 1]
    homes = prepared.seconds[jobs:, :jobs]
    return (
        np.ascontiguousarray(prepared.why == ABLE),
        prepared.extra,
        prepared.penalty,
        prepared.fixed,
        np.ascontiguousarray(near.astype(np.int64)),
        np.ascontiguousarray(homes.min(axis=0)),
    )


def _plan(prepared: Prepared, state: State | None, *, seed: int, rounds: int, begun: float) -> Plan:
    problem = prepared.problem
    chosen = [
        [int(state.routes[t, p]) for p in range(state.length[t])] if state is not None else []
        for t in range(len(problem.technicians))
    ]
    routes = tuple(timed_route(prepared, t, jobs=jobs) for t, jobs in enumerate(chosen))
    placed = {job for jobs in chosen for job in jobs}
    left = tuple(each.id for row, each in enumerate(problem.jobs) if row not in placed)
    stops = [each for route in routes for each in route.stops]
    return Plan(
        engine=ENGINE,
        seed=seed,
        iterations=rounds,
        cost=_cost(prepared, chosen),
        routes=routes,
        unassigned=left,
        travel_seconds=sum(each.travel_seconds for each in stops)
        + sum(each.back_travel_seconds for each in routes),
        travel_metres=sum(each.travel_metres for each in stops)
        + sum(each.back_travel_metres for each in routes),
        solve_seconds=round(monotonic() - begun, 3),
    )


def _cost(prepared: Prepared, chosen: list[list[int]]) -> Cost:
    placed = {job for jobs in chosen for job in jobs}
    sums = dict.fromkeys(("emergency", "breaks_today", "booked", "due_soon", "seconds"), 0)
    for row, job in enumerate(prepared.problem.jobs):
        if row not in placed:
            tier = "emergency" if job.fixed else job.tier
            sums["seconds" if tier == "routine" else tier] += job.penalty_seconds
    homes = len(prepared.problem.jobs)
    for t, jobs in enumerate(chosen):
        at = homes + t
        for number in jobs:
            sums["seconds"] += int(prepared.seconds[at, number] + prepared.extra[t, number])
            at = number
        sums["seconds"] += int(prepared.seconds[at, homes + t])
    return Cost(**sums)
