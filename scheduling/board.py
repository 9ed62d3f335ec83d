"""Shell: the live day for the board: how it stands, and who could take a job."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from scheduling.demand import Day, Demand, demand, is_silent, midnight_of, now_seconds
from scheduling.live import Live, Option, options, row_of, stands
from scheduling.reasons import WORDS
from scheduling.road_memory import unpacked
from scheduling.travel import GREAT_CIRCLE, Table, place_at
from schemas.base import Value, date
from schemas.day import PersonRow, WorkRow
from schemas.live import (
    Asked,
    Board,
    Candidate,
    DayStop,
    DayTechnician,
    Feasibility,
    LateVisit,
    LeftOut,
    ReasonShown,
)
from schemas.plan import Job
from schemas.problems import Refusal
from storage import live as rows
from storage import plans, road_tables
from storage.engine import Transaction

DAYS_KEPT = 8
LEFT_OUT_MAX = 2_000


class Known(Value, frozen=True):
    """A day as it stood at a mark, and the rows that it was laid out from."""

    mark: tuple[Any, ...]
    version: int
    live: Live
    people: Sequence[PersonRow]


class Days:
    """Days that were laid out, for as long as nothing changes and no minute passes. One a process:
    what it saves is time, never truth, because the mark is asked of the database every time."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[str, date], Known] = OrderedDict()
        self.tables: OrderedDict[str, tuple[datetime, Table]] = OrderedDict()

    async def day(self, tx: Transaction, unit_id: str, *, on_day: date, now: datetime) -> Known:
        """The day as it stands now."""
        version, mark = await rows.mark(tx, unit_id, on_day=on_day)
        found = self.kept.get((unit_id, on_day))
        table = await self.table(tx, unit_id)
        mark = (*mark, now.replace(second=0, microsecond=0), id(table))
        if found is None or found.mark != mark:
            asked, people = await read(tx, unit_id, place=(on_day, table), now=now)
            live = stands(asked, now_seconds=now_seconds(on_day, now))
            found = Known(mark=mark, version=version, live=live, people=people)
            self.kept[unit_id, on_day] = found
        self.kept.move_to_end((unit_id, on_day))
        while len(self.kept) > DAYS_KEPT:
            self.kept.popitem(last=False)
        return found

    async def table(self, tx: Transaction, unit_id: str) -> Table | None:
        """The ways that the unit's plans are made over; None where they are great circles."""
        at = await road_tables.told_at(tx, unit_id)
        if at is None:
            return None
        found = self.tables.get(unit_id)
        if found is None or found[0] != at:
            stored = await road_tables.read(tx, unit_id)
            # some megabytes to unpack, which other requests do not wait for
            told = await asyncio.to_thread(unpacked, stored)
            found = (stored["told_at"], told.table())
            self.tables[unit_id] = found
        self.tables.move_to_end(unit_id)
        while len(self.tables) > DAYS_KEPT:
            self.tables.popitem(last=False)
        return found[1]


async def read(
    tx: Transaction, unit_id: str, *, place: tuple[date, Table | None], now: datetime
) -> tuple[Demand, Sequence[PersonRow]]:
    """The day's problem as it is published; `place` is the day and the ways of the unit."""
    on_day, table = place
    begins = midnight_of(on_day)
    people = await rows.people(tx, unit_id, on_day=on_day)
    work = await rows.visits(
        tx, unit_id, on_day=on_day, between=(begins, begins + timedelta(days=1))
    )
    known = now if now >= begins else None
    speeds = await rows.speeds(tx, unit_id)
    day = Day(
        on_day=on_day,
        people=people,
        work=work,
        now=known,
        pairs_stand=True,
        speeds=speeds,
        table=table,
    )
    return demand(day), people


async def job_of(
    tx: Transaction, unit_id: str, *, live: Live, asked: Asked | Any
) -> tuple[Live, Job]:
    """The job that is meant, and the day that knows it. Refuses `not_found`."""
    name = asked.visit_id or asked.work_order_id
    if name is None or (asked.visit_id and asked.work_order_id):
        raise Refusal("invalid_field", field="visit_id", reason="a visit or a work order")
    known = live.asked.rows.get(str(name))
    if known is None and asked.work_order_id is not None:
        # an order that has a visit today is that visit
        orders = (each for each in live.asked.rows.values() if each.work_order_id == name)
        known = next(orders, None)
    if known is None and asked.work_order_id is not None:
        known = next(iter(await rows.orders(tx, unit_id, ids=[asked.work_order_id])), None)
    if known is None:
        raise Refusal("not_found")
    return with_row(live, known)


def with_row(live: Live, row: WorkRow) -> tuple[Live, Job]:
    """The day with one more row among those that it knows, and its job."""
    number = live.laid.numbers.get(row.job)
    if number is not None:
        return live, live.laid.problem.jobs[number]
    day = live.asked.problem.day
    made = demand(Day(on_day=day, people=(), work=[row]))
    if not made.problem.jobs:
        raise Refusal("rule_broken", rule="no_coordinates", **_said("no_coordinates"))
    known = {**live.asked.rows, **made.rows}
    asked = msgspec.structs.replace(live.asked, rows=known)
    return msgspec.structs.replace(live, asked=asked), made.problem.jobs[0]


def both(live: Live, row: WorkRow) -> tuple[Job, ...]:
    """A job, or the two that work for two is."""
    numbers, jobs = live.laid.numbers, live.laid.problem.jobs
    names = (row.job, row.second) if row.people > 1 else (row.job,)
    known = tuple(jobs[numbers[each]] for each in names if each in numbers)
    made = Day(on_day=live.asked.problem.day, people=(), work=[row])
    return known or demand(made).problem.jobs


def _said(code: str) -> dict[str, str]:
    zh, en = WORDS[code]
    return {"words_zh": zh, "words_en": en}


async def feasibility(
    engine: AsyncEngine, place: tuple[str, date], *, asked: Asked, days: Days, now: datetime
) -> Feasibility:
    """Every technician of the day for one job, best first, with what it adds or what stands
    against it."""
    unit_id, on_day = place
    async with engine.connect() as tx:
        known = await days.day(tx, unit_id, on_day=on_day, now=now)
        live, job = await job_of(tx, unit_id, live=known.live, asked=asked)
        found = options(live, job)
        late = {name for each in found for name, _ in each.late}
        touched = await _touched(tx, unit_id, live=live, jobs=late)
    row = live.asked.rows[job.id]
    table = live.asked.table
    return Feasibility(
        version=known.version,
        roads=table.provider if table else GREAT_CIRCLE,
        estimated=table is not None and place_at(job.place) not in table.rows,
        visit_id=row.visit_id,
        work_order_id=row.work_order_id,
        technicians=tuple(_candidate(each, live, touched=touched) for each in found),
    )


async def _touched(
    tx: Transaction, unit_id: str, *, live: Live, jobs: Iterable[str]
) -> dict[str, tuple[UUID, ...]]:
    chosen = [live.asked.rows[name] for name in jobs]
    if not chosen:
        return {}
    promised = await rows.promises(
        tx,
        unit_id,
        orders=[each.work_order_id for each in chosen],
        cases=[each.case_id for each in chosen if each.case_id],
    )
    return {
        each.job: tuple(
            one["id"]
            for one in promised
            if one["work_order_id"] == each.work_order_id
            or (one["case_id"] is not None and one["case_id"] == each.case_id)
        )
        for each in chosen
    }


def _candidate(option: Option, live: Live, *, touched: dict[str, tuple[UUID, ...]]) -> Candidate:
    zh, en = WORDS[option.code]
    if option.feasible:
        zh, en = "可以安排", "There is room."
    base = Candidate(
        technician_id=UUID(option.technician),
        feasible=option.feasible,
        code=option.code,
        words_zh=zh,
        words_en=en,
        tablet_silent_since=live.asked.silent.get(option.technician),
    )
    if option.place < 0:
        return base
    late = [(live.asked.rows[name], seconds) for name, seconds in option.late]
    t = row_of(live.laid, option.technician)
    return msgspec.structs.replace(
        base,
        added_seconds=option.added_seconds,
        arrive_at=midnight_of(live.asked.problem.day) + timedelta(seconds=option.arrive),
        rank=int(live.laid.done[t]) + option.place + 1,
        soft=option.soft,
        late=tuple(
            LateVisit(visit_id=row.visit_id or row.work_order_id, seconds=seconds)
            for row, seconds in late
        ),
        commitments_touched=tuple(one for name, _ in option.late for one in touched.get(name, ())),
    )


async def shown(engine: AsyncEngine, unit_id: str, *, on_day: date, now: datetime) -> Board:
    """A day on the board: technicians with their stops, load and tablet, and what nobody has."""
    begins = midnight_of(on_day)
    async with engine.connect() as tx:
        version = await rows.version(tx, unit_id, on_day=on_day)
        people = await rows.people(tx, unit_id, on_day=on_day)
        work = await rows.visits(
            tx, unit_id, on_day=on_day, between=(begins, begins + timedelta(days=1))
        )
        runs = await plans.of_day(tx, unit_id, on_day=on_day, limit=1)
        reasons = runs[0].report.get("reasons", {}) if runs else {}
        ends = begins + timedelta(days=1)
        # what came in after the plan waits too; a day that is over has no room for anything
        most = LEFT_OUT_MAX if now < ends else 0
        left = await rows.plannable(tx, unit_id, on_day=on_day, before=ends, most=most)
        told_by = await road_tables.provider(tx, unit_id)
    by_person: dict[UUID | None, list[WorkRow]] = {}
    for each in work:
        for who in each.who or (None,):
            by_person.setdefault(who, []).append(each)
    loose = [*by_person.get(None, ()), *left]
    return Board(
        day=on_day,
        version=version,
        technicians=tuple(
            _technician(each, by_person.get(each.id, ()), day=(on_day, now)) for each in people
        ),
        unassigned=tuple(_left(each, reasons.get(each.job, {})) for each in loose),
        roads=told_by or GREAT_CIRCLE,
    )


def _technician(
    row: PersonRow, work: Iterable[WorkRow], *, day: tuple[date, datetime]
) -> DayTechnician:
    on_day, now = day
    begins = midnight_of(on_day)
    opens = row.opens_at or datetime.combine(on_day, row.shift_opens, begins.tzinfo)
    closes = row.closes_at or datetime.combine(on_day, row.shift_closes, begins.tzinfo)
    mine = sorted(work, key=lambda each: each.starts_at or each.started_at or begins)
    busy = sum(each.duration_seconds for each in mine)
    travel = sum(each.travel_seconds or 0 for each in mine)
    hours = max(1.0, (closes - opens).total_seconds())
    return DayTechnician(
        id=row.id,
        number=row.number,
        name=row.name,
        latitude=row.latitude,
        longitude=row.longitude,
        skills=tuple(row.skills),
        grids=tuple(row.grids),
        tablet=row.tablet,
        unsent=row.unsent,
        seen_at=row.seen_at,
        silent=begins <= now < begins + timedelta(days=1) and is_silent(row, now),
        absent=row.shift_kind in ("absent", "sick"),
        shift_opens=opens,
        shift_closes=closes,
        work_seconds=busy,
        travel_seconds=travel,
        load=round((busy + travel) / hours, 3),
        stops=tuple(_stop(each, rank) for rank, each in enumerate(mine, start=1)),
    )


def _stop(row: WorkRow, rank: int) -> DayStop:
    return DayStop(
        visit=row.visit_id or row.work_order_id,
        work_order=row.work_order_id,
        number=row.number,
        kind=row.kind,
        tier=row.tier,
        state=row.state,
        pinned=row.pinned,
        pending_decision=row.pending_decision,
        certification=row.certification,
        technician_id=row.technician_id,
        version=row.record_version,
        arrive_at=row.arrive_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        due_at=row.due_at,
        window_opens=row.window_opens,
        window_closes=row.window_closes,
        rank=rank,
        accepted=tuple(row.accepted),
        latitude=row.latitude,
        longitude=row.longitude,
        address=row.address,
        people=row.people,
        second_id=row.second_id,
    )


def _left(row: WorkRow, told: dict[str, Any]) -> LeftOut:
    return LeftOut(
        work_order=row.work_order_id,
        visit=row.visit_id,
        number=row.number,
        kind=row.kind,
        tier=row.tier,
        due_at=row.due_at,
        latitude=row.latitude,
        longitude=row.longitude,
        address=row.address,
        grid=row.grid,
        people=row.people,
        reasons=tuple(ReasonShown(**each) for each in told.get("reasons", ())),
        relaxation=told.get("relaxation"),
    )
