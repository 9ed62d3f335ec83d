"""Workflows as data: a graph of steps and decisions that is checked before anybody walks it."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any, Literal

from schemas.base import Value
from schemas.problems import Refusal

SPAN_MAX = 1_000
ENDS = frozenset({"end", "end_or_resubmit"})
_CLOCKED_UNITS = frozenset({"hour", "minute", "working_day", "calendar_day", "month"})


class Step(Value, frozen=True):
    """One step or decision.

    `exits` maps an answer to a step; a plain step has one exit under the empty answer. A step
    that the source names but does not describe is not `defined`.
    """

    code: str
    zh: str
    en: str
    departments: tuple[str, ...] = ()
    limit_zh: str | None = None
    clock_unit: str | None = None
    clock_limit: float = 0
    exits: Mapping[str, str] = {}
    decision: bool = False
    defined: bool = True
    visible: bool = True
    papers: tuple[str, ...] = ()
    papers_may_follow: bool = False
    needs: tuple[str, ...] = ()


class Workflow(Value, frozen=True):
    """A named graph in one version; it begins at its first step."""

    name: str
    steps: tuple[Step, ...]
    version: str = ""
    zh: str = ""
    en: str = ""

    def step(self, code: str) -> Step:
        """A step by its code; refuses `workflow_unsound` where there is none."""
        for each in self.steps:
            if each.code == code:
                return each
        raise Refusal("workflow_unsound", step=code, fault="unknown_step")


class Fault(Value, frozen=True):
    """What is wrong with a workflow, and where. A warning does not forbid walking it."""

    step: str
    fault: str
    weight: Literal["error", "warning"]


def read_workflow(name: str, document: Mapping[str, Any]) -> Workflow:
    """Reads a workflow as it ships (see storage/catalogue/workflows)."""
    spans = _spans(str(each["step"]) for each in document["steps"])
    return Workflow(
        name=str(document.get("code", name)),
        steps=tuple(_step(each, spans) for each in document["steps"]),
        version=str(document.get("version", "")),
        zh=str(document.get("zh", name)),
        en=str(document.get("en", "")),
    )


def faults(workflow: Workflow) -> tuple[Fault, ...]:
    """Unreachable steps, decisions without exits, limits without clocks, loops without an exit.

    Steps that are named but not described are warnings: the walk stops there and says so.
    """
    return (
        *_twice(workflow),
        *(fault for each in workflow.steps for fault in _faults_of(each, _codes(workflow))),
        *_unreachable(workflow),
        *_trapped(workflow),
    )


def refuse_unsound(workflow: Workflow) -> None:
    """Refuses `workflow_unsound` with every error found; warnings pass."""
    found = [each for each in faults(workflow) if each.weight == "error"]
    if found:
        raise Refusal("workflow_unsound", faults=[f"{each.step}: {each.fault}" for each in found])


def follow(workflow: Workflow, code: str, *, answer: str = "") -> Step | None:
    """The step after `code`, or None at an end.

    A decision needs one of its answers: `fact_missing` names the step and the answers it takes.
    """
    # a guess at a decision would be a promise that nobody made
    step = workflow.step(code)
    if step.decision and answer not in step.exits:
        raise Refusal("fact_missing", fact=f"answer of step {code}", answers=sorted(step.exits))
    target = step.exits.get(answer if step.decision else "")
    return None if target is None or target in ENDS else workflow.step(target)


def shown_to_customer(workflow: Workflow) -> tuple[Step, ...]:
    """The steps that a customer may see, in order; decisions of the company stay inside."""
    return tuple(each for each in workflow.steps if each.visible and each.defined)


def _codes(workflow: Workflow) -> frozenset[str]:
    return frozenset(each.code for each in workflow.steps) | ENDS


def _twice(workflow: Workflow) -> Iterable[Fault]:
    # the second of two equal codes could never be reached
    codes = [each.code for each in workflow.steps]
    for code in sorted({each for each in codes if codes.count(each) > 1}):
        yield Fault(step=code, fault="defined_twice", weight="error")


def _faults_of(step: Step, codes: frozenset[str]) -> Iterable[Fault]:
    if not step.defined:
        yield Fault(step=step.code, fault="not_defined", weight="warning")
        return
    if step.decision and len(step.exits) < 2:
        yield Fault(step=step.code, fault="decision_without_exits", weight="error")
    elif not step.exits:
        yield Fault(step=step.code, fault="no_way_on", weight="error")
    for target in step.exits.values():
        if target not in codes:
            yield Fault(step=step.code, fault=f"leads_to_unknown:{target}", weight="error")
    if step.clock_unit not in (*_CLOCKED_UNITS, "instant", None):
        yield Fault(step=step.code, fault=f"clock_unknown:{step.clock_unit}", weight="error")
    # asked this way round, a limit that is not a number is none
    if step.clock_unit in _CLOCKED_UNITS and not 0 < step.clock_limit < inf:
        yield Fault(step=step.code, fault="clock_without_limit", weight="error")
    if step.limit_zh and step.clock_unit is None and not step.decision:
        yield Fault(step=step.code, fault="limit_without_clock", weight="warning")


def _unreachable(workflow: Workflow) -> Iterable[Fault]:
    if not workflow.steps:
        yield Fault(step="", fault="no_steps", weight="error")
    first = workflow.steps[0].code if workflow.steps else ""
    reached = _spread({first}, {each.code: each.exits.values() for each in workflow.steps})
    for each in workflow.steps:
        if each.code not in reached:
            yield Fault(step=each.code, fault="unreachable", weight="error")


def _trapped(workflow: Workflow) -> Iterable[Fault]:
    # walked backwards from every end: what is never met can only go round for ever
    back: dict[str, list[str]] = {}
    for each in workflow.steps:
        for target in each.exits.values():
            back.setdefault(target, []).append(each.code)
    ends = ENDS | {each.code for each in workflow.steps if not each.defined or not each.exits}
    leaves = _spread(ends, back)
    for each in workflow.steps:
        if each.code not in leaves:
            yield Fault(step=each.code, fault="loop_without_exit", weight="error")


def _spread(start: Iterable[str], ways: Mapping[str, Iterable[str]]) -> frozenset[str]:
    seen, waiting = set(start), list(start)
    while waiting:
        for target in ways.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return frozenset(seen)


def _spans(codes: Iterable[str]) -> dict[str, str]:
    # "08-17" stands for ten steps that the source has lost: a jump to any of them leads there
    found: dict[str, str] = {}
    for code in codes:
        first, _, last = code.partition("-")
        if first.isdecimal() and last.isdecimal():
            if int(last) - int(first) > SPAN_MAX:
                raise Refusal("workflow_unsound", faults=[f"{code}: too_many_steps"])
            found |= {f"{n:02d}": code for n in range(int(first), int(last) + 1)}
    return found


def _step(given: Mapping[str, Any], spans: Mapping[str, str]) -> Step:
    code = str(given["step"])
    clock = given.get("clock") or {}
    decision = "branches" in given
    # a step without a way on that carries no department is only a name in the source
    defined = decision or "next" in given
    departments: Sequence[str] = given.get("dept_zh", ())
    return Step(
        code=code,
        zh=str(given["zh"]),
        en=str(given.get("en", given["zh"])),
        departments=tuple(departments),
        limit_zh=given.get("limit_zh"),
        clock_unit=clock.get("unit"),
        clock_limit=float(clock.get("at_most", 0)),
        exits={answer: spans.get(to, to) for answer, to in _exits(given).items()},
        decision=decision,
        defined=defined or bool(departments),
        visible=bool(given.get("customer_sees", not decision)),
        papers=tuple(given.get("papers", ())),
        papers_may_follow=bool(given.get("papers_may_follow", False)),
        needs=tuple(given.get("needs", ())),
    )


def _exits(given: Mapping[str, Any]) -> dict[str, str]:
    if "branches" in given:
        return {str(answer): str(target) for answer, target in (given["branches"] or {}).items()}
    return {"": str(given["next"])} if "next" in given else {}
