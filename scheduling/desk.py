"""A plan on the kernel's desk: laid out, begun from pins or from another plan, read off again."""

import numpy as np
from numpy.typing import NDArray

from scheduling import kernel, kernel_soft
from scheduling.kernel import Desk
from scheduling.kernel_arrays import fine_of, is_pool, near_of, nodes_of, people_of, price_of
from scheduling.problem import (
    GROUP_SPLIT_SECONDS,
    OVERTIME_PRICE,
    RESERVE_PRICE,
    Prepared,
    crews_of,
)  # fmt: skip
from schemas.plan import Plan
from schemas.problems import Refusal


def desk_of(prepared: Prepared, *, seed: int) -> Desk:
    """A day on which only what is fixed is planned. Refuses pins that contradict each other."""
    people, jobs = prepared.why.shape
    nodes = nodes_of(prepared)
    groups = int(nodes[:jobs, kernel.GROUP].max(initial=0)) + 1
    desk = Desk(
        nodes=nodes,
        people=people_of(prepared.problem.technicians),
        seconds=np.ascontiguousarray(prepared.seconds),
        price=price_of(prepared),
        fine=fine_of(prepared),
        near=near_of(prepared),
        tally=np.zeros((groups, people + 1), dtype=np.int64),
        notes=np.zeros((len(nodes) + people, kernel.CHANGING + 1), dtype=np.int64),
        best=np.zeros((len(nodes), 3), dtype=np.int64),
        book=np.zeros(kernel.BOOK_COLUMNS, dtype=np.int64),
        scratch=np.zeros((kernel.SCRATCH_ROWS, kernel.SCRATCH_COLUMNS), dtype=np.int64),
    )
    _open_book(prepared, desk, seed=seed)
    _seat_fixed(prepared, desk)
    for t in range(people):
        kernel_soft.reckon(desk, t)
    keep_all(desk)
    return desk


def keep_all(desk: Desk) -> None:
    """What is on the desk is the best plan."""
    desk.best[:, kernel.AFTER] = desk.nodes[:, kernel.NEXT]
    desk.best[:, kernel.BEGINS] = desk.nodes[:, kernel.OPENS]
    desk.nodes[:, kernel.STALE] = 0
    desk.book[kernel.STALES] = 0
    desk.book[kernel.BEST_COST : kernel.BEST_COST + 5] = desk.book[:5]


def seat(prepared: Prepared, desk: Desk, *, plan: Plan) -> None:
    """Begins from another plan: what still fits in its order is taken over, the rest is loose."""
    rows = {each.id: row for row, each in enumerate(prepared.problem.jobs)}
    people = {each.id: row for row, each in enumerate(prepared.problem.technicians)}
    jobs = len(rows)
    halves = {half: pair for pair in crews_of(prepared.problem).values() for half in pair}
    for route in plan.routes:
        t = people.get(route.technician)
        if t is None:
            continue
        before = _last_started(desk, jobs + t, jobs=jobs)
        for stop in route.stops:
            job = rows.get(stop.job)
            if job is None or desk.nodes[job, kernel.ROUTE] >= 0:
                before = job if job is not None and desk.nodes[job, kernel.ROUTE] == t else before
                continue
            if job in halves:
                _hold(desk, job=job, start=stop.start_seconds)
            if fits_after(desk, t=t, job=job, before=before):
                kernel.link(desk, t, job, before)
                before = job
    for one, other in crews_of(prepared.problem).values():
        _together(desk, one=one, other=other)
    for t in range(len(people)):
        kernel_soft.reckon(desk, t)


def fits_after(desk: Desk, *, t: int, job: int, before: int) -> bool:
    """Whether a person may and can do a job just after a node."""
    nodes = desk.nodes
    if desk.price[t, job] < 0 or before < 0:
        return False
    if desk.people[t, kernel.LOADED] + nodes[job, kernel.LOAD] > desk.people[t, kernel.CAPACITY]:
        return False
    after = nodes[before, kernel.NEXT]
    to = desk.seconds[nodes[before, kernel.SPOT], nodes[job, kernel.SPOT]]
    onward = desk.seconds[nodes[job, kernel.SPOT], nodes[after, kernel.SPOT]]
    return bool(kernel.fits(nodes, desk.fine, desk.people, t, job, before, int(to), int(onward)))


def routes_of(after: NDArray[np.int64], *, people: int, jobs: int) -> list[list[int]]:
    """The jobs of each person in order."""
    routes = []
    for t in range(people):
        route, node = [], int(after[jobs + t])
        while node < jobs:
            route.append(node)
            node = int(after[node])
        routes.append(route)
    return routes


def _open_book(prepared: Prepared, desk: Desk, *, seed: int) -> None:
    jobs, problem = prepared.problem.jobs, prepared.problem
    soft = (desk.nodes[:, kernel.BANDS] > 0).any() or any(
        each.overtime_seconds or each.reserve_seconds for each in problem.technicians
    )
    entries = {
        kernel.ROUND: 1,
        kernel.LOOSE: len(jobs),
        kernel.MINES: len(jobs),
        kernel.POOL: is_pool(prepared),
        kernel.FAIRNESS: problem.fairness_seconds,
        kernel.SPLIT: GROUP_SPLIT_SECONDS,
        kernel.ANY_SOFT: soft,
        kernel.OVERTIME: OVERTIME_PRICE,
        kernel.RESERVED: RESERVE_PRICE,
    }
    for column, value in entries.items():
        desk.book[column] = value
    # an odd word that is never zero, whatever the seed
    desk.book[kernel.DICE : kernel.DICE + 1].view(np.uint64)[0] = (
        seed * 0x9E3779B97F4A7C15 % 2**64 | 1
    )
    np.add.at(
        desk.book, desk.nodes[: len(jobs), kernel.TIER], desk.nodes[: len(jobs), kernel.PENALTY]
    )


def _seat_fixed(prepared: Prepared, desk: Desk) -> None:
    problem, jobs = prepared.problem, len(prepared.problem.jobs)
    rows = {each.id: row for row, each in enumerate(problem.technicians)}
    pins = [(job.fixed, row) for row, job in enumerate(problem.jobs) if job.fixed is not None]
    for pin, job in sorted(pins, key=lambda p: (not p[0].started, p[0].start_seconds, p[1])):
        t = rows[pin.technician]
        before = int(desk.nodes[jobs + len(rows) + t, kernel.PREV])
        if pin.started:
            kernel.link(desk, t, job, before)
            _state_fact(desk, t=t, job=job)
        elif fits_after(desk, t=t, job=job, before=before):
            kernel.link(desk, t, job, before)
        else:
            raise Refusal(
                "plan_problem",
                field=f"jobs.{problem.jobs[job].id}.fixed",
                reason=f"{pin.technician} cannot begin then and keep lunch, shift and other pins",
            )


def _state_fact(desk: Desk, *, t: int, job: int) -> None:
    nodes = desk.nodes
    done = nodes[job, kernel.OPENS] + nodes[job, kernel.WORK]
    # a break whose hours have passed counts as taken
    hungry = done <= desk.people[t, kernel.EAT_LATEST]
    nodes[job, kernel.FREE] = done if hungry else kernel.NEVER
    nodes[job, kernel.FED] = kernel.NEVER if hungry else done
    nodes[job, kernel.LATE0] = nodes[job, kernel.LATE1] = -1


def _last_started(desk: Desk, start: int, *, jobs: int) -> int:
    node = start
    while desk.nodes[node, kernel.NEXT] < jobs:
        after = int(desk.nodes[node, kernel.NEXT])
        if desk.nodes[after, kernel.LOCK] != 2:
            break
        node = after
    return node


def _hold(desk: Desk, *, job: int, start: int) -> None:
    nodes, hours = desk.nodes, desk.fine[job, : kernel.BANDS_AT]
    lawful = ((hours[0::2] <= start) & (start <= hours[1::2])).any()
    if nodes[job, kernel.MATE] >= 0 and lawful:
        nodes[job, [kernel.WINDOWS, kernel.OPENS, kernel.CLOSES]] = 1, start, start


def _together(desk: Desk, *, one: int, other: int) -> None:
    nodes = desk.nodes
    if nodes[one, kernel.MATE] < 0:
        return
    routes = nodes[[one, other], kernel.ROUTE]
    hours = nodes[[one, other]][:, [kernel.OPENS, kernel.CLOSES]]
    same_start = (hours == hours[0, 0]).all()
    if (routes >= 0).all() and routes[0] != routes[1] and same_start:
        return
    for half in (one, other):
        if nodes[half, kernel.ROUTE] >= 0:
            t, before, after = (
                int(nodes[half, c]) for c in (kernel.ROUTE, kernel.PREV, kernel.NEXT)
            )
            kernel.unlink(desk, half)
            kernel.forwards(desk, t, before, after)
            kernel.backwards(desk, t, after, before)
        kernel.reopen(nodes, desk.fine, half)
