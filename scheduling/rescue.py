"""Promises that would come late are offered to everybody once more; where a job finds a free
place."""

from collections.abc import Iterator

import numpy as np

from scheduling import insertion, layout
from scheduling.insertion import put, said_anew, willing
from scheduling.layout import Laid
from scheduling.lines import NEVER
from scheduling.live import Live
from scheduling.pins import FROZEN_SECONDS, TIERS, frozen
from scheduling.problem import ABLE, start_bands
from schemas.base import Value
from schemas.plan import Job


class Late(Value, frozen=True):
    """A promise in the hours that it really has, when it would begin and how much too late."""

    job: Job
    start: int
    seconds: int


def late_promises(live: Live, laid: Laid) -> list[Late]:
    """Promises that come after the hours they really have, the gravest first."""
    real = {each.id: each for each in live.asked.problem.jobs}
    walk = layout.walked(laid.lines)
    found = []
    for t, route in enumerate(laid.routes):
        for p, number in enumerate(route):
            here = laid.problem.jobs[number]
            job = real.get(here.id)
            # an emergency has no hours but now
            if job is None or job.fixed or not 0 < TIERS[here.tier] <= TIERS["booked"]:
                continue
            last = max((closes for _, closes in start_bands(job)), default=NEVER)
            if walk.start[t, p] > last:
                start = int(walk.start[t, p])
                found.append(Late(job=job, start=start, seconds=start - last))
    return sorted(found, key=lambda each: (TIERS[each.job.tier], -each.job.penalty_seconds))


def rescued(live: Live, laid: Laid) -> Laid:
    """A promise that would come late is offered to everybody once more, in the hours it really has:
    what was let go of, so that it blocks nothing else, is not given up where it can be kept. One
    that goes elsewhere may make room for another."""
    late = late_promises(live, laid)
    while (better := next(_better(live, laid, late=late), None)) is not None:
        laid, late = better
    return laid


def _better(live: Live, laid: Laid, *, late: list[Late]) -> Iterator[tuple[Laid, list[Late]]]:
    """The day with one promise less that comes late, and which still do."""
    soon = laid.since.now_seconds + FROZEN_SECONDS
    spared = {*live.asked.silent, *laid.since.hungry}
    for each in late:
        job = each.job
        # told to begin soon is not beginning soon: who is kept elsewhere is not on the way
        if job.holder in spared or (frozen(laid, job) and each.start < soon):
            continue
        day = layout.without(said_anew(laid, job), job)
        if (placed := place_free(day, job)) is not None:
            still = late_promises(live, placed[0])
            if len(still) < len(late):
                yield placed[0], still


def place_free(laid: Laid, job: Job) -> tuple[Laid, list[str]] | None:
    """The cheapest free place; nothing but an emergency for who has lost lunch: another order might
    have room for it again, and none for the work."""
    found = insertion.evaluate(laid, job)
    fits = found.fits & (willing(laid, job) & (found.why == ABLE))[:, None]
    if not fits.any():
        return None
    t, place = divmod(int(np.where(fits, found.added, NEVER).argmin()), fits.shape[1])
    return put(laid, job, t=t, place=place), []
