"""The walk of a case through its workflow: a fold of the case's recorded facts.

`walk(facts) = stored walk`: nothing of it is kept but the facts, so it can be told again years later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from commitments.calendar import Calendar
from commitments.clock import due_of
from commitments.workflow import Step, Workflow, follow
from schemas.commitment import STARTED, ClockUnit, Event, Facts, Rule
from schemas.problems import Refusal
from schemas.workflow import CaseFact, Passage, TrackedStep, Walk

BEGUN, STEP, DOCUMENT, CONTRACT, PAYMENT, MANAGER = (
    "begun", "step", "document", "contract", "payment", "manager",
)  # fmt: skip
Books = Mapping[tuple[str, str], Workflow]
"""Workflows by code and version: a case keeps the version under which it walks."""


def walked(facts: Sequence[CaseFact], *, books: Books, calendar: Calendar) -> Walk:
    """Where a case stands: its facts folded in the order in which they were recorded.

    Refuses `workflow_not_begun` where no fact began one.
    """
    workflow, passages = _passages(facts, books=books, calendar=calendar)
    latest = passages[-1]
    here = None if latest.left_at is not None else workflow.step(latest.step)
    managers = [each.body for each in facts if each.kind == MANAGER]
    return Walk(
        workflow=workflow.name,
        version=workflow.version,
        at=here.code if here else None,
        undefined=here is not None and not here.defined,
        ended=here is None,
        answers=tuple(sorted(here.exits)) if here is not None and here.decision else (),
        passages=tuple(passages),
        missing_papers=_missing_papers(workflow, facts),
        waits_for=_waits_for(here, workflow, facts=facts) if here else (),
        manager=str(managers[-1]["name"]) if managers else None,
        manager_phone=str(managers[-1]["phone"]) if managers else None,
        paid_fen=_sum(facts),
        service_fee_fen=_sum(facts, purpose="service_fee"),
        facts=tuple(facts),
    )


def may_begin(facts: Sequence[CaseFact], workflow: Workflow, *, at: str | None) -> str:
    """The step at which a case begins: the first, or where a later version takes over.

    A case that walks already is handed to another version only where its own leads no further
    (`workflow_begun`), because a running promise keeps the version it was made under.
    """
    if not any(each.kind == BEGUN for each in facts):
        if at is not None:
            raise Refusal("workflow_begun", reason="a case begins at the first step")
        return workflow.steps[0].code
    if at is None:
        raise Refusal("workflow_begun", reason="name the step at which the other version goes on")
    return workflow.step(at).code


def may_step(
    walk: Walk, workflow: Workflow, *, step: str, answer: str, at: datetime
) -> Step | None:
    """The step that follows when `step` is finished; None at an end.

    Refuses `workflow_step` for another step than the present one, `workflow_undefined` where the
    handbook does not describe it, `paper_missing` and `workflow_waits` while facts are wanting, and
    `fact_missing` for a decision without an answer.
    """
    if walk.at != step:
        raise Refusal("workflow_step", at=walk.at, given=step)
    here = workflow.step(step)
    if not here.defined:
        raise Refusal("workflow_undefined", step=step)
    if at < walk.passages[-1].entered_at:
        raise Refusal("workflow_step", reason="it would be left before it was entered")
    if "papers" in walk.waits_for:
        raise Refusal("paper_missing", papers=list(walk.missing_papers))
    if walk.waits_for:
        raise Refusal("workflow_waits", step=step, needs=list(walk.waits_for))
    return follow(workflow, step, answer=answer)


def on_record(facts: Sequence[CaseFact], workflow: Workflow) -> dict[str, tuple[datetime, Facts]]:
    """What the recorded facts prove: a manager, every paper of the workflow, the money that the
    contract asks for; since when, and what a step of the case says of it.

    Money is in once a contract is on record and what was paid, service fees apart, covers its
    amount; where the contract names no amount, with the first payment.
    """
    found: dict[str, tuple[datetime, Facts]] = {}
    managers = [each for each in facts if each.kind == MANAGER]
    if managers:
        found["manager"] = (managers[0].at, {"manager": str(managers[0].body["name"])})
    papers = [each for each in facts if each.kind == DOCUMENT]
    wanted = {paper for step in workflow.steps for paper in step.papers}
    if wanted and not _missing_papers(workflow, facts):
        first = [min(each.at for each in papers if each.body["paper"] == paper) for paper in wanted]
        found["papers"] = (max(first), {})
    contracts = [each for each in facts if each.kind == CONTRACT]
    if contracts:
        paid = _covering(facts, amount_fen=int(str(contracts[-1].body.get("amount_fen") or 1)))
        if paid is not None:
            since = max(contracts[0].at, paid.at)
            found["money"] = (since, {"voucher": str(paid.body["number"])})
    return found


def shown_steps(walk: Walk, workflow: Workflow) -> list[TrackedStep]:
    """The steps that a customer may see: passed, present, and those the present one leads to.

    Decisions of the company stay inside, and a step that the handbook does not describe is not
    promised to anybody.
    """
    shown = [
        TrackedStep(
            code=each.step,
            zh=each.zh,
            en=each.en,
            state="done" if each.left_at else "now",
            entered_at=each.entered_at,
            left_at=each.left_at,
            due_at=each.due_at,
        )
        for each in walk.passages
        if each.visible and each.defined
    ]
    known, code = {each.code for each in shown}, walk.at
    while code is not None:
        step = workflow.step(code)
        code = None if step.decision else step.exits.get("")
        known_step = next((each for each in workflow.steps if each.code == code), None)
        if known_step is None or known_step.code in known:
            break
        known.add(known_step.code)
        if known_step.visible and known_step.defined:
            shown.append(
                TrackedStep(
                    code=known_step.code, zh=known_step.zh, en=known_step.en, state="to_come"
                )
            )
    return shown


def _passages(
    facts: Sequence[CaseFact], *, books: Books, calendar: Calendar
) -> tuple[Workflow, list[Passage]]:
    workflow: Workflow | None = None
    passages: list[Passage] = []
    for each in facts:
        if each.kind == BEGUN:
            workflow = books[str(each.body["workflow"]), str(each.body["version"])]
            if passages and passages[-1].left_at is None:
                passages[-1] = _left(passages[-1], each)
            passages.append(_entered(workflow.step(str(each.body["at"])), each, calendar=calendar))
        elif each.kind == STEP and workflow is not None:
            passages[-1] = _left(passages[-1], each)
            following = follow(workflow, passages[-1].step, answer=passages[-1].answer)
            if following is not None:
                passages.append(_entered(following, each, calendar=calendar))
    if workflow is None:
        raise Refusal("workflow_not_begun")
    return workflow, passages


def _entered(step: Step, fact: CaseFact, *, calendar: Calendar) -> Passage:
    return Passage(
        step=step.code,
        zh=step.zh,
        en=step.en,
        departments=step.departments,
        limit_zh=step.limit_zh,
        defined=step.defined,
        decision=step.decision,
        visible=step.visible,
        entered_at=fact.at,
        due_at=_due(step, fact, calendar=calendar),
    )


def _left(passage: Passage, fact: CaseFact) -> Passage:
    kept = {name: getattr(passage, name) for name in Passage.__struct_fields__}
    return Passage(
        **{
            **kept,
            "left_at": fact.at,
            "in_time": None if passage.due_at is None else fact.at <= passage.due_at,
            "answer": str(fact.body.get("answer", "")),
            "by": fact.by,
        }
    )


def _due(step: Step, fact: CaseFact, *, calendar: Calendar) -> datetime | None:
    # 即刻 is no number: it is shown in words, and nobody is judged by a limit that nobody set
    if step.clock_unit in (None, "instant") or step.clock_limit <= 0:
        return None
    rule = Rule(
        code=step.code,
        clause="",
        version="",
        zh=step.zh,
        unit=msgspec.convert(step.clock_unit, ClockUnit),
        limit=step.clock_limit,
    )
    started = Event(kind=STARTED, observed_at=fact.at, received_at=fact.received_at, source="walk")
    return due_of(rule, started, calendar=calendar, pauses=(), now=fact.at).at


def _missing_papers(workflow: Workflow, facts: Sequence[CaseFact]) -> tuple[str, ...]:
    here = {str(each.body["paper"]) for each in facts if each.kind == DOCUMENT}
    wanted = [paper for step in workflow.steps for paper in step.papers]
    return tuple(paper for paper in wanted if paper not in here)


def _waits_for(step: Step, workflow: Workflow, *, facts: Sequence[CaseFact]) -> tuple[str, ...]:
    kinds = {each.kind for each in facts}
    missing = _missing_papers(workflow, facts)
    found = []
    # 容缺受理: the application is taken, and the papers follow until a later step asks for them
    own = [each for each in step.papers if each in missing and not step.papers_may_follow]
    if own or ("papers" in step.needs and missing):
        found.append("papers")
    return (*found, *(each for each in step.needs if each != "papers" and each not in kinds))


def _covering(facts: Sequence[CaseFact], *, amount_fen: int) -> CaseFact | None:
    """The payment with which an amount is reached, in the order in which money came in."""
    paid = 0
    for each in sorted(facts, key=lambda each: (each.at, each.n)):
        if each.kind == PAYMENT and each.body.get("purpose") != "service_fee":
            paid += int(str(each.body["amount_fen"]))
            if paid >= amount_fen:
                return each
    return None


def _sum(facts: Sequence[CaseFact], *, purpose: str | None = None) -> int:
    return sum(
        int(str(each.body["amount_fen"]))
        for each in facts
        if each.kind == PAYMENT and (purpose is None or each.body.get("purpose") == purpose)
    )
