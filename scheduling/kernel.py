"""The compiled search: ruin and recreate over exact routes with a floating lunch.

Slack induction by string removals (Christiaens & Vanden Berghe, Transportation Science 54(2),
2020): strings of neighbouring jobs are taken out, jobs are put back greedily with blinks, and
worse plans are accepted along a falling temperature. A route is evaluated in two states, lunch
taken or not: earliest finish forwards (`early`), latest arrival backwards (`late`), so that an
insertion is tested in constant time. Nothing here knows a Python object; the interpreter lock is
released.

Arrays: T technicians, J jobs, P places in a route. `routes[T, P]` holds jobs, `length[T]` how many.
`early[T, P+1, 2]` is the finish at place p (p = 0: leaving home), `late[T, P+1, 2]` the latest
arrival at place p (p = length: home).
"""

import numpy as np
from numba import njit

NEVER = np.int64(10**9)
REMOVED_MEAN = 10.0
STRING_MAX = 10
SPLIT_SHARE = 0.5
SPLIT_DEPTH = 0.01
BLINK = 0.01
LEFTOVERS_TRIED = 40.0
PROMISED = 1e6


@njit(cache=True, nogil=True)
def draw(state):
    """The next number in [0, 1) of an xorshift generator whose state is one 64-bit word."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.float64(x >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def begin_at(opens, closes, job, ready):
    """The earliest start of a job for somebody who is ready, over its windows; NEVER if none."""
    for w in range(opens.shape[1]):
        if opens[job, w] > closes[job, w]:
            break
        if ready <= closes[job, w]:
            return max(ready, opens[job, w])
    return NEVER


@njit(cache=True, nogil=True)
def latest_begin(opens, closes, job, limit):
    """The latest start of a job that is not after `limit`, over its windows; -1 if none."""
    best = np.int64(-1)
    for w in range(opens.shape[1]):
        if opens[job, w] > closes[job, w]:
            break
        last = min(closes[job, w], limit)
        if last >= opens[job, w]:
            best = max(best, last)
    return best


@njit(cache=True, nogil=True)
def step(data, job, free, fed, drive):
    """Finish of a job in both states, for somebody free at `free` (no lunch yet) or `fed` (had it).

    `data` is (opens, closes, duration, lunch_opens, lunch_latest, lunch_seconds of the technician).
    """
    opens, closes, duration, lunch_opens, lunch_latest, lunch_seconds = data
    finish0 = finish1 = NEVER
    if free < NEVER:
        start = begin_at(opens, closes, job, free + drive)
        if start < NEVER:
            finish0 = start + duration[job]
        # lunch before driving or after it: whichever lets the work begin sooner
        for at, rest in ((free, drive), (free + drive, np.int64(0))):
            eat = max(at, lunch_opens)
            if eat <= lunch_latest:
                start = begin_at(opens, closes, job, eat + lunch_seconds + rest)
                if start < NEVER:
                    finish1 = min(finish1, start + duration[job])
    if fed < NEVER:
        start = begin_at(opens, closes, job, fed + drive)
        if start < NEVER:
            finish1 = min(finish1, start + duration[job])
    return finish0, finish1


@njit(cache=True, nogil=True)
def back(data, job, next0, next1, drive):
    """Latest arrival at a job in both states, given those of the place after it; -1 if none."""
    opens, closes, duration, lunch_opens, lunch_latest, lunch_seconds = data
    late1 = np.int64(-1)
    if next1 >= 0:
        late1 = latest_begin(opens, closes, job, next1 - drive - duration[job])
    finish = next0 - drive if next0 >= 0 else np.int64(-1)
    # lunch after the job and before the next drive
    if next1 >= 0 and lunch_opens + lunch_seconds + drive <= next1:
        finish = max(finish, min(lunch_latest, next1 - drive - lunch_seconds))
    late0 = np.int64(-1)
    if finish >= 0:
        late0 = latest_begin(opens, closes, job, finish - duration[job])
    # lunch on arrival
    if late1 >= 0 and lunch_opens + lunch_seconds <= late1:
        late0 = max(late0, min(lunch_latest, late1 - lunch_seconds))
    return late0, late1


@njit(cache=True, nogil=True)
def reaches(data, free, fed, late0, late1, drive):
    """Whether somebody who finishes at `free` or `fed` can still do what comes after a drive."""
    lunch_opens, lunch_latest, lunch_seconds = data[3], data[4], data[5]
    if fed < NEVER and fed + drive <= late1:
        return True
    if free >= NEVER:
        return False
    if free + drive <= late0:
        return True
    eat = max(free, lunch_opens)
    return eat <= lunch_latest and eat + lunch_seconds + drive <= late1


@njit(cache=True, nogil=True)
def refresh(t, problem, routes, length, early, late):
    """Recomputes both directions of one route."""
    seconds, duration, opens, closes, shift_opens, shift_closes, lo, ll, ls = problem
    data = (opens, closes, duration, lo[t], ll[t], ls[t])
    jobs = duration.shape[0]
    n = length[t]
    home = jobs + t
    fed_from_start = ll[t] < 0
    early[t, 0, 0] = NEVER if fed_from_start else shift_opens[t]
    early[t, 0, 1] = shift_opens[t] if fed_from_start else NEVER
    at = home
    for p in range(n):
        job = routes[t, p]
        drive = seconds[at, job]
        early[t, p + 1, 0], early[t, p + 1, 1] = step(
            data, job, early[t, p, 0], early[t, p, 1], drive
        )
        at = job
    # who is home before lunch has to begin may eat at home
    late[t, n, 1] = shift_closes[t]
    late[t, n, 0] = -1 if fed_from_start else min(shift_closes[t], ll[t])
    at = home
    for p in range(n - 1, -1, -1):
        job = routes[t, p]
        drive = seconds[job, at]
        late[t, p, 0], late[t, p, 1] = back(data, job, late[t, p + 1, 0], late[t, p + 1, 1], drive)
        at = job


@njit(cache=True, nogil=True)
def place(t, job, problem, extra, routes, length, early, late, blink, state):
    """The cheapest place for a job in a route: (added seconds, place), NEVER where it does not
    fit."""
    seconds, duration, opens, closes, shift_opens, shift_closes, lo, ll, ls = problem
    data = (opens, closes, duration, lo[t], ll[t], ls[t])
    jobs = duration.shape[0]
    home = jobs + t
    n = length[t]
    best, best_place = NEVER, -1
    if n + 1 >= routes.shape[1]:
        return best, best_place
    for p in range(n + 1):
        before = home if p == 0 else routes[t, p - 1]
        after = home if p == n else routes[t, p]
        added = seconds[before, job] + seconds[job, after] - seconds[before, after] + extra[t, job]
        if added >= best:
            continue
        if blink > 0 and draw(state) < blink:
            continue
        free, fed = step(data, job, early[t, p, 0], early[t, p, 1], seconds[before, job])
        if reaches(data, free, fed, late[t, p, 0], late[t, p, 1], seconds[job, after]):
            best, best_place = added, p
    return best, best_place


@njit(cache=True, nogil=True)
def insert(t, p, job, routes, length, where):
    """Puts a job at a place."""
    for q in range(length[t], p, -1):
        routes[t, q] = routes[t, q - 1]
    routes[t, p] = job
    length[t] += 1
    where[job] = t


@njit(cache=True, nogil=True)
def cut(t, p, routes, length, where):
    """Takes the job at a place out."""
    where[routes[t, p]] = -1
    for q in range(p, length[t] - 1):
        routes[t, q] = routes[t, q + 1]
    length[t] -= 1


@njit(cache=True, nogil=True)
def cost_of(problem, extra, penalty, routes, length, where):
    """Penalties of what is left out, plus travel and what pairings count."""
    seconds, jobs = problem[0], problem[1].shape[0]
    total = 0.0
    for job in range(jobs):
        if where[job] < 0:
            total += penalty[job]
    for t in range(length.shape[0]):
        if length[t]:
            at = jobs + t
            for p in range(length[t]):
                job = routes[t, p]
                total += seconds[at, job] + extra[t, job]
                at = job
            total += seconds[at, jobs + t]
    return total


@njit(cache=True, nogil=True)
def ruin(near, fixed, routes, length, where, taken, hit, state):
    """Takes strings of neighbouring jobs out of routes; returns how many, and marks the routes."""
    jobs, people = where.shape[0], length.shape[0]
    used, busy = 0, 0
    for t in range(people):
        hit[t] = False
        if length[t]:
            used += length[t]
            busy += 1
    if busy == 0:
        return 0
    longest = min(float(STRING_MAX), used / busy)
    strings = int(np.floor(draw(state) * (4 * REMOVED_MEAN / (1 + longest) - 1))) + 1
    seed = int(draw(state) * jobs)
    removed, ruined = 0, 0
    for k in range(near.shape[1] + 1):
        if ruined >= strings:
            break
        job = seed if k == 0 else near[seed, k - 1]
        t = where[job]
        if t < 0 or hit[t] or fixed[job]:
            continue
        n = length[t]
        size = int(np.floor(draw(state) * min(float(n), longest))) + 1
        at = 0
        for p in range(n):
            if routes[t, p] == job:
                at = p
        kept = 0
        if size < n and draw(state) < SPLIT_SHARE:
            # a split string keeps a stretch in its middle
            kept = 1
            while size + kept < n and draw(state) > SPLIT_DEPTH:
                kept += 1
                if kept >= size:
                    break
        reach = min(n, size + kept)
        low = max(0, at - reach + 1)
        first = low + int(draw(state) * (min(at, n - reach) - low + 1))
        keep_from = first + (int(draw(state) * (reach - kept + 1)) if kept else reach)
        hit[t] = True
        for p in range(first + reach - 1, first - 1, -1):
            if kept and keep_from <= p < keep_from + kept:
                continue
            if fixed[routes[t, p]]:
                continue
            taken[removed] = routes[t, p]
            removed += 1
            cut(t, p, routes, length, where)
        ruined += 1
    return removed


@njit(cache=True, nogil=True)
def order_of(penalty, closes, far, loose, count, keys, state):
    """Sorts the loose jobs: at random, far first, near first, tight first; dear tiers always
    first."""
    choice = draw(state) * 11
    for k in range(count):
        job = loose[k]
        if choice < 4:
            key = draw(state)
        elif choice < 6:
            key = -float(far[job])
        elif choice < 8:
            key = float(far[job])
        else:
            key = float(closes[job, 0])
        tier = 0.0
        if penalty[job] >= 1e14:
            tier = -4e12
        elif penalty[job] >= 1e12:
            tier = -3e12
        elif penalty[job] >= 1e9:
            tier = -2e12
        elif penalty[job] >= 1e6:
            tier = -1e12
        # a dearer job of the same tier goes a little earlier, or leftovers never get their turn
        keys[k] = tier + (key if choice >= 4 else key - penalty[job] / 7200.0 * draw(state))
    ranked = np.argsort(keys[:count])
    copy = loose[:count].copy()
    for k in range(count):
        loose[k] = copy[ranked[k]]


@njit(cache=True, nogil=True)
def search(problem, rules, best, work, run, state):
    """Runs rounds `run[0]` until `run[1]` of `run[2]`; keeps the best plan found in `best`.

    `rules` is (allowed[T, J], extra, penalty, fixed, near, far); `best` is (routes, length, where,
    cost[1]) and `work` the current plan in the same shape with `early` and `late` behind it.
    """
    allowed, extra, penalty, fixed, near, far = rules
    routes, length, where, cost, early, late = work
    people, jobs = allowed.shape
    loose = np.empty(jobs, dtype=np.int64)
    keys = np.empty(jobs, dtype=np.float64)
    hit = np.zeros(people, dtype=np.bool_)
    taken = np.empty(jobs, dtype=np.int64)
    was_routes, was_length, was_where = routes.copy(), length.copy(), where.copy()
    for done in range(run[0], run[1]):
        share = done / run[2]
        warmth = run[3] * (run[4] / run[3]) ** share
        was_routes[:] = routes
        was_length[:] = length
        was_where[:] = where
        left = 0
        for job in range(jobs):
            if where[job] < 0:
                left += 1
        # of work that nobody has room for only a share is tried in each round
        chance = LEFTOVERS_TRIED / max(left, 1) if done > run[0] else 1.0
        ruin(near, fixed, routes, length, where, taken, hit, state)
        for t in range(people):
            if hit[t]:
                refresh(t, problem, routes, length, early, late)
        count = 0
        for job in range(jobs):
            if where[job] < 0 and (
                was_where[job] >= 0 or penalty[job] >= PROMISED or draw(state) < chance
            ):
                loose[count] = job
                count += 1
        order_of(penalty, problem[3], far, loose, count, keys, state)
        for k in range(count):
            job = loose[k]
            best_added, best_t, best_p = NEVER, -1, -1
            for t in range(people):
                if not allowed[t, job]:
                    continue
                added, p = place(t, job, problem, extra, routes, length, early, late, BLINK, state)
                if added < best_added:
                    best_added, best_t, best_p = added, t, p
            if best_t >= 0 and best_added < penalty[job]:
                insert(best_t, best_p, job, routes, length, where)
                refresh(best_t, problem, routes, length, early, late)
                hit[best_t] = True
        found = cost_of(problem, extra, penalty, routes, length, where)
        if found < cost[0] - warmth * np.log(max(draw(state), 1e-12)):
            cost[0] = found
            if found < best[3][0] - 1e-6:
                best[0][:] = routes
                best[1][:] = length
                best[2][:] = where
                best[3][0] = found
        else:
            for t in range(people):
                if hit[t]:
                    routes[t] = was_routes[t]
                    length[t] = was_length[t]
                    refresh(t, problem, routes, length, early, late)
            where[:] = was_where
