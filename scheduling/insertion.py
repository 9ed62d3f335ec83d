"""One job against every technician and every place of a day: where it fits, what it costs, or why
not. Numpy over all routes at once: a day is laid out once, `evaluate` asks it about each job."""

import msgspec
import numpy as np

from scheduling import layout
from scheduling import lines as timing
from scheduling.layout import Laid, bands_of
from scheduling.lines import NEVER, Bools, Ints
from scheduling.problem import (
    ABLE,
    ON_DARK_TABLET,
    OVERLOAD,
    UNREACHABLE,
    extra_seconds,
    reason_against,
)
from scheduling.travel import NO_WAY_SECONDS, around
from schemas.base import Value
from schemas.plan import Job

FORBIDDEN = 10**9
PERHAPS = (ABLE, UNREACHABLE, ON_DARK_TABLET)
"""Who may, and who might if somebody telephones: a tablet that is not heard is no missing skill."""


class Found(Value, frozen=True):
    """One job against all places. `fits[T, K]` may hold it, `added[T, K]` is what that counts.

    `ready[T, K]` is the arrival where nothing is waited for; `own[T, K]` how late the job itself
    would begin there and `knock[T, K]` by how much what follows would be late.
    """

    job: Job
    why: Ints
    fits: Bools
    added: Ints
    arrive: Ints
    own: Ints
    knock: Ints
    valid: Bools


def evaluate(laid: Laid, job: Job, *, why: Ints | None = None) -> Found:
    """The job at every place of every route: what fits without breaking a rule, and what else
    would break. `why` are the papers, where they were looked at before."""
    to_job, from_job = around(laid.ways, job.place)
    before, after = laid.seq[:, :-1], laid.seq[:, 1:]
    drive_to, drive_on = to_job[before], from_job[after]
    why = _why(laid, job) if why is None else why
    extra = np.array([extra_seconds(each, job) for each in laid.problem.technicians], np.int64)
    ends = _ends(laid, job, drive_to=drive_to)
    fits, knock = _reaches(laid, ends, drive_on=drive_on)
    places = np.arange(before.shape[1])[None, :]
    valid = np.broadcast_to(places <= laid.lines.count[:, None], before.shape)
    added = drive_to + drive_on - laid.lines.drive[:, : before.shape[1]] + extra[:, None]
    return Found(
        job=job,
        why=why,
        fits=fits & valid & np.isin(why, PERHAPS)[:, None],
        added=added,
        arrive=ends.ready,
        own=ends.own,
        knock=knock,
        valid=valid,
    )


class _Ends(Value, frozen=True):
    """How the job ends at each place: hungry or fed (NEVER where it may not begin there)."""

    hungry: Ints
    fed: Ints
    ready: Ints
    own: Ints
    loose: Ints


def _why(laid: Laid, job: Job) -> Ints:
    people = laid.problem.technicians
    dark = frozenset(each.id for each in people if not each.reachable)
    known: dict[tuple[object, ...], int] = {}
    out = []
    for t, each in enumerate(people):
        # people with the same papers are judged once
        named = job.only or job.fixed or each.id in job.never or each.id == job.holder
        papers = tuple(each.certificates.get(skill) for skill in job.skills)
        asks = (each.id if named else "", each.skills, papers, each.reachable, each.standby)
        if asks not in known or each.capacity is not None:
            known[asks] = reason_against(each, job, problem=laid.problem, dark=dark)
        full = each.capacity is not None and laid.load[t] + job.load > each.capacity
        out.append(OVERLOAD if full and known[asks] == ABLE else known[asks])
    return np.array(out, dtype=np.int64)


def _ends(laid: Laid, job: Job, *, drive_to: Ints) -> _Ends:
    lines = laid.lines
    opens, closes = (each[:, None, :] for each in bands_of(laid, job))
    free = np.maximum(laid.early[:, :, 0], laid.since.now_seconds)
    fed = np.maximum(laid.early[:, :, 1], laid.since.now_seconds)
    first, length = lines.lunch_opens[:, None], lines.lunch_seconds[:, None]
    last = lines.lunch_latest[:, None]
    ready0, ready1 = free + drive_to, fed + drive_to
    eat_first, eat_there = np.maximum(free, first), np.maximum(ready0, first)
    ways = [
        np.where(fed < NEVER, ready1, NEVER),
        np.where(eat_first <= last, eat_first + length + drive_to, NEVER),
        np.where(eat_there <= last, eat_there + length, NEVER),
    ]
    ready_fed = np.minimum(np.minimum(ways[0], ways[1]), ways[2])
    begin0, late0 = timing.begin(opens, closes, ready=ready0)
    begin1, late1 = timing.begin(opens, closes, ready=ready_fed)
    ready = np.minimum(ready0, ready1)
    loose, own = timing.begin(opens, closes, ready=ready)
    length_of = job.duration_seconds
    return _Ends(
        hungry=np.where((free < NEVER) & (late0 == 0), begin0 + length_of, NEVER),
        fed=np.where((ready_fed < NEVER) & (late1 == 0), begin1 + length_of, NEVER),
        ready=ready,
        own=own,
        loose=loose + length_of,
    )


def _reaches(laid: Laid, ends: _Ends, *, drive_on: Ints) -> tuple[Bools, Ints]:
    lines = laid.lines
    late0, late1 = laid.late[:, :, 0], laid.late[:, :, 1]
    eat = np.maximum(ends.hungry, lines.lunch_opens[:, None])
    fits = (ends.fed < NEVER) & (ends.fed + drive_on <= late1)
    fits |= (ends.hungry < NEVER) & (ends.hungry + drive_on <= late0)
    fits |= (eat <= lines.lunch_latest[:, None]) & (
        eat + lines.lunch_seconds[:, None] + drive_on <= late1
    )
    knock = np.maximum(ends.loose + drive_on - np.maximum(late0, late1), 0)
    return fits & (drive_on < NO_WAY_SECONDS), knock


def cheapest(found: Found) -> tuple[Ints, Ints]:
    """For every technician (place, what it counts) of the cheapest place that fits; (-1,
    FORBIDDEN) where none does."""
    counted = np.where(found.fits, found.added, FORBIDDEN)
    place = counted.argmin(axis=1)
    best = counted[np.arange(len(place)), place]
    return np.where(best < FORBIDDEN, place, -1), best


def least_bad(found: Found) -> Ints:
    """For every technician the place at which least would break."""
    counted = np.where(found.valid, found.own + found.knock, FORBIDDEN) * 4096
    counted = counted + np.clip(found.added, 0, 4095)
    return np.asarray(counted.argmin(axis=1), dtype=np.int64)


def willing(laid: Laid, job: Job) -> Bools:
    """Nothing but an emergency goes to who has lost lunch."""
    spared = laid.since.hungry if job.tier != "emergency" else frozenset()
    return np.array([each.id not in spared for each in laid.problem.technicians], dtype=np.bool_)


def put(laid: Laid, job: Job, *, t: int, place: int) -> Laid:
    """The day with a job at a place of a route."""
    route = laid.routes[t]
    changed = (*route[:place], laid.numbers[job.id], *route[place:])
    return layout.with_route(laid, t, route=changed)


def said_anew(laid: Laid, job: Job) -> Laid:
    """The day with a job as it is said now, under the number that it has. Its route is walked by what
    was said before until it is set again."""
    number, jobs = laid.numbers[job.id], laid.problem.jobs
    kept = (*jobs[:number], job, *jobs[number + 1 :])
    problem = msgspec.structs.replace(laid.problem, jobs=kept)
    return msgspec.structs.replace(laid, problem=problem)
