"""Shell: reads and verifies the ledger; adds office events such as pauses, waivers and replies."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, chain, entry
from commitments.clock import fold, may_pause, may_resume, may_waive
from schemas.ambient import Ambient
from schemas.commitment import PAUSED, RESUMED, WAIVED, Event, Rule
from schemas.problems import Refusal
from storage import catalogue, ledger
from storage.engine import Transaction

PAGE = 2_000


async def record(
    engine: AsyncEngine, unit_id: str, *, commitment_id: UUID, event: Event, ambient: Ambient
) -> None:
    """Adds an office event; a pause, resume or waiver that may not be is refused, nothing
    changed."""
    async with engine.begin() as tx:
        held = await _locked(tx, unit_id, commitment_id=commitment_id)
        events = await _events(tx, commitment_id)
        _refuse_unlawful(rule_of(held), events, event=event, now=ambient.now)
        added = entry.appended(unit_id, held._mapping, events=[event])
        await ledger.append_events(tx, added.events)
        verdict = fold(
            rule_of(held), [*events, event], calendar=catalogue.calendar(), now=ambient.now
        )
        changed = {**added.commitments[0], **entry.verdict_columns(verdict, now=ambient.now)}
        await ledger.update_commitments(tx, [changed])
        await ledger.add_stages(
            tx, entry.stage_rows(unit_id, commitment_id, verdict=verdict, now=ambient.now)
        )
        completed = cases.inspected_by(held, verdict)
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
    rule = rule_of(held)
    verdict = fold(
        rule, [entry.event_of(each) for each in rows], calendar=catalogue.calendar(), now=now
    )
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
    }


async def verify(engine: AsyncEngine, unit_id: str) -> dict[str, int]:
    """Every stored verdict is the fold of its events at the instant it was folded, and no link
    broke."""
    counted = {"recomputed": 0, "differences": 0, "broken_chains": 0}
    after: UUID | None = None
    while True:
        async with engine.connect() as tx:
            page = await ledger.page(tx, unit_id, after=after, limit=PAGE)
            chains = await ledger.events_of(tx, [each.id for each in page])
        for each in page:
            counted["recomputed"] += 1
            counted["differences"] += not _same(each, chains[each.id])
            links = [
                (row.n, entry.event_of(row), row.previous_hash, row.hash) for row in chains[each.id]
            ]
            counted["broken_chains"] += chain.broken_at(links) is not None
        if len(page) < PAGE:
            return counted
        after = page[-1].id


async def states(engine: AsyncEngine, unit_id: str) -> list[tuple[str, str, int]]:
    """How many commitments each clause has in each state."""
    async with engine.connect() as tx:
        return await ledger.counts(tx, unit_id)


def rule_of(held: Any) -> Rule:
    """The rule version that a commitment started under."""
    for each in catalogue.rules():
        if (each.code, each.version) == (held.rule_code, held.rule_version):
            return each
    raise Refusal("rule_unknown", rule=held.rule_code, version=held.rule_version)


def _same(held: Any, rows: Sequence[Any]) -> bool:
    as_of = datetime.fromisoformat(held.verdict["as_of"])
    # what arrived after the fold is folded by the next sweep, which it has woken
    events = [entry.event_of(each) for each in rows if each.n == 1 or each.received_at <= as_of]
    found = fold(rule_of(held), events, calendar=catalogue.calendar(), now=as_of)
    stored = (held.state, held.due_at, held.stopped_at, held.provisional)
    return stored == (found.state, found.due_at, found.stopped_at, found.provisional)


def _refuse_unlawful(rule: Rule, events: Sequence[Event], *, event: Event, now: datetime) -> None:
    if event.kind == PAUSED:
        may_pause(events, event.observed_at)
    elif event.kind == RESUMED:
        may_resume(events, event.observed_at)
    elif event.kind == WAIVED:
        first = fold(rule, events, calendar=catalogue.calendar(), now=now)
        may_waive(rule, first, consented_at=event.observed_at)


async def _locked(tx: Transaction, unit_id: str, *, commitment_id: UUID) -> Any:
    rows = await ledger.lock_commitments(tx, [commitment_id])
    if not rows or rows[0].unit_id != unit_id:
        raise Refusal("not_found")
    return rows[0]


async def _events(tx: Transaction, commitment_id: UUID) -> list[Event]:
    rows = (await ledger.events_of(tx, [commitment_id]))[commitment_id]
    return [entry.event_of(each) for each in rows]
