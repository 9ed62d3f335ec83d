"""Shell: the office (or a portal) tells a case what happened; its clocks hear of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import casework, entry, intake, ledger, steps, supply, writing
from commitments.walk import BEGUN, on_record
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.commitment import Rule
from schemas.ids import named
from schemas.problems import Refusal
from schemas.work import CaseClock, CaseStory, StepDone, StepWish
from schemas.workflow import CaseFact, Walk
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
    async with engine.begin() as tx:
        found = await work.lock_case(tx, unit_id, case_id=case_id)
        if found is None:
            raise Refusal("not_found")
        rules = await writing.rulebook(tx, unit_id)
        case = await _case(tx, found, rules=rules)
        why = await _take(tx, found, asked=(case, wish), rules=rules, by=by)
        facts, _ = await casework.recorded(tx, unit_id, case_id=case_id)
        more = await _from_record(tx, unit_id, case_id=case_id, facts=facts, by=by)
        return await story(tx, unit_id, case_id=case_id, why=[*why, *more])


async def record(
    engine: AsyncEngine, who: Principal, *, case_id: UUID, note: casework.Note, ambient: Ambient
) -> Walk:
    """A document, the contract, a payment or the account manager is recorded, and takes the steps of
    the case that it proves: nobody has to say twice that the money is in."""
    async with engine.begin() as tx:
        walk = await casework.record(tx, who, case_id=case_id, note=note, ambient=ambient)
        by = (who.name, ambient)
        await _from_record(tx, who.unit_id, case_id=case_id, facts=walk.facts, by=by)
    return walk


async def _from_record(
    tx: Transaction,
    unit_id: str,
    *,
    case_id: UUID,
    facts: Sequence[CaseFact],
    by: tuple[str, Ambient],
) -> list[str]:
    """Takes what the record of a case proves, one step after the other; why clocks began."""
    begun = [each.body for each in facts if each.kind == BEGUN]
    if not begun:
        return []
    books = await casework.books(tx, unit_id)
    workflow = books[str(begun[-1]["workflow"]), str(begun[-1]["version"])]
    proven, rules = on_record(facts, workflow), await writing.rulebook(tx, unit_id)
    why = list[str]()
    while True:
        found = await work.lock_case(tx, unit_id, case_id=case_id)
        case = await _case(tx, found, rules=rules)
        wish = steps.on_record(case, proven)
        if wish is None:
            return why
        try:
            why += await _take(tx, found, asked=(case, wish), rules=rules, by=by)
        except Refusal as refusal:
            # the record stands; what the classifier lacks a person says with the step itself
            if refusal.code != "fact_missing":
                raise
            return [*why, f"{wish.step} waits for {refusal.details.get('fact')}"]


async def _take(
    tx: Transaction,
    found: Any,
    *,
    asked: tuple[steps.Case, StepWish],
    rules: Sequence[Rule],
    by: tuple[str, Ambient],
) -> Sequence[str]:
    (case, wish), (actor, ambient) = asked, by
    book = steps.Book(rules=rules, calendar=catalogue.calendar(), actor=actor, now=ambient.now)
    taken = steps.take(case, wish, book=book)
    await _begin(tx, found, taken=taken, rules=rules, ambient=ambient)
    await ledger.told(tx, found.unit_id, heard=taken.heard, ambient=ambient)
    if taken.first_gas_on:
        home = await outages.supply_of(tx, found.unit_id, premises_id=found.premises_id)
        await supply.turn_on_first(tx, home, at=wish.at, ambient=ambient)
    await work.set_case(tx, found.id, values=_after(found, taken))
    if taken.closes:
        # nobody is sent to what is over; a visit under way is the dispatcher's to call back
        await work.call_off(tx, found.unit_id, case_id=found.id)
    said = audit.Entry(
        at=ambient.now, actor=actor, action=f"case.{wish.step}", subject=str(found.id)
    )
    await audit.append(tx, found.unit_id, entry=said)
    return taken.why


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
