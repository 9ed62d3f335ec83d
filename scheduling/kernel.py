"""The compiled routes: linked stops whose hours are known exactly, forwards and backwards.

A route is evaluated in two states, lunch taken or not: earliest finish forwards (`FREE`, `FED`),
latest arrival backwards (`LATE0`, `LATE1`), so that an insertion is tested in constant time. A
change runs along the route only as far as it changes anything. Nothing here knows a Python object;
the interpreter lock is released.

J jobs, T technicians. Nodes 0…J-1 are jobs, J…J+T-1 begin a route, J+T…J+2T-1 end it; a node is one
row of sixteen numbers, one line of the processor's cache. What changes is noted first (`touch`), so
that a round can be taken back.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

COMPILED: Any = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""Nothing is allocated inside and nothing is counted: all arrays are lent by the caller."""
NEVER = 10**9
PREV, NEXT, ROUTE, SPOT, FREE, FED, LATE0, LATE1 = range(8)
DRIVE, OPENS, CLOSES, WORK, WINDOWS, LOAD, MATE, LOCK = range(8, 16)
"""What changes of a node. DRIVE leads to NEXT; OPENS and CLOSES span all WINDOWS; MATE is the other
half of a crew or -1; LOCK: 0 free, 1 fixed, 2 started."""
TIER, PENALTY, GROUP, RARE, BANDS, MARK, ASKED, STALE = range(16, 24)
LOOSE_AT, LOOSE_LIST, MINE_LIST, OURS = range(24, 28)
"""What a node is besides, and lists of jobs down a column: who is in no route, where to begin."""
NODE_COLUMNS, CHANGING = 32, 16

CAPACITY, EAT_OPENS, EAT_LATEST, EAT_SECONDS, LEAVES, LAST, SHIFT, RESERVE, HOURS, GONE = range(10)
"""Columns of a person. EAT_LATEST -1: no lunch; LAST: shift and overtime; GONE: absences, whose
pairs follow."""
COUNT, LOADED, WORKED, SOFT, ROUTE_MARK, HIT, MINE = range(18, 25)
"""A route's sums, and marks."""
PERSON_COLUMNS = 32

COST, BEST_COST = 0, 5
ROUND, NOTED, ROUTES_NOTED, LOOSE, BUSY, STALES, MINES, POOL = range(10, 18)
FAIRNESS, SPLIT, ANY_SOFT, OVERTIME, RESERVED, DICE = range(18, 24)
"""The book: cost in five tiers, the best one, counters of notes and lists, prices, the dice."""
BOOK_COLUMNS = 24
NEAR_MAX, HOMES_MAX, BESIDE_MAX = 60, 16, 100
HOMES_AT, BESIDE_AT = 2 * NEAR_MAX, 2 * NEAR_MAX + HOMES_MAX
"""A job's row of `near`: neighbours in pairs (job, side), nearest homes, jobs beside it; -1 ends."""
BANDS_AT = 16
"""A job's row of `fine`: eight windows, then bands of starts that count, in threes."""

AFTER, BEGINS, STALE_LIST = range(3)
TODO, KEYS, ONE, OTHER, WAS, SCRATCH_ROWS = 0, 1, 2, 5, 8, 9
"""Rows of the scratch pad: jobs to be put, their keys, places of two halves (three rows each)."""
SCRATCH_COLUMNS, OPTIONS = 256, 24

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


class Desk(NamedTuple):
    """A day and a plan of it that is being worked on; `notes` take a round back, `best` keeps."""

    nodes: Longs
    people: Longs
    seconds: Ints
    price: Ints
    fine: Longs
    near: Ints
    tally: Longs
    notes: Longs
    best: Longs
    book: Longs
    scratch: Longs


@njit(**COMPILED)
def draw(book):
    """The next number in [0, 1) of an xorshift generator whose state is one 64-bit word."""
    x = np.uint64(book[DICE])
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    book[DICE] = np.int64(x)
    return np.float64(x >> np.uint64(11)) / 9007199254740992.0


@njit(**COMPILED)
def begin(nodes, fine, people, t, job, ready):
    """The earliest start of a job by a person who is ready; NEVER if there is none."""
    if ready > nodes[job, CLOSES]:
        return NEVER
    away = people[t, GONE] if nodes[job, LOCK] == 0 else 0
    if nodes[job, WINDOWS] == 1 and away == 0:
        return max(ready, nodes[job, OPENS])
    work = nodes[job, WORK]
    for w in range(nodes[job, WINDOWS]):
        opens, closes = nodes[job, OPENS], nodes[job, CLOSES]
        if nodes[job, WINDOWS] > 1:
            opens, closes = fine[job, 2 * w], fine[job, 2 * w + 1]
        start = max(ready, opens)
        for a in range(away):
            # absences are in order and apart, so that one pass is enough
            if start < people[t, GONE + 2 + 2 * a] and start + work > people[t, GONE + 1 + 2 * a]:
                start = people[t, GONE + 2 + 2 * a]
        if start <= closes:
            return start
    return NEVER


@njit(**COMPILED)
def latest(nodes, fine, people, t, job, limit):
    """The latest start of a job by a person that is not after `limit`; -1 if there is none."""
    if limit < nodes[job, OPENS]:
        return -1
    away = people[t, GONE] if nodes[job, LOCK] == 0 else 0
    if nodes[job, WINDOWS] == 1 and away == 0:
        return min(limit, nodes[job, CLOSES])
    work = nodes[job, WORK]
    for w in range(nodes[job, WINDOWS] - 1, -1, -1):
        opens, closes = nodes[job, OPENS], nodes[job, CLOSES]
        if nodes[job, WINDOWS] > 1:
            opens, closes = fine[job, 2 * w], fine[job, 2 * w + 1]
        start = min(limit, closes)
        for a in range(away - 1, -1, -1):
            if start < people[t, GONE + 2 + 2 * a] and start + work > people[t, GONE + 1 + 2 * a]:
                start = people[t, GONE + 1 + 2 * a] - work
        if start >= opens:
            return start
    return -1


@njit(**COMPILED)
def ahead(nodes, fine, people, t, job, free, fed, drive):
    """Finish of a job in both states, for somebody free at `free` (no lunch yet) or `fed`."""
    finish0 = finish1 = NEVER
    if fed < NEVER:
        start = begin(nodes, fine, people, t, job, fed + drive)
        if start < NEVER:
            finish1 = start + nodes[job, WORK]
    if free < NEVER:
        start = begin(nodes, fine, people, t, job, free + drive)
        if start < NEVER:
            finish0 = start + nodes[job, WORK]
        # lunch before driving or after it: whichever lets the work begin sooner
        for k in range(2):
            eat = max(free if k == 0 else free + drive, people[t, EAT_OPENS])
            if eat <= people[t, EAT_LATEST]:
                ready = eat + people[t, EAT_SECONDS] + (drive if k == 0 else 0)
                start = begin(nodes, fine, people, t, job, ready)
                if start < NEVER:
                    finish1 = min(finish1, start + nodes[job, WORK])
    return finish0, finish1


@njit(**COMPILED)
def behind(nodes, fine, people, t, job, next0, next1, drive):
    """Latest arrival at a job in both states, given those of the place after it; -1 if none."""
    work = nodes[job, WORK]
    late0 = late1 = -1
    if next1 >= 0:
        late1 = latest(nodes, fine, people, t, job, next1 - drive - work)
    if people[t, EAT_LATEST] < 0:
        return late0, late1
    finish = next0 - drive if next0 >= 0 else -1
    # lunch after the job and before the next drive, or after that drive
    if next1 >= 0 and people[t, EAT_OPENS] + people[t, EAT_SECONDS] + drive <= next1:
        finish = max(finish, min(people[t, EAT_LATEST], next1 - drive - people[t, EAT_SECONDS]))
    if finish >= work:
        late0 = latest(nodes, fine, people, t, job, finish - work)
    # lunch on arrival
    if late1 >= 0 and people[t, EAT_OPENS] + people[t, EAT_SECONDS] <= late1:
        late0 = max(late0, min(people[t, EAT_LATEST], late1 - people[t, EAT_SECONDS]))
    return late0, late1


@njit(**COMPILED)
def reaches(people, t, free, fed, late0, late1, drive):
    """Whether somebody who finishes at `free` or `fed` can still do what comes after a drive."""
    if fed < NEVER and fed + drive <= late1:
        return True
    if free >= NEVER:
        return False
    if free + drive <= late0:
        return True
    eat = max(free, people[t, EAT_OPENS])
    return eat <= people[t, EAT_LATEST] and eat + people[t, EAT_SECONDS] + drive <= late1


@njit(**COMPILED)
def fits(nodes, fine, people, t, job, before, to, onward):
    """Whether a job can be done between a node and the one after it."""
    after = nodes[before, NEXT]
    free, fed = nodes[before, FREE], nodes[before, FED]
    late0, late1 = nodes[after, LATE0], nodes[after, LATE1]
    if min(free, fed) + to > nodes[job, CLOSES]:
        return False
    if free == NEVER and nodes[job, WINDOWS] == 1 and people[t, GONE] == 0:
        # no lunch to come: the common case of plain routing problems
        return max(fed + to, nodes[job, OPENS]) + nodes[job, WORK] + onward <= late1
    if max(min(free, fed) + to, nodes[job, OPENS]) + nodes[job, WORK] + onward > max(late0, late1):
        return False
    free, fed = ahead(nodes, fine, people, t, job, free, fed, to)
    return reaches(people, t, free, fed, late0, late1, onward)


@njit(**COMPILED)
def touch(nodes, notes, book, node):
    """Notes a node before it changes, once a round."""
    if nodes[node, MARK] != book[ROUND]:
        nodes[node, MARK] = book[ROUND]
        k = book[NOTED]
        notes[k, CHANGING] = node
        for c in range(CHANGING):
            notes[k, c] = nodes[node, c]
        book[NOTED] = k + 1


@njit(**COMPILED)
def touch_route(nodes, people, notes, book, t):
    """Notes a route's sums before they change, once a round."""
    if people[t, ROUTE_MARK] != book[ROUND]:
        people[t, ROUTE_MARK] = book[ROUND]
        k = nodes.shape[0] + book[ROUTES_NOTED]
        notes[k, CHANGING] = t
        for c in range(4):
            notes[k, c] = people[t, COUNT + c]
        book[ROUTES_NOTED] += 1


@njit(**COMPILED)
def forwards(desk, t, node, until):
    """Earliest hours after a node, up to where nothing changes; never stops before `until`."""
    nodes, people, fine, jobs = desk.nodes, desk.people, desk.fine, desk.price.shape[1]
    due = until >= 0
    while True:
        job = nodes[node, NEXT]
        if job >= jobs:
            return
        free, fed = ahead(
            nodes, fine, people, t, job, nodes[node, FREE], nodes[node, FED], nodes[node, DRIVE]
        )
        if job == until:
            due = False
        if free == nodes[job, FREE] and fed == nodes[job, FED]:
            if not due:
                return
        else:
            touch(nodes, desk.notes, desk.book, job)
            nodes[job, FREE], nodes[job, FED] = free, fed
        node = job


@njit(**COMPILED)
def backwards(desk, t, node, until):
    """Latest hours before a node, up to where nothing changes; never stops before `until`."""
    nodes, people, fine, jobs = desk.nodes, desk.people, desk.fine, desk.price.shape[1]
    due = until >= 0
    while True:
        job = nodes[node, PREV]
        if job >= jobs or nodes[job, LOCK] == 2:
            return
        late0, late1 = behind(
            nodes, fine, people, t, job, nodes[node, LATE0], nodes[node, LATE1], nodes[job, DRIVE]
        )
        if job == until:
            due = False
        if late0 == nodes[job, LATE0] and late1 == nodes[job, LATE1]:
            if not due:
                return
        else:
            touch(nodes, desk.notes, desk.book, job)
            nodes[job, LATE0], nodes[job, LATE1] = late0, late1
        node = job


@njit(**COMPILED)
def fair(people, book, t, worked):
    """What a person's work counts: a full shift the day's price, half a shift a quarter of it."""
    hours = np.int64(people[t, HOURS])
    return book[FAIRNESS] * worked * worked // (hours * hours)


@njit(**COMPILED)
def settle(desk, t, job, sign):
    """Books a job in (+1) or out (-1) of a route's sums and of the cost, travel apart."""
    nodes, people, book = desk.nodes, desk.people, desk.book
    touch_route(nodes, people, desk.notes, book, t)
    people[t, COUNT] += sign
    people[t, LOADED] += sign * nodes[job, LOAD]
    book[nodes[job, TIER]] -= sign * nodes[job, PENALTY]
    book[4] += sign * desk.price[t, job]
    if book[FAIRNESS] > 0:
        before = fair(people, book, t, np.int64(people[t, WORKED]))
        people[t, WORKED] += sign * nodes[job, WORK]
        book[4] += fair(people, book, t, np.int64(people[t, WORKED])) - before
    if nodes[job, GROUP] >= 0:
        book[4] += recount(desk.tally, book, nodes[job, GROUP], t, sign)


@njit(**COMPILED)
def recount(tally, book, group, t, sign):
    """Books a job in or out of its group; each helper after the first counts."""
    had, helpers = tally[group, t], tally[group, tally.shape[1] - 1]
    tally[group, t] = had + sign
    change = 1 if had == 0 else (-1 if had + sign == 0 else 0)
    tally[group, tally.shape[1] - 1] = helpers + change
    return (max(helpers + change - 1, 0) - max(helpers - 1, 0)) * book[SPLIT]


@njit(**COMPILED)
def link(desk, t, job, before):
    """Puts a job after a node and brings the hours of its route up to date."""
    nodes, notes, book, seconds = desk.nodes, desk.notes, desk.book, desk.seconds
    after = nodes[before, NEXT]
    touch(nodes, notes, book, before)
    touch(nodes, notes, book, job)
    touch(nodes, notes, book, after)
    book[4] -= nodes[before, DRIVE] if desk.people[t, COUNT] > 0 else 0
    nodes[before, NEXT], nodes[job, PREV] = job, before
    nodes[job, NEXT], nodes[after, PREV] = after, job
    nodes[before, DRIVE] = np.int64(seconds[nodes[before, SPOT], nodes[job, SPOT]])
    nodes[job, DRIVE] = np.int64(seconds[nodes[job, SPOT], nodes[after, SPOT]])
    book[4] += nodes[before, DRIVE] + nodes[job, DRIVE]
    nodes[job, ROUTE] = t
    settle(desk, t, job, 1)
    take_loose(nodes, book, job)
    nodes[job, FREE], nodes[job, LATE0], nodes[job, LATE1] = -1, -2, -2
    forwards(desk, t, before, job)
    backwards(desk, t, after, job)


@njit(**COMPILED)
def unlink(desk, job):
    """Takes a job out of its route; the caller brings the hours up to date."""
    nodes, notes, book = desk.nodes, desk.notes, desk.book
    t, before, after = nodes[job, ROUTE], nodes[job, PREV], nodes[job, NEXT]
    touch(nodes, notes, book, before)
    touch(nodes, notes, book, job)
    touch(nodes, notes, book, after)
    book[4] -= nodes[before, DRIVE] + nodes[job, DRIVE]
    nodes[before, NEXT], nodes[after, PREV] = after, before
    nodes[before, DRIVE] = np.int64(desk.seconds[nodes[before, SPOT], nodes[after, SPOT]])
    nodes[job, ROUTE] = -1
    settle(desk, t, job, -1)
    book[4] += nodes[before, DRIVE] if desk.people[t, COUNT] > 0 else 0
    put_loose(nodes, book, job)
    if nodes[job, MATE] >= 0:
        reopen(nodes, desk.fine, job)


@njit(**COMPILED)
def reopen(nodes, fine, job):
    """Half a crew that leaves its route may begin at any of its hours again."""
    windows = 0
    while windows < 8 and fine[job, 2 * windows] <= fine[job, 2 * windows + 1]:
        windows += 1
    nodes[job, WINDOWS] = windows
    nodes[job, OPENS] = fine[job, 0]
    nodes[job, CLOSES] = fine[job, 2 * max(windows - 1, 0) + 1]


@njit(**COMPILED)
def put_loose(nodes, book, job):
    """Adds a job to those that are in no route."""
    k = book[LOOSE]
    nodes[k, LOOSE_LIST] = job
    nodes[job, LOOSE_AT] = k
    book[LOOSE] = k + 1


@njit(**COMPILED)
def take_loose(nodes, book, job):
    """Takes a job from those that are in no route."""
    k, last = nodes[job, LOOSE_AT], book[LOOSE] - 1
    moved = nodes[last, LOOSE_LIST]
    nodes[k, LOOSE_LIST] = moved
    nodes[moved, LOOSE_AT] = k
    book[LOOSE] = last
