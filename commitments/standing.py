"""Shell: the register of dated records, and the standing duties that are judged from it, day by
day. A day that was judged stays judged: what is written down later does not change its verdict."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, looking, writing
from commitments.calendar import end_of_day, local_day
from commitments.intake import midnight
from commitments.office import AHEAD
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.base import Span, date
from schemas.commitment import JUDGED, Event, Facts, Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.standing import (
    HallOpening,
    Judged,
    Kept,
    PhoneCall,
    PromiseSettings,
    Record,
)
from storage import audit, catalogue, standing
from storage.engine import Transaction

RECORDS_MAX = 100_000
DAYS_MAX = 400
"""How many days one look opens: the next look goes on."""
Row = dict[str, Any]


async def write_down(
    engine: AsyncEngine, unit_id: str, *, records: Sequence[Record], by: tuple[str, Ambient]
) -> Kept:
    """Appends dated records; one that is known stays as it is. A call starts its clock (clause 6)."""
    actor, ambient = by
    rows = [looking.row_of(each, catalogue.calendar()) for each in records]
    for each, row in zip(records, rows, strict=True):
        _refuse_untimely(each, row, now=ambient.now)
    keys = [(row["kind"], row["key"]) for row in rows]
    if len(set(keys)) < len(keys):
        raise Refusal("register_entry", reason="said twice in one file")
    async with engine.begin() as tx:
        known = await standing.known_records(tx, unit_id, keys=keys)
        fresh = [
            (each, row)
            for each, row in zip(records, rows, strict=True)
            if (row["kind"], row["key"]) not in known
        ]
        own = {"unit_id": unit_id, "received_at": ambient.now, "written_by": actor}
        await standing.add_records(tx, [{**row, **own} for _, row in fresh])
        calls = [each for each, _ in fresh if isinstance(each, PhoneCall)]
        clocks = await _answer(tx, unit_id, calls=calls, ambient=ambient)
        detail = {"added": len(fresh), "known": len(known)}
        said = audit.Entry(
            at=ambient.now,
            actor=actor,
            action="register.written",
            subject="register",
            detail=detail,
        )
        await audit.append(tx, unit_id, entry=said)
    return Kept(added=len(fresh), known=len(known), clocks=clocks)


async def look(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> Judged:
    """Opens the duties of the days that began, judges those whose day is over. Twice is once."""
    async with engine.begin() as tx:
        settings = await standing.settings(tx, unit_id)
        if settings.standing_since is None:
            return Judged(opened=0, judged=0)
        rules = await writing.rulebook(tx, unit_id)
        opened = await _open(tx, unit_id, settings=settings, rules=rules, ambient=ambient)
        judged = await _judge(tx, unit_id, settings=settings, rules=rules, ambient=ambient)
    return Judged(opened=opened, judged=judged)


async def lay_down(
    engine: AsyncEngine, unit_id: str, *, given: PromiseSettings, by: tuple[str, Ambient]
) -> PromiseSettings:
    """The company's own parameters; every change is audited."""
    looking.refuse_settings(given)
    async with engine.begin() as tx:
        held = await standing.settings(tx, unit_id)
        today = local_day(catalogue.calendar(), by[1].now)
        looking.refuse_backdated(given, held, today=today)
        await standing.save_settings(tx, unit_id, given=given)
        said = audit.Entry(
            at=by[1].now,
            actor=by[0],
            action="settings.promises",
            subject=unit_id,
            detail=msgspec.to_builtins(given),
        )
        await audit.append(tx, unit_id, entry=said)
    return given


async def _open(
    tx: Transaction,
    unit_id: str,
    *,
    settings: PromiseSettings,
    rules: Sequence[Rule],
    ambient: Ambient,
) -> int:
    assert settings.standing_since is not None
    calendar = catalogue.calendar()
    today = local_day(calendar, ambient.now)
    last = await standing.last_judged(tx, unit_id, rules=looking.STANDING)
    # a day is opened with every duty that it has; one that comes later has none of the days before
    begun = max(last.values(), default=date.min)
    first = max(settings.standing_since, begun)
    until = min(today, first + timedelta(days=DAYS_MAX))
    days = [first + timedelta(days=n) for n in range((until - first).days + 1)]
    drafts = []
    for duty in (each for day in days for each in looking.duties_of(day, settings)):
        opening = entry.Opening(
            id=_duty_id(unit_id, duty.code, day=duty.day, subject=duty.subject),
            unit_id=unit_id,
            rule=rule_for(rules, duty.code, on_day=duty.day),
            started_at=midnight(calendar, duty.day),
            received_at=ambient.now,
            source=f"duty:{duty.day}",
            facts={"day": duty.day.isoformat(), "subject": duty.subject},
        )
        drafts.append(entry.opened(opening, calendar, now=ambient.now))
    return await writing.begin(tx, drafts, rules=rules, ambient=ambient)


async def _judge(
    tx: Transaction,
    unit_id: str,
    *,
    settings: PromiseSettings,
    rules: Sequence[Rule],
    ambient: Ambient,
) -> int:
    calendar = catalogue.calendar()
    grace = timedelta(hours=settings.judge_after_hours)
    heard: dict[UUID, list[Event]] = {}
    for each in await standing.open_duties(tx, unit_id, rules=looking.STANDING):
        day = date.fromisoformat(each.facts["day"])
        ends = end_of_day(calendar, day)
        if ends + grace > ambient.now:
            continue
        duty = looking.Duty(code=each.rule_code, day=day, subject=str(each.facts["subject"]))
        seen = await _seen(tx, unit_id, duty=duty, settings=settings)
        kept, why = looking.judged(duty, seen, settings=settings, calendar=calendar)
        body: Facts = {"kept": kept, "why": why, "actor": "register"}
        heard[each.id] = [
            Event(
                kind=JUDGED,
                observed_at=ends,
                received_at=ambient.now,
                source=f"duty:{day}:judged",
                body=body,
            )
        ]
    await writing.tell(tx, unit_id, heard=heard, rules=rules, ambient=ambient)
    return len(heard)


async def _seen(
    tx: Transaction, unit_id: str, *, duty: looking.Duty, settings: PromiseSettings
) -> looking.Seen:
    """What the register and the cases say about the day of a duty, and no more than that."""
    calendar = catalogue.calendar()
    opens, closes = midnight(calendar, duty.day), end_of_day(calendar, duty.day)
    since = opens - timedelta(days=settings.public_check_days if duty.code == "15" else 0)
    rows: dict[str, Sequence[Any]] = {}
    for kind in looking.READS[duty.code]:
        rows[kind] = await standing.records(
            tx, unit_id, kind=kind, stretch=(since, closes), limit=RECORDS_MAX
        )
    channels, late, dark = dict[str, int](), 0, 0
    if duty.code == "7":
        channels = await standing.channels_used(tx, unit_id, since=opens, until=closes)
        late = await standing.late_starts(tx, unit_id, since=opens, until=closes)
    if duty.code == "1":
        dark = await standing.unplanned_minutes(tx, unit_id, since=opens, until=closes)
    return looking.Seen(
        span=Span(opens=opens, closes=closes),
        rows=rows,
        channels=channels,
        late_starts=late,
        unplanned_minutes=dark,
    )


async def _answer(
    tx: Transaction, unit_id: str, *, calls: Sequence[PhoneCall], ambient: Ambient
) -> int:
    if not calls:
        return 0
    rules, calendar = await writing.rulebook(tx, unit_id), catalogue.calendar()
    drafts = []
    for call in calls:
        rule = rule_for(rules, "6", on_day=local_day(calendar, call.rang_at))
        opening = entry.Opening(
            id=named(unit_id, "commitment", "call", call.desk, call.number),
            unit_id=unit_id,
            rule=rule,
            started_at=call.rang_at.astimezone(UTC),
            received_at=ambient.now,
            source=f"call:{call.desk}:{call.number}",
            facts={"desk": call.desk, "call": call.number},
        )
        draft = entry.opened(opening, calendar, now=ambient.now)
        if call.answered_at is not None:
            event = Event(
                kind="answered",
                observed_at=call.answered_at.astimezone(UTC),
                received_at=ambient.now,
                source=f"call:{call.desk}:{call.number}:answered",
                body={"agent": call.agent},
            )
            draft = entry.told(draft, event, rule=rule, calendar=calendar, now=ambient.now)
        drafts.append(draft)
    return await writing.begin(tx, drafts, rules=rules, ambient=ambient)


def _refuse_untimely(record: Record, row: Row, *, now: datetime) -> None:
    opens, closes = row["opens_at"], row["closes_at"]
    if closes is not None and closes < opens:
        raise Refusal("register_entry", key=row["key"], reason="it ends before it begins")
    # a shift and a certificate are known ahead; what was seen, done or heard is over
    if not isinstance(record, looking.AHEAD_OF_TIME) and opens > now + AHEAD:
        raise Refusal("event_instant", key=row["key"])
    if isinstance(record, HallOpening) and local_day(catalogue.calendar(), opens) != record.on:
        raise Refusal("register_entry", key=row["key"], reason="the hours are of another day")


def _duty_id(unit_id: str, code: str, *, day: date, subject: str) -> UUID:
    return named(unit_id, "commitment", "duty", code, subject, day)
