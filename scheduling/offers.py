"""Slots that a customer may be offered: hours in which somebody could come without breaking
anything, cheapest first, with something left of every day for emergencies."""

from collections.abc import Sequence

import msgspec
import numpy as np

from scheduling import crews, insertion, layout
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
    """A slot that can be kept: who comes, when, and that nobody else's hours move for it; of work
    for two, who comes along."""

    technician: str
    arrive: int
    start: int
    end: int
    second: str | None = None


def slots(laid: Laid, job: Job, *, bands: Sequence[Band] = SLOTS) -> tuple[Slot, ...]:
    """The slots of a day for a job within its own due instant, the cheapest first."""
    found = []
    for band in bands:
        within = _within(laid, job, band=band)
        if within is None:
            continue
        counted = _counted(laid, within)
        if job.crew is not None:
            found += _together(laid, within, band=band, able=counted < insertion.FORBIDDEN)
            continue
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
    if job.crew is not None:
        return _held_together(day, within, able=counted < insertion.FORBIDDEN)
    place, _ = insertion.cheapest(insertion.evaluate(day, within))
    for t in [int(each) for each in np.argsort(counted, kind="stable")[:TRIED_MAX]]:
        if counted[t] >= insertion.FORBIDDEN:
            return None
        if (kept := _kept(day, within, t=t, place=int(place[t]))) is not None:
            return kept
    return None


def _kept(day: Laid, job: Job, *, t: int, place: int) -> Held | None:
    """Who comes, where nothing breaks and nobody else's hours move."""
    one = np.where(np.arange(len(day.routes)) == t, place, -1)
    walk = timing.walk(layout.rows_of(layout.inserted(day, job, places=one), [t]))
    rest = np.delete(walk.start[0, : len(day.routes[t]) + 1], place)
    still = (rest == day.lines.floor[t, : len(rest)]).all()
    if timing.broken(walk)[0] or not still:
        return None
    return Held(
        technician=day.problem.technicians[t].id,
        arrive=int(walk.arrive[0, place]),
        start=int(walk.start[0, place]),
        end=int(walk.finish[0, place]),
    )


def _together(laid: Laid, job: Job, *, band: Band, able: timing.Bools) -> list[Slot]:
    found = sorted(crews.meetings(laid, job, able=able).values(), key=lambda each: each.added)
    people = laid.problem.technicians
    return [
        Slot(band=band, technician=people[each.who[0]].id, added_seconds=each.added)
        for each in found[:1]
    ]


def _held_together(day: Laid, job: Job, *, able: timing.Bools) -> Held | None:
    found = crews.meetings(day, job, able=able)
    for each in sorted(found.values(), key=lambda meeting: (meeting.added, meeting.start)):
        half = crews.beginning(job, each.start)
        both = [_kept(day, half, t=t, place=p) for t, p in zip(each.who, each.places, strict=True)]
        if both[0] is not None and both[1] is not None:
            return msgspec.structs.replace(both[0], second=both[1].technician)
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
