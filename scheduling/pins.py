"""Room for pins: what is pinned never moves, so what can no longer be done before it gives way.

Two visits of one person never overlap in a published day. Where a visit that overran pushes others
into a pinned one, the least that has to go is taken out and looks for another place.
"""

from collections.abc import Mapping

import numpy as np

from scheduling import layout
from scheduling.insertion import said_anew
from scheduling.layout import Laid
from scheduling.live import Live
from schemas.plan import Job, Tier

TIERS: Mapping[Tier, int] = {
    "emergency": 0, "breaks_today": 1, "booked": 2, "due_soon": 3, "routine": 4,
}  # fmt: skip
FROZEN_SECONDS = 900
"""Who is on the way is not called back: what begins within a quarter of an hour stays."""


def frozen(laid: Laid, job: Job) -> bool:
    """Whether a job begins so soon that it stays where it is."""
    told = laid.since.floors.get(job.id)
    return told is not None and told < laid.since.now_seconds + FROZEN_SECONDS


def room_for_pins(live: Live) -> tuple[Laid, list[Job]]:
    """The day in which pins stand where they were told, and what had to go for it; a pin that what
    has begun keeps from its hour, or whose hour has passed, comes late."""
    laid, out = live.laid, list[Job]()
    people = laid.problem.technicians
    real = {each.id: each for each in live.asked.problem.jobs}
    for t, route in enumerate(live.laid.routes):
        # who is not heard is told nothing, not even what would go
        for number in route if people[t].reachable else ():
            had = live.laid.problem.jobs[number]
            pin = real.get(had.id, had)
            if had.fixed != pin.fixed and not _passed(live, pin):
                laid, gone = _kept(laid, t, pin=pin, had=had)
                out += [real.get(each.id, each) for each in gone]
    return laid, out


def _passed(live: Live, pin: Job) -> bool:
    """Whether a pin's hour has gone by and nobody is on the way to it: no room brings it back, and
    whoever was to come before it may only be out of reach."""
    if pin.fixed is None or pin.fixed.start_seconds >= live.laid.since.now_seconds:
        return False
    return live.asked.rows[pin.id].state != "en_route"


def _kept(laid: Laid, t: int, *, pin: Job, had: Job) -> tuple[Laid, list[Job]]:
    """The route with its pin at its hour, without the least that keeps it from that. Where what has
    begun does, nothing stands between the two and the pin is as late as it was."""
    number, out = laid.numbers[pin.id], list[Job]()
    laid = _with_real(laid, t, pin=pin)
    while _late_at(laid, t, number=number):
        ahead = laid.routes[t][: laid.routes[t].index(number)]
        loose = [n for n in ahead if laid.problem.jobs[n].fixed is None]
        if not loose:
            return _with_real(laid, t, pin=had), out
        weak = sorted(loose, key=lambda n: _worth(laid, laid.problem.jobs[n]))
        alone = (n for n in weak if not _late_at(_less(laid, t, number=n), t, number=number))
        gone = next(alone, weak[0])
        out.append(laid.problem.jobs[gone])
        laid = _less(laid, t, number=gone)
    return laid, out


def _worth(laid: Laid, job: Job) -> tuple[bool, int, int]:
    return frozen(laid, job), -TIERS[job.tier], job.penalty_seconds


def _with_real(laid: Laid, t: int, *, pin: Job) -> Laid:
    return layout.with_route(said_anew(laid, pin), t, route=laid.routes[t])


def _less(laid: Laid, t: int, *, number: int) -> Laid:
    return layout.with_route(laid, t, route=tuple(n for n in laid.routes[t] if n != number))


def _late_at(laid: Laid, t: int, *, number: int) -> bool:
    walk = layout.walked(layout.rows_of(laid.lines, [t]))
    return bool(np.asarray(walk.late)[0, laid.routes[t].index(number)] > 0)
