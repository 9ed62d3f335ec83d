"""Shell: levels due inspections over the months, opens their work ahead, tries again, reports."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import access, cases, cycles, recalendar, writing
from commitments.access import Attempt
from commitments.calendar import Calendar, local_day, months_after
from schemas.ambient import Ambient
from schemas.cycles import (
    AccessShown,
    AttemptShown,
    DueItem,
    DueList,
    Levelled,
    Levelling,
    NextTry,
    PlaceList,
    PlannedMonth,
    PlannedPlace,
    Retries,
    YearPlan,
)
from schemas.problems import Refusal
from schemas.report import Coverage, CoverageLine
from storage import casework as orders_rows
from storage import cycles as rows
from storage import standing, work
from storage.engine import patient

FIRST = UUID(int=0)
PAGE = 5_000
RETRY_PAGE = 500
PLACES_MAX = 500
RETRY_DAYS_MAX = 60
PATIENCE = 300
"""Seconds that one statement of levelling may take."""
RULES = tuple(cycles.CYCLE_RULES.values())


async def level(engine: AsyncEngine, unit_id: str, *, how: Levelling, ambient: Ambient) -> Levelled:
    """Gives every inspection of the coming months a working day, so that months are equally full.

    Nothing is planned after its due day; what is overdue comes first. Places stay together.
    """
    async with engine.begin() as tx:
        await patient(tx, seconds=PATIENCE)
        calendar = await recalendar.calendar_of(tx, unit_id)
        today = local_day(calendar, ambient.now)
        before = months_after(today.replace(day=1), how.months)
        found = await rows.coming(tx, unit_id, before=before, classes=list(cycles.CYCLE_RULES))
        # a million premises cost seconds of thought: the process answers others meanwhile
        plan, done = await asyncio.to_thread(
            _levelled, found, how=how, today=today, calendar=calendar
        )
        await rows.replan(tx, unit_id, kind="interval", rows=plan)
        await rows.move_levelled(tx, unit_id, zone=str(calendar.zone))
    return done


def _levelled(
    found: Sequence[Any], *, how: Levelling, today: date, calendar: Calendar
) -> tuple[rows.Plan, Levelled]:
    due = [row["due_on"] for row in found]
    names, places = _places(row["address"] for row in found)
    month = np.array([cycles.months_between(today, each) for each in due], dtype=np.int64)
    chosen = cycles.level_places(month, places, how=how)
    days = _days(chosen, places, today=today, calendar=calendar)
    latest = {each: _last_worked(each, calendar) for each in set(due)}
    planned = [max(today, min(day, latest[last])) for day, last in zip(days, due, strict=True)]
    plan = ([row["id"] for row in found], due, planned, [names[n] for n in places])
    return plan, Levelled(
        premises=len(found),
        places=len(names),
        peak_over_mean_before=_peak(np.clip(month, 0, how.months - 1), how.months),
        peak_over_mean=_peak(chosen, how.months),
    )


async def level_monthly(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> bool:
    """Levels a unit anew once its plan reaches back into a month that is over."""
    async with engine.connect() as tx:
        calendar = await recalendar.calendar_of(tx, unit_id)
        first = local_day(calendar, ambient.now).replace(day=1)
        begins = await rows.plan_begins(tx, unit_id)
    if begins is not None and begins >= first:
        return False
    await level(engine, unit_id, how=Levelling(), ambient=ambient)
    return True


async def preheat(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """Plans the check before the coming heating season for every rural piped premises (3e).

    Judged anew whenever it runs: a start that the city moved moves the open work with it, and who
    was inspected since the window opened is done.
    """
    plan: tuple[list[UUID], list[date], list[date], list[str]] = ([], [], [], [])
    async with engine.begin() as tx:
        calendar = await recalendar.calendar_of(tx, unit_id)
        today = local_day(calendar, ambient.now)
        for each in await standing.seasons(tx, unit_id):
            window = access.preheating_window(
                each.planned_start, actual_start=each.actual_start, calendar=calendar
            )
            opens = local_day(calendar, window.opens)
            last = local_day(calendar, window.closes) - timedelta(days=1)
            if last < today:
                continue
            found = await rows.rural(tx, unit_id, grids=each.grids, uninspected_since=opens)
            names, places = _places(row["address"] for row in found)
            first = max(opens, today)
            span = (first + timedelta(days=n) for n in range((last - first).days + 1))
            days = [day for day in span if calendar.works(day)] or [last]
            chosen = cycles.days_within(places, len(days))
            plan[0].extend(row["id"] for row in found)
            plan[1].extend([last] * len(found))
            plan[2].extend(days[n] for n in chosen)
            plan[3].extend(names[n] for n in places)
        await rows.replan(tx, unit_id, kind="preheating", rows=plan)
        await rows.move_preheating(tx, unit_id, zone=str(calendar.zone))
    return len(plan[0])


async def open_work(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """Work orders for what is planned within the lead time; a known one is left alone."""
    made = 0
    for kind in ("preheating", "interval"):
        seen: tuple[date, UUID] = (date.min, FIRST)
        while True:
            async with engine.begin() as tx:
                found = await rows.ready(
                    tx,
                    unit_id,
                    kind=kind,
                    until=cases.lead_until(ambient.now),
                    page=(*seen, PAGE),
                )
                decided_by = await cases.book(tx, unit_id)
                drafted = [
                    cases.planned_order(
                        SimpleNamespace(**each), decided_by, unit_id=unit_id, kind=kind
                    )
                    for each in found
                ]
                made += await work.open_work_orders(tx, drafted)
            if len(found) < PAGE:
                break
            seen = (found[-1]["planned_on"], found[-1]["id"])
    return made


async def due_list(
    engine: AsyncEngine, unit_id: str, *, month: str, grid: str | None, page: tuple[str, int]
) -> DueList:
    """A page of what falls due in a month; `page` is where to go on, and how much."""
    after, limit = page
    first = month_of(month)
    since = _seen(after) if after else (first - timedelta(days=1), UUID(int=2**128 - 1))
    async with engine.connect() as tx:
        window = (*since, months_after(first, 1))
        found = await rows.due(tx, unit_id, window=window, grid=grid, limit=limit)
    following = None
    if len(found) == limit:
        following = f"{found[-1]['due_on']}:{found[-1]['premises']}"
    return DueList(month=month, items=[DueItem(**row) for row in found], next=following)


async def year(engine: AsyncEngine, unit_id: str) -> YearPlan:
    """The levelled months beside what would fall due in them."""
    async with engine.connect() as tx:
        planned, due = await rows.months(tx, unit_id)
    months = [
        PlannedMonth(month=each, planned=planned.get(each, 0), due=due.get(each, 0))
        for each in sorted({*planned, *due})
    ]
    counts = [each.planned for each in months if each.planned]
    mean = sum(counts) / len(counts) if counts else 0
    return YearPlan(months=months, peak_over_mean=round(max(counts) / mean, 3) if mean else None)


async def trips(engine: AsyncEngine, unit_id: str, *, month: str) -> PlaceList:
    """The compounds and villages of a month, the largest first."""
    first = month_of(month)
    async with engine.connect() as tx:
        found = await rows.places(
            tx, unit_id, since=first, before=months_after(first, 1), limit=PLACES_MAX
        )
    return PlaceList(month=month, items=[PlannedPlace(**row) for row in found])


async def try_again(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> Retries:
    """An inspection that found nobody is tried on another kind of day and in another band.

    Once the duty to offer is kept it goes to a supervisor, with what was done: the interval itself
    stays broken until somebody inspects.
    """
    async with engine.begin() as tx:
        calendar = await recalendar.calendar_of(tx, unit_id)
        orders = await rows.unreached(tx, unit_id, limit=RETRY_PAGE)
        tried = await rows.attempts_of(tx, unit_id, orders=[each["id"] for each in orders])
        again = [
            _tried_again(each, tried[each["id"]], calendar=calendar, now=ambient.now)
            for each in orders
        ]
        for each in (row for row in again if row is not None):
            key = each.pop("id")
            await orders_rows.change_order(tx, key, **each)
    done = sum(row is not None and "state" in row for row in again)
    return Retries(again=done, escalated=sum(row is not None for row in again) - done)


async def shown(
    engine: AsyncEngine, unit_id: str, *, premises_id: UUID, now: datetime
) -> AccessShown:
    """Both figures of one premises' present cycle, every attempt, and where to knock next."""
    async with engine.connect() as tx:
        held = await rows.cycle_of(tx, unit_id, premises_id=premises_id)
        if held is None:
            raise Refusal("not_found")
        calendar = await recalendar.calendar_of(tx, unit_id)
        found = await rows.attempts(tx, unit_id, premises_id=premises_id)
        rules = await writing.rulebook(tx, unit_id)
    since = held["last_inspection_on"] or held["first_gas_on"]
    due_on = cycles.due_on(
        rules,
        held["customer_class"],
        inspected_on=held["last_inspection_on"],
        first_gas_on=held["first_gas_on"],
    )
    if since is None or due_on is None:
        raise Refusal("cycle_unknown", customer_class=held["customer_class"])
    present = [each for each in found if local_day(calendar, each["at"]) > since]
    tried = [Attempt(at=each["at"], notice_left=each["notice_left"]) for each in present]
    kept = access.kept(due_on, completed_on=None, attempts=tried, seen=(calendar, now))
    weekend, band = access.next_band(tried, calendar)
    return AccessShown(
        premises=premises_id,
        since=since,
        due_on=kept.due_on,
        completed_on=None,
        interval_kept=kept.interval_kept,
        duty_kept=kept.duty_kept,
        missing=list(kept.missing),
        attempts=[_attempt(each, calendar) for each in present],
        next_try=NextTry(working_day=not weekend, band=band) if kept.missing else None,
    )


async def coverage(engine: AsyncEngine, unit_id: str, *, since: date, until: date) -> Coverage:
    """*Interval kept* and *duty to offer kept* by grid and month; the two are never added up."""
    if not 0 <= (until - since).days <= 366 * 5:
        raise Refusal("report_period")
    async with engine.connect() as tx:
        calendar = await recalendar.calendar_of(tx, unit_id)
        counted = await rows.coverage(tx, unit_id, period=(since, until), rules=RULES)
        attempts = await rows.tried(tx, unit_id, period=(since, until), rules=RULES)
    by_cycle: defaultdict[tuple[UUID, str, str, date], list[Attempt]] = defaultdict(list)
    for cycle, grid, month, due_on, at, notice in attempts:
        by_cycle[cycle, grid, month, due_on].append(Attempt(at=at, notice_left=notice))
    offered: defaultdict[tuple[str, str], int] = defaultdict(int)
    knocks: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (_, grid, month, due_on), tried in by_cycle.items():
        knocks[grid, month] += len(tried)
        offered[grid, month] += access.offered(tried, due_on=due_on, calendar=calendar) == ()
    lines = [
        CoverageLine(
            **row,
            duty_kept=row["interval_kept"] + offered[row["grid"], row["month"]],
            attempts=knocks[row["grid"], row["month"]],
        )
        for row in counted
    ]
    return Coverage(unit=unit_id, since=since, until=until, lines=lines)


def month_of(text: str) -> date:
    """The first day of a month written 2026-12; refuses `fact_not_a_time`."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Refusal("fact_not_a_time", given=text[:20]) from error


def _seen(after: str) -> tuple[date, UUID]:
    day, _, key = after.partition(":")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError as error:
        raise Refusal("fact_not_a_time", given=after[:60]) from error


def _places(addresses: Any) -> tuple[list[str], np.ndarray]:
    # numbered by name and not by arrival, so that neighbours in a file do not decide the order
    found = [cycles.place_of(each) for each in addresses]
    numbers = {name: n for n, name in enumerate(sorted(set(found)))}
    return list(numbers), np.array([numbers[each] for each in found], dtype=np.int64)


def _days(chosen: np.ndarray, places: np.ndarray, *, today: date, calendar: Calendar) -> list[date]:
    days: list[date] = [today] * len(chosen)
    for month in np.unique(chosen):
        first = max(today, months_after(today.replace(day=1), int(month)))
        worked = _working_days(first, calendar) or [first]
        here = np.flatnonzero(chosen == month)
        for place, day in zip(here, cycles.days_within(places[here], len(worked)), strict=True):
            days[place] = worked[day]
    return days


def _working_days(first: date, calendar: Calendar) -> list[date]:
    following = months_after(first.replace(day=1), 1)
    days = (first + timedelta(days=n) for n in range((following - first).days))
    return [each for each in days if calendar.works(each)]


def _last_worked(day: date, calendar: Calendar) -> date:
    # a holiday of ten days is the longest there is; without a worked day the due day itself stands
    days = (day - timedelta(days=n) for n in range(15))
    return next((each for each in days if calendar.works(each)), day)


def _peak(months: np.ndarray, count: int) -> float | None:
    filled = np.bincount(months, minlength=count)
    return round(float(filled.max() / filled.mean()), 3) if filled.sum() else None


def _tried_again(
    order: Any, tried: Sequence[Any], *, calendar: Calendar, now: datetime
) -> dict[str, Any] | None:
    attempts = [Attempt(at=each["at"], notice_left=each["notice_left"]) for each in tried]
    due_on = local_day(calendar, order["due_at"] or now)
    missing = access.offered(
        attempts, due_on=max(due_on, local_day(calendar, now)), calendar=calendar
    )
    # who refuses is not worn down by knocking: a person speaks with them
    if order["state"] == "refused" or not missing:
        facts = {**order["facts"], "escalated": now.isoformat(), "attempts_made": len(attempts)}
        return {"id": order["id"], "facts": facts}
    weekend, band = access.next_band(attempts, calendar)
    last = max((local_day(calendar, each.at) for each in attempts), default=None)
    first = max(local_day(calendar, now), last or date.min) + timedelta(days=1)
    days = (first + timedelta(days=n) for n in range(RETRY_DAYS_MAX))
    day = next((each for each in days if calendar.works(each) != weekend), None)
    if day is None:
        return None
    opens, closes = (_instant(day, hour, calendar=calendar) for hour in access.BANDS[band])
    facts = {**order["facts"], "next_try": f"{'rest' if weekend else 'working'} day, {band}"}
    return {
        "id": order["id"],
        "state": "scheduled",
        "window_opens": opens,
        "window_closes": closes,
        "facts": facts,
    }


def _instant(day: date, hour: int, *, calendar: Calendar) -> datetime:
    return datetime.combine(day, time(hour), calendar.zone).astimezone(UTC)


def _attempt(row: Any, calendar: Calendar) -> AttemptShown:
    return AttemptShown(
        visit=row["visit"],
        at=row["at"],
        outcome=row["outcome"],
        band=access.band_of(row["at"], calendar),
        working_day=calendar.works(local_day(calendar, row["at"])),
        notice_left=row["notice_left"],
    )
