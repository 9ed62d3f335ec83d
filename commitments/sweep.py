"""Shell: folds commitments whose clock has something to say. Running it twice changes nothing.

An inspection cycle that was completed is followed by the next one, in the same transaction.
"""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, entry
from commitments.clock import fold
from commitments.ledger import rule_of
from schemas.ambient import Ambient
from storage import catalogue, ledger


async def sweep(engine: AsyncEngine, *, ambient: Ambient, limit: int) -> int:
    """Takes up to `limit` commitments that nobody else holds; returns how many it folded.

    After three days away every stage fires, in order, stamped with the instant it was true.
    """
    async with engine.begin() as tx:
        claimed = await ledger.claim_due(tx, ambient.now, limit=limit)
        chains = await ledger.events_of(tx, [each.id for each in claimed])
        changed: list[dict[str, Any]] = []
        stages: list[dict[str, Any]] = []
        completed: defaultdict[str, dict[UUID, date]] = defaultdict(dict)
        for held in claimed:
            events = [entry.event_of(each) for each in chains[held.id]]
            verdict = fold(rule_of(held), events, calendar=catalogue.calendar(), now=ambient.now)
            changed.append({"id": held.id, **entry.verdict_columns(verdict, now=ambient.now)})
            completed[held.unit_id] |= cases.inspected_by(held, verdict)
            stages += entry.stage_rows(held.unit_id, held.id, verdict=verdict, now=ambient.now)
        await ledger.update_commitments(tx, changed)
        await ledger.add_stages(tx, stages)
        for unit_id, inspected in completed.items():
            await cases.renew_cycles(tx, unit_id, inspected=inspected, ambient=ambient)
        return len(claimed)
