"""When would it be due? The answer to `doorstep due`, with the days counted one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from msgspec import Meta

from commitments.calendar import Calendar, local_day
from commitments.classifier import connection_rule
from commitments.clock import due_of
from commitments.cycles import CYCLE_RULES
from commitments.rules import rule_for
from schemas.base import Value, Wire
from schemas.commitment import STARTED, Event, Facts, Rule
from schemas.problems import Refusal

YEARS = (1990, 2200)
"""No promise began before, and nobody counts further."""
_DEFAULT_OF_CLAUSE = {"2": "2c", "4": "4b", "13": "13a", "16": "16a"}


class DueQuestion(Wire, frozen=True):
    """A clause (or a rule by its sub-number), a day or a zoned instant, and facts that choose."""

    clause: Annotated[str, Meta(min_length=1, max_length=10)]
    start: Annotated[str, Meta(min_length=10, max_length=40)]
    facts: Facts | None = None


class DueAnswer(Value, frozen=True):
    """What is due when: `due` is written as the law counts, to 24:00 of the last day."""

    clause: str
    rule: str
    rule_version: str
    start: str
    due_date: date | None
    due: str | None
    provisional: bool
    days: tuple[date, ...]
    why: tuple[str, ...] = ()


class Classified(Value, frozen=True):
    """Which connection promise holds, and the facts that decided, in order."""

    rule: str
    why: tuple[str, ...]


def classified(rules: Sequence[Rule], facts: Facts, *, on_day: date) -> Classified:
    """Clause 9 by its facts and the rules of a day; refuses `fact_missing` and names the fact."""
    code, why = connection_rule(rules, facts, on_day=on_day)
    return Classified(rule=code, why=why)


def due_answer(
    rules: Sequence[Rule], calendar: Calendar, *, clause: str, start: str, facts: Facts
) -> DueAnswer:
    """The rule of a clause that the facts choose, counted from `start` (a day, or a zoned
    instant)."""
    since = _instant(start, calendar)
    on_day = local_day(calendar, since)
    if clause == "9":
        code, why = connection_rule(rules, facts, on_day=on_day)
    else:
        code, why = choose(clause, facts)
    rule = rule_for(rules, code, on_day=on_day)
    if rule.unit is None:
        raise Refusal("rule_without_clock", rule=code)
    event = Event(kind=STARTED, observed_at=since, received_at=since, source="question", body=facts)
    try:
        due = due_of(rule, event, calendar=calendar, pauses=(), now=since)
    except OverflowError as error:
        raise Refusal("fact_not_a_time", value=start[:80]) from error
    return DueAnswer(
        clause=clause,
        rule=rule.code,
        rule_version=rule.version,
        start=start,
        due_date=due.on,
        due=_said(due.at, due.on, rule=rule, calendar=calendar),
        provisional=due.provisional,
        days=due.days,
        why=why,
    )


def choose(clause: str, facts: Facts) -> tuple[str, tuple[str, ...]]:
    """The sub-number of a clause that the facts choose; refuses `fact_missing` and names it."""
    if clause == "3":
        given = facts.get("customer_class") or facts.get("customer")
        if facts.get("area") == "rural_pipeline":
            # 3c asks for the pipe alone: whoever lives there is looked after every six months
            given = "rural_piped"
        wanted = {"rural": "rural_piped", "non-resident": "non_resident"}.get(str(given), given)
        if wanted not in CYCLE_RULES:
            raise Refusal("fact_missing", fact="customer_class")
        return CYCLE_RULES[str(wanted)], (f"inspection cycle of {wanted}",)
    return _DEFAULT_OF_CLAUSE.get(clause, clause), ()


def _instant(text: str, calendar: Calendar) -> datetime:
    try:
        if len(text) == len("2026-01-01"):
            day = date.fromisoformat(text)
            at = datetime.combine(day, time(), calendar.zone)
        else:
            at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise Refusal("fact_without_zone", fact="start")
        at = at.astimezone(UTC)
        if not YEARS[0] <= at.year <= YEARS[1]:
            raise ValueError(text)
        return at
    except (ValueError, OverflowError) as error:
        raise Refusal("fact_not_a_time", value=text[:80]) from error


def _said(at: datetime | None, on: date | None, *, rule: Rule, calendar: Calendar) -> str | None:
    if at is None or on is None:
        return None
    if rule.unit in ("hour", "minute", "ring") or local_day(calendar, at) == on:
        return at.astimezone(calendar.zone).isoformat()
    offset = datetime.combine(on + timedelta(days=1), time(), calendar.zone).isoformat()[-6:]
    return f"{on.isoformat()}T24:00:00{offset}"
