"""Shell: a notice on working days is kept, and the running clocks that lean on it are folded anew.

Each of them gets the days as an event of its own chain, with who and why: a due date never moves
without one, and what has stopped is never touched.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import notices, writing
from commitments.calendar import Calendar
from commitments.clock import fold
from schemas.ambient import Ambient
from schemas.base import date
from schemas.calendar import CalendarDay, CalendarYear, Notice, Recalendared
from schemas.commitment import CALENDAR, Event
from storage import audit, catalogue, folding, ledger, work
from storage.engine import Transaction

PAGE = 2_000


async def take(
    engine: AsyncEngine, unit_id: str, *, notice: Notice, actor: str, ambient: Ambient
) -> Recalendared:
    """Imports a notice, all of it or nothing. The same notice again changes nothing."""
    calendar = catalogue.calendar()
    async with engine.begin() as tx:
        layers = await _layers(tx, unit_id)
        notices.checked(notice, notices.laid(calendar, layers))
        before = notices.overlay(layers, official_until=calendar.official_until)
        await ledger.save_calendar(
            tx,
            [
                {
                    "unit_id": unit_id,
                    "on_day": each.on,
                    "layer": notice.layer,
                    "working": each.works,
                    "source": notice.source,
                }
                for each in notices.complete(notice, layers)
            ],
        )
        body = notices.overlay(await _layers(tx, unit_id), official_until=calendar.official_until)
        clocks = moved = 0
        if body != before:
            event = Event(
                kind=CALENDAR,
                observed_at=ambient.now,
                received_at=ambient.now,
                source=f"calendar:{ambient.new_id()}",
                body={**body, "actor": actor, "reason": notice.source},
            )
            clocks, moved = await _refold(tx, unit_id, event=event)
        await audit.append(
            tx,
            unit_id,
            entry=audit.Entry(
                at=ambient.now,
                actor=actor,
                action=f"calendar.{notice.layer}",
                subject=str(notice.year),
                detail={"source": notice.source, "clocks": clocks, "moved": moved},
            ),
        )
    return Recalendared(
        days=len(notice.days),
        clocks=clocks,
        moved=moved,
        official_until=int(body["official_until"]),
    )


async def year_of(engine: AsyncEngine, unit_id: str, *, year: int) -> CalendarYear:
    """A year as the unit counts it, with every day that somebody laid down and who did."""
    shipped = catalogue.calendar()
    async with engine.connect() as tx:
        layers = await _layers(tx, unit_id)
    known = notices.laid(shipped, layers)
    said = dict.fromkeys(shipped.days, ("shipped", "State Council"))
    for layer in ("provisional", "official", "operator"):
        said |= {row["on_day"]: (layer, row["source"]) for row in layers if row["layer"] == layer}
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year, 12, 31) - first).days + 1)]
    return CalendarYear(
        year=year,
        official=not known.provisional(first),
        working_days=sum(map(known.works, days)),
        days=[
            msgspec.convert(
                {
                    "on": day,
                    "works": known.works(day),
                    "layer": said[day][0],
                    "source": said[day][1],
                },
                CalendarDay,
            )
            for day in days
            if day in said
        ],
    )


async def calendar_of(tx: Transaction, unit_id: str) -> Calendar:
    """The unit's calendar as it is known now, for questions and for days that are over."""
    return notices.laid(catalogue.calendar(), await _layers(tx, unit_id))


async def _layers(tx: Transaction, unit_id: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await ledger.calendar_of(tx, unit_id)]


async def _refold(tx: Transaction, unit_id: str, *, event: Event) -> tuple[int, int]:
    clocks = moved = 0
    after: UUID | None = None
    rules = await writing.rulebook(tx, unit_id)
    counted = sorted({each.code for each in rules if each.unit == "working_day"})
    ambient = Ambient(now=event.received_at, new_id=_nothing_new)
    while True:
        page = await ledger.running(tx, unit_id, rules=counted, after=after, limit=PAGE)
        chains = await folding.chains(tx, [each.id for each in page])
        leaning: dict[UUID, list[Event]] = {}
        ends: list[tuple[UUID, datetime, datetime]] = []
        for held in page:
            told = chains[held.id]
            rule = writing.rule_of(rules, held)
            old, new = (
                fold(rule, events, calendar=catalogue.calendar(), now=event.received_at)
                for events in (told, [*told, event])
            )
            # a pause may still carry a clock into days on which it does not lean today
            if (old.days, old.provisional) == (new.days, new.provisional) and old.state != "paused":
                continue
            clocks += 1
            if old.due_at and new.due_at and old.due_at != new.due_at:
                moved += 1
                ends += [(held.case_id, old.due_at, new.due_at)] if held.case_id else []
            leaning[held.id] = [event]
        if leaning:
            await writing.tell(tx, unit_id, heard=leaning, rules=rules, ambient=ambient)
            await work.move_due(tx, unit_id, moved=ends)
        if len(page) < PAGE:
            return clocks, moved
        after = page[-1].id


def _nothing_new() -> UUID:
    raise AssertionError("telling a clock makes no new id")
