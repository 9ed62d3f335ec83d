"""Shell: a dispatcher's hand: moves, undo, cancellation, edits. Work done meanwhile stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling import crews
from scheduling.board import Days, both, job_of
from scheduling.carry_out import MOVABLE, OFFICE, Act, carry_out
from scheduling.demand import midnight_of
from scheduling.diff import before_of, changes, placed_ahead, reversed_change
from scheduling.layout import with_job
from scheduling.live import Live, Option, at_place, options, row_of
from scheduling.reasons import WORDS
from schemas.access import Assign, Principal
from schemas.ambient import Ambient
from schemas.base import date
from schemas.day import WorkRow
from schemas.live import DayChange, Moved, MoveWish, Placement, VisitChange
from schemas.plan import Job
from schemas.problems import Refusal
from schemas.sync import FieldValue, RecordState
from storage import audit, live, mailboxes, records, registry, work
from storage.engine import Transaction
from sync.merge import office_edit
from sync.rows import changed_row, conflict_row, history_row, office_mark, state_of

CHANGES_TOLD = 20


async def move(
    engine: AsyncEngine, who: Principal, *, on_day: date, wish: MoveWish, use: tuple[Days, Ambient]
) -> Moved:
    """Gives a job to a technician, or to nobody, and tells both tablets in the same transaction.

    Refuses `stale_version` with what was changed and by whom, `rule_broken` for a hard rule,
    `rule_needs_accept` for a soft one that nobody accepted, `visit_under_way`.
    """
    days, ambient = use
    async with engine.begin() as tx:
        version = await live.bump(tx, who.unit_id, on_day=on_day)
        if wish.version != version - 1:
            await _stale(tx, who.unit_id, on_day=on_day, since=wish.version)
        known = await days.day(tx, who.unit_id, on_day=on_day, now=ambient.now)
        stands, job = await job_of(tx, who.unit_id, live=known.live, asked=wish)
        found, option = _decided(stands, job, wish=wish)
        act = Act(
            id=ambient.new_id(),
            on_day=on_day,
            version=version,
            kind="move",
            changes=found,
            reason=wish.reason,
            accepted=option.soft if option else (),
            subject=job.id,
        )
        done = await carry_out(tx, who, act=act, ambient=ambient)
    return Moved(move_id=act.id, version=version, changes=done)


def _decided(
    stands: Live, job: Job, *, wish: MoveWish
) -> tuple[tuple[VisitChange, ...], Option | None]:
    row = stands.asked.rows[job.id]
    if job.fixed is not None and row.state not in MOVABLE:
        raise Refusal("visit_under_way", state=row.state)
    if row.people > 1 and not row.pinned and not (job.fixed and job.fixed.started):
        return _together(stands, row, wish=wish), None
    if job.fixed is not None:
        raise _broken("begun" if job.fixed.started else "pinned")
    if wish.technician_id is None:
        return changes(stands.asked, (), dropped=[job.id]), None
    option = _option(stands, job, wish=wish)
    if option.place < 0:
        raise _broken(option.code)
    missing = [each for each in option.soft if each not in wish.accept]
    if missing or (option.soft and not wish.reason.strip()):
        raise Refusal("rule_needs_accept", soft=missing or list(option.soft), **_said(option.code))
    # an order that came in since is no job of the day yet
    laid = with_job(stands.laid, job)
    return changes(stands.asked, placed_ahead(laid, _routes(stands, job, option=option))), option


def _together(stands: Live, row: WorkRow, *, wish: MoveWish) -> tuple[VisitChange, ...]:
    """Work for two goes to somebody and to a second who is free at that instant, or to nobody; one
    of two who were told is not sent elsewhere alone."""
    if wish.technician_id is None:
        return changes(stands.asked, (), dropped=[row.job])
    name, pair = str(wish.technician_id), both(stands, row)
    t = row_of(stands.laid, name)
    if t < 0:
        raise Refusal("not_found")
    found = {each.technician: each for each in options(stands, pair[0])}
    at = crews.meet(stands.laid, pair[0], who=t) if found[name].feasible else None
    if at is None or len(pair) < 2:
        raise _broken(found[name].code)
    laid = crews.seated(stands.laid, (pair[0], pair[1]), at=at)
    people = [laid.problem.technicians[each].id for each in at.who]
    routes = {
        who: tuple(laid.problem.jobs[number].id for number in laid.routes[row_of(laid, who)])
        for who in people
    }
    return changes(stands.asked, placed_ahead(laid, routes))


def _option(stands: Live, job: Job, *, wish: MoveWish) -> Option:
    name = str(wish.technician_id)
    t = row_of(stands.laid, name)
    if t < 0:
        raise Refusal("not_found")
    if wish.rank is not None:
        place = max(0, wish.rank - 1 - int(stands.laid.done[t]))
        return at_place(stands, job, technician=name, place=place)
    return next(each for each in options(stands, job) if each.technician == name)


def _routes(stands: Live, job: Job, *, option: Option) -> dict[str, tuple[str, ...]]:
    """What is still to come of those whose day changes."""
    routes = {}
    for person, route in zip(stands.laid.problem.technicians, stands.laid.routes, strict=True):
        names = [stands.laid.problem.jobs[number].id for number in route]
        had = job.id in names
        names = [each for each in names if each != job.id]
        if person.id == option.technician:
            names.insert(option.place, job.id)
        if had or person.id == option.technician:
            routes[person.id] = tuple(names)
    return routes


def _broken(code: str) -> Refusal:
    return Refusal("rule_broken", **_said(code))


def _said(code: str) -> dict[str, str]:
    zh, en = WORDS[code]
    return {"rule": code, "words_zh": zh, "words_en": en}


async def _stale(tx: Transaction, unit_id: str, *, on_day: date, since: int) -> None:
    """Says who changed what since the version on screen."""
    told = await history(tx, unit_id, on_day=on_day, since=since)
    version = await live.version(tx, unit_id, on_day=on_day)
    brief = [
        {"actor": each.actor, "kind": each.kind, "at": each.at, "version": each.version,
         "visits": [one.visit_id for one in each.changes]}
        for each in told[-CHANGES_TOLD:]
    ]  # fmt: skip
    # the bump of this very transaction is rolled back with it
    raise Refusal("stale_version", version=version - 1, changed=brief)


async def history(
    tx: Transaction, unit_id: str, *, on_day: date, since: int
) -> tuple[DayChange, ...]:
    """What changed a day after a version, the oldest first."""
    rows = await live.changes_since(tx, unit_id, on_day=on_day, since=(since, 500))
    return tuple(
        DayChange(
            move_id=row["id"],
            version=row["version"],
            kind=row["kind"],
            actor=row["actor"],
            at=row["at"],
            reason=row["reason"],
            accepted=tuple(row["accepted"]),
            changes=msgspec.convert(row["changes"], tuple[VisitChange, ...]),
            undone_by=row["undone_by"],
        )
        for row in rows
    )


async def undo(
    engine: AsyncEngine, who: Principal, *, place: tuple[date, UUID], ambient: Ambient
) -> Moved:
    """Puts everything back that a change moved. Refuses `already_undone`, and `stale_version` or
    `visit_under_way` where a visit of it went on meanwhile."""
    on_day, move_id = place
    async with engine.begin() as tx:
        version = await live.bump(tx, who.unit_id, on_day=on_day)
        row = await live.change_of(tx, who.unit_id, change_id=move_id)
        if row is None or row.on_day != on_day:
            raise Refusal("not_found")
        if row.undone_by is not None:
            raise Refusal("already_undone")
        back = tuple(reversed_change(each) for each in _changes(row))
        act = Act(
            id=ambient.new_id(),
            on_day=on_day,
            version=version,
            kind="undo",
            changes=back,
            subject=str(move_id),
        )
        done = await carry_out(tx, who, act=act, ambient=ambient)
        await live.undone(tx, move_id, by=act.id)
        if row.kind == "sick" and row.subject is not None:
            await live.end_absence(tx, UUID(row.subject), on_day=on_day)
    return Moved(move_id=act.id, version=version, changes=done)


def _changes(row: Any) -> tuple[VisitChange, ...]:
    return msgspec.convert(row.changes, tuple[VisitChange, ...])


async def assign(
    engine: AsyncEngine, who: Principal, *, visit_id: UUID, wish: Assign, ambient: Ambient
) -> None:
    """A visit to a technician at an hour that was agreed by telephone, whatever it costs.

    Refuses `stale_version`, `visit_under_way`, `technician_unable` and, by the database itself,
    `double_booking`. What the first tablet captured meanwhile is kept and shown to the new holder.
    """
    async with engine.begin() as tx:
        found = (await work.visits_of(tx, who.unit_id, ids=[visit_id])).get(visit_id)
        if found is None:
            raise Refusal("not_found")
        version = await live.bump(tx, who.unit_id, on_day=found.on_day)
        visit, record = await _locked(tx, who.unit_id, visit_id=visit_id)
        if record.version != wish.version:
            raise Refusal("stale_version", version=record.version)
        if visit.state not in MOVABLE:
            raise Refusal("visit_under_way", state=visit.state)
        await _refuse_unable(tx, who.unit_id, visit=visit, wish=wish)
        ends = wish.starts_at + timedelta(seconds=max(1, visit.duration_seconds))
        after = Placement(
            technician_id=wish.technician,
            rank=1,
            arrive_at=wish.starts_at,
            starts_at=wish.starts_at,
            ends_at=ends,
            second_id=_second(visit, wish),
        )
        act = Act(
            id=ambient.new_id(),
            on_day=visit.on_day,
            version=version,
            kind="assign",
            changes=(await _change(tx, who.unit_id, visit=visit, after=after),),
            reason=wish.reason,
            subject=str(visit_id),
        )
        await carry_out(tx, who, act=act, ambient=ambient)


def _second(visit: Any, wish: Assign) -> UUID | None:
    if visit.people < 2:
        return None
    second: UUID | None = wish.second or visit.second_id
    if second is None or second == wish.technician:
        raise _broken("crew")
    return second


async def _change(
    tx: Transaction, unit_id: str, *, visit: Any, after: Placement | None, kind: str = "moved"
) -> VisitChange:
    begins = midnight_of(visit.on_day)
    day = (begins, begins + timedelta(days=1))
    rows = await live.visits(tx, unit_id, on_day=visit.on_day, between=day)
    row = next(each for each in rows if each.visit_id == visit.id)
    return VisitChange(
        kind="cancelled" if kind == "cancelled" else "moved",
        visit_id=visit.id,
        work_order_id=visit.work_order_id,
        before=before_of(row),
        after=after,
    )


async def cancel(
    engine: AsyncEngine, who: Principal, *, visit_id: UUID, reason: str, ambient: Ambient
) -> Moved:
    """Cancels a visit that has not begun; a tablet that worked on it offline is heard all the
    same."""
    async with engine.begin() as tx:
        found = (await work.visits_of(tx, who.unit_id, ids=[visit_id])).get(visit_id)
        if found is None:
            raise Refusal("not_found")
        version = await live.bump(tx, who.unit_id, on_day=found.on_day)
        visit, _ = await _locked(tx, who.unit_id, visit_id=visit_id)
        if visit.state not in MOVABLE:
            raise Refusal("visit_under_way", state=visit.state)
        change = await _change(tx, who.unit_id, visit=visit, after=None, kind="cancelled")
        act = Act(
            id=ambient.new_id(),
            on_day=visit.on_day,
            version=version,
            kind="cancel",
            changes=(change,),
            reason=reason,
            subject=str(visit_id),
        )
        done = await carry_out(tx, who, act=act, ambient=ambient)
    return Moved(move_id=act.id, version=version, changes=done)


async def edit(
    engine: AsyncEngine,
    who: Principal,
    *,
    visit_id: UUID,
    fields: dict[str, FieldValue],
    ambient: Ambient,
) -> int:
    """The office writes into a visit's record, by the same policies as everybody; returns the
    version."""
    async with engine.begin() as tx:
        _, record = await _locked(tx, who.unit_id, visit_id=visit_id)
        mark = office_mark(who.name, ambient.now)
        step = office_edit(record, fields=fields, mark=mark, context=OFFICE)
        now, at = step.record or record, (who.unit_id, ambient.now)
        # what the office overrules is history and what it contradicts is shown, like anybody's word
        await records.append_history(tx, [history_row(each, at=at) for each in step.lost])
        opened = [conflict_row(each, ambient.new_id(), at=at) for each in step.disagreements]
        await records.add_conflicts(tx, opened)
        await records.save_records(tx, [changed_row(now)], new=False)
        await mailboxes.echo(tx, {visit_id: now.version})
        entry = audit.Entry(
            at=ambient.now, actor=who.name, action="visit.edited", subject=str(visit_id)
        )
        await audit.append(tx, who.unit_id, entry=entry)
        return now.version


async def _locked(tx: Transaction, unit_id: str, *, visit_id: UUID) -> tuple[Any, RecordState]:
    rows = await records.lock_records(tx, unit_id, ids=[visit_id])
    visits = await work.visits_of(tx, unit_id, ids=[visit_id])
    if visit_id not in rows or visit_id not in visits:
        raise Refusal("not_found")
    return visits[visit_id], state_of(rows[visit_id])


async def _refuse_unable(tx: Transaction, unit_id: str, *, visit: Any, wish: Assign) -> None:
    people = {each.id: each for each in await registry.technicians(tx, unit_id)}
    papers = await registry.certificates(tx, unit_id)
    for who in [each for each in (wish.technician, _second(visit, wish)) if each]:
        person, held = people.get(who), papers.get(who, {})
        if person is None:
            raise Refusal("not_found")
        for skill in visit.skills:
            until = held.get(skill)
            if skill not in person.skills or (until is not None and until < wish.starts_at.date()):
                raise Refusal("technician_unable", rule="skill", skill=skill)
