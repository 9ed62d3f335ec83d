"""Shell: something happened in the field. The day is repaired in few changes, in one transaction,
under the day's lock."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling import solver
from scheduling.board import Days, both, job_of
from scheduling.carry_out import MOVABLE, Act, carry_out
from scheduling.demand import BEGUN, Day, demand, midnight_of, now_seconds
from scheduling.diff import PROMISED, changes, hours_of, placed_ahead
from scheduling.live import RISK, Live, stands
from scheduling.repair import Repaired, kept_on, repair, retimed
from scheduling.travel import GREAT_CIRCLE, Table
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.base import Value, date
from schemas.day import PersonRow, WorkRow
from schemas.ids import named
from schemas.live import Asked, EventDone, EventWish, Promise, Risk, VisitChange
from schemas.plan import Job, Plan, Problem
from schemas.problems import Refusal
from storage import live as rows
from storage import work
from storage.engine import Transaction

SEARCH_SECONDS, SEARCH_ROUNDS, SEARCH_SEED = 0.15, 4_000, 1
AGAIN_AFTER = timedelta(hours=1)
"""Nobody knocks twice within an hour at a door that stayed closed."""


class Scene(Value, frozen=True):
    """The day with the event in it: what has to be placed, what is cancelled or leaves the day, and
    whose tablet is not heard."""

    live: Live
    loose: tuple[Job, ...]
    cancelled: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    silent: frozenset[UUID] = frozenset()
    touched: frozenset[str] = frozenset()
    subject: str | None = None


async def happened(
    engine: AsyncEngine,
    who: Principal,
    *,
    on_day: date,
    wish: EventWish,
    use: tuple[Days, Ambient],
) -> EventDone:
    """Takes an event in and plans around it. Refuses `not_found` and `visit_under_way`, and
    `invalid_field` where the event does not say what it has to."""
    days, ambient = use
    begun = monotonic()
    async with engine.begin() as tx:
        version = await rows.bump(tx, who.unit_id, on_day=on_day)
        table = await days.table(tx, who.unit_id)
        day = await _read(tx, who.unit_id, place=(on_day, table), now=ambient.now)
        scene = await _SCENES[wish.kind](tx, who, day=day, wish=wish)
        # seconds of arithmetic, which other requests do not wait for
        done = await asyncio.to_thread(repair, scene.live, scene.loose, improve=improve)
        found, kept_late = _changes(scene, done), kept_on(scene.live, done)
        act = Act(
            id=ambient.new_id(),
            on_day=on_day,
            version=version,
            kind=wish.kind,
            changes=found,
            reason=wish.reason,
            accepted=("shift_end",) if kept_late else (),
            subject=scene.subject,
        )
        await _beforehand(tx, day=day, wish=wish)
        carried = await carry_out(tx, who, act=act, ambient=ambient)
        await _afterwards(tx, who.unit_id, wish=wish)
    kept, lost = _promises(scene, done)
    return EventDone(
        move_id=act.id,
        version=version,
        changes=carried,
        promises_kept=kept,
        promises_lost=lost,
        risks=_risks(scene, found),
        kept_on=tuple(UUID(each) for each in kept_late),
        roads=table.provider if table else GREAT_CIRCLE,
        took=round(monotonic() - begun, 3),
    )


def improve(problem: Problem, plan: Plan) -> Plan:
    """A short search from a plan that stands."""
    budget = solver.Budget(seconds=SEARCH_SECONDS, iterations=SEARCH_ROUNDS)
    return solver.solve(problem, seed=SEARCH_SEED, budget=budget, start=plan)


async def _read(
    tx: Transaction, unit_id: str, *, place: tuple[date, Table | None], now: datetime
) -> Day:
    on_day, table = place
    begins = midnight_of(on_day)
    people = await rows.people(tx, unit_id, on_day=on_day)
    held = await rows.visits(
        tx, unit_id, on_day=on_day, between=(begins, begins + timedelta(days=1))
    )
    return Day(
        on_day=on_day,
        people=people,
        work=held,
        now=max(now, begins),
        pairs_stand=True,
        speeds=await rows.speeds(tx, unit_id),
        table=table,
    )


def _live(day: Day) -> Live:
    now = day.now or midnight_of(day.on_day)
    return stands(demand(day), now_seconds=now_seconds(day.on_day, now))


def _job(live: Live, name: str) -> Job:
    return live.laid.problem.jobs[live.laid.numbers[name]]


def loosened(day: Day, loose: Sequence[Job]) -> Live:
    """The day as it stands without some jobs, which know all the same who had them and when."""
    names = {each.id for each in loose}
    free = {"technician_id": None, "second_id": None, "starts_at": None, "ends_at": None}
    work_ = [
        msgspec.structs.replace(each, **free) if each.job in names else each for each in day.work
    ]
    live = _live(msgspec.structs.replace(day, work=work_))
    asked = msgspec.structs.replace(live.asked, rows=demand(day).rows)
    return msgspec.structs.replace(live, asked=asked)


def movable(live: Live, loose: Sequence[Job]) -> list[Job]:
    """Of jobs that somebody has, those that somebody else could take; the others stay where they
    are, however badly."""
    hopeless = set(repair(live, loose).left)
    return [each for each in loose if each.id not in hopeless]


def _nobodys(live: Live) -> list[Job]:
    """Visits of the day that nobody has."""
    return [
        _job(live, name)
        for name, row in live.asked.rows.items()
        if row.technician_id is None and name in live.laid.numbers
    ]


def _ahead(live: Live, technician: UUID) -> list[Job]:
    """What a technician has not begun and nobody pinned."""
    for person, route in zip(live.laid.problem.technicians, live.laid.routes, strict=True):
        if person.id == str(technician):
            jobs = [live.laid.problem.jobs[number] for number in route]
            return [each for each in jobs if each.fixed is None]
    return []


async def _emergency(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    live, job = await job_of(tx, who.unit_id, live=_live(day), asked=_asked(wish))
    two = both(live, live.asked.rows[job.id])
    grave = [msgspec.structs.replace(each, tier="emergency", windows=()) for each in two]
    return Scene(live=live, loose=tuple(grave), subject=job.id)


async def _sick(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    person = _person(day, wish)
    at = wish.at or day.now or midnight_of(day.on_day)
    row = {
        "id": named(who.unit_id, "shift", person.id, day.on_day),
        "unit_id": who.unit_id,
        "technician_id": person.id,
        "on_day": day.on_day,
        "kind": "sick",
        "opens_at": None,
        "closes_at": at,
        "reason": wish.reason or "sick",
    }
    await rows.set_absence(tx, row)
    before = _live(day)
    gone = msgspec.structs.replace(person, shift_kind="sick", closes_at=at)
    others = [gone if each.id == person.id else each for each in day.people]
    loose = _ahead(before, person.id)
    # nobody goes alone to work for two: who was to come along is free as well
    torn = [each for each in day.work if each.people > 1 and person.id in each.who]
    torn = [each for each in torn if each.state == "planned" and not each.pinned]
    gone_too = [_job(before, each.job) for each in torn]
    live = loosened(msgspec.structs.replace(day, people=others), [*loose, *gone_too])
    found = (*loose, *(half for each in torn for half in both(live, each)))
    return Scene(live=live, loose=found, subject=str(person.id))


async def _overrun(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    row = _visit(day, wish)
    if wish.until is None or row.technician_id is None or row.starts_at is None:
        raise Refusal("invalid_field", field="until")
    before = _live(day)
    longer = msgspec.structs.replace(
        row,
        ends_at=wish.until,
        started_at=row.started_at or row.starts_at,
        state="on_site" if row.state in MOVABLE else row.state,
    )
    after = _with(day, longer)
    late = [name for name in _live(after).late if name not in before.late]
    loose = [_job(before, name) for name in late if _job(before, name).fixed is None]
    # what would come late now may be in time with somebody else; if not, late is better than never
    loose = movable(loosened(after, loose), loose)
    live = loosened(after, loose)
    late_one = frozenset(str(each) for each in row.who)
    return Scene(live=live, loose=tuple(loose), touched=late_one, subject=row.job)


async def _cancel(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    row = _visit(day, wish)
    if row.state not in MOVABLE:
        raise Refusal("visit_under_way", state=row.state)
    live = _without(day, row)
    free = [each for each in _nobodys(live) if each.id != row.job]
    return Scene(live=live, loose=tuple(free), cancelled=(row.job,), subject=row.job)


async def _hours_moved(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    """The customer is asked at other hours: within the day the visit finds another place, at hours
    of another day nobody comes today. What is pinned stays, and a person decides."""
    row = _visit(day, wish)
    if row.state not in MOVABLE:
        raise Refusal("visit_under_way", state=row.state)
    live, hours = _live(day), hours_of(row, begins=midnight_of(day.on_day))
    if hours == "kept":
        return Scene(live=live, loose=(), subject=row.job)
    if hours == "away":
        return Scene(live=_without(day, row), loose=(), dropped=(row.job,), subject=row.job)
    free = loosened(day, [_job(live, row.job)])
    loose = both(free, row) if row.people > 1 else (_job(live, row.job),)
    return Scene(live=free, loose=loose, subject=row.job)


async def _no_access(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    row = _visit(day, wish)
    if row.state == "ended":
        raise Refusal("visit_under_way", state=row.state)
    now = day.now or midnight_of(day.on_day)
    tried = msgspec.structs.replace(
        row,
        state="ended",
        started_at=row.started_at or min(row.starts_at or now, now),
        ended_at=now,
    )
    live = _live(_with(day, tried))
    return Scene(live=live, loose=tuple(_nobodys(live)), subject=row.job)


async def _tablet_silent(tx: Transaction, who: Principal, *, day: Day, wish: EventWish) -> Scene:
    person = _person(day, wish)
    silent = frozenset({person.id})
    live = _live(msgspec.structs.replace(day, silent=silent))
    # moved knowingly: whoever takes them is told by the risk that the first may come as well
    loose = [msgspec.structs.replace(each, holder=None) for each in _ahead(live, person.id)]
    loose = movable(live, loose) if wish.move else []
    return Scene(live=live, loose=tuple(loose), silent=silent, subject=str(person.id))


_SCENES = {
    "emergency": _emergency,
    "sick": _sick,
    "overrun": _overrun,
    "cancel": _cancel,
    "no_access": _no_access,
    "tablet_silent": _tablet_silent,
    "hours_moved": _hours_moved,
}


def _asked(wish: EventWish) -> Asked:
    return Asked(visit_id=wish.visit_id, work_order_id=wish.work_order_id)


def _person(day: Day, wish: EventWish) -> PersonRow:
    found = next((each for each in day.people if each.id == wish.technician_id), None)
    if found is None:
        raise Refusal("not_found")
    return found


def _visit(day: Day, wish: EventWish) -> WorkRow:
    found = next(
        (each for each in day.work if each.visit_id and each.visit_id == wish.visit_id), None
    )
    if found is None:
        raise Refusal("not_found")
    return found


def _without(day: Day, row: WorkRow) -> Live:
    """The day in which a visit has no place, and is known all the same."""
    known = _live(day).asked.rows
    rest = [each for each in day.work if each.visit_id != row.visit_id]
    live = _live(msgspec.structs.replace(day, work=rest))
    asked = msgspec.structs.replace(live.asked, rows=known)
    return msgspec.structs.replace(live, asked=asked)


def _with(day: Day, row: WorkRow) -> Day:
    work_ = [row if each.job == row.job else each for each in day.work]
    return msgspec.structs.replace(day, work=work_)


async def _beforehand(tx: Transaction, *, day: Day, wish: EventWish) -> None:
    """What the event itself means for its visit, so that its place is free for others."""
    if wish.kind == "no_access" and wish.visit_id:
        row = _visit(day, wish)
        now = day.now or midnight_of(day.on_day)
        ended = {"state": "ended", "outcome": "no_access", "ended_at": now}
        begun = {"started_at": row.started_at or min(row.starts_at or now, now)}
        await work.update_visits(tx, [{"id": wish.visit_id, **ended, **begun}])
        again = {"id": row.work_order_id, "state": "scheduled", "earliest_at": now + AGAIN_AFTER}
        await work.set_work_order_states(tx, [again])


async def _afterwards(tx: Transaction, unit_id: str, *, wish: EventWish) -> None:
    """What takes longer takes its place once those who stood there are elsewhere."""
    if wish.kind == "overrun" and wish.visit_id and wish.until:
        await rows.extend_stop(tx, unit_id, visit_id=wish.visit_id, until=wish.until)
    if wish.kind == "hours_moved" and wish.visit_id:
        await work.hours_kept(tx, unit_id, visit_id=wish.visit_id)


def _changes(scene: Scene, done: Repaired) -> tuple[VisitChange, ...]:
    asked = msgspec.structs.replace(scene.live.asked, problem=done.laid.problem)
    routes = retimed(done, scene.touched)
    had = [name for name in done.left if asked.rows[name].technician_id is not None]
    found = changes(asked, placed_ahead(done.laid, routes), dropped=had)
    gone = changes(asked, (), dropped=scene.cancelled)
    named_gone = tuple(msgspec.structs.replace(each, kind="cancelled") for each in gone)
    return (*named_gone, *changes(asked, (), dropped=scene.dropped), *found)


def _promises(scene: Scene, done: Repaired) -> tuple[tuple[Promise, ...], tuple[Promise, ...]]:
    """Promises that the event put at risk: those that are kept all the same, and those that are
    lost."""
    known = {each.id: each for each in scene.loose}
    touched = (*scene.live.late, *done.left)
    known |= {each: _job(scene.live, each) for each in touched if each not in known}
    kept: list[Promise] = []
    lost: list[Promise] = []
    for name, job in known.items():
        if job.tier in PROMISED and not scene.live.asked.rows[name].half:
            late = done.late.get(name)
            broken = late is not None or name in done.left
            (lost if broken else kept).append(_promise(scene, done, job=job, late=late))
    return tuple(kept), tuple(lost)


def _promise(scene: Scene, done: Repaired, *, job: Job, late: int | None) -> Promise:
    row = scene.live.asked.rows[job.id]
    holder = next((who for who, names in done.routes.items() if job.id in names), None)
    return Promise(
        visit_id=row.visit_id,
        work_order_id=row.work_order_id,
        tier=job.tier,
        technician_id=UUID(holder) if holder else None,
        late_seconds=late,
    )


def _risks(scene: Scene, found: Iterable[VisitChange]) -> tuple[Risk, ...]:
    """Visits on tablets that nobody hears: where they were left, and where they were moved."""
    silent = scene.live.asked.silent
    moved = {each.visit_id for each in found if each.before and each.before != each.after}
    out = []
    for row in scene.live.asked.rows.values():
        who = str(row.technician_id)
        quiet = row.technician_id in scene.silent or (who in silent and row.visit_id in moved)
        if not quiet or row.visit_id is None or row.state not in MOVABLE or row.state in BEGUN:
            continue
        gone = row.visit_id in moved
        out.append(
            Risk(
                visit_id=row.visit_id,
                technician_id=UUID(who),
                silent_since=silent.get(who),
                moved=gone,
                zh=RISK[gone][0],
                en=RISK[gone][1],
            )
        )
    return tuple(out)
