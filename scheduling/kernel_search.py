"""The compiled search: ruin and recreate with annealing over the routes of `kernel`.

Slack induction by string removals (Christiaens & Vanden Berghe, Transportation Science 54(2),
2020): strings of neighbouring jobs are taken out (section 4.1), jobs are put back greedily with
blinks (4.2), and worse plans are accepted along a falling temperature (4.3). Jobs that are in no
route are tried again where room was made.
"""

import numpy as np
from numba import njit

from scheduling.kernel import (
    AFTER,
    ASKED,
    BEGINS,
    BESIDE_AT,
    BESIDE_MAX,
    BEST_COST,
    BUSY,
    CHANGING,
    CLOSES,
    COMPILED,
    COUNT,
    DRIVE,
    FED,
    FREE,
    GROUP,
    HIT,
    KEYS,
    LATE0,
    LATE1,
    LOCK,
    LOOSE,
    LOOSE_AT,
    LOOSE_LIST,
    MATE,
    MINE,
    MINE_LIST,
    MINES,
    NEXT,
    NOTED,
    OPENS,
    OURS,
    PENALTY,
    PREV,
    RARE,
    ROUND,
    ROUTE,
    ROUTES_NOTED,
    SPOT,
    STALE,
    STALE_LIST,
    STALES,
    TIER,
    TODO,
    WAS,
    WINDOWS,
    backwards,
    draw,
    forwards,
    put_loose,
    reaches,
    recount,
    reopen,
    settle,
    take_loose,
    unlink,
)  # fmt: skip
from scheduling.kernel_place import put
from scheduling.kernel_soft import reckon

REMOVED_MEAN = 10.0
STRING_MAX = 10.0
SPLIT_SHARE = 0.5
SPLIT_DEPTH = 0.01
LOOSE_TRIED = 12


@njit(**COMPILED)
def ruin(desk, seed):
    """Takes strings of jobs near a seed out of the routes that are ours (SISR 4.1)."""
    nodes, people, near, book = desk.nodes, desk.people, desk.near, desk.book
    jobs = desk.price.shape[1]
    typical = max(1.0, (jobs - book[LOOSE]) / max(1, book[BUSY]))
    longest = min(STRING_MAX, typical)
    strings = int(draw(book) * (4.0 * REMOVED_MEAN / (1.0 + longest) - 1.0)) + 1
    ruined = 0
    for k in range(-1, BESIDE_MAX):
        if ruined >= strings:
            return
        job = seed if k < 0 else np.int64(near[seed, BESIDE_AT + k])
        if job < 0:
            return
        t = nodes[job, ROUTE]
        if t < 0 or people[t, MINE] == 0 or people[t, HIT] == book[ROUND] or nodes[job, LOCK] > 0:
            continue
        people[t, HIT] = book[ROUND]
        ruined += 1
        count = people[t, COUNT]
        size = 1 + int(draw(book) * min(float(count), longest))
        kept = 0
        if 1 < size < count and draw(book) < SPLIT_SHARE:
            # a split string keeps a stretch in its middle
            kept = 1
            while size + kept < count and draw(book) > SPLIT_DEPTH and kept < size:
                kept += 1
        cut_string(desk, job, size, kept)


@njit(**COMPILED)
def cut_string(desk, job, size, kept):
    """Takes out `size` jobs around a job, leaving `kept` of them standing in the middle."""
    nodes, book, jobs = desk.nodes, desk.book, desk.price.shape[1]
    t = nodes[job, ROUTE]
    for _ in range(int(draw(book) * (size + kept))):
        if nodes[job, PREV] >= jobs or nodes[nodes[job, PREV], LOCK] > 0:
            break
        job = nodes[job, PREV]
    first = nodes[job, PREV]
    gap = int(draw(book) * size) if kept > 0 else size
    done = 0
    while done < size + kept and job < jobs:
        after = nodes[job, NEXT]
        if nodes[job, LOCK] == 0 and not (kept > 0 and gap <= done < gap + kept):
            unlink(desk, job)
            mate = nodes[job, MATE]
            if mate >= 0 and nodes[mate, ROUTE] >= 0:
                cut_one(desk, mate)
        done += 1
        job = after
    # a fixed job stops no change that lies beyond it: both run over the whole string
    forwards(desk, t, first, job)
    backwards(desk, t, job, first)


@njit(**COMPILED)
def cut_one(desk, job):
    """Takes one job out and brings its route up to date."""
    t, before, after = desk.nodes[job, ROUTE], desk.nodes[job, PREV], desk.nodes[job, NEXT]
    unlink(desk, job)
    forwards(desk, t, before, after)
    backwards(desk, t, after, before)


@njit(**COMPILED)
def undo(desk):
    """Takes the round back, but for the cost."""
    nodes, people, notes, book = desk.nodes, desk.people, desk.notes, desk.book
    jobs = desk.price.shape[1]
    for k in range(book[NOTED]):
        node = notes[k, CHANGING]
        now, was = nodes[node, ROUTE], notes[k, ROUTE]
        if node < jobs and now != was:
            group = nodes[node, GROUP]
            if now >= 0 and group >= 0:
                recount(desk.tally, book, group, now, -1)
            if was >= 0 and group >= 0:
                recount(desk.tally, book, group, was, 1)
            if now < 0:
                take_loose(nodes, book, node)
            elif was < 0:
                put_loose(nodes, book, node)
        for c in range(CHANGING):
            nodes[node, c] = notes[k, c]
    for k in range(nodes.shape[0], nodes.shape[0] + book[ROUTES_NOTED]):
        for c in range(4):
            people[notes[k, CHANGING], COUNT + c] = notes[k, c]


@njit(**COMPILED)
def order(nodes, seconds, book, seed, pad, count):
    """Sorts the jobs to be put back: at random, dear, narrow, rare, far, early first (SISR 4.2)."""
    choice, strict = draw(book), draw(book) < 0.7
    for k in range(count):
        job, chance = pad[TODO, k], draw(book)
        if choice < 0.35:
            key = chance * 1e6
        elif choice < 0.55:
            key = -nodes[job, PENALTY] * (0.8 + 0.4 * chance)
        elif choice < 0.70:
            key = nodes[job, CLOSES] - nodes[job, OPENS] + chance
        elif choice < 0.80:
            key = nodes[job, RARE] + chance
        elif choice < 0.90:
            key = chance - np.int64(seconds[nodes[seed, SPOT], nodes[job, SPOT]])
        else:
            key = nodes[job, OPENS] + chance
        pad[KEYS, k] = int(key * 1000.0) + (nodes[job, TIER] * 10**12 if strict else 0)
    # insertion: twenty jobs are sorted sooner than anything cleverer begins
    for k in range(1, count):
        key, job, p = pad[KEYS, k], pad[TODO, k], k
        while p > 0 and pad[KEYS, p - 1] > key:
            pad[KEYS, p], pad[TODO, p] = pad[KEYS, p - 1], pad[TODO, p - 1]
            p -= 1
        pad[KEYS, p], pad[TODO, p] = key, job


@njit(**COMPILED)
def gather(nodes, near, book, seed, pad, first):
    """What is to be put back: what was taken out, and what was loose near the seed; how many."""
    count = 0
    for k in range(first, book[LOOSE]):
        pad[TODO, count] = nodes[k, LOOSE_LIST]
        count += 1
    most = count + LOOSE_TRIED
    for k in range(-1, BESIDE_MAX):
        job = seed if k < 0 else np.int64(near[seed, BESIDE_AT + k])
        if job < 0 or count >= most or first == 0:
            break
        if nodes[job, ROUTE] < 0 and nodes[job, LOOSE_AT] < first and nodes[job, OURS] == 1:
            pad[TODO, count] = job
            count += 1
            nodes[job, ASKED] = book[ROUND]
    for _ in range(min(4, first)):
        job = nodes[int(draw(book) * first), LOOSE_LIST]
        if nodes[job, ASKED] != book[ROUND] and nodes[job, OURS] == 1:
            pad[TODO, count] = job
            count += 1
            nodes[job, ASKED] = book[ROUND]
    return count


@njit(**COMPILED)
def sound(desk):
    """Brings soft sums up to date; False where a changed route can no longer be driven in time.

    Taking a job out may do that where a detour is quicker than the direct way.
    """
    nodes, people = desk.nodes, desk.people
    for k in range(nodes.shape[0], nodes.shape[0] + desk.book[ROUTES_NOTED]):
        t = desk.notes[k, CHANGING]
        end = nodes.shape[0] - people.shape[0] + t
        last = nodes[end, PREV]
        if people[t, COUNT] > 0 and not reaches(
            people, t, nodes[last, FREE], nodes[last, FED], nodes[end, LATE0], nodes[end, LATE1],
            nodes[last, DRIVE],
        ):  # fmt: skip
            return False
    for k in range(nodes.shape[0], nodes.shape[0] + desk.book[ROUTES_NOTED]):
        reckon(desk, desk.notes[k, CHANGING])
    return True


@njit(**COMPILED)
def keep(nodes, best, book):
    """Copies what differs from the best plan into it."""
    for k in range(book[STALES]):
        node = best[k, STALE_LIST]
        nodes[node, STALE] = 0
        best[node, AFTER] = nodes[node, NEXT]
        best[node, BEGINS] = nodes[node, OPENS]
    book[STALES] = 0
    for c in range(5):
        book[BEST_COST + c] = book[c]


@njit(**COMPILED)
def accepted(nodes, notes, best, book, pad, warmth):
    """Keeps a round that is better, or by chance; a loss in a strict tier never (SISR 4.3)."""
    gain = 0
    for c in range(4):
        if book[c] != pad[WAS, c]:
            gain = 1 if book[c] < pad[WAS, c] else -1
            break
    if gain < 0:
        return False
    if gain == 0 and book[4] >= pad[WAS, 4] - warmth * np.log(max(draw(book), 1e-12)):
        return False
    for k in range(book[NOTED]):
        node = notes[k, CHANGING]
        if nodes[node, STALE] == 0:
            nodes[node, STALE] = 1
            best[book[STALES], STALE_LIST] = node
            book[STALES] += 1
    for c in range(5):
        if book[c] != book[BEST_COST + c]:
            if book[c] < book[BEST_COST + c]:
                keep(nodes, best, book)
            break
    return True


@njit(**COMPILED)
def search(desk, run):
    """Runs rounds `run[0]` until `run[1]` of `run[2]`, cooling from `run[3]` to `run[4]`."""
    nodes, people, near, notes, best, book = (
        desk.nodes, desk.people, desk.near, desk.notes, desk.best, desk.book,
    )  # fmt: skip
    pad = desk.scratch
    for done in range(run[0], run[1]):
        # by rounds and not by slices, which are as long as the machine makes them
        if done % 64 == 0 or book[BUSY] == 0:
            book[BUSY] = 0
            for t in range(people.shape[0]):
                book[BUSY] += people[t, COUNT] > 0
        warmth = run[3] * (run[4] / run[3]) ** (done / run[2])
        book[ROUND] += 1
        book[NOTED] = book[ROUTES_NOTED] = 0
        for c in range(5):
            pad[WAS, c] = book[c]
        first = book[LOOSE]
        seed = nodes[int(draw(book) * book[MINES]), MINE_LIST]
        ruin(desk, seed)
        count = gather(nodes, near, book, seed, pad, first)
        order(nodes, desk.seconds, book, seed, pad, count)
        for k in range(count):
            put(desk, pad[TODO, k])
        if not sound(desk) or not accepted(nodes, notes, best, book, pad, warmth):
            undo(desk)
            for c in range(5):
                book[c] = pad[WAS, c]


@njit(**COMPILED)
def fill(desk, todo):
    """Puts jobs in one after another, in the order given, each where it is cheapest."""
    for k in range(todo.shape[0]):
        desk.book[ROUND] += 1
        desk.book[NOTED] = desk.book[ROUTES_NOTED] = 0
        put(desk, todo[k])
        sound(desk)


@njit(**COMPILED)
def audit(desk):
    """Counts sums, cost and loose jobs afresh from the routes alone."""
    nodes, book, (people, jobs) = desk.nodes, desk.book, desk.price.shape
    desk.people[:, COUNT : COUNT + 4] = 0
    desk.tally[:] = 0
    book[:5] = 0
    book[LOOSE] = 0
    for job in range(jobs):
        book[nodes[job, TIER]] += nodes[job, PENALTY]
        if nodes[job, ROUTE] < 0:
            put_loose(nodes, book, job)
    book[ROUND] += 1
    book[NOTED] = book[ROUTES_NOTED] = 0
    for t in range(people):
        node = nodes[jobs + t, NEXT]
        if node < jobs:
            book[4] += nodes[jobs + t, DRIVE]
        while node < jobs:
            settle(desk, t, node, 1)
            book[4] += nodes[node, DRIVE]
            node = nodes[node, NEXT]
        reckon(desk, t)


@njit(**COMPILED)
def rewind(desk, after, begins):
    """Lays another plan of the same day on the desk, given the node after each node."""
    nodes, (people, jobs) = desk.nodes, desk.price.shape
    for job in range(jobs):
        nodes[job, ROUTE] = -1
    for t in range(people):
        node = jobs + t
        while node < jobs or node == jobs + t:
            later = after[node]
            nodes[node, NEXT], nodes[later, PREV] = later, node
            nodes[node, DRIVE] = np.int64(desk.seconds[nodes[node, SPOT], nodes[later, SPOT]])
            nodes[later, ROUTE] = t
            if later < jobs and nodes[later, MATE] >= 0:
                nodes[later, WINDOWS] = 1
                nodes[later, OPENS] = nodes[later, CLOSES] = begins[later]
            node = later
    desk.book[ROUND] += 1
    desk.book[NOTED] = desk.book[ROUTES_NOTED] = 0
    for job in range(jobs):
        if nodes[job, ROUTE] < 0 and nodes[job, MATE] >= 0:
            reopen(nodes, desk.fine, job)
    for t in range(people):
        node, end = jobs + t, jobs + people + t
        while nodes[node, NEXT] < jobs and nodes[nodes[node, NEXT], LOCK] == 2:
            node = nodes[node, NEXT]
        forwards(desk, t, node, end)
        backwards(desk, t, end, jobs + t)
    audit(desk)
