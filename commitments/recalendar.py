"""Shell: a notice on working days is kept, and the running clocks that lean on it are folded anew.

Each of them gets the days as an event of its own chain, with who and why: a due date never moves
without one, and what has stopped is never touched.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, notices
from commitments.clock import fold
from commitments.ledger import rule_of
from schemas.ambient import Ambient
from schemas.calendar import Notice, Recalendared
from schemas.commitment import CALENDAR, Event
from storage import audit, catalogue, ledger
from storage.engine import Transaction

PAGE = 2_000


async def take(
    engine: AsyncEngine, unit_id: str, *, notice: Notice, actor: str, ambient: Ambient
) -> Recalendared:
    """Imports a notice, all of it or nothing. The same notice again changes nothing."""
    calendar = catalogue.calendar()
    notices.checked(notice, calendar)
    async with engine.begin() as tx:
        before = notices.overlay(await _layers(tx, unit_id), official_until=calendar.official_until)
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
                for each in notice.days
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


async def _layers(tx: Transaction, unit_id: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in await ledger.calendar_of(tx, unit_id)]


async def _refold(tx: Transaction, unit_id: str, *, event: Event) -> tuple[int, int]:
    clocks = moved = 0
    after: UUID | None = None
    counted = [each.code for each in catalogue.rules() if each.unit == "working_day"]
    while True:
        page = await ledger.running(tx, unit_id, rules=counted, after=after, limit=PAGE)
        chains = await ledger.events_of(tx, [each.id for each in page])
        changed: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        stages: list[dict[str, Any]] = []
        for held in page:
            told = [entry.event_of(row) for row in chains[held.id]]
            old = fold(rule_of(held), told, calendar=catalogue.calendar(), now=event.received_at)
            new = fold(
                rule_of(held), [*told, event], calendar=catalogue.calendar(), now=event.received_at
            )
            # a pause may still carry a clock into days on which it does not lean today
            if (old.days, old.provisional) == (new.days, new.provisional) and old.state != "paused":
                continue
            clocks += 1
            moved += old.due_at != new.due_at
            added = entry.appended(unit_id, held._mapping, events=[event])
            events += added.events
            columns = entry.verdict_columns(new, now=event.received_at)
            changed.append({**added.commitments[0], **columns})
            stages += entry.stage_rows(unit_id, held.id, verdict=new, now=event.received_at)
        await ledger.append_events(tx, events)
        await ledger.update_commitments(tx, changed)
        await ledger.add_stages(tx, stages)
        if len(page) < PAGE:
            return clocks, moved
        after = page[-1].id
