"""Where a job goes: the cheapest place beside its neighbours, with blinks (SISR 4.2); crews as one.

A crew of two is put into two routes at one start, which both halves keep until they are taken out
together: so every other route remains independent and exact.
"""

import numpy as np
from numba import njit

from scheduling.kernel import (
    ANY_SOFT,
    BESIDE_AT,
    CAPACITY,
    CLOSES,
    COMPILED,
    COUNT,
    DRIVE,
    FAIRNESS,
    FED,
    FREE,
    GROUP,
    HOMES_AT,
    LOAD,
    LOADED,
    MATE,
    MINE,
    NEAR_MAX,
    NEVER,
    NEXT,
    ONE,
    OPENS,
    OPTIONS,
    OTHER,
    PENALTY,
    POOL,
    PREV,
    ROUTE,
    SPLIT,
    SPOT,
    TIER,
    WINDOWS,
    WORK,
    WORKED,
    ahead,
    begin,
    draw,
    fair,
    fits,
    link,
    touch,
)  # fmt: skip
from scheduling.kernel_soft import own_soft, tail_soft

BLINK = 0.01
LOOK_EVERYWHERE = 0.01
HUGE = 10**15


@njit(**COMPILED)
def surcharge(desk, t, job):
    """What a job counts with a person besides travel; HUGE where that person may not have it."""
    extra = np.int64(desk.price[t, job])
    if extra < 0:
        return HUGE
    if desk.people[t, LOADED] + desk.nodes[job, LOAD] > desk.people[t, CAPACITY]:
        return HUGE
    if desk.book[FAIRNESS] > 0:
        worked = np.int64(desk.people[t, WORKED])
        extra += fair(desk.people, desk.book, t, worked + desk.nodes[job, WORK]) - fair(
            desk.people, desk.book, t, worked
        )
    group = desk.nodes[job, GROUP]
    if group >= 0 and desk.tally[group, t] == 0 and desk.tally[group, desk.tally.shape[1] - 1] > 0:
        extra += desk.book[SPLIT]
    return extra


@njit(**COMPILED)
def added(desk, t, job, before, extra, most):
    """What a job adds after a node; HUGE where that is not below `most` or does not fit."""
    nodes = desk.nodes
    after = nodes[before, NEXT]
    to = np.int64(desk.seconds[nodes[before, SPOT], nodes[job, SPOT]])
    onward = np.int64(desk.seconds[nodes[job, SPOT], nodes[after, SPOT]])
    more = extra + to + onward
    if desk.people[t, COUNT] > 0:
        more -= nodes[before, DRIVE]
    if more >= most:
        return HUGE
    if desk.book[ANY_SOFT] > 0:
        more += own_soft(desk, t, job, before, to) + tail_soft(desk, t, job, before, to, onward)
        if more >= most:
            return HUGE
    if not fits(nodes, desk.fine, desk.people, t, job, before, to, onward):
        return HUGE
    return more if draw(desk.book) >= BLINK else HUGE


@njit(**COMPILED)
def place(desk, job, most):
    """The cheapest place for a job beside its neighbours and near homes: the node before, or -1."""
    nodes, near, jobs = desk.nodes, desk.near, desk.price.shape[1]
    people = desk.price.shape[0]
    best, where = most, np.int64(-1)
    t_last, extra = -1, np.int64(0)
    for k in range(NEAR_MAX):
        other = np.int64(near[job, 2 * k])
        if other < 0:
            break
        t = nodes[other, ROUTE]
        if t < 0 or desk.people[t, MINE] == 0:
            continue
        if t != t_last:
            t_last, extra = t, surcharge(desk, t, job)
        if extra >= HUGE:
            continue
        if near[job, 2 * k + 1] & 1:
            cost = added(desk, t, job, other, extra, best)
            if cost < best:
                best, where = cost, other
        if near[job, 2 * k + 1] & 2:
            cost = added(desk, t, job, nodes[other, PREV], extra, best)
            if cost < best:
                best, where = cost, nodes[other, PREV]
    for k in range(HOMES_AT, BESIDE_AT):
        person = np.int64(near[job, k])
        if person < 0:
            break
        if desk.people[person, MINE] == 0:
            continue
        extra = surcharge(desk, person, job)
        if extra >= HUGE:
            continue
        for node in (jobs + person, nodes[jobs + people + person, PREV]):
            cost = added(desk, person, job, node, extra, best)
            if cost < best:
                best, where = cost, node
    if desk.book[POOL] == 1:
        # of people who are alike and have nothing to do one is as good as another
        for t in range(people):
            if desk.people[t, MINE] == 1 and desk.people[t, COUNT] == 0 and desk.price[t, job] >= 0:
                cost = added(desk, t, job, jobs + t, surcharge(desk, t, job), best)
                if cost < best:
                    best, where = cost, jobs + t
                break
    return where


@njit(**COMPILED)
def place_anywhere(desk, job, most):
    """The cheapest place for a job in all routes: the node before, or -1."""
    nodes, jobs, people = desk.nodes, desk.price.shape[1], desk.price.shape[0]
    best, where = most, -1
    for t in range(people):
        if desk.people[t, MINE] == 0:
            continue
        extra = surcharge(desk, t, job)
        if extra >= HUGE:
            continue
        node = jobs + t
        while node < jobs + people:
            cost = added(desk, t, job, node, extra, best)
            if cost < best:
                best, where = cost, node
            node = nodes[node, NEXT]
    return where


@njit(**COMPILED)
def put(desk, job):
    """Puts a job where it is cheapest, if it is worth it; work that is promised always is."""
    if desk.nodes[job, ROUTE] >= 0:
        return
    if desk.nodes[job, MATE] >= 0:
        put_crew(desk, job)
        return
    routine = desk.nodes[job, TIER] == 4
    most = np.int64(desk.nodes[job, PENALTY]) if routine else np.int64(HUGE)
    where = place(desk, job, most)
    if draw(desk.book) < LOOK_EVERYWHERE or (where < 0 and not routine):
        where = place_anywhere(desk, job, most)
    if where >= 0:
        link(desk, np.int64(desk.nodes[where, ROUTE]), job, where)


@njit(**COMPILED)
def options(desk, job, row):
    """The cheapest places for half a crew, in order; how many. Rows: added, route, node before."""
    nodes, pad, (people, jobs) = desk.nodes, desk.scratch, desk.price.shape
    count = 0
    for t in range(people):
        extra = surcharge(desk, t, job) if desk.people[t, MINE] == 1 else HUGE
        node = jobs + t
        while extra < HUGE and node < jobs + people:
            most = pad[row, count - 1] if count == OPTIONS else HUGE
            cost = added(desk, t, job, node, extra, most)
            if cost < most:
                k = min(count, OPTIONS - 1)
                while k > 0 and pad[row, k - 1] > cost:
                    for r in range(row, row + 3):
                        pad[r, k] = pad[r, k - 1]
                    k -= 1
                pad[row, k], pad[row + 1, k], pad[row + 2, k] = cost, t, node
                count = min(count + 1, OPTIONS)
            node = nodes[node, NEXT]
    return count


@njit(**COMPILED)
def put_crew(desk, job):
    """Puts both halves of a crew into two routes at one start, or neither."""
    nodes, pad, mate = desk.nodes, desk.scratch, np.int64(desk.nodes[job, MATE])
    ones, others = options(desk, job, ONE), options(desk, mate, OTHER)
    best, at, a, b = np.int64(HUGE), -1, -1, -1
    if nodes[job, TIER] == 4:
        best = np.int64(nodes[job, PENALTY] + nodes[mate, PENALTY])
    for p in range(ones):
        for q in range(others):
            cost = pad[ONE, p] + pad[OTHER, q]
            if pad[ONE + 1, p] == pad[OTHER + 1, q] or cost >= best:
                continue
            start = meet(desk, job, mate, p, q)
            if start >= 0:
                best, at, a, b = cost, start, p, q
    if at < 0:
        return
    touch(nodes, desk.notes, desk.book, job)
    touch(nodes, desk.notes, desk.book, mate)
    for half in range(2):
        node = job if half == 0 else mate
        nodes[node, WINDOWS], nodes[node, OPENS], nodes[node, CLOSES] = 1, at, at
    link(desk, pad[ONE + 1, a], job, pad[ONE + 2, a])
    link(desk, pad[OTHER + 1, b], mate, pad[OTHER + 2, b])


@njit(**COMPILED)
def meet(desk, job, mate, p, q):
    """The earliest start at which both halves fit into their places; -1 if there is none."""
    best, pad = NEVER, desk.scratch
    for k in range(2):
        for m in range(2):
            start = max(
                earliest(desk, job, pad[ONE + 1, p], pad[ONE + 2, p], k),
                earliest(desk, mate, pad[OTHER + 1, q], pad[OTHER + 2, q], m),
            )
            if start >= best or not begins(desk, job, pad[ONE + 1, p], pad[ONE + 2, p], start):
                continue
            if begins(desk, mate, pad[OTHER + 1, q], pad[OTHER + 2, q], start):
                best = start
    return best if best < NEVER else -1


@njit(**COMPILED)
def earliest(desk, job, t, before, state):
    """The earliest start of a job after a node, before lunch (0) or after it (1)."""
    nodes = desk.nodes
    to = np.int64(desk.seconds[nodes[before, SPOT], nodes[job, SPOT]])
    free, fed = ahead(
        nodes, desk.fine, desk.people, t, job, nodes[before, FREE], nodes[before, FED], to
    )
    done = free if state == 0 else fed
    return done - nodes[job, WORK] if done < NEVER else NEVER


@njit(**COMPILED)
def begins(desk, job, t, before, start):
    """Whether a job may begin at exactly that instant after a node."""
    nodes, fine, people = desk.nodes, desk.fine, desk.people
    if start >= NEVER or begin(nodes, fine, people, t, job, start) != start:
        return False
    windows, opens, closes = nodes[job, WINDOWS], nodes[job, OPENS], nodes[job, CLOSES]
    nodes[job, WINDOWS], nodes[job, OPENS], nodes[job, CLOSES] = 1, start, start
    to = np.int64(desk.seconds[nodes[before, SPOT], nodes[job, SPOT]])
    onward = np.int64(desk.seconds[nodes[job, SPOT], nodes[nodes[before, NEXT], SPOT]])
    good = fits(nodes, fine, people, t, job, before, to, onward)
    nodes[job, WINDOWS], nodes[job, OPENS], nodes[job, CLOSES] = windows, opens, closes
    return good
