"""Slots that a customer may be offered: hours in which somebody could come without breaking
anything, cheapest first, with something left of every day for emergencies."""

from collections.abc import Sequence

import msgspec
import numpy as np

from scheduling import insertion, layout
from scheduling import lines as timing
from scheduling.demand import RESERVE_SECONDS
from scheduling.layout import Laid
from scheduling.problem import ABLE
from schemas.base import Value
from schemas.plan import Band, Job

HOUR = 3600
SLOTS = tuple(Band(opens=hour * HOUR, closes=(hour + 2) * HOUR) for hour in (8, 10, 12, 14, 16))
"""What customers are told: two hours each."""
TRIED_MAX = 8


class Slot(Value, frozen=True):
    """Hours on offer: who would come at the least cost, and what that adds."""

    band: Band
    technician: str
    added_seconds: int


class Held(Value, frozen=True):
    """A slot that can be kept: who comes, when, and that nobody else's hours move for it."""

    technician: str
    arrive: int
    start: int
    end: int


def slots(laid: Laid, job: Job, *, bands: Sequence[Band] = SLOTS) -> tuple[Slot, ...]:
    """The slots of a day for a job within its own due instant, the cheapest first."""
    found = []
    for band in bands:
        within = _within(laid, job, band=band)
        if within is None:
            continue
        counted = _counted(laid, within)
        t = int(counted.argmin())
        if counted[t] < insertion.FORBIDDEN:
            who = laid.problem.technicians[t].id
            found.append(Slot(band=band, technician=who, added_seconds=int(counted[t])))
    return tuple(sorted(found, key=lambda each: each.added_seconds))


def held(laid: Laid, job: Job, *, band: Band) -> Held | None:
    """Who can be held for a slot such that every visit and slot of the day stays where it was."""
    within = _within(laid, job, band=band)
    if within is None:
        return None
    day = layout.with_job(laid, within)
    counted = _counted(day, within)
    place, _ = insertion.cheapest(insertion.evaluate(day, within))
    for t in [int(each) for each in np.argsort(counted, kind="stable")[:TRIED_MAX]]:
        if counted[t] >= insertion.FORBIDDEN:
            return None
        one = np.where(np.arange(len(counted)) == t, place, -1)
        walk = timing.walk(layout.rows_of(layout.inserted(day, within, places=one), [t]))
        rest = np.delete(walk.start[0, : len(laid.routes[t]) + 1], place[t])
        still = (rest == laid.lines.floor[t, : len(rest)]).all()
        if not timing.broken(walk)[0] and still:
            at = int(place[t])
            return Held(
                technician=laid.problem.technicians[t].id,
                arrive=int(walk.arrive[0, at]),
                start=int(walk.start[0, at]),
                end=int(walk.finish[0, at]),
            )
    return None


def spare_seconds(laid: Laid) -> int:
    """What is left of everybody's day beside what stands in it and the reserve."""
    busy = laid.lines.duration.sum(axis=1) + laid.lines.drive.sum(axis=1)
    fed = np.where(laid.lines.lunch_latest >= 0, laid.lines.lunch_seconds, 0)
    length = laid.lines.shift_closes - np.maximum(laid.lines.shift_opens, laid.since.now_seconds)
    return int(np.maximum(length - busy - fed - RESERVE_SECONDS, 0).sum())


def _within(laid: Laid, job: Job, *, band: Band) -> Job | None:
    opens = max(band.opens, job.earliest_seconds, laid.since.now_seconds)
    closes = band.closes if job.due_seconds is None else min(band.closes, job.due_seconds)
    if opens > closes:
        return None
    return msgspec.structs.replace(job, windows=(Band(opens=opens, closes=closes),))


def _counted(laid: Laid, job: Job) -> timing.Ints:
    """What each technician would count, FORBIDDEN where the reserve would be sold."""
    found = insertion.evaluate(laid, job)
    _, added = insertion.cheapest(found)
    busy = laid.lines.duration.sum(axis=1) + laid.lines.drive.sum(axis=1)
    length = laid.lines.shift_closes - laid.lines.shift_opens
    full = busy + job.duration_seconds + added > length - RESERVE_SECONDS
    return np.where(full | (found.why != ABLE), insertion.FORBIDDEN, added)
