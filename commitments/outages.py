"""Shell: outages from their notice to gas that is back, with the four promises of clause 2."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import duties, entry, ledger, writing
from commitments.calendar import local_day
from commitments.office import AHEAD
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.base import Span, Value
from schemas.commitment import JUDGED, VOIDED, Event, Facts
from schemas.ids import named
from schemas.outage import (
    Notice,
    OutageClock,
    OutageShown,
    OutageStep,
    OutageStory,
    OutageWish,
    Touched,
)
from schemas.problems import Refusal
from schemas.standing import PromiseSettings
from storage import audit, catalogue, outages, standing
from storage.engine import Transaction

CODES = ("2a", "2b", "2c", "2d", "S2")
"""The law asks for the same notice as the handbook (条例 art. 20): S2 beside 2a, a proof of its own."""
SHOWN_MAX = 500


class Begun(Value, frozen=True):
    """A promise of an outage that begins, and what it hears at once."""

    code: str
    at: datetime
    facts: Facts = {}
    then: Event | None = None


async def write_down(
    engine: AsyncEngine, unit_id: str, *, wish: OutageWish, by: tuple[str, Ambient]
) -> OutageStory:
    """A planned outage with its notice, or one that nobody planned, with whom it touches now."""
    actor, ambient = by
    refuse_unsound(wish, now=ambient.now)
    number = wish.number or f"TQ{ambient.now:%Y%m%d}-{str(ambient.new_id())[-8:]}"
    outage_id = named(unit_id, "outage", number)
    async with engine.begin() as tx:
        if await outages.known(tx, unit_id, number=number):
            raise Refusal("case_known", number=number)
        row = _row(wish) | {"id": outage_id, "number": number, "written_by": actor}
        count = await outages.add(tx, unit_id, row=row, grids=wish.grids, accounts=wish.accounts)
        if count == 0:
            raise Refusal("outage_nobody")
        await outages.change(tx, outage_id, values={"premises": count})
        if wish.planned is not None and wish.notice is not None:
            peaks = peak_spans(await standing.settings(tx, unit_id), wish.planned.opens)
            begun = _announced(wish, peaks=peaks, by=by)
            await _begin(tx, (unit_id, number), begun=begun, ambient=ambient)
        await _audited(tx, unit_id, said=("outage.written_down", number), by=by)
        return await story(tx, unit_id, outage_id=outage_id)


async def step(
    engine: AsyncEngine, unit_id: str, *, outage_id: UUID, wish: OutageStep, by: tuple[str, Ambient]
) -> OutageStory:
    """Gas off, gas back, or called off; the promises of the outage hear of it."""
    actor, ambient = by
    async with engine.begin() as tx:
        held = await outages.of(tx, unit_id, outage_id=outage_id, lock=True)
        if held is None:
            raise Refusal("not_found")
        refuse_out_of_turn(held, wish, now=ambient.now)
        settings = await standing.settings(tx, unit_id)
        await outages.change(tx, outage_id, values=_after(wish))
        if held.planned:
            if wish.step == "stopped":
                await _begin(tx, (unit_id, held.number), begun=_off(held, wish), ambient=ambient)
            heard = _heard(held, wish, settings=settings, by=by)
            await ledger.told(tx, unit_id, heard=heard, ambient=ambient)
        await _audited(tx, unit_id, said=(f"outage.{wish.step}", held.number), by=by)
        return await story(tx, unit_id, outage_id=outage_id)


async def story(tx: Transaction, unit_id: str, *, outage_id: UUID) -> OutageStory:
    """An outage with its promises and the first premises it touched."""
    held = await outages.of(tx, unit_id, outage_id=outage_id)
    if held is None:
        raise Refusal("not_found")
    ids = [_clock_id(unit_id, held.number, code=code) for code in CODES]
    clocks = await standing.commitments_by_id(tx, unit_id, ids=ids)
    touched = await outages.touched(tx, unit_id, outage_id=outage_id, after="", limit=SHOWN_MAX)
    return OutageStory(
        outage=shown(held),
        notice=None if held.notice is None else msgspec.convert(held.notice, Notice),
        clocks=[
            OutageClock(
                id=each.id,
                rule=each.rule_code,
                state=each.state,
                due_at=each.due_at,
                stopped_at=each.stopped_at,
            )
            for each in sorted(clocks, key=lambda row: row.rule_code)
        ],
        touched=[Touched(**row._mapping) for row in touched],
    )


def shown(row: Any) -> OutageShown:
    """An outage as a list shows it."""
    return OutageShown(**{name: getattr(row, name) for name in OutageShown.__struct_fields__})


def peak_spans(settings: PromiseSettings, around: datetime) -> list[Span]:
    """The unit's peak hours on the days around an instant, as instants."""
    zone = catalogue.calendar().zone
    first = local_day(catalogue.calendar(), around) - timedelta(days=1)
    return [
        Span(
            opens=datetime.combine(day, band.opens, zone).astimezone(UTC),
            closes=datetime.combine(day, band.closes, zone).astimezone(UTC),
        )
        for day in (first + timedelta(days=n) for n in range(33))
        for band in settings.peak_bands
    ]


def refuse_unsound(wish: OutageWish, *, now: datetime) -> None:
    """A planned outage has hours and a notice, 48 hours before; another has the instant it began."""
    if (wish.planned is None) != (wish.notice is None):
        raise Refusal("fact_missing", fact="notice" if wish.notice is None else "planned")
    if wish.planned is None or wish.notice is None:
        if wish.stopped_at is None:
            raise Refusal("fact_missing", fact="stopped_at")
        if wish.stopped_at > now + AHEAD:
            raise Refusal("event_instant", fact="stopped_at")
        return
    if wish.stopped_at is not None:
        raise Refusal("outage_times", reason="a planned outage is not off yet")
    if wish.notice.at > now + AHEAD:
        raise Refusal("event_instant", fact="notice.at")
    span = Span(opens=wish.planned.opens, closes=wish.planned.closes)
    duties.may_announce(duties.Outage(noticed_at=wish.notice.at, planned=span))
    if span.closes - span.opens > timedelta(days=31):
        raise Refusal("outage_times", reason="longer than a month")


def refuse_out_of_turn(held: Any, wish: OutageStep, *, now: datetime) -> None:
    """announced → off → restored; only what is announced is called off."""
    wanted = {"stopped": "announced", "restored": "off", "cancelled": "announced"}[wish.step]
    if held.state != wanted:
        raise Refusal("outage_step", state=held.state, step=wish.step)
    since = held.stopped_at if wish.step == "restored" else held.noticed_at
    if wish.at > now + AHEAD or (since is not None and wish.at < since):
        raise Refusal("event_instant", step=wish.step)
    if wish.step == "cancelled" and not wish.reason.strip():
        raise Refusal("fact_missing", fact="reason")


def _row(wish: OutageWish) -> dict[str, Any]:
    planned, notice = wish.planned, wish.notice
    return {
        "state": "announced" if planned else "off",
        "planned": planned is not None,
        "reason": wish.reason,
        "notice": None if notice is None else msgspec.to_builtins(notice),
        "noticed_at": None if notice is None else notice.at,
        "planned_opens": planned.opens if planned else None,
        "planned_closes": planned.closes if planned else None,
        "stopped_at": wish.stopped_at,
    }


def _announced(wish: OutageWish, *, peaks: Sequence[Span], by: tuple[str, Ambient]) -> list[Begun]:
    assert wish.planned is not None and wish.notice is not None
    planned = Span(opens=wish.planned.opens, closes=wish.planned.closes)
    looked = duties.outage_findings(
        duties.Outage(noticed_at=wish.notice.at, planned=planned),
        peaks=peaks,
        calendar=catalogue.calendar(),
    )
    peak = next(each for each in looked if each.rule == "2b")
    body: Facts = {"kept": peak.kept is True, "why": peak.reason, "actor": by[0]}
    judged = Event(
        kind=JUDGED,
        observed_at=wish.notice.at,
        received_at=by[1].now,
        source="outage:2b",
        body=body,
    )
    facts: Facts = {
        "document": wish.notice.document,
        "channels": " ".join(wish.notice.channels),
        "announced_end": planned.closes.astimezone(UTC).isoformat(),
    }
    return [
        Begun(code="2a", at=wish.notice.at, facts=facts),
        Begun(code="S2", at=wish.notice.at, facts=facts),
        Begun(code="2b", at=wish.notice.at, then=judged),
    ]


def _off(held: Any, wish: OutageStep) -> list[Begun]:
    deadline: Facts = {"deadline": held.planned_closes.astimezone(UTC).isoformat()}
    return [Begun(code="2c", at=wish.at), Begun(code="2d", at=wish.at, facts=deadline)]


def _heard(
    held: Any, wish: OutageStep, *, settings: PromiseSettings, by: tuple[str, Ambient]
) -> dict[UUID, list[Event]]:
    body: Facts = {"actor": by[0], "reason": wish.reason, "approver": wish.approver}
    said = {"stopped": "planned_start", "restored": "actual_restore", "cancelled": VOIDED}
    at = wish.at
    if wish.step == "stopped":
        # whoever begins before the announced hour shortens the notice that was given
        at = min(wish.at, held.planned_opens)
    event = Event(
        kind=said[wish.step],
        observed_at=at.astimezone(UTC),
        received_at=by[1].now,
        source=f"outage:{wish.step}",
        body=body,
    )
    ids = {code: _clock_id(held.unit_id, held.number, code=code) for code in CODES}
    if wish.step != "restored":
        return {ids["2a"]: [event], ids["S2"]: [event]}
    found = duties.outage_findings(
        duties.Outage(
            noticed_at=held.noticed_at,
            planned=Span(opens=held.planned_opens, closes=held.planned_closes),
            stopped_at=held.stopped_at,
            restored_at=wish.at,
        ),
        peaks=(),
        calendar=catalogue.calendar(),
    )
    back = next(each for each in found if each.rule == "2d")
    at_night = "night" in back.reason and not settings.restore_at_night
    judged = {**body, "why": back.reason} | ({"kept": False} if at_night else {})
    return {ids["2c"]: [event], ids["2d"]: [msgspec.structs.replace(event, body=judged)]}


async def _begin(
    tx: Transaction, which: tuple[str, str], *, begun: Sequence[Begun], ambient: Ambient
) -> None:
    (unit_id, number), calendar = which, catalogue.calendar()
    rules = await writing.rulebook(tx, unit_id)
    drafts, heard = [], {}
    for each in begun:
        clock = _clock_id(unit_id, number, code=each.code)
        opening = entry.Opening(
            id=clock,
            unit_id=unit_id,
            rule=rule_for(rules, each.code, on_day=local_day(calendar, each.at)),
            started_at=each.at,
            received_at=ambient.now,
            source=f"outage:{number}",
            facts={"outage": number, **each.facts},
        )
        drafts.append(entry.opened(opening, calendar, now=ambient.now))
        if each.then is not None:
            heard[clock] = [each.then]
    await writing.begin(tx, drafts, rules=rules, ambient=ambient)
    await writing.tell(tx, unit_id, heard=heard, rules=rules, ambient=ambient)


def _after(wish: OutageStep) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {
        "stopped": {"state": "off", "stopped_at": wish.at},
        "restored": {"state": "restored", "restored_at": wish.at},
        "cancelled": {"state": "cancelled"},
    }
    return changes[wish.step]


def _clock_id(unit_id: str, number: str, *, code: str) -> UUID:
    return named(unit_id, "commitment", "outage", number, code)


async def _audited(
    tx: Transaction, unit_id: str, *, said: tuple[str, str], by: tuple[str, Ambient]
) -> None:
    record = audit.Entry(at=by[1].now, actor=by[0], action=said[0], subject=said[1])
    await audit.append(tx, unit_id, entry=record)
