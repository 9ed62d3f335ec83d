"""Work for two: two people who could begin it at one instant, found and put into the day together."""

from functools import partial

import msgspec
import numpy as np

from scheduling import insertion, layout
from scheduling import lines as timing
from scheduling.insertion import put, said_anew, willing
from scheduling.layout import Laid
from scheduling.lines import NEVER, Bools, Ints
from scheduling.problem import ABLE, start_bands
from schemas.base import Value
from schemas.plan import Band, Job

TRIED_MAX = 16
"""So many instants are tried, those at which somebody could begin cheapest."""
HOURS = range(6 * 3600, 21 * 3600, 3600)


class Meeting(Value, frozen=True):
    """Two technicians (rows of the day), their places, the instant, and what both count."""

    start: int
    who: tuple[int, int]
    places: tuple[int, int]
    added: int


def meetings(laid: Laid, job: Job, *, able: Bools | None = None) -> dict[int, Meeting]:
    """For each technician who finds a second the best meeting: an emergency's soonest, else the
    cheapest. Who is not `able` is not asked."""
    laid = layout.with_job(laid, job)
    alone = msgspec.structs.replace(job, crew=None)
    found = insertion.evaluate(laid, alone)
    may = willing(laid, job) & (found.why == ABLE)
    may = may if able is None else may & able
    best: dict[int, Meeting] = {}
    for start in _instants(laid, alone, found=found, may=may):
        there = insertion.evaluate(laid, beginning(alone, start), why=found.why)
        counted = np.where(there.fits & may[:, None], there.added, NEVER)
        places, least = counted.argmin(axis=1), counted.min(axis=1)
        order = np.argsort(least, kind="stable")
        for t in (int(each) for each in order if least[each] < NEVER):
            other = int(order[1] if order[0] == t else order[0]) if len(order) > 1 else t
            if other == t or least[other] >= NEVER:
                continue
            added, place = int(least[t] + least[other]), (int(places[t]), int(places[other]))
            made = Meeting(start=start, who=(t, other), places=place, added=added)
            if t not in best or _rank(job, made) < _rank(job, best[t]):
                best[t] = made
    return best


def meet(laid: Laid, job: Job, *, who: int | None = None) -> Meeting | None:
    """The best of them, or the best for one technician."""
    found = meetings(laid, job)
    if who is not None:
        return found.get(who)
    return min(found.values(), key=partial(_rank, job), default=None)


def _rank(job: Job, at: Meeting) -> tuple[int, int]:
    return (at.start, at.added) if job.tier == "emergency" else (at.added, at.start)


def beginning(job: Job, start: int) -> Job:
    """A half that begins at an instant and at no other."""
    only = (Band(opens=start, closes=start),)
    return msgspec.structs.replace(
        job, windows=only, earliest_seconds=0, due_seconds=None, crew=None
    )


def seated(laid: Laid, pair: tuple[Job, Job], *, at: Meeting) -> Laid:
    """The day with both halves in it."""
    for half, t, place in zip(pair, at.who, at.places, strict=True):
        laid = said_anew(layout.with_job(laid, half), beginning(half, at.start))
        laid = put(laid, half, t=t, place=place)
    return laid


def pairs(jobs: list[Job]) -> list[tuple[Job, Job]]:
    """The jobs of whole crews, two by two."""
    by_crew: dict[str, list[Job]] = {}
    for each in jobs:
        by_crew.setdefault(each.crew or each.id, []).append(each)
    return [(each[0], each[1]) for each in by_crew.values() if len(each) == 2]


def _instants(laid: Laid, job: Job, *, found: insertion.Found, may: Bools) -> list[int]:
    """When somebody could begin, the cheapest, and full hours: what one reaches cheapest the other
    may only reach later."""
    opens, closes = layout.bands_of(laid, job)
    start, late = timing.begin(opens[:, None, :], closes[:, None, :], ready=found.arrive)
    fits = found.fits & may[:, None] & (late == 0)
    counted: Ints = start if job.tier == "emergency" else found.added
    cheap = start[fits][np.argsort(counted[fits], kind="stable")]
    bands = start_bands(job)
    full = [each for each in HOURS if any(o <= each <= c for o, c in bands)]
    return sorted({*dict.fromkeys(cheap[:TRIED_MAX].tolist()), *full})
