"""A day laid out for questions: routes of all technicians in arrays, their slack in both
directions, and what becomes of them with a job more or less."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from scheduling import lines as timing
from scheduling.lines import NEVER, Ints, Lines
from scheduling.problem import start_bands
from scheduling.travel import Table, Ways, between, ways_of, with_point
from schemas.base import Value
from schemas.plan import Job, Plan, Problem, Technician

FAR = 10**9
Routes = tuple[tuple[int, ...], ...]


class Since(Value, frozen=True):
    """What a live day adds: the hour it is (nobody leaves in the past), starts by job that should
    not be pulled forward, and who has no room left for lunch.

    `coming` is job to (technician, the arrival that was told): the next visit of each, for which
    whoever should have left by now has left.
    """

    now_seconds: int = 0
    coming: Mapping[str, tuple[str, int]] = {}
    floors: Mapping[str, int] = {}
    hungry: frozenset[str] = frozenset()


class Laid(Value, frozen=True):
    """A day laid out for questions: routes by technician as job numbers, and their slack.

    What has started is a fact and lies behind: `done[T]` visits, and the route goes on from where
    and when the last of them ends. `routes` and the arrays hold what is still to come;
    `seq[T, P+2]` are its points, from where the technician is to where the day ends.
    """

    problem: Problem
    numbers: Mapping[str, int]
    ways: Ways
    since: Since
    routes: Routes
    lines: Lines
    seq: Ints
    early: Ints
    late: Ints
    done: Ints
    load: Ints


NOW = Since()


def lay_out(
    problem: Problem,
    routes: Mapping[str, Sequence[str]],
    *,
    since: Since = NOW,
    table: Table | None = None,
) -> Laid:
    """Everything about a day that does not depend on the job in question. `routes` is technician
    to jobs in order, `table` what a road service told of the ways."""
    numbers = {each.id: row for row, each in enumerate(problem.jobs)}
    chosen = tuple(
        tuple(numbers[job] for job in routes.get(person.id, ())) for person in problem.technicians
    )
    everybody = range(len(problem.technicians))
    known = (numbers, ways_of(problem, table))
    return _laid(problem, known, since=since, rows=everybody, routes=chosen)


def _laid(
    problem: Problem,
    known: tuple[Mapping[str, int], Ways],
    *,
    since: Since,
    rows: Sequence[int],
    routes: Routes,
) -> Laid:
    begun = [_begun(problem, each) for each in routes]
    ahead = tuple(each[many:] for each, many in zip(routes, begun, strict=True))
    starts = [
        _start_of(problem, t, behind=route[:many])
        for t, route, many in zip(rows, routes, begun, strict=True)
    ]
    made, seq = _lines(problem, ahead, known=(known[1], since), rows=rows, starts=starts)
    return Laid(
        problem=problem,
        numbers=known[0],
        ways=known[1],
        since=since,
        routes=ahead,
        lines=made,
        seq=seq,
        early=timing.early(made),
        late=timing.latest(made),
        done=np.array(begun, dtype=np.int64),
        load=np.array([sum(problem.jobs[n].load for n in each) for each in routes], dtype=np.int64),
    )


def routes_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    """A plan as technician to jobs in order."""
    return {each.technician: tuple(stop.job for stop in each.stops) for each in plan.routes}


def starts_of(plan: Plan) -> dict[str, int]:
    """When each job of a plan begins."""
    return {stop.job: stop.start_seconds for each in plan.routes for stop in each.stops}


def _begun(problem: Problem, route: tuple[int, ...]) -> int:
    begun = 0
    for place, number in enumerate(route, start=1):
        fixed = problem.jobs[number].fixed
        begun = place if fixed is not None and fixed.started else begun
    return begun


def _start_of(problem: Problem, t: int, *, behind: tuple[int, ...]) -> tuple[int, int]:
    """(point, instant) from which the rest of a route goes on."""
    jobs, person = problem.jobs, problem.technicians[t]
    if not behind:
        return t, person.shift.opens
    ends = [
        each.fixed.start_seconds + each.duration_seconds
        for each in (jobs[n] for n in behind)
        if each.fixed is not None
    ]
    return first_job(problem) + behind[-1], max([person.shift.opens, *ends])


def bands_for(person: Technician, job: Job, *, told: int | None = None) -> list[tuple[int, int]]:
    """When somebody may begin a job: its own bands without the person's absences. Of a crew that
    is placed already neither begins at another instant than the other (`told`)."""
    if job.fixed is not None:
        return start_bands(job)
    found = start_bands(job) if told is None or job.crew is None else [(told, told)]
    for away in person.absences:
        first, last = away.opens - job.duration_seconds, away.closes
        parts = [((o, min(c, first)), (max(o, last), c)) for o, c in found]
        found = [each for pair in parts for each in pair if each[0] <= each[1]]
    return found


def _lines(
    problem: Problem,
    routes: Routes,
    *,
    known: tuple[Ways, Since],
    rows: Sequence[int],
    starts: Sequence[tuple[int, int]],
) -> tuple[Lines, Ints]:
    """Routes of the technicians in `rows` as arrays, and their points from start to end."""
    jobs, (ways, since) = problem.jobs, known
    now = since.now_seconds
    people = [problem.technicians[t] for t in rows]
    places = max((len(each) for each in routes), default=0) or 1
    first = first_job(problem)
    ends = len(problem.technicians) + np.array(rows, dtype=np.int64)
    seq = np.repeat(ends[:, None], places + 2, axis=1)
    seq[:, 0] = [each[0] for each in starts]
    shape, width = (len(people), places), _width(problem)
    opens = np.full((*shape, width), NEVER, dtype=np.int64)
    closes = np.full((*shape, width), -1, dtype=np.int64)
    duration, floor = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for t, route in enumerate(routes):
        for p, number in enumerate(route):
            job = jobs[number]
            told = since.floors.get(job.id)
            seq[t, p + 1] = first + number
            for w, band in enumerate(bands_for(people[t], job, told=told)[:width]):
                opens[t, p, w], closes[t, p, w] = band
            duration[t, p] = job.duration_seconds
            floor[t, p] = 0 if job.fixed else told or 0
    drive = between(ways, seq[:, :-1], end=seq[:, 1:])
    nexts = [jobs[each[0]].id if each else "" for each in routes]
    shift_opens = np.array([each[1] for each in starts], dtype=np.int64)
    lunch_opens, lunch_latest, lunch_seconds, fed = timing.lunches(people)
    return Lines(
        count=np.array([len(each) for each in routes], dtype=np.int64),
        opens=opens,
        closes=closes,
        duration=duration,
        drive=drive,
        floor=floor,
        leave=_leave(since, drive, whose=[each.id for each in people], nexts=nexts),
        shift_opens=shift_opens,
        shift_closes=np.array([each.shift.closes + each.overtime_seconds for each in people]),
        lunch_opens=lunch_opens,
        lunch_latest=lunch_latest,
        lunch_seconds=lunch_seconds,
        # whom the band has passed, in started work or without any, counts as having eaten
        fed=fed | ((lunch_latest < shift_opens) & (seq[:, 0] >= first)) | (lunch_latest < now),
    ), seq


def _leave(since: Since, drive: Ints, *, whose: list[str], nexts: list[str]) -> Ints:
    """Nobody leaves in the past, but who should have left for what comes next."""
    leave = np.full(drive.shape, since.now_seconds, dtype=np.int64)
    for t, name in enumerate(nexts):
        who, arrive = since.coming.get(name, ("", 0))
        if who == whose[t]:
            leave[t, 0] = max(0, min(since.now_seconds, arrive - int(drive[t, 0])))
    return leave


def _width(problem: Problem) -> int:
    windows = max((len(each.windows) for each in problem.jobs), default=1) or 1
    # room for a job that joins later
    return max(windows, 2) + max((len(each.absences) for each in problem.technicians), default=0)


def with_route(laid: Laid, t: int, *, route: tuple[int, ...]) -> Laid:
    """The day with what is still to come of one route replaced; the others are not looked at
    again."""
    starts = [(int(laid.seq[t, 0]), int(laid.lines.shift_opens[t]))]
    known = (laid.ways, laid.since)
    made, seq = _lines(laid.problem, (route,), known=known, rows=[t], starts=starts)
    one = msgspec.structs.replace(
        laid, lines=made, seq=seq, early=timing.early(made), late=timing.latest(made)
    )
    places = max(laid.seq.shape[1], one.seq.shape[1]) - 2
    whole, row = _widened(laid, places), _widened(one, places)

    def put(name: str) -> Ints:
        table: Ints = getattr(whole, name).copy()
        table[t] = getattr(row, name)[0]
        return table

    lines = {name: getattr(laid.lines, name) for name in Lines.__struct_fields__}
    lines |= {name: put(name) for name in _WIDE}
    lines["count"] = laid.lines.count.copy()
    lines["count"][t] = len(route)
    return msgspec.structs.replace(
        laid,
        routes=(*laid.routes[:t], route, *laid.routes[t + 1 :]),
        lines=Lines(**lines),
        seq=put("seq"),
        early=put("early"),
        late=put("late"),
    )


_WIDE = ("opens", "closes", "duration", "drive", "floor", "leave")


class _Widened(Value, frozen=True):
    opens: Ints
    closes: Ints
    duration: Ints
    drive: Ints
    floor: Ints
    leave: Ints
    seq: Ints
    early: Ints
    late: Ints


def _widened(laid: Laid, places: int) -> _Widened:
    more = places - (laid.seq.shape[1] - 2)
    tables = {name: getattr(laid.lines, name) for name in _WIDE}
    tables |= {name: getattr(laid, name) for name in ("seq", "early", "late")}
    # beyond its end a route is at home: the last point is repeated, and no band is open
    edge = {
        name: np.concatenate([table, np.repeat(table[:, -1:], more, axis=1)], axis=1)
        for name, table in tables.items()
    }
    for name in ("drive", "floor", "duration"):
        edge[name][:, edge[name].shape[1] - more :] = 0
    return _Widened(**edge)


def first_job(problem: Problem) -> int:
    """The point of the first job: before them lie where people start and where they end."""
    return 2 * len(problem.technicians)


def with_job(laid: Laid, job: Job) -> Laid:
    """The day with one more job that nobody has yet; the same day where it is known."""
    if job.id in laid.numbers:
        return laid
    problem = msgspec.structs.replace(laid.problem, jobs=(*laid.problem.jobs, job))
    numbers = {**laid.numbers, job.id: len(laid.problem.jobs)}
    return msgspec.structs.replace(
        laid, problem=problem, numbers=numbers, ways=with_point(laid.ways, job.place)
    )


def without(laid: Laid, job: Job) -> Laid:
    """The day as it would be without a job that somebody has; the same day where nobody has it."""
    number = laid.numbers[job.id]
    for t, route in enumerate(laid.routes):
        if number in route:
            return with_route(laid, t, route=tuple(n for n in route if n != number))
    return laid


def alone(laid: Laid) -> Laid:
    """The same people with nothing more to do: what is impossible even then is no question of
    hours."""
    starts = [
        (int(point), int(free))
        for point, free in zip(laid.seq[:, 0], laid.lines.shift_opens, strict=True)
    ]
    empty: Routes = tuple(() for _ in laid.routes)
    rows, known = range(len(laid.routes)), (laid.ways, laid.since)
    made, seq = _lines(laid.problem, empty, known=known, rows=rows, starts=starts)
    return msgspec.structs.replace(
        laid,
        routes=empty,
        lines=made,
        seq=seq,
        early=timing.early(made),
        late=timing.latest(made),
        load=np.zeros_like(laid.load),
    )


def inserted(laid: Laid, job: Job, *, places: Ints) -> Lines:
    """All routes with the job at a place each (-1: as they are)."""
    point, lines = first_job(laid.problem) + laid.numbers[job.id], laid.lines
    wide = laid.seq.shape[1] - 2
    at = np.where(places < 0, FAR, places)[:, None]
    order = np.arange(wide + 1)[None, :]
    # the job is laid behind the last column and fetched from there
    index = np.where(order < at, order, np.where(order == at, wide, order - 1))
    index = np.where((places < 0)[:, None] & (order == wide), wide - 1, index)
    opens, closes = bands_of(laid, job)
    people = len(laid.routes)

    def fetched(table: Ints, value: Ints | int) -> Ints:
        column = np.broadcast_to(np.asarray(value), (people, *table.shape[2:]))[:, None]
        both = np.concatenate([table[:, :wide], column], axis=1)
        chosen = index.reshape(people, wide + 1, *(1 for _ in table.shape[2:]))
        return np.take_along_axis(both, chosen, axis=1)

    seq = fetched(laid.seq[:, 1:-1], point)
    ends = laid.seq[:, -1:]
    count = lines.count + (places >= 0)
    seq = np.where(order < count[:, None], seq, ends)
    # who is sent elsewhere first leaves for it now
    leave = np.concatenate([lines.leave, lines.leave[:, -1:]], axis=1)
    leave[:, 0] = np.where(places == 0, leave[:, -1], leave[:, 0])
    points = np.concatenate([laid.seq[:, :1], seq, ends], axis=1)
    return msgspec.structs.replace(
        lines,
        count=count,
        opens=fetched(lines.opens, opens),
        closes=fetched(lines.closes, closes),
        duration=fetched(lines.duration, job.duration_seconds),
        floor=fetched(lines.floor, 0),
        leave=leave,
        drive=between(laid.ways, points[:, :-1], end=points[:, 1:]),
    )


def bands_of(laid: Laid, job: Job) -> tuple[Ints, Ints]:
    """Start bands of a job for every technician, as (T, W)."""
    told = laid.since.floors.get(job.id)
    width = laid.lines.opens.shape[2]
    people = laid.problem.technicians
    opens = np.full((len(people), width), NEVER, dtype=np.int64)
    closes = np.full((len(people), width), -1, dtype=np.int64)
    usual = bands_for(people[0], job, told=told) if people else []
    for t, person in enumerate(people):
        found = bands_for(person, job, told=told) if person.absences else usual
        for w, band in enumerate(found[:width]):
            opens[t, w], closes[t, w] = band
    return opens, closes


def walked(lines: Lines) -> timing.Walk:
    """Every route with its starts where they were promised; where that would break something and
    an earlier start would not, at its earliest."""
    kept = timing.walk(lines)
    if not (broken := timing.broken(kept)).any():
        return kept
    # who hurries begins nothing in the past: the last departure is bound by the hour it is alone
    floor = np.minimum(lines.floor, lines.leave[:, -1:])
    hurried = timing.walk(msgspec.structs.replace(lines, floor=floor))
    better = broken & (timing.badness(hurried) < timing.badness(kept))
    fields = {
        name: np.where(
            better.reshape(-1, *(1 for _ in getattr(kept, name).shape[1:])),
            getattr(hurried, name),
            getattr(kept, name),
        )
        for name in timing.Walk.__struct_fields__
    }
    return timing.Walk(**fields)


def rows_of(lines: Lines, rows: Sequence[int]) -> Lines:
    """Some of the routes."""
    return Lines(**{name: getattr(lines, name)[list(rows)] for name in Lines.__struct_fields__})
