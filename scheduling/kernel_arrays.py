"""A prepared problem as the kernel's arrays, and who is near whom."""

import numpy as np
from numpy.typing import NDArray

from scheduling import kernel, kernel_near
from scheduling.kernel import BANDS_AT, BESIDE_AT, BESIDE_MAX, HOMES_AT, HOMES_MAX, NEAR_MAX
from scheduling.problem import (
    ABLE,
    WINDOWS_MAX,
    Prepared,
    crews_of,
    latest_lunch,
    start_prices,
    tier_number,
)  # fmt: skip
from schemas.plan import Technician

POOL_SHARE = 4
"""Where fewer than one in so many people has a spot of their own, they are one pool."""

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


def nodes_of(prepared: Prepared) -> Longs:
    """Jobs in no route, and the beginning and the end of every route."""
    people, jobs = prepared.why.shape
    each, given = np.arange(jobs), prepared.problem.jobs
    nodes = np.zeros((jobs + 2 * people, kernel.NODE_COLUMNS), dtype=np.int64)
    nodes[:, [kernel.ROUTE, kernel.MATE, kernel.GROUP]] = -1
    windows = (prepared.opens <= prepared.closes).sum(axis=1)[:jobs]
    groups: dict[str, int] = {}
    columns = {
        kernel.SPOT: each,
        kernel.OPENS: prepared.opens[:jobs, 0],
        kernel.CLOSES: prepared.closes[each, np.maximum(windows - 1, 0)],
        kernel.WORK: prepared.duration,
        kernel.WINDOWS: windows,
        kernel.LOAD: [job.load for job in given],
        kernel.LOCK: [0 if j.fixed is None else 1 + j.fixed.started for j in given],
        kernel.TIER: [tier_number(job) for job in given],
        kernel.PENALTY: [job.penalty_seconds for job in given],
        kernel.GROUP: [
            -1 if j.group is None else groups.setdefault(j.group, len(groups)) for j in given
        ],
        kernel.RARE: np.count_nonzero(prepared.why == ABLE, axis=0),
        kernel.BANDS: [len(start_prices(job)) for job in given],
        kernel.LOOSE_AT: each,
        kernel.LOOSE_LIST: each,
        kernel.MINE_LIST: each,
        kernel.OURS: 1,
    }
    for column, values in columns.items():
        nodes[:jobs, column] = values
    for one, other in crews_of(prepared.problem).values():
        if not nodes[one, kernel.LOCK] and not nodes[other, kernel.LOCK]:
            nodes[one, kernel.MATE], nodes[other, kernel.MATE] = other, one
    _ends(prepared, nodes)
    return nodes


def people_of(people: tuple[Technician, ...]) -> Longs:
    """Hours, lunch, absences and bounds of each person."""
    table = np.zeros((len(people), kernel.PERSON_COLUMNS), dtype=np.int64)
    for row, each in enumerate(people):
        away, lunch = _apart(each), each.lunch
        table[row, :10] = (
            2 * 10**9 if each.capacity is None else each.capacity,
            lunch.opens if lunch else 0,
            latest_lunch(each),
            lunch.duration_seconds if lunch else 0,
            each.shift.opens,
            each.shift.closes + each.overtime_seconds,
            each.shift.closes,
            each.shift.closes - each.reserve_seconds,
            max(1, each.shift.closes - each.shift.opens),
            len(away),
        )
        for column, (gone, again) in enumerate(away):
            table[row, 10 + 2 * column : 12 + 2 * column] = gone, again
        table[row, kernel.MINE] = 1
    return table


def fine_of(prepared: Prepared) -> Longs:
    """Per job its windows, and the stretches of starts that count."""
    bands = [start_prices(each) for each in prepared.problem.jobs]
    most = max([0, *(len(each) for each in bands)])
    fine = np.zeros((len(bands), BANDS_AT + 3 * most), dtype=np.int64)
    fine[:, 0 : 2 * WINDOWS_MAX : 2] = prepared.opens[: len(bands)]
    fine[:, 1 : 2 * WINDOWS_MAX : 2] = prepared.closes[: len(bands)]
    for row, several in enumerate(bands):
        for column, band in enumerate(several):
            fine[row, BANDS_AT + 3 * column : BANDS_AT + 3 * column + 3] = band
    return fine


def near_of(prepared: Prepared) -> Ints:
    """Per job its neighbours in hours and travel, the nearest able homes, the jobs beside it."""
    jobs = prepared.duration.shape[0]
    table = np.full((jobs, BESIDE_AT + BESIDE_MAX), -1, dtype=np.int32)
    hours = np.stack(
        [prepared.opens[:jobs, 0], prepared.closes[:jobs].max(axis=1), prepared.duration], axis=1
    )
    pad = np.zeros((2, max(NEAR_MAX, BESIDE_MAX)), dtype=np.int64)
    kernel_near.neighbours(prepared.seconds, hours.astype(np.int64), table, pad)
    homes = _homes(prepared)
    table[:, HOMES_AT : HOMES_AT + homes.shape[1]] = homes
    return table


def price_of(prepared: Prepared) -> Ints:
    """What each pairing counts besides travel; -1 where it may not be."""
    price = np.where(prepared.why == ABLE, prepared.extra, np.int32(-1)).astype(np.int32)
    jobs = prepared.problem.jobs
    rows = {each.id: row for row, each in enumerate(prepared.problem.technicians)}
    for one, other in crews_of(prepared.problem).values():
        for half, mate in ((jobs[one], other), (jobs[other], one)):
            if half.fixed is not None and jobs[mate].fixed is None:
                # the second person of a crew is another one
                price[rows[half.fixed.technician], mate] = -1
    return price


def is_pool(prepared: Prepared) -> bool:
    """Whether people begin at so few spots that any of them without work stands for all."""
    spots = len({*prepared.start_spot.tolist(), *prepared.end_spot.tolist()})
    return spots * POOL_SHARE <= len(prepared.problem.technicians)


def _ends(prepared: Prepared, nodes: Longs) -> None:
    people, jobs = prepared.why.shape
    for t, person in enumerate(prepared.problem.technicians):
        start, end, lunch = jobs + t, jobs + people + t, latest_lunch(person)
        leaves, last = person.shift.opens, person.shift.closes + person.overtime_seconds
        begin, home = prepared.start_spot[t], prepared.end_spot[t]
        nodes[start, kernel.NEXT], nodes[end, kernel.PREV] = end, start
        nodes[[start, end], kernel.ROUTE] = t
        nodes[start, kernel.SPOT], nodes[end, kernel.SPOT] = begin, home
        nodes[start, kernel.FREE] = leaves if lunch >= 0 else kernel.NEVER
        nodes[start, kernel.FED] = kernel.NEVER if lunch >= 0 else leaves
        # who is home before the break has to begin takes it there
        nodes[end, kernel.LATE0] = min(lunch, last)
        nodes[end, kernel.LATE1] = last
        nodes[start, kernel.DRIVE] = prepared.seconds[begin, home]


def _apart(person: Technician) -> list[tuple[int, int]]:
    """Absences in order, those that touch as one: between two of them something can be done."""
    apart: list[tuple[int, int]] = []
    for opens, closes in sorted((each.opens, each.closes) for each in person.absences):
        if apart and opens <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], closes))
        else:
            apart.append((opens, closes))
    return apart


def _homes(prepared: Prepared) -> Ints:
    """The nearest able homes of each job; none where all start at a few stations."""
    people, jobs = prepared.why.shape
    if is_pool(prepared) or not people:
        return np.zeros((jobs, 0), dtype=np.int32)
    ways = prepared.seconds[prepared.start_spot][:, :jobs].astype(np.int64)
    ways += prepared.seconds[:jobs][:, prepared.end_spot].T
    ways += np.where(prepared.why == ABLE, 0, 10**9)
    return np.ascontiguousarray(
        np.argsort(ways, axis=0, kind="stable")[: min(HOMES_MAX, people)].T.astype(np.int32)
    )
