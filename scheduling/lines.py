"""Routes of a day in arrays, all technicians at once: where each place of a route lies in time.

A route is walked in two states, lunch taken or not, like in the kernel, but for every technician in
one numpy step a place. Rules that break are counted instead of refused: a walk always arrives, and
says how late it is. T technicians, P places in the longest route, W windows a job.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.base import Value
from schemas.plan import Technician

NEVER = 10**9
LATE_BITS = 28
FREE_MASK = (1 << LATE_BITS) - 1
"""A walk is ordered by lateness first and by when it is free second, in one 64-bit number."""
NO_KEY = np.int64(1) << np.int64(61)
LUNCH_LOST_SECONDS = 1800
"""What a lunch that is lost counts as, in seconds of lateness."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Lines(Value, frozen=True):
    """Routes laid out: bands of the start, durations, drives to each place and home again.

    `floor[T, P]` is a start that should not be pulled forward, `leave[T, P]` the earliest departure
    towards a place (nobody leaves in the past). `fed[T]` is true where no lunch is to be taken.
    """

    count: Ints
    opens: Ints
    closes: Ints
    duration: Ints
    drive: Ints
    floor: Ints
    leave: Ints
    shift_opens: Ints
    shift_closes: Ints
    lunch_opens: Ints
    lunch_latest: Ints
    lunch_seconds: Ints
    fed: Bools


class Walk(Value, frozen=True):
    """When everybody is where; `late[T, P]` seconds after the last lawful start, 0 where in time.

    `lunch[T]` is when the break begins, -1 where none is taken on the way; `lunch_lost` where there
    was no room for it. `overtime` is how long after the shift somebody is home.
    """

    arrive: Ints
    start: Ints
    finish: Ints
    late: Ints
    lunch: Ints
    lunch_lost: Bools
    back: Ints
    overtime: Ints


def lunches(people: Sequence[Technician]) -> tuple[Ints, Ints, Ints, Bools]:
    """Lunch bands: earliest begin, latest begin, length, and who takes none."""
    taken = [each.lunch for each in people]
    return (
        np.array([each.opens if each else 0 for each in taken], dtype=np.int64),
        np.array([each.closes - each.duration_seconds if each else -1 for each in taken], np.int64),
        np.array([each.duration_seconds if each else 0 for each in taken], dtype=np.int64),
        np.array([each is None for each in taken], dtype=np.bool_),
    )


def begin(opens: Ints, closes: Ints, *, ready: Ints) -> tuple[Ints, Ints]:
    """The earliest start at or after `ready` within the bands (…, W), and how late it is where
    every band has closed."""
    inside = ready[..., None] <= closes
    start = np.where(inside, np.maximum(ready[..., None], opens), NEVER).min(axis=-1)
    # a band that never was holds nobody up: such a job is not late, it has no lawful hour at all
    last = closes.max(axis=-1)
    late = np.where(start < NEVER, 0, ready - last)
    return np.where(start < NEVER, start, ready), np.maximum(late, 0)


def walk(lines: Lines) -> Walk:
    """Every route at its earliest, counting what breaks; exact where nothing has to break."""
    keys, ways = _forward(lines)
    return _traced(lines, keys, ways=ways)


def _pack(late: Ints, free: Ints) -> Ints:
    return (late << LATE_BITS) + free


def _forward(lines: Lines) -> tuple[Ints, Ints]:
    """`keys[T, P+1, 2]` of the best way to have finished each place in either state, and by which
    of the ways (1 break before the drive, 2 on arrival, 3 taken earlier) the fed one came."""
    people, places = lines.duration.shape
    keys = np.full((people, places + 1, 2), NO_KEY, dtype=np.int64)
    ways = np.zeros((people, places), dtype=np.int64)
    keys[:, 0, 0] = np.where(lines.fed, NO_KEY, lines.shift_opens)
    keys[:, 0, 1] = np.where(lines.fed, lines.shift_opens, NO_KEY)
    for p in range(places):
        hungry, fed = keys[:, p, 0], keys[:, p, 1]
        found = [_step(lines, p, key=hungry, rest=0), _step(lines, p, key=hungry, rest=1),
                 _step(lines, p, key=hungry, rest=2), _step(lines, p, key=fed, rest=0)]  # fmt: skip
        keys[:, p + 1, 0] = found[0]
        table = np.stack(found[1:])
        keys[:, p + 1, 1] = table.min(axis=0)
        ways[:, p] = table.argmin(axis=0) + 1
    return keys, ways


def _step(lines: Lines, p: int, *, key: Ints, rest: int) -> Ints:
    """The key after place `p`, with a break before the drive (1), on arrival (2) or none (0)."""
    free, late = key & FREE_MASK, key >> LATE_BITS
    _, start, more, lawful = _times(lines, p, free=free, rest=rest)
    after = _pack(late + more, start + lines.duration[:, p])
    return np.where((key < NO_KEY) & lawful, after, NO_KEY)


def _times(lines: Lines, p: int, *, free: Ints, rest: int) -> tuple[Ints, Ints, Ints, Bools]:
    """(arrive, start, late, lawful) at place `p` for somebody free at `free`."""
    drive = lines.drive[:, p]
    leave = np.maximum(free, lines.leave[:, p])
    lawful = np.ones(len(free), dtype=np.bool_)
    if rest:
        eat = np.maximum(leave if rest == 1 else leave + drive, lines.lunch_opens)
        lawful = eat <= lines.lunch_latest
        arrive = eat + lines.lunch_seconds + drive if rest == 1 else leave + drive
        ready = eat + lines.lunch_seconds + (drive if rest == 1 else 0)
    else:
        arrive = ready = leave + drive
    start, late = begin(lines.opens[:, p], lines.closes[:, p], ready=ready)
    return arrive, np.maximum(start, lines.floor[:, p]), late, lawful


def _home(lines: Lines, keys: Ints) -> tuple[Ints, Ints, Ints]:
    """(key of being home, state it came from, where lunch was: 0 behind or at home, 1 after the
    last job, 2 lost)."""
    rows = np.arange(len(lines.count))
    ends = keys[rows, lines.count]
    drive = lines.drive[rows, lines.count]
    hungry, fed = ends[:, 0], ends[:, 1]
    free = hungry & FREE_MASK
    eat = np.maximum(free, lines.lunch_opens)
    at_home = (free + drive <= lines.lunch_latest) | (lines.count == 0)
    after = eat <= lines.lunch_latest
    lost = np.int64(LUNCH_LOST_SECONDS) << LATE_BITS
    options = np.stack([
        np.where(fed < NO_KEY, fed + drive, NO_KEY),
        np.where((hungry < NO_KEY) & at_home, hungry + drive, NO_KEY),
        np.where(
            (hungry < NO_KEY) & after,
            (hungry - free) + eat + lines.lunch_seconds + drive, NO_KEY),
        np.where(hungry < NO_KEY, hungry + drive + lost, NO_KEY),
    ])  # fmt: skip
    overtime = np.maximum((options & FREE_MASK) - lines.shift_closes, 0)
    chosen = np.where(options < NO_KEY, options + (overtime << LATE_BITS), NO_KEY).argmin(axis=0)
    best = options[chosen, rows]
    return best, np.where(chosen == 0, 1, 0), np.array([0, 0, 1, 2])[chosen]


def _traced(lines: Lines, keys: Ints, *, ways: Ints) -> Walk:
    people, places = lines.duration.shape
    rows = np.arange(people)
    best, state, where_lunch = _home(lines, keys)
    shape = (people, places)
    arrive, start, late = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    last_free = keys[rows, lines.count, 0] & FREE_MASK
    lunch = np.where(where_lunch == 1, np.maximum(last_free, lines.lunch_opens), -1)
    for p in range(places - 1, -1, -1):
        here = p < lines.count
        way = np.where(state == 1, ways[:, p], 0)
        came_fed = (way == 3) & here
        free = keys[rows, p, np.where(came_fed, 1, 0)] & FREE_MASK
        for rest in (0, 1, 2):
            mine = here & (((way == rest) & (way != 3)) if rest else ((way == 0) | came_fed))
            if mine.any():
                times = _times(lines, p, free=free, rest=rest)
                for kept, found in zip((arrive, start, late), times[:3], strict=True):
                    kept[:, p] = np.where(mine, found, kept[:, p])
                if rest:
                    leave = np.maximum(free, lines.leave[:, p])
                    eat = leave if rest == 1 else leave + lines.drive[:, p]
                    lunch = np.where(mine, np.maximum(eat, lines.lunch_opens), lunch)
        state = np.where(here, np.where(came_fed, 1, 0), state)
    back = best & FREE_MASK
    return Walk(
        arrive=arrive,
        start=start,
        finish=start + lines.duration,
        late=late,
        lunch=lunch,
        lunch_lost=where_lunch == 2,
        back=back,
        overtime=np.maximum(back - lines.shift_closes, 0),
    )


def early(lines: Lines) -> Ints:
    """`early[T, P+1, 2]`: the earliest finish at each place in either state without breaking
    anything; NEVER where there is no such way."""
    keys, _ = _forward(lines)
    lawful = (keys >> LATE_BITS) == 0
    return np.where(lawful & (keys < NO_KEY), keys & FREE_MASK, NEVER)


def latest(lines: Lines) -> Ints:
    """`late[T, P+1, 2]`: the latest arrival at each place in either state; -1 where there is
    none."""
    people, places = lines.duration.shape
    late = np.full((people, places + 1, 2), -1, dtype=np.int64)
    hungry_end = np.minimum(lines.shift_closes, lines.lunch_latest)
    for p in range(places, -1, -1):
        ends = lines.count == p
        late[:, p, 1] = np.where(ends, lines.shift_closes, late[:, p, 1])
        late[:, p, 0] = np.where(ends, np.where(lines.fed, -1, hungry_end), late[:, p, 0])
        if p == 0:
            break
        inside = p <= lines.count
        found0, found1 = _back(lines, p - 1, after=(late[:, p, 0], late[:, p, 1]))
        late[:, p - 1, 0] = np.where(inside, found0, -1)
        late[:, p - 1, 1] = np.where(inside, found1, -1)
    return late


def last_begin(opens: Ints, closes: Ints, *, limit: Ints) -> Ints:
    """The latest start not after `limit` within the bands (…, W); -1 if none."""
    last = np.minimum(closes, limit[..., None])
    found: Ints = np.where(last >= opens, last, -1).max(axis=-1)
    return found


def _back(lines: Lines, p: int, *, after: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    next0, next1 = after
    opens, closes, duration = lines.opens[:, p], lines.closes[:, p], lines.duration[:, p]
    drive, pause = lines.drive[:, p + 1], lines.lunch_seconds
    leave = lines.leave[:, p + 1]

    def departs(by: Ints) -> Ints:
        # who may not leave before an hour cannot be there sooner either
        return np.where((by >= 0) & (leave <= by - drive), by - drive, -1)

    late1 = last_begin(opens, closes, limit=departs(next1) - duration)
    finish = departs(next0)
    eat = np.maximum(lines.lunch_opens, leave)
    fits = (next1 >= 0) & (eat + pause + drive <= next1) & (eat <= lines.lunch_latest)
    eaten = np.minimum(lines.lunch_latest, next1 - drive - pause)
    finish = np.where(fits, np.maximum(finish, eaten), finish)
    late0 = np.where(finish >= 0, last_begin(opens, closes, limit=finish - duration), -1)
    arrival = (late1 >= 0) & (lines.lunch_opens + pause <= late1)
    late0 = np.where(
        arrival, np.maximum(late0, np.minimum(lines.lunch_latest, late1 - pause)), late0
    )
    return late0, late1


def badness(done: Walk) -> Ints:
    """Seconds of everything that breaks on each route."""
    lost = np.where(done.lunch_lost, LUNCH_LOST_SECONDS, 0)
    total: Ints = done.late.sum(axis=1) + done.overtime + lost
    return total


def broken(done: Walk) -> Bools:
    """Which routes break a rule."""
    found: Bools = badness(done) > 0
    return found
