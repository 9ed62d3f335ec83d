"""The fold: events under one rule version, seen at an instant, give one verdict."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from commitments.calendar import (
    Calendar,
    days_between,
    end_of_day,
    last_day,
    local_day,
    months_after,
    working_days_after,
)
from schemas.base import Value
from schemas.commitment import (
    AMENDED,
    ATTEMPTED,
    CALENDAR,
    PAUSED,
    RESUMED,
    STARTED,
    VOIDED,
    WAIVED,
    Escalation,
    Event,
    Milestone,
    Pause,
    Rule,
    Stage,
    State,
    Verdict,
)
from schemas.problems import Refusal

SECONDS_PER_RING = 5
EVIDENCE_WAIT = timedelta(hours=72)
"""How long a proof may still be on a tablet before an overdue promise counts as broken."""
_SECONDS = {"hour": 3600.0, "minute": 60.0, "ring": float(SECONDS_PER_RING)}


class Due(Value, frozen=True):
    """When a clock runs out, and the days that were counted."""

    at: datetime | None
    on: date | None
    days: tuple[date, ...] = ()
    provisional: bool = False


def overlaid(calendar: Calendar, events: Sequence[Event]) -> Calendar:
    """The calendar as this clock was told of it: the days of its own chain over those shipped.

    So a verdict stays a function of its events, and a clock that has stopped never hears of a later
    notice.
    """
    told = sorted(
        (each for each in events if each.kind == CALENDAR), key=lambda each: each.received_at
    )
    for each in told:
        said = (one.split("=") for one in str(each.body["days"]).split())
        days = {date.fromisoformat(day): word == "works" for day, word in said}
        until = int(str(each.body["official_until"]))
        calendar = msgspec.structs.replace(
            calendar,
            days={**calendar.days, **days},
            official_until=max(calendar.official_until, until),
        )
    return calendar


def named_days(calendar: Calendar, verdict: Verdict) -> dict[str, bool]:
    """The days that are not as their weekday says, from the start to the last day counted: what an
    outsider needs to count again."""
    if not verdict.days:
        return {}
    first = local_day(calendar, verdict.started_at)
    return {
        day.isoformat(): works
        for day, works in sorted(calendar.days.items())
        if first <= day <= verdict.days[-1]
    }


def fold(rule: Rule, events: Sequence[Event], *, calendar: Calendar, now: datetime) -> Verdict:
    """A commitment's state is a function of its events, its rule, the calendar and the instant.

    Events may come in any order: they are folded in the order in which they were true. Raises
    `commitment_without_start` where no event started the clock.
    """
    ordered = sorted(events, key=lambda each: (each.observed_at, each.received_at, each.source))
    started = next((each for each in ordered if each.kind == STARTED), None)
    if started is None:
        raise Refusal("commitment_without_start", rule=rule.code)
    calendar = overlaid(calendar, ordered)
    pauses, stop = _pauses(ordered), _stop(rule, ordered, since=started.observed_at)
    # an open pause grows only until the clock stopped: a closed promise never moves again
    until = stop.observed_at if stop is not None else now
    due = _lawful_due(rule, started, calendar=calendar, pauses=pauses, now=until)
    due = _amended(ordered, due, calendar=calendar)
    state = _state(rule, ordered, due=due, stop=stop, now=now)
    stages = _stages(rule, ordered, due=due, stop=stop)
    ends = stop.observed_at if stop else None
    final = state in ("waived_by_agreement", "not_applicable")
    return Verdict(
        state=state,
        started_at=started.observed_at,
        due_at=due.at,
        due_on=due.on,
        provisional=due.provisional,
        stopped_at=ends,
        wake_at=None if stop or final else _next(stages, now),
        stages=() if final else tuple(each for each in stages if each.at <= now),
        pauses=pauses,
        days=due.days,
        late_seconds=0 if rule.at_least else _late(due, ends or now),
        proof_received_at=stop.received_at if stop else None,
        guess=calendar.name if due.provisional else "",
    )


def due_of(
    rule: Rule, started: Event, *, calendar: Calendar, pauses: Sequence[Pause], now: datetime
) -> Due:
    """When the clock of a rule runs out. Whole days end at 24:00; hours never stop at night."""
    since = started.observed_at
    first = local_day(calendar, since)
    if rule.unit in _SECONDS:
        stood = sum(((each.until or now) - each.since for each in pauses), timedelta())
        at = (
            since + timedelta(seconds=_limit(rule, started) * _SECONDS[rule.unit or "hour"]) + stood
        )
        return Due(at=at, on=local_day(calendar, at))
    if rule.unit == "working_day":
        days = working_days_after(
            calendar, first, count=int(rule.limit), paused=_paused_days(pauses, calendar, now=now)
        )
        leans = any(map(calendar.provisional, days))
        return Due(at=end_of_day(calendar, days[-1]), on=days[-1], days=days, provisional=leans)
    if rule.unit == "calendar_day":
        last = first + timedelta(days=int(rule.limit))
        return Due(at=end_of_day(calendar, last), on=last)
    if rule.unit == "month":
        last = months_after(first, int(rule.limit))
        return Due(at=end_of_day(calendar, last), on=last)
    if rule.unit == "instant":
        return _announced(started, calendar)
    return Due(at=None, on=None)


def _limit(rule: Rule, started: Event) -> float:
    return rule.by_area.get(str(started.body.get("area", "")), rule.limit)


def _lawful_due(
    rule: Rule, started: Event, *, calendar: Calendar, pauses: Sequence[Pause], now: datetime
) -> Due:
    # pause by pause: one that begins after the clock ran out cannot mend a broken promise
    due = due_of(rule, started, calendar=calendar, pauses=(), now=now)
    for n, each in enumerate(pauses, start=1):
        if each.since > now or (due.at is not None and each.since > due.at):
            break
        due = due_of(rule, started, calendar=calendar, pauses=pauses[:n], now=now)
    return due


def may_pause(events: Sequence[Event], at: datetime) -> None:
    """Refuses `already_paused` for a second pause in a row."""
    if _paused_at(events, at):
        raise Refusal("already_paused")


def may_resume(events: Sequence[Event], at: datetime) -> None:
    """Refuses `not_paused` for a resume without a pause."""
    if not _paused_at(events, at):
        raise Refusal("not_paused")


def may_waive(rule: Rule, verdict: Verdict, *, consented_at: datetime) -> None:
    """A waiver needs the customer's consent dated before the first deadline (clauses 11, 13)."""
    if not rule.waivable:
        raise Refusal("not_waivable", rule=rule.code)
    if verdict.due_at is not None and consented_at >= verdict.due_at:
        raise Refusal("waiver_too_late", due_at=verdict.due_at.isoformat())


def _pauses(ordered: Sequence[Event]) -> tuple[Pause, ...]:
    found: list[Pause] = []
    opened: Event | None = None
    for each in ordered:
        if each.kind == PAUSED and opened is None:
            opened = each
        elif each.kind == RESUMED and opened is not None:
            found.append(_pause(opened, each.observed_at))
            opened = None
    if opened is not None:
        found.append(_pause(opened, None))
    return tuple(found)


def _pause(opened: Event, until: datetime | None) -> Pause:
    return Pause(
        since=opened.observed_at,
        until=until,
        reason=str(opened.body.get("reason", "")),
        document=str(opened.body.get("document", "")),
    )


def _paused_days(pauses: Sequence[Pause], calendar: Calendar, *, now: datetime) -> frozenset[date]:
    stood: frozenset[date] = frozenset()
    for each in pauses:
        until = each.until or max(now, each.since)
        stood |= days_between(local_day(calendar, each.since), local_day(calendar, until))
    return stood


def _paused_at(events: Sequence[Event], at: datetime) -> bool:
    pauses = _pauses(sorted(events, key=lambda each: each.observed_at))
    return any(each.since <= at and (each.until is None or at < each.until) for each in pauses)


def _announced(started: Event, calendar: Calendar) -> Due:
    given = started.body.get("deadline")
    if not isinstance(given, str):
        raise Refusal("fact_missing", fact="deadline")
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise Refusal("fact_not_a_time", fact="deadline") from error
    if at.tzinfo is None:
        raise Refusal("fact_without_zone", fact="deadline")
    return Due(at=at, on=last_day(calendar, at))


def _amended(ordered: Sequence[Event], due: Due, *, calendar: Calendar) -> Due:
    for each in ordered:
        given = each.body.get("due_at") if each.kind == AMENDED else None
        if isinstance(given, str):
            at = datetime.fromisoformat(given)
            due = Due(at=at, on=last_day(calendar, at), provisional=False)
    return due


def _stop(rule: Rule, ordered: Sequence[Event], *, since: datetime) -> Event | None:
    first: dict[str, Event] = {}
    for each in ordered:
        if each.kind in rule.stops and not (rule.window and each.observed_at < since):
            first.setdefault(each.kind, each)
    if rule.every_stop:
        return max(first.values(), key=_true_at) if len(first) == len(rule.stops) else None
    return min(first.values(), key=_true_at) if first else None


def _true_at(event: Event) -> datetime:
    return event.observed_at


def _state(
    rule: Rule, ordered: Sequence[Event], *, due: Due, stop: Event | None, now: datetime
) -> State:
    kinds = {each.kind for each in ordered}
    if VOIDED in kinds:
        return "not_applicable"
    if WAIVED in kinds:
        return "waived_by_agreement"
    if stop is not None:
        if stop.body.get("kept") is False:
            return "breached"
        if due.at is None or _kept(rule, stop, due_at=due.at):
            return "met"
        if _excused(rule, ordered, due_at=due.at, stop=stop):
            return "met_late_excused"
        return "breached"
    if _paused_at(ordered, now) and (due.at is None or now <= due.at):
        return "paused"
    if due.at is None or now <= due.at or rule.at_least:
        return "provisional" if due.provisional else "running"
    if rule.field_proof and now <= due.at + EVIDENCE_WAIT:
        return "overdue_evidence_pending"
    return "breached"


def _kept(rule: Rule, stop: Event, *, due_at: datetime) -> bool:
    # a notice of 48 hours is a least: what it announces may not begin sooner (clause 2a)
    return stop.observed_at >= due_at if rule.at_least else stop.observed_at <= due_at


def _excused(rule: Rule, ordered: Sequence[Event], *, due_at: datetime, stop: Event) -> bool:
    if rule.soft:
        return bool(stop.body.get("reason") and stop.body.get("approver"))
    return any(each.kind == ATTEMPTED and each.observed_at <= due_at for each in ordered)


def _stages(
    rule: Rule, ordered: Sequence[Event], *, due: Due, stop: Event | None
) -> tuple[Stage, ...]:
    begun = next(each for each in ordered if each.kind == STARTED)
    started = begun.observed_at
    found = [Stage(name="started", at=started)]
    if due.at is not None:
        # an hour that was agreed with the request itself is a fact of the start
        open_still = [each for each in rule.milestones if not begun.body.get(each.kind)]
        found += _late_milestones(open_still, ordered, span=(started, due.at))
        found += [_escalated(each, span=(started, due.at)) for each in rule.escalation]
        if all(each.name != "due" for each in found):
            found.append(Stage(name="due", at=due.at))
        if rule.field_proof:
            found.append(Stage(name="proof_overdue", at=due.at + EVIDENCE_WAIT))
    if stop is not None:
        found = [each for each in found if each.at <= stop.observed_at]
        found.append(Stage(name="stopped", at=stop.observed_at))
    return tuple(sorted(found, key=lambda each: each.at))


def _late_milestones(
    milestones: Sequence[Milestone], ordered: Sequence[Event], *, span: tuple[datetime, datetime]
) -> list[Stage]:
    """What should have happened by a share of the time and had not: a stage of its own."""
    found = []
    for each in milestones:
        at = span[0] + (span[1] - span[0]) * each.share
        if not any(one.kind == each.kind and one.observed_at <= at for one in ordered):
            found.append(Stage(name=f"{each.kind}_late", at=at))
    return found


def _escalated(given: Escalation, *, span: tuple[datetime, datetime]) -> Stage:
    begun, due_at = span
    if given.share is not None:
        return Stage(name=given.stage, at=begun + (due_at - begun) * given.share)
    return Stage(name=given.stage, at=due_at + timedelta(hours=given.after_hours or 0))


def _next(stages: Sequence[Stage], now: datetime) -> datetime | None:
    # a state changes just after its last lawful instant, so the sweep looks a second later
    coming = [each.at + timedelta(seconds=1) for each in stages if each.at >= now]
    return min(coming, default=None)


def _late(due: Due, at: datetime) -> int:
    return 0 if due.at is None else max(0, int((at - due.at).total_seconds()))
