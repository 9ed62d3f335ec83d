"""Shell: a supervisor publishes rules for the unit, ends a version, or takes one back that nobody
ever ran under. What runs keeps the version it began with."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, writing
from commitments.calendar import local_day
from commitments.cycles import CYCLE_RULES
from commitments.rules import made, refuse_longer, refuse_overlap, rule_for
from schemas.ambient import Ambient
from schemas.base import date
from schemas.commitment import JUDGED, Event, Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.rulebook import RulebookAnswer, RulebookDraft, RuleChange, RuleShown
from storage import audit, catalogue, ledger
from storage.engine import Transaction

OVERRIDE = "3g"


async def publish(
    engine: AsyncEngine, unit_id: str, *, wish: RulebookDraft, actor: str, ambient: Ambient
) -> RulebookAnswer:
    """Every rule of the book or none: refused where one is unsound, overlaps, weakens a promise
    without a source, or would hold for a day that is over."""
    async with engine.begin() as tx:
        # the audit's lock first: publishers follow each other, so that none overlaps unseen
        await _audited(tx, unit_id, ambient=ambient, said=("rules.published", wish.version, actor))
        rules, answer = await _looked_at(tx, unit_id, wish=wish, today=_today(ambient))
        await ledger.save_rules(tx, [_row(unit_id, each) for each in rules])
        await _prevails(tx, unit_id, rules=rules, by=(actor, ambient))
    return answer


async def check(
    engine: AsyncEngine, unit_id: str, *, wish: RulebookDraft, ambient: Ambient
) -> RulebookAnswer:
    """What publishing would change; nothing is kept."""
    async with engine.connect() as tx:
        return (await _looked_at(tx, unit_id, wish=wish, today=_today(ambient)))[1]


async def end(
    engine: AsyncEngine, unit_id: str, *, which: tuple[str, str], on: date, by: tuple[str, Ambient]
) -> None:
    """A version begins no clock after a day; what runs under it runs on. Only to come, or today."""
    actor, ambient = by
    async with engine.begin() as tx:
        rule = await _published(tx, unit_id, which=which)
        if on < _today(ambient) or (rule.effective_from is not None and on < rule.effective_from):
            raise Refusal("rule_backdated", rule=rule.code, on=on.isoformat())
        others = [each for each in await _own(tx, unit_id) if each.version != rule.version]
        refuse_overlap([msgspec.structs.replace(rule, effective_to=on), *_of(others, rule.code)])
        await ledger.end_rule(tx, unit_id, which=which, on=on)
        await _audited(tx, unit_id, ambient=ambient, said=("rules.ended", "@".join(which), actor))


async def drop(
    engine: AsyncEngine, unit_id: str, *, which: tuple[str, str], by: tuple[str, Ambient]
) -> None:
    """Takes a version back that no commitment ever kept; refuses `rule_in_use`, `rule_shipped`."""
    actor, ambient = by
    async with engine.begin() as tx:
        rule = await _published(tx, unit_id, which=which)
        running, kept = (await ledger.rule_uses(tx, unit_id)).get(which, (0, 0))
        if kept:
            raise Refusal("rule_in_use", rule=rule.code, running=running, commitments=kept)
        await ledger.drop_rule(tx, unit_id, which=which)
        await _audited(tx, unit_id, ambient=ambient, said=("rules.dropped", "@".join(which), actor))


async def shown(engine: AsyncEngine, unit_id: str) -> list[RuleShown]:
    """Every version of every rule, and how many commitments keep it."""
    async with engine.connect() as tx:
        rules = await writing.rulebook(tx, unit_id)
        uses = await ledger.rule_uses(tx, unit_id)
    shipped = {(each.code, each.version) for each in catalogue.rules()}
    drafts = catalogue.drafts()
    return [
        RuleShown(
            shipped=(each.code, each.version) in shipped,
            draft=drafts.get(each.code) if (each.code, each.version) in shipped else None,
            running=uses.get((each.code, each.version), (0, 0))[0],
            commitments=uses.get((each.code, each.version), (0, 0))[1],
            **{name: getattr(each, name) for name in _SHOWN},
        )
        for each in rules
    ]


_SHOWN = (
    "code", "clause", "version", "zh", "kind", "unit", "limit", "source", "law",
    "effective_from", "effective_to", "proven_by",
)  # fmt: skip


async def _looked_at(
    tx: Transaction, unit_id: str, *, wish: RulebookDraft, today: date
) -> tuple[tuple[Rule, ...], RulebookAnswer]:
    if wish.effective_from < today:
        raise Refusal("rule_backdated", effective_from=wish.effective_from.isoformat())
    known = {each.code: each for each in catalogue.rules()}
    chain = wish.escalation if wish.escalation is not None else _chain()
    rules = made(
        wish.rules, wish.version, chain=chain, since=wish.effective_from, until=wish.effective_to
    )
    for each in rules:
        if each.code in known:
            refuse_longer(known[each.code], each)
        elif not each.law:
            # the handbook has sixteen clauses; beside them only the law makes a promise
            raise Refusal("rulebook_unsound", rule=each.code, reason="no such rule to change")
    own = await _own(tx, unit_id)
    said_before = {(each.code, each.version) for each in (*catalogue.rules(), *own)}
    for each in rules:
        if (each.code, each.version) in said_before:
            raise Refusal("rule_overlap", rule=each.code, versions=[each.version, each.version])
    refuse_overlap([*own, *rules])
    before = [*catalogue.rules(), *own]
    return rules, RulebookAnswer(
        version=wish.version, rules=[_change(each, before) for each in rules]
    )


async def _prevails(
    tx: Transaction, unit_id: str, *, rules: Sequence[Rule], by: tuple[str, Ambient]
) -> None:
    """Clause 3g as a promise of its own: what the unit laid down for its inspections is shorter than
    the handbook, or says by whose policy it is not."""
    (actor, ambient), calendar = by, catalogue.calendar()
    known = await writing.rulebook(tx, unit_id)
    drafts = []
    for each in rules:
        if each.code not in CYCLE_RULES.values():
            continue
        model = rule_for(catalogue.rules(), each.code, on_day=_today(ambient))
        opening = entry.Opening(
            id=named(unit_id, "commitment", OVERRIDE, each.code, each.version),
            unit_id=unit_id,
            rule=rule_for(known, OVERRIDE, on_day=_today(ambient)),
            started_at=ambient.now,
            received_at=ambient.now,
            source=f"rules:{each.version}",
            facts={"rule": each.code, "version": each.version},
        )
        why = f"{each.code}: {each.limit:g} instead of {model.limit:g} {model.unit}, {each.source}"
        judged = Event(
            kind=JUDGED,
            observed_at=ambient.now,
            received_at=ambient.now,
            source=f"rules:{each.version}:{JUDGED}",
            body={"kept": True, "why": why, "actor": actor},
        )
        begun = entry.opened(opening, calendar, now=ambient.now)
        rule = opening.rule
        drafts.append(entry.told(begun, judged, rule=rule, calendar=calendar, now=ambient.now))
    await writing.begin(tx, drafts, rules=known, ambient=ambient)


def _change(rule: Rule, before: list[Rule]) -> RuleChange:
    day = rule.effective_from or date.min
    held = [each for each in before if each.code == rule.code]
    return RuleChange(
        code=rule.code,
        limit_before=rule_for(held, rule.code, on_day=day).limit if held else None,
        limit=rule.limit,
        unit=rule.unit,
        law=rule.law,
    )


def _chain() -> list[Any]:
    # a rulebook that says nothing of who is told keeps the shipped chain
    longest = max(catalogue.rules(), key=lambda each: len(each.escalation))
    return list(longest.escalation)


def _today(ambient: Ambient) -> date:
    return local_day(catalogue.calendar(), ambient.now)


async def _own(tx: Transaction, unit_id: str) -> list[Rule]:
    return [writing.rule_in(row) for row in await ledger.rules_of(tx, unit_id, change=True)]


def _of(rules: list[Rule], code: str) -> list[Rule]:
    return [each for each in rules if each.code == code]


async def _published(tx: Transaction, unit_id: str, *, which: tuple[str, str]) -> Rule:
    for each in await _own(tx, unit_id):
        if (each.code, each.version) == which:
            return each
    if any((each.code, each.version) == which for each in catalogue.rules()):
        raise Refusal("rule_shipped", rule=which[0])
    raise Refusal("rule_unknown", rule=which[0], version=which[1])


def _row(unit_id: str, rule: Rule) -> dict[str, Any]:
    return {
        "unit_id": unit_id,
        "code": rule.code,
        "version": rule.version,
        "clause": rule.clause,
        "body": msgspec.to_builtins(rule),
        "effective_from": rule.effective_from,
        "effective_to": rule.effective_to,
    }


async def _audited(
    tx: Transaction, unit_id: str, *, ambient: Ambient, said: tuple[str, str, str]
) -> None:
    action, subject, actor = said
    entry = audit.Entry(at=ambient.now, actor=actor, action=action, subject=subject)
    await audit.append(tx, unit_id, entry=entry)
