"""The search in slices: cooled over a budget, stopped at any time, on one thread or on several.

On several threads the people of a day are split anew in every round (fixed areas lose on skills):
each thread works on a copy of the desk in which only its people and their jobs may be touched. The
kernel holds no interpreter lock, so that threads are enough and the matrix exists once.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from scheduling import kernel, kernel_search
from scheduling.desk import keep_all
from scheduling.kernel import Desk
from schemas.base import Value

replace = msgspec.structs.replace

SLICE_SECONDS = 0.02
FIRST_SLICE, LONGEST_SLICE = 8, 20_000
ROUNDS_A_SECOND, ROUNDS_A_JOB, SHORT_COLD = 40_000, 1_000, 5.0
"""A search of fewer rounds a job ends this much warmer (RC1_10_5: 2.9 % becomes 2.5 %)."""
FINE = 10**9
"""A budget of seconds, as the kernel counts it."""
SPLITS = 40
"""How often the people are split anew over a budget."""
ALL_BEST_AFTER = 0.5

Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]


class Search(Value, frozen=True):
    """What stays the same throughout: the budget and the clock.

    `heat` are the temperatures at the beginning and the end, in typical legs of travel.
    """

    heat: tuple[float, float]
    seconds: float | None
    iterations: int | None
    threads: int
    clock: Callable[[], float]
    stop: Callable[[], bool]


class Part(Value, frozen=True):
    """A part of the budget: from which share to which, or how many rounds."""

    opens: float = 0.0
    closes: float = 1.0
    iterations: int | None = None


def run(search: Search, desk: Desk, *, progress: Callable[[float, Longs], None]) -> int:
    """Searches until the budget is spent and keeps the best plan found; how many rounds it took."""
    people, jobs = desk.price.shape
    nodes = desk.nodes[:jobs]
    order = np.lexsort((nodes[:, kernel.CLOSES], -nodes[:, kernel.PENALTY], nodes[:, kernel.TIER]))
    kernel_search.fill(desk, order.astype(np.int64))
    keep_all(desk)
    leg = typical_leg(desk)
    hot, cold = search.heat
    rounds = search.iterations or int((search.seconds or 0) * search.threads * ROUNDS_A_SECOND)
    if rounds < ROUNDS_A_JOB * jobs:
        # too short a search to freeze: it ends where it still moves
        cold = SHORT_COLD * cold
    search = replace(search, heat=(hot * leg, cold * leg))
    if search.threads > 1 and people > search.threads:
        return _split(search, desk, progress=progress)
    return _slices(search, desk, part=Part(iterations=search.iterations), progress=progress)


def typical_leg(desk: Desk) -> float:
    """The mean drive to a job of the plan on the desk, in seconds."""
    placed = np.flatnonzero(desk.nodes[: desk.price.shape[1], kernel.ROUTE] >= 0)
    drives = desk.nodes[desk.nodes[placed, kernel.PREV], kernel.DRIVE]
    return max(10.0, float(drives.mean())) if len(placed) else 10.0


def _slices(
    search: Search,
    desk: Desk,
    *,
    part: Part,
    progress: Callable[[float, Longs], None] = lambda share, cost: None,
) -> int:
    """One thread's work on a part of the day and of the budget."""
    begun, done, size, share = search.clock(), 0, FIRST_SLICE, 0.0
    span = part.closes - part.opens
    while share < 1.0 and not search.stop():
        size = min(size, (part.iterations or FINE) - done)
        # the kernel cools by rounds; under a budget of seconds time is given to it as rounds
        if part.iterations:
            total = part.iterations / span
            first = int(part.opens * total) + done
        else:
            total, first = float(FINE), int((part.opens + share * span) * FINE)
        at = search.clock()
        kernel_search.search(desk, (first, first + size, total, *search.heat))
        done += size
        now = search.clock()
        if now - at < SLICE_SECONDS:
            size = min(size * 2, LONGEST_SLICE)
        elif now - at > 2 * SLICE_SECONDS:
            size = max(size // 2, 1)
        by_time = (now - begun) / (search.seconds * span) if search.seconds else 0.0
        share = max(by_time, done / part.iterations if part.iterations else 0.0)
        progress(min(part.opens + share * span, 1.0), desk.book[kernel.BEST_COST :])
    return done


def _split(search: Search, desk: Desk, *, progress: Callable[[float, Longs], None]) -> int:
    rounds = SPLITS if not search.iterations else max(1, min(SPLITS, search.iterations // 1000))
    done, begun = 0, search.clock()
    with ThreadPoolExecutor(search.threads) as pool:
        for number in range(rounds):
            if search.stop():
                break
            opens, closes = number / rounds, (number + 1) / rounds
            if search.seconds:
                opens = max(opens, min(1.0, (search.clock() - begun) / search.seconds))
            if opens >= closes:
                continue
            each = search.iterations // search.threads if search.iterations else None
            part = Part(
                opens=opens,
                closes=closes,
                iterations=max(1, int(each * (closes - opens))) if each else None,
            )
            desks = _parts(desk, threads=search.threads)
            done += sum(pool.map(partial(_slices, search, part=part), desks))
            _merge(desk, desks, best=closes > ALL_BEST_AFTER)
            progress(closes, desk.book[kernel.BEST_COST :])
    return done


def _parts(desk: Desk, *, threads: int) -> list[Desk]:
    """A copy of the desk for each thread, in which only a part of the people may be touched.

    People are ranked by which of two drawn jobs is nearer, and cut into as many groups.
    """
    people, jobs = desk.price.shape
    one, other = (int(kernel.draw(desk.book) * jobs) for _ in range(2))
    lean = desk.seconds[:jobs, one].astype(np.int64) - desk.seconds[:jobs, other]
    route = desk.nodes[:jobs, kernel.ROUTE]
    placed, count = route >= 0, desk.people[:, kernel.COUNT]
    sums = np.bincount(route[placed], weights=lean[placed], minlength=people)
    starts = desk.nodes[jobs : jobs + people, kernel.SPOT]
    idle = desk.seconds[starts, one].astype(np.float64) - desk.seconds[starts, other]
    middle = np.where(count > 0, sums / np.maximum(count, 1), idle)
    ranked = np.argsort(middle, kind="stable")
    group = np.empty(people, dtype=np.int64)
    group[ranked] = np.arange(people) * threads // people
    edges = middle[ranked[[people * k // threads for k in range(1, threads)]]]
    of_job = np.where(placed, group[np.maximum(route, 0)], np.searchsorted(edges, lean))
    mate = desk.nodes[:jobs, kernel.MATE]
    later = np.flatnonzero(~placed & (mate > np.arange(jobs)))
    of_job[mate[later]] = of_job[later]
    return [
        _part(desk, group == k, of_job=of_job == k) for k in range(threads) if (of_job == k).any()
    ]


def _part(desk: Desk, group: Bools, *, of_job: Bools) -> Desk:
    jobs = desk.price.shape[1]
    copy = desk._replace(
        nodes=desk.nodes.copy(),
        people=desk.people.copy(),
        tally=desk.tally.copy(),
        notes=np.zeros_like(desk.notes),
        best=desk.best.copy(),
        book=desk.book.copy(),
        scratch=np.zeros_like(desk.scratch),
    )
    nodes, mine = copy.nodes, np.flatnonzero(of_job)
    nodes[:jobs, kernel.OURS] = of_job
    nodes[: len(mine), kernel.MINE_LIST] = mine
    copy.people[:, kernel.MINE] = group
    copy.book[kernel.MINES] = len(mine)
    # each thread has dice of its own, drawn from the desk's
    seed = int(kernel.draw(desk.book) * 2**52)
    copy.book[kernel.DICE : kernel.DICE + 1].view(np.uint64)[0] = (
        seed * 0x9E3779B97F4A7C15 % 2**64 | 1
    )
    # a crew whose other half somebody else is working on stays as it is
    mate = nodes[:jobs, kernel.MATE]
    parted = (mate >= 0) & of_job & ~of_job[mate]
    nodes[:jobs, kernel.LOCK] = np.maximum(nodes[:jobs, kernel.LOCK], parted)
    keep_all(copy)
    return copy


def _merge(desk: Desk, desks: list[Desk], *, best: bool) -> None:
    people, jobs = desk.price.shape
    after, begins = desk.nodes[:, kernel.NEXT].copy(), desk.nodes[:, kernel.OPENS].copy()
    for each in desks:
        group = each.people[:, kernel.MINE] == 1
        ours = np.concatenate([each.nodes[:jobs, kernel.OURS] == 1, group, group])
        found = each.best[:, kernel.AFTER] if best else each.nodes[:, kernel.NEXT]
        starts = each.best[:, kernel.BEGINS] if best else each.nodes[:, kernel.OPENS]
        after[ours], begins[ours] = found[ours], starts[ours]
    kernel_search.rewind(desk, after, begins)
    if tuple(desk.book[:5]) < tuple(desk.book[kernel.BEST_COST : kernel.BEST_COST + 5]):
        keep_all(desk)
