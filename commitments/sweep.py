"""Shell: folds commitments whose clock has something to say. Running it twice changes nothing.

An inspection cycle that was completed is followed by the next one, in the same transaction.
"""

from collections import defaultdict
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, entry, writing
from commitments.clock import fold
from schemas.ambient import Ambient
from storage import catalogue, ledger


async def sweep(engine: AsyncEngine, *, ambient: Ambient, limit: int) -> int:
    """Takes up to `limit` commitments that nobody else holds; returns how many it folded.

    After three days away every stage fires, in order, stamped with the instant it was true.
    """
    async with engine.begin() as tx:
        claimed = await ledger.claim_due(tx, ambient.now, limit=limit)
        chains = await ledger.events_of(tx, [each.id for each in claimed])
        # found by name: a scan of the rulebook for each of 5,000 clocks was a tenth of the sweep
        rules = {
            (unit_id, each.code, each.version): each
            for unit_id in {one.unit_id for one in claimed}
            for each in await writing.rulebook(tx, unit_id)
        }
        completed: defaultdict[str, dict[UUID, date]] = defaultdict(dict)
        folded = []
        for held in claimed:
            events = [entry.event_of(each) for each in chains[held.id]]
            rule = rules[held.unit_id, held.rule_code, held.rule_version]
            verdict = fold(rule, events, calendar=catalogue.calendar(), now=ambient.now)
            folded.append(writing.Folded(held=held, heard=(), rule=rule, verdict=verdict))
            completed[held.unit_id] |= cases.inspected_by(held, verdict)
        await writing.keep(tx, folded, now=ambient.now)
        for unit_id, inspected in completed.items():
            await cases.renew_cycles(tx, unit_id, inspected=inspected, ambient=ambient)
        return len(claimed)
