"""Shell: last year's facts under another rule. Nothing is written: a promise keeps its rule."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, writing
from commitments.clock import fold
from commitments.rules import made
from schemas.base import Value
from schemas.commitment import STARTED, Event, Rule
from schemas.problems import Refusal
from schemas.whatif import Turned, WhatIf, WhatWouldBe
from schemas.work import StepDone
from storage import catalogue, folding, ledger, stories
from storage.services import services

PAGE = 2_000
NAMED_MAX = 100
NOT_STARTED = "not_started"
SOURCE = "case"


class Page(Value, frozen=True):
    """Promises of a page with their chains, and what else is on record of their cases."""

    rows: Sequence[Any]
    chains: Mapping[UUID, Sequence[Event]]
    beside: Mapping[UUID, Sequence[Event]]


async def asked(engine: AsyncEngine, unit_id: str, *, wish: WhatIf, now: datetime) -> WhatWouldBe:
    """Every promise of a rule that fell due in a period, folded under its rule and under another.

    Refuses `rule_unknown`, `rule_without_clock`, `report_period`, and a rule that a rulebook could
    not hold. The facts are the same, the instant of judging is the same; only the rule differs.
    """
    if not 0 <= (wish.until - wish.since).days <= 366 * 5:
        raise Refusal("report_period")
    async with engine.connect() as tx:
        rules = await writing.rulebook(tx, unit_id)
    known = [each for each in rules if each.code == wish.rule]
    if not known:
        raise Refusal("rule_unknown", rule=wish.rule)
    other = _other(known[-1], wish)
    if any(each.unit in (None, "instant") for each in (*known, other)):
        raise Refusal("rule_without_clock", rule=wish.rule)
    was, would_be = Counter[str](), Counter[str]()
    turned, heard, after = list[Turned](), set[str](), None
    while True:
        page = await _page(engine, unit_id, wish=wish, after=after)
        # folding is thinking: the process answers others meanwhile
        found = await asyncio.to_thread(_both, page, rules=rules, wish=wish, now=now)
        was.update(each.was for each in found)
        would_be.update(each.would_be for each in found)
        turned += [each for each in found if each.was != each.would_be]
        heard |= {event.kind for key in page.chains for event in _said(page, key)}
        if len(page.rows) < PAGE:
            break
        after = page.rows[-1].id
    wanted = {*other.stops, *([other.start] if other.start != known[-1].start else [])}
    return WhatWouldBe(
        rule=wish.rule,
        limits=sorted({each.limit for each in known}),
        units=sorted({each.unit for each in known if each.unit}),
        limit=other.limit,
        unit=other.unit,
        start=other.start,
        stops=list(other.stops),
        since=wish.since,
        until=wish.until,
        commitments=was.total(),
        was=dict(sorted(was.items())),
        would_be=dict(sorted(would_be.items())),
        differ=len(turned),
        turned=turned[:NAMED_MAX],
        unheard=sorted(each for each in wanted if each and each not in heard),
    )


def _other(rule: Rule, wish: WhatIf) -> Rule:
    """The rule that is asked about: another limit, which holds in every area, or a whole one."""
    if (wish.limit is None) == (wish.other is None):
        raise Refusal("invalid_field", reason="one of limit and other")
    if wish.other is None:
        return msgspec.structs.replace(rule, limit=wish.limit or 0, by_area={})
    if wish.other.id != wish.rule:
        raise Refusal("invalid_field", reason=f"{wish.other.id} is not {wish.rule}")
    (other,) = made([wish.other], "what-if", chain=(), since=None, until=None)
    # who says no start keeps the one there is
    return other if other.start else msgspec.structs.replace(other, start=rule.start)


async def _page(engine: AsyncEngine, unit_id: str, *, wish: WhatIf, after: UUID | None) -> Page:
    period = (wish.since, wish.until)
    async with engine.connect() as tx:
        rows = await ledger.page_of_rule(
            tx, unit_id, rule=wish.rule, period=period, after=(after, PAGE)
        )
        chains = await folding.chains(tx, [each.id for each in rows])
        cases = {each.case_id for each in rows if each.case_id} if wish.other else set()
        told = await stories.of_cases(tx, unit_id, cases=list(cases))
        visits = await stories.visits_of_cases(tx, unit_id, cases=list(cases))
    by_case = {each.id: _steps(each) for each in told}
    for each in visits:
        by_case[each["case_id"]] += _visit(each)
    beside = {each.id: by_case.get(each.case_id, []) for each in rows}
    return Page(rows=rows, chains=chains, beside=beside)


def _both(page: Page, *, rules: writing.Rules, wish: WhatIf, now: datetime) -> list[Turned]:
    found, calendar = [], catalogue.calendar()
    others = {each.version: _other(each, wish) for each in rules if each.code == wish.rule}
    for held in page.rows:
        rule = writing.rule_of(rules, held)
        other = others[rule.version]
        events = page.chains[held.id]
        before = fold(rule, events, calendar=calendar, now=now).state
        begun = _begun(_said(page, held.id), rule=rule, other=other)
        after = fold(other, begun, calendar=calendar, now=now).state if begun else NOT_STARTED
        found.append(Turned(id=held.id, was=before, would_be=after))
    return found


def _said(page: Page, key: UUID) -> list[Event]:
    """The chain of a promise, and what is on record of its case that it had no reason to hear."""
    chain = page.chains[key]
    heard = {each.kind for each in chain}
    return [*chain, *(each for each in page.beside[key] if each.kind not in heard)]


def _begun(events: Sequence[Event], *, rule: Rule, other: Rule) -> Sequence[Event]:
    """The events with the clock begun where the other rule begins it; none where nothing says so."""
    if other.start == rule.start:
        return events
    starts = [each.observed_at for each in events if each.kind == other.start]
    if not starts:
        return ()
    return [
        msgspec.structs.replace(each, observed_at=min(starts)) if each.kind == STARTED else each
        for each in events
    ]


def _steps(case: Any) -> list[Event]:
    kinds = services().kinds[case.kind].steps
    done = msgspec.convert(case.facts.get("steps", []), list[StepDone])
    found = [_event("received", case.received_at, received_at=case.received_at)]
    for each in done:
        said = kinds[each.step].says if each.step in kinds else None
        found.append(_event(said or each.step, each.at, received_at=each.received_at))
    return found


def _visit(row: Any) -> list[Event]:
    said = [("in_progress", row["started_at"]), (row["outcome"] or "", row["ended_at"])]
    return [
        _event(kind, at, received_at=at)
        for state, at in said
        if at is not None
        for kind in entry.field_events(row["kind"], state)
    ]


def _event(kind: str, at: datetime, *, received_at: datetime) -> Event:
    return Event(kind=kind, observed_at=at, received_at=received_at, source=SOURCE)
