"""Shell: reads and verifies the ledger; adds office events such as pauses, waivers and replies."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, chain, entry, office, writing
from commitments.calendar import end_of_day, local_day
from commitments.clock import fold, may_pause, may_resume, may_waive, named_days, overlaid
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.commitment import AMENDED, PAUSED, RESUMED, WAIVED, Event, Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.telling import Extended, Standing, Telling
from storage import audit, catalogue, ledger, sealing
from storage.engine import Transaction

PAGE = 2_000


async def record(
    engine: AsyncEngine, unit_id: str, *, commitment_id: UUID, event: Event, ambient: Ambient
) -> None:
    """Adds an office event; a pause, resume or waiver that may not be is refused, nothing
    changed."""
    async with engine.begin() as tx:
        held, rule, events = await opened(tx, unit_id, commitment_id=commitment_id)
        _refuse_unlawful(rule, events, event=event, now=ambient.now)
        await told(tx, unit_id, heard={held.id: [event]}, ambient=ambient)


async def tell(
    engine: AsyncEngine,
    unit_id: str,
    *,
    commitment_id: UUID,
    wish: Telling,
    by: tuple[str, Ambient],
) -> Standing:
    """What the office says to a commitment: appended, folded and audited, or refused."""
    actor, ambient = by
    async with engine.begin() as tx:
        held, rule, events = await opened(tx, unit_id, commitment_id=commitment_id)
        desk = office.Desk(
            actor=actor,
            now=ambient.now,
            calendar=catalogue.calendar(),
            source=f"office:{ambient.new_id()}",
        )
        event = office.heard(rule, events, wish=wish, desk=desk)
        await told(tx, unit_id, heard={held.id: [event]}, ambient=ambient)
        if isinstance(wish, Extended):
            await _extended(tx, held, event=event, ambient=ambient)
        said = audit.Entry(
            at=ambient.now,
            actor=actor,
            action=f"commitment.{event.kind}",
            subject=str(held.id),
            detail={"rule": held.rule_code},
        )
        await audit.append(tx, unit_id, entry=said)
        after = await ledger.commitment_of(tx, unit_id, commitment_id=held.id)
    return Standing(
        id=after.id,
        rule=after.rule_code,
        version=after.rule_version,
        **{name: getattr(after, name) for name in _STANDS},
    )


async def _extended(tx: Transaction, held: Any, *, event: Event, ambient: Ambient) -> None:
    """What was agreed instead is a promise in its turn, with the end that was agreed (clause 16)."""
    unit_id, calendar = held.unit_id, catalogue.calendar()
    rules = await writing.rulebook(tx, unit_id)
    opening = entry.Opening(
        id=named(unit_id, "commitment", str(held.id), "extended"),
        unit_id=unit_id,
        rule=rule_for(rules, held.rule_code, on_day=local_day(calendar, event.observed_at)),
        started_at=event.observed_at,
        received_at=event.received_at,
        source=event.source,
        case_id=held.case_id,
        premises_id=held.premises_id,
    )
    begun = entry.opened(opening, calendar, now=ambient.now)
    await writing.begin(tx, [begun], rules=rules, ambient=ambient)
    until = end_of_day(calendar, date.fromisoformat(str(event.body["until"])))
    body = {**event.body, "due_at": until.isoformat()}
    source = f"{event.source}:until"
    moved = msgspec.structs.replace(event, kind=AMENDED, source=source, body=body)
    heard = {opening.id: [moved]}
    await writing.tell(tx, unit_id, heard=heard, rules=rules, ambient=ambient)


_STANDS = ("state", "due_at", "due_on", "provisional", "stopped_at", "events")


async def opened(
    tx: Transaction, unit_id: str, *, commitment_id: UUID
) -> tuple[Any, Rule, list[Event]]:
    """A commitment of the unit, locked, with its rule and what happened to it so far."""
    rows = await ledger.lock_commitments(tx, [commitment_id])
    if not rows or rows[0].unit_id != unit_id:
        raise Refusal("not_found")
    rules = await writing.rulebook(tx, unit_id)
    chain_rows = (await ledger.events_of(tx, [commitment_id]))[commitment_id]
    return rows[0], writing.rule_of(rules, rows[0]), [entry.event_of(each) for each in chain_rows]


async def told(
    tx: Transaction, unit_id: str, *, heard: Mapping[UUID, Sequence[Event]], ambient: Ambient
) -> None:
    """Tells commitments what happened; an inspection that was completed opens the next cycle."""
    rules = await writing.rulebook(tx, unit_id)
    for each in await writing.tell(tx, unit_id, heard=heard, rules=rules, ambient=ambient):
        completed = cases.inspected_by(each.held, each.verdict)
        await cases.renew_cycles(tx, unit_id, inspected=completed, ambient=ambient)


async def explain(
    engine: AsyncEngine, unit_id: str, *, commitment_id: UUID, now: datetime
) -> dict[str, Any]:
    """The clause, the rule version, every event with both instants, each day counted, the
    verdict."""
    async with engine.connect() as tx:
        held = await ledger.commitment_of(tx, unit_id, commitment_id=commitment_id)
        if held is None:
            raise Refusal("not_found")
        rows = (await ledger.events_of(tx, [commitment_id]))[commitment_id]
        warned = await ledger.warnings_of(tx, unit_id, commitment_id=commitment_id)
        rule = writing.rule_of(await writing.rulebook(tx, unit_id), held)
    events = [entry.event_of(each) for each in rows]
    verdict = fold(rule, events, calendar=catalogue.calendar(), now=now)
    return {
        "id": commitment_id,
        "clause": rule.clause,
        "rule": msgspec.to_builtins(rule),
        "case": held.case_id,
        "premises": held.premises_id,
        "events": [
            {
                "n": each.n,
                "kind": each.kind,
                "observed_at": each.observed_at,
                "received_at": each.received_at,
                "source": each.source_key,
                "body": each.body,
                "hash": each.hash,
            }
            for each in rows
        ],
        "verdict": msgspec.to_builtins(verdict),
        "calendar": named_days(overlaid(catalogue.calendar(), events), verdict),
        "warnings": [dict(each._mapping) for each in warned],
    }


async def verify(engine: AsyncEngine, unit_id: str) -> dict[str, int]:
    """Every stored verdict is the fold of its events at the instant it was folded, no link broke, and
    every head bears our mark; `unsealed` counts those that bear none (older, or without a key),
    `guessed` those that lean on days of years to come as another version guessed them."""
    counted = {"recomputed": 0, "differences": 0, "broken_chains": 0, "unsealed": 0, "guessed": 0}
    after: UUID | None = None
    while True:
        async with engine.connect() as tx:
            page = await ledger.page(tx, unit_id, after=after, limit=PAGE)
            chains = await ledger.events_of(tx, [each.id for each in page])
            found = await writing.rulebook(tx, unit_id)
            ring = sealing.ring_of(tx)
        rules = {(each.code, each.version): each for each in found}
        for each in page:
            counted["recomputed"] += 1
            counted["guessed"] += _guessed(each)
            # a promise whose rule is gone can be proved by nobody
            rule = rules.get((each.rule_code, each.rule_version))
            counted["differences"] += rule is None or not _same(each, chains[each.id], rule=rule)
            links = [
                (row.n, entry.event_of(row), row.previous_hash, row.hash) for row in chains[each.id]
            ]
            # a chain that was cut at its end holds by itself: the commitment knows its head
            cut = (each.events, each.head_hash) != (len(links), links[-1][3] if links else "")
            # a head that was forged with its chain lacks the mark of a key that is elsewhere
            sealed = ring.holds(each.seal, each.id, hashes=[link[3] for link in links])
            counted["unsealed"] += sealed is None
            broken = cut or sealed is False or chain.broken_at(links) is not None
            counted["broken_chains"] += broken
        if len(page) < PAGE:
            return counted
        after = page[-1].id


async def states(engine: AsyncEngine, unit_id: str) -> list[tuple[str, str, int]]:
    """How many commitments each clause has in each state."""
    async with engine.connect() as tx:
        return await ledger.counts(tx, unit_id)


async def rule_states(engine: AsyncEngine, unit_id: str) -> dict[tuple[str, str, str, str], int]:
    """How many commitments each version of each rule has in each state."""
    async with engine.connect() as tx:
        return await ledger.rule_states(tx, unit_id)


_FOLDED = ("state", "started_at", "due_at", "due_on", "stopped_at", "provisional")
_KEPT = ("started_at", "stopped_at")


def _same(held: Any, rows: Sequence[Any], *, rule: Rule) -> bool:
    as_of = datetime.fromisoformat(held.verdict["as_of"])
    # what arrived after the fold is folded by the next sweep, which it has woken
    events = [entry.event_of(each) for each in rows if each.n == 1 or each.received_at <= as_of]
    try:
        found = fold(rule, events, calendar=catalogue.calendar(), now=as_of)
    except (Refusal, ValueError, KeyError):
        # a past that was torn until nothing can be read from it is a difference too
        return False
    names = _KEPT if _guessed(held) else _FOLDED
    return all(getattr(held, name) == getattr(found, name) for name in names)


def _guessed(held: Any) -> bool:
    # by days of years to come as another version shipped them: the worker folds what runs again,
    # and what was closed under them is not judged again by ours
    return bool(held.provisional and held.verdict.get("guess", "") != catalogue.calendar().name)


def _refuse_unlawful(rule: Rule, events: Sequence[Event], *, event: Event, now: datetime) -> None:
    if event.kind == PAUSED:
        may_pause(events, event.observed_at)
    elif event.kind == RESUMED:
        may_resume(events, event.observed_at)
    elif event.kind == WAIVED:
        first = fold(rule, events, calendar=catalogue.calendar(), now=now)
        may_waive(rule, first, consented_at=event.observed_at)
