"""Shell: the office (or a portal) tells a case what happened; its clocks hear of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import entry, intake, ledger, steps, supply, writing
from schemas.ambient import Ambient
from schemas.commitment import Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.work import CaseClock, CaseStory, StepDone, StepWish
from storage import audit, catalogue, outages, work
from storage import ledger as rows
from storage.engine import Transaction
from storage.services import services

Row = dict[str, Any]
DECIDED = ("waived_by_agreement", "not_applicable")


async def step(
    engine: AsyncEngine, unit_id: str, *, case_id: UUID, wish: StepWish, by: tuple[str, Ambient]
) -> CaseStory:
    """Takes a step, all of it or nothing: facts, clocks that begin, clocks that hear of it."""
    actor, ambient = by
    async with engine.begin() as tx:
        found = await work.lock_case(tx, unit_id, case_id=case_id)
        if found is None:
            raise Refusal("not_found")
        rules = await writing.rulebook(tx, unit_id)
        case = await _case(tx, found, rules=rules)
        book = steps.Book(rules=rules, calendar=catalogue.calendar(), actor=actor, now=ambient.now)
        taken = steps.take(case, wish, book=book)
        await _begin(tx, found, taken=taken, rules=rules, ambient=ambient)
        await ledger.told(tx, unit_id, heard=taken.heard, ambient=ambient)
        if taken.first_gas_on:
            home = await outages.supply_of(tx, unit_id, premises_id=found.premises_id)
            await supply.turn_on_first(tx, home, at=wish.at, ambient=ambient)
        await work.set_case(tx, case_id, values=_after(found, taken))
        if taken.closes:
            # nobody is sent to what is over; a visit under way is the dispatcher's to call back
            await work.call_off(tx, unit_id, case_id=case_id)
        said = audit.Entry(
            at=ambient.now, actor=actor, action=f"case.{wish.step}", subject=str(case_id)
        )
        await audit.append(tx, unit_id, entry=said)
        return await story(tx, unit_id, case_id=case_id, why=taken.why)


async def story(
    tx: Transaction, unit_id: str, *, case_id: UUID, why: Sequence[str] = ()
) -> CaseStory:
    """A case with its steps, what may follow and how its promises stand."""
    found = await work.lock_case(tx, unit_id, case_id=case_id)
    if found is None:
        raise Refusal("not_found")
    case = await _case(tx, found, rules=await writing.rulebook(tx, unit_id))
    held = await rows.open_for(tx, unit_id, case_id=case_id)
    return CaseStory(
        id=found.id,
        number=found.number,
        kind=found.kind,
        state=found.state,
        steps=list(case.done),
        may_follow=steps.may_follow(case),
        clocks=[
            CaseClock(
                id=each.id,
                rule=each.rule_code,
                clause=each.clause,
                state=each.state,
                started_at=each.started_at,
                due_at=each.due_at,
                stopped_at=each.stopped_at,
            )
            for each in held
        ],
        why=list(why),
    )


async def _case(tx: Transaction, found: Any, *, rules: Sequence[Rule]) -> steps.Case:
    held = await rows.open_for(tx, found.unit_id, case_id=found.id)
    return steps.Case(
        service=services().kinds[found.kind],
        customer_class=found.customer_class,
        inspected_at=supply.inspected(found),
        had_gas=found.first_gas_on is not None,
        received_at=found.received_at,
        open=found.state == "open",
        facts=found.facts.get("given", {}),
        done=msgspec.convert(found.facts.get("steps", []), list[StepDone]),
        clocks=[
            steps.Clock(
                id=each.id,
                rule=writing.rule_of(rules, each),
                due_at=each.due_at,
                listening=each.stopped_at is None and each.state not in DECIDED,
            )
            for each in held
        ],
    )


async def _begin(
    tx: Transaction, found: Any, *, taken: steps.Taken, rules: Sequence[Rule], ambient: Ambient
) -> None:
    drafts, heard = [], {}
    for each in taken.starts:
        name = (found.number, each.rule.code, taken.done.step)
        made = named(found.unit_id, "commitment", *name)
        opening = entry.Opening(
            id=made,
            unit_id=found.unit_id,
            rule=each.rule,
            started_at=each.started_at,
            received_at=ambient.now,
            source=intake.commitment_source(found.id),
            case_id=found.id,
            premises_id=found.premises_id,
            facts=each.facts,
        )
        drafts.append(entry.opened(opening, catalogue.calendar(), now=ambient.now))
        if each.then:
            heard[made] = each.then
    await writing.begin(tx, drafts, rules=rules, ambient=ambient)
    await writing.tell(tx, found.unit_id, heard=heard, rules=rules, ambient=ambient)


def _after(found: Any, taken: steps.Taken) -> Row:
    done = [*found.facts.get("steps", []), msgspec.to_builtins(taken.done)]
    facts = {**found.facts, "given": taken.facts, "steps": done}
    closed = {"state": "closed", "reason": taken.done.step} if taken.closes else {}
    return {"facts": facts, **closed}
