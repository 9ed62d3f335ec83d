"""Shell: last year's facts under another limit. Nothing is written: a promise keeps its rule."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import writing
from commitments.clock import fold
from schemas.problems import Refusal
from schemas.whatif import Turned, WhatIf, WhatWouldBe
from storage import catalogue, folding, ledger

PAGE = 2_000
NAMED_MAX = 100


async def asked(engine: AsyncEngine, unit_id: str, *, wish: WhatIf, now: datetime) -> WhatWouldBe:
    """Every promise of a rule that fell due in a period, folded under its rule and under another.

    Refuses `rule_unknown`, `rule_without_clock`, and `report_period`. The facts are the same, the
    instant of judging is the same; only the limit differs.
    """
    if not 0 <= (wish.until - wish.since).days <= 366 * 5:
        raise Refusal("report_period")
    async with engine.connect() as tx:
        rules = await writing.rulebook(tx, unit_id)
    known = [each for each in rules if each.code == wish.rule]
    if not known:
        raise Refusal("rule_unknown", rule=wish.rule)
    if all(each.unit in (None, "instant") for each in known):
        raise Refusal("rule_without_clock", rule=wish.rule)
    was, would_be = Counter[str](), Counter[str]()
    turned: list[Turned] = []
    after: UUID | None = None
    while True:
        async with engine.connect() as tx:
            page = await ledger.page_of_rule(
                tx, unit_id, rule=wish.rule, period=(wish.since, wish.until), after=(after, PAGE)
            )
            chains = await folding.chains(tx, [each.id for each in page])
        # folding is thinking: the process answers others meanwhile
        found = await asyncio.to_thread(_both, page, chains, rules=rules, wish=wish, now=now)
        was.update(each.was for each in found)
        would_be.update(each.would_be for each in found)
        turned += [each for each in found if each.was != each.would_be]
        if len(page) < PAGE:
            break
        after = page[-1].id
    return WhatWouldBe(
        rule=wish.rule,
        limits=sorted({each.limit for each in known}),
        limit=wish.limit,
        unit=known[0].unit,
        since=wish.since,
        until=wish.until,
        commitments=was.total(),
        was=dict(sorted(was.items())),
        would_be=dict(sorted(would_be.items())),
        differ=len(turned),
        turned=turned[:NAMED_MAX],
    )


def _both(
    page: Sequence[Any],
    chains: Mapping[UUID, Sequence[Any]],
    *,
    rules: writing.Rules,
    wish: WhatIf,
    now: datetime,
) -> list[Turned]:
    found, calendar = [], catalogue.calendar()
    for held in page:
        events = chains[held.id]
        rule = writing.rule_of(rules, held)
        # the one limit that is asked about holds in every area
        other = msgspec.structs.replace(rule, limit=wish.limit, by_area={})
        before = fold(rule, events, calendar=calendar, now=now)
        after = fold(other, events, calendar=calendar, now=now)
        found.append(Turned(id=held.id, was=before.state, would_be=after.state))
    return found
