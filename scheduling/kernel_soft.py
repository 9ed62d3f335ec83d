"""What depends on the very hours of a route: overtime, the reserve, odds at the door, told hours.

The hours of a route are its earliest ones; lunch lies as late as that allows (`timing` writes the
same hours into the plan). A route's sum is exact; what an insertion would add is an estimate that
looks at the job and at how far the end of the day is pushed.
"""

from numba import njit

from scheduling.kernel import (
    ANY_SOFT,
    BANDS,
    BANDS_AT,
    COMPILED,
    DRIVE,
    EAT_LATEST,
    EAT_OPENS,
    EAT_SECONDS,
    FED,
    FREE,
    LAST,
    NEVER,
    NEXT,
    OVERTIME,
    PREV,
    RESERVE,
    RESERVED,
    SHIFT,
    SOFT,
    WORK,
    ahead,
    begin,
    touch_route,
)  # fmt: skip


@njit(**COMPILED)
def soft_at(nodes, fine, job, start):
    """What a job counts that begins at an instant."""
    total = 0
    for b in range(nodes[job, BANDS]):
        at = BANDS_AT + 3 * b
        if fine[job, at] <= start <= fine[job, at + 1]:
            total += fine[job, at + 2]
    return total


@njit(**COMPILED)
def late_home(people, book, t, back):
    """What a person counts who is home at an instant: the reserve that is eaten, and overtime."""
    over = max(0, back - people[t, SHIFT])
    eaten = max(0, min(back, people[t, SHIFT]) - people[t, RESERVE])
    return over * book[OVERTIME] + eaten * book[RESERVED]


@njit(**COMPILED)
def home(desk, t):
    """When a person is home, and whether lunch was before the last drive's beginning (1)."""
    nodes, people = desk.nodes, desk.people
    node = nodes[nodes.shape[0] - people.shape[0] + t, PREV]
    free, fed, drive = nodes[node, FREE], nodes[node, FED], nodes[node, DRIVE]
    back, state = NEVER, 1
    if fed < NEVER:
        back = fed + drive
    if free < NEVER:
        eat = max(free, people[t, EAT_OPENS])
        if free + drive <= people[t, EAT_LATEST]:
            # home before the break has to begin: it is taken there
            unfed = free + drive
        elif eat <= people[t, EAT_LATEST]:
            unfed = eat + people[t, EAT_SECONDS] + drive
        else:
            unfed = NEVER
        if unfed <= back:
            back, state = unfed, 0
    return back, state


@njit(**COMPILED)
def route_soft(desk, t):
    """What the hours of a route count, exactly."""
    nodes, jobs = desk.nodes, desk.price.shape[1]
    node = nodes[nodes.shape[0] - desk.people.shape[0] + t, PREV]
    if node >= jobs:
        return 0
    back, state = home(desk, t)
    total = late_home(desk.people, desk.book, t, back)
    while node < jobs:
        total += soft_at(
            nodes,
            desk.fine,
            node,
            (nodes[node, FED] if state else nodes[node, FREE]) - nodes[node, WORK],
        )
        before = nodes[node, PREV]
        if state == 1 and nodes[before, FREE] < NEVER:
            _, fed = ahead(
                nodes, desk.fine, desk.people, t, node,
                nodes[before, FREE], NEVER, nodes[before, DRIVE],
            )  # fmt: skip
            # lunch as late as may be: the morning's jobs begin as early as they can
            if fed <= nodes[node, FED]:
                state = 0
        node = before
    return total


@njit(**COMPILED)
def own_soft(desk, t, job, before, to):
    """What a job would count by its own start after a node: the earliest it can be."""
    if desk.nodes[job, BANDS] == 0:
        return 0
    ready = min(desk.nodes[before, FREE], desk.nodes[before, FED]) + to
    start = begin(desk.nodes, desk.fine, desk.people, t, job, ready)
    return soft_at(desk.nodes, desk.fine, job, start) if start < NEVER else 0


@njit(**COMPILED)
def tail_soft(desk, t, job, before, to, onward):
    """What a job would add to overtime and reserve if nothing after it waits."""
    if desk.people[t, LAST] <= desk.people[t, RESERVE]:
        return 0
    nodes = desk.nodes
    ready = min(nodes[before, FREE], nodes[before, FED]) + to
    start = begin(nodes, desk.fine, desk.people, t, job, ready)
    if start >= NEVER:
        return 0
    push = start + nodes[job, WORK] + onward - ready + to - nodes[before, DRIVE]
    if nodes[before, NEXT] < desk.price.shape[1]:
        back, _ = home(desk, t)
        return late_home(desk.people, desk.book, t, back + push) - late_home(
            desk.people, desk.book, t, back
        )
    done = start + nodes[job, WORK] + onward
    before_it = home(desk, t)[0] if before < desk.price.shape[1] else 0
    return late_home(desk.people, desk.book, t, done) - late_home(
        desk.people, desk.book, t, before_it
    )


@njit(**COMPILED)
def reckon(desk, t):
    """Brings a route's soft sum up to date."""
    if desk.book[ANY_SOFT] == 0:
        return
    people, now = desk.people, route_soft(desk, t)
    if now != people[t, SOFT]:
        touch_route(desk.nodes, people, desk.notes, desk.book, t)
        desk.book[4] += now - people[t, SOFT]
        people[t, SOFT] = now
