"""Shell: folds commitments whose clock has something to say. Running it twice changes nothing.

An inspection cycle that was completed is followed by the next one, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, writing
from commitments.clock import fold
from schemas.ambient import Ambient
from schemas.problems import Refusal
from storage import audit, catalogue, folding
from storage.engine import Transaction

TORN_WAITS = timedelta(days=1)
UNREADABLE = (Refusal, ValueError, KeyError, TypeError)
"""What a past that was torn raises: no start, a day that is none, a rule that is gone."""


async def sweep(engine: AsyncEngine, *, ambient: Ambient, limit: int) -> int:
    """Takes up to `limit` commitments that nobody else holds; returns how many it looked at.

    After three days away every stage fires, in order, stamped with the instant it was true. One
    whose past cannot be read is put off and audited, and keeps nobody else waiting.
    """
    async with engine.begin() as tx:
        claimed = await folding.claim(tx, ambient.now, limit=limit)
        chains = await folding.chains(tx, [each.id for each in claimed])
        # found by name: a scan of the rulebook for each of 5,000 clocks was a tenth of the sweep
        rules = {
            (unit_id, each.code, each.version): each
            for unit_id in {one.unit_id for one in claimed}
            for each in await writing.rulebook(tx, unit_id)
        }
        completed: defaultdict[str, dict[UUID, date]] = defaultdict(dict)
        folded, torn = [], []
        for held in claimed:
            try:
                rule = rules[held.unit_id, held.rule_code, held.rule_version]
                events = chains[held.id]
                verdict = fold(rule, events, calendar=catalogue.calendar(), now=ambient.now)
            except UNREADABLE:
                torn.append(held)
                continue
            folded.append(writing.Folded(held=held, heard=(), rule=rule, verdict=verdict))
            completed[held.unit_id] |= cases.inspected_by(held, verdict)
        await writing.keep(tx, folded, now=ambient.now)
        for unit_id, inspected in completed.items():
            await cases.renew_cycles(tx, unit_id, inspected=inspected, ambient=ambient)
        await _put_off(tx, torn, ambient=ambient)
        return len(claimed)


async def _put_off(tx: Transaction, torn: Sequence[folding.Woken], *, ambient: Ambient) -> None:
    if not torn:
        return
    await folding.put_off(tx, [each.id for each in torn], until=ambient.now + TORN_WAITS)
    for each in torn:
        said = audit.Entry(
            at=ambient.now,
            actor="sweep",
            action="commitment.unreadable",
            subject=str(each.id),
            detail={"rule": each.rule_code, "version": each.rule_version},
        )
        await audit.append(tx, each.unit_id, entry=said)
