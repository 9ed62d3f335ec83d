"""Core: one step of a case. What it needs, what comes before it, and what it says to which clock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from commitments.calendar import Calendar, end_of_day, local_day
from commitments.classifier import connection_rule
from commitments.duties import connection_findings, may_extend, may_turn_on_first, refusal_finding
from commitments.intake import midnight
from commitments.office import AHEAD
from commitments.rules import rule_for
from schemas.base import Value, date
from schemas.commitment import AMENDED, JUDGED, VOIDED, Event, Fact, Facts, Rule
from schemas.problems import Refusal
from schemas.work import Service, StepDone, StepKind, StepStart, StepWish


class Clock(Value, frozen=True):
    """A clock of the case as it stands."""

    id: UUID
    rule: Rule
    due_at: datetime | None
    listening: bool


class Case(Value, frozen=True):
    """What a step is judged by."""

    service: Service
    customer_class: str | None
    inspected_at: datetime | None
    had_gas: bool
    received_at: datetime
    open: bool
    facts: Facts
    done: Sequence[StepDone]
    clocks: Sequence[Clock]


class Start(Value, frozen=True):
    """A clock that begins with the step; `judged` is at once decided, `amended` has another end."""

    rule: Rule
    started_at: datetime
    facts: Facts
    then: tuple[Event, ...] = ()


class Taken(Value, frozen=True):
    """What a step comes to."""

    done: StepDone
    facts: Facts
    starts: tuple[Start, ...]
    heard: Mapping[UUID, tuple[Event, ...]]
    closes: bool
    first_gas_on: bool = False
    why: tuple[str, ...] = ()


class Book(Value, frozen=True):
    """Rules and calendar of the unit, and who speaks when."""

    rules: Sequence[Rule]
    calendar: Calendar
    actor: str
    now: datetime


def may_follow(case: Case) -> list[str]:
    """The steps that the case takes next, in the order of the catalogue."""
    if not case.open:
        return []
    done = {each.step for each in case.done}
    return [
        name
        for name, each in case.service.steps.items()
        if name not in done and done >= set(each.after)
    ]


def on_record(case: Case, proven: Mapping[str, tuple[datetime, Facts]]) -> StepWish | None:
    """The next step that needs nobody to say it, since the record of the case proves it.

    What was there before the case, or before the step it follows, is true from then on.
    """
    for name in may_follow(case):
        kind = case.service.steps[name]
        if kind.recorded is not None and kind.recorded in proven:
            since, facts = proven[kind.recorded]
            before = [each.at for each in case.done if each.step in kind.after]
            return StepWish(step=name, at=max([since, case.received_at, *before]), facts=facts)
    return None


def take(case: Case, wish: StepWish, *, book: Book) -> Taken:
    """A step with all that follows from it, or a refusal with its reason; nothing in between."""
    kind = case.service.steps.get(wish.step)
    if kind is None:
        raise Refusal("case_step", step=wish.step, may_follow=may_follow(case))
    asked = Asked(case=case, wish=wish, kind=kind, book=book)
    _refuse_untimely(asked)
    for name, shape in kind.needs.items():
        fact(wish.facts, name, shape=shape)
    _refuse_at_gate(asked)
    facts = {**case.facts, **wish.facts}
    starts = [_start(each, asked) for each in kind.starts if _for(each, case)]
    heard, why = _heard(asked), tuple[str, ...]()
    met_at = _conditions(asked)
    if met_at is not None:
        begun, why = _connected(met_at, asked=asked, facts=facts)
        starts += begun
    if kind.check is not None:
        heard, starts = _decided(asked, _finding(asked, facts=facts), into=(heard, starts))
    return Taken(
        done=_done(asked),
        facts=facts,
        starts=tuple(starts),
        heard=heard,
        closes=kind.closes,
        first_gas_on=kind.gate == "first_gas_on" and not case.had_gas,
        why=why,
    )


class Asked(Value, frozen=True):
    """A step that is asked of a case."""

    case: Case
    wish: StepWish
    kind: StepKind
    book: Book


def _refuse_untimely(asked: Asked) -> None:
    case, wish, now = asked.case, asked.wish, asked.book.now
    if not case.open:
        raise Refusal("case_closed")
    if not case.received_at <= wish.at <= now + AHEAD:
        raise Refusal("event_instant", since=case.received_at.isoformat(), until=now.isoformat())
    done = {each.step for each in case.done}
    if wish.step in done or not done >= set(asked.kind.after):
        missing = [each for each in asked.kind.after if each not in done]
        raise Refusal("case_step", step=wish.step, missing=missing, may_follow=may_follow(case))


def _refuse_at_gate(asked: Asked) -> None:
    if asked.kind.gate == "extension":
        may_extend(
            reason=str(asked.wish.facts.get("reason") or ""),
            customer_agreed=asked.wish.facts.get("customer_agreed") is True,
        )
    if asked.kind.gate == "first_gas_on" and not asked.case.had_gas:
        may_turn_on_first(inspected_at=asked.case.inspected_at, at=asked.wish.at)


def fact(facts: Facts, name: str, *, shape: str) -> Any:
    """A fact in its shape: text, day, zoned instant, number, yes. Refuses what it is not."""
    given: Fact = facts.get(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        raise Refusal("fact_missing", fact=name)
    if shape == "number":
        if isinstance(given, bool) or not isinstance(given, int | float) or given < 0:
            raise Refusal("fact_not_a_number", fact=name, value=str(given)[:40])
        return given
    if shape == "yes":
        return given is True
    if shape == "text":
        return str(given)
    try:
        read: Any = msgspec.convert(given, date if shape == "day" else datetime)
    except msgspec.ValidationError as error:
        raise Refusal("fact_not_a_time", fact=name, value=str(given)[:40]) from error
    if isinstance(read, datetime) and read.tzinfo is None:
        raise Refusal("fact_without_zone", fact=name)
    return read


def _done(asked: Asked) -> StepDone:
    return StepDone(
        step=asked.wish.step,
        at=asked.wish.at,
        received_at=asked.book.now,
        actor=asked.book.actor,
        facts=asked.wish.facts,
    )


def _for(start: StepStart, case: Case) -> bool:
    return not start.only or case.customer_class in start.only


def _start(start: StepStart, asked: Asked) -> Start:
    wish, book = asked.wish, asked.book
    started, facts, then = wish.at, dict[str, Fact](), tuple[Event, ...]()
    if start.since is not None:
        started = midnight(book.calendar, fact(wish.facts, start.since, shape="day"))
    if start.deadline is not None:
        until = fact(wish.facts, start.deadline, shape="instant")
        if until <= wish.at:
            raise Refusal("event_instant", fact=start.deadline)
        facts["deadline"] = until.astimezone(UTC).isoformat()
    if start.until is not None:
        due_at = end_of_day(book.calendar, fact(wish.facts, start.until, shape="day"))
        before = [each.due_at for each in asked.case.clocks if each.due_at and each.listening]
        if due_at <= max([wish.at, *before]):
            raise Refusal("event_instant", fact=start.until)
        then = (_event(AMENDED, asked, said={"due_at": due_at.isoformat()}),)
    return Start(
        rule=_rule(start.rule, started, book=book), started_at=started, facts=facts, then=then
    )


def _heard(asked: Asked) -> dict[UUID, tuple[Event, ...]]:
    said = asked.kind.says or asked.wish.step
    heard: dict[UUID, tuple[Event, ...]] = {}
    for each in asked.case.clocks:
        if not each.listening:
            continue
        if each.rule.code in asked.kind.voids:
            heard[each.id] = (_event(VOIDED, asked),)
        elif said in each.rule.stops or any(one.kind == said for one in each.rule.milestones):
            heard[each.id] = (_event(said, asked),)
    return heard


def _conditions(asked: Asked) -> datetime | None:
    """When the last of the conditions came in, if this step is that last one."""
    given = asked.case.service.conditions
    wanted = set(given.all_of) if given is not None else set()
    taken = {each.step: each.at for each in (*asked.case.done, _done(asked))}
    if asked.wish.step not in wanted or not wanted <= set(taken):
        return None
    return max(taken[name] for name in wanted)


CLASSIFYING = ("customer", "external_pipe", "meter_g", "pipe_dn", "pipe_length_m", "buried")


def _connected(
    met_at: datetime, *, asked: Asked, facts: Facts
) -> tuple[list[Start], tuple[str, ...]]:
    """The connection's clock and why it is this one; none where the handbook gives no limit."""
    book, known = asked.book, {**_customer(asked.case), **facts}
    try:
        code, why = connection_rule(book.rules, known, on_day=local_day(book.calendar, met_at))
    except Refusal as refusal:
        if refusal.code != "clause_not_applicable":
            raise
        return [], (f"the handbook gives no limit: {refusal.details['why']}",)
    told: Facts = {name: value for name, value in known.items() if name in CLASSIFYING}
    return [Start(rule=_rule(code, met_at, book=book), started_at=met_at, facts=told)], why


def _customer(case: Case) -> Facts:
    known = {"resident": "resident", "rural_piped": "resident", "non_resident": "non_resident"}
    found = known.get(case.customer_class or "")
    return {"customer": found} if found else {}


def _finding(asked: Asked, *, facts: Facts) -> tuple[str, bool, str]:
    """The promise that this step decides, whether it was kept, and why."""
    case, wish, check = asked.case, asked.wish, asked.kind.check
    assert check is not None
    if check.rule == "9e":
        fee, manager = int(facts.get("service_fee_fen") or 0), str(facts.get("manager") or "")
        found = connection_findings(manager=manager, service_fee_fen=fee)[0]
        return check.rule, found.kept is True, found.reason
    if check.rule == "3f":
        kept = wish.step == "appointment_agreed"
        why = "a window was agreed" if kept else str(wish.facts.get("reason"))
        return check.rule, kept, why
    within = next((each for each in case.clocks if each.rule.code == check.within), None)
    due_at = within.due_at if within is not None and within.due_at else wish.at
    reason = str(wish.facts.get("reason") or "")
    found = refusal_finding(check.rule, reason=reason, served_at=wish.at, due_at=due_at)
    return check.rule, found.kept is True, found.reason


def _decided(
    asked: Asked,
    finding: tuple[str, bool, str],
    *,
    into: tuple[dict[UUID, tuple[Event, ...]], list[Start]],
) -> tuple[dict[UUID, tuple[Event, ...]], list[Start]]:
    """A check that runs already is told; one that only this step brings up is opened and judged."""
    (code, kept, why), (heard, starts) = finding, into
    event = _event(JUDGED, asked, said={"kept": kept, "why": why})
    running = [each for each in asked.case.clocks if each.rule.code == code]
    if running:
        return {**heard, **{each.id: (event,) for each in running if each.listening}}, starts
    rule = _rule(code, asked.wish.at, book=asked.book)
    return heard, [*starts, Start(rule=rule, started_at=asked.wish.at, facts={}, then=(event,))]


def _rule(code: str, at: datetime, *, book: Book) -> Rule:
    return rule_for(book.rules, code, on_day=local_day(book.calendar, at))


def _event(kind: str, asked: Asked, *, said: Mapping[str, Fact] | None = None) -> Event:
    return Event(
        kind=kind,
        observed_at=asked.wish.at.astimezone(UTC),
        received_at=asked.book.now,
        source=f"case:{asked.wish.step}:{kind}",
        body={**asked.wish.facts, **(said or {}), "actor": asked.book.actor},
    )
