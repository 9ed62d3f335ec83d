"""Core: what the office says to a commitment, as an event of its chain, or the refusal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from commitments.calendar import Calendar
from commitments.clock import fold, may_pause, may_resume, may_waive
from commitments.duties import may_extend
from schemas.base import Value
from schemas.commitment import (
    AMENDED,
    PAUSED,
    RESUMED,
    STARTED,
    VOIDED,
    WAIVED,
    Event,
    Facts,
    Rule,
    Verdict,
)
from schemas.problems import Refusal
from schemas.telling import Amended, Extended, Happened, Paused, Resumed, Telling, Voided, Waived

AHEAD = timedelta(minutes=5)
"""How far an instant may lie ahead of our clock: desks have clocks too."""
RUNS = ("running", "paused", "provisional", "overdue_evidence_pending")


class Desk(Value, frozen=True):
    """Who speaks, when, and by which calendar; `source` makes the event one of its kind."""

    actor: str
    now: datetime
    calendar: Calendar
    source: str


def heard(rule: Rule, events: Sequence[Event], *, wish: Telling, desk: Desk) -> Event:
    """The event that a wish is. Refused where the promise has its verdict, does not listen to it,
    or the instant cannot be; then nothing is written."""
    verdict = fold(rule, events, calendar=desk.calendar, now=desk.now)
    if isinstance(wish, Waived):
        # consent is dated before the first deadline: a date that moved since does not move that
        first = [each for each in events if each.kind != AMENDED]
        promised = fold(rule, first, calendar=desk.calendar, now=desk.now)
        verdict = msgspec.structs.replace(verdict, due_at=promised.due_at)
    at = wish.consented_at if isinstance(wish, Waived) else wish.at
    _refuse_closed(verdict, wish)
    begun = next(each.observed_at for each in events if each.kind == STARTED)
    if not begun <= at <= desk.now + AHEAD:
        raise Refusal("event_instant", since=begun.isoformat(), until=desk.now.isoformat())
    kind, body = _said(rule, events, wish=wish, verdict=verdict)
    return Event(
        kind=kind,
        observed_at=at.astimezone(UTC),
        received_at=desk.now,
        source=desk.source,
        body={**body, "actor": desk.actor},
    )


def _refuse_closed(verdict: Verdict, wish: Telling) -> None:
    # what is late still happened and is told; everything else comes before the verdict
    late = isinstance(wish, Happened | Resumed) and verdict.stopped_at is None
    decided = verdict.state in ("waived_by_agreement", "not_applicable")
    too_late = isinstance(wish, Waived) and verdict.stopped_at is None and not decided
    if verdict.state not in RUNS and not too_late and (decided or not late):
        raise Refusal("commitment_closed", state=verdict.state)


def _said(
    rule: Rule, events: Sequence[Event], *, wish: Telling, verdict: Verdict
) -> tuple[str, Facts]:
    if isinstance(wish, Paused):
        may_pause(events, wish.at)
        if wish.reason not in rule.pauses:
            raise Refusal("pause_reason", rule=rule.code, reasons=list(rule.pauses))
        return PAUSED, {"reason": wish.reason, "document": wish.document}
    if isinstance(wish, Resumed):
        may_resume(events, wish.at)
        return RESUMED, {"document": wish.document}
    if isinstance(wish, Waived):
        may_waive(rule, verdict, consented_at=wish.consented_at)
        return WAIVED, {"agreed": wish.agreed, "document": wish.document}
    if isinstance(wish, Voided):
        return VOIDED, {"reason": wish.reason}
    if isinstance(wish, Amended):
        return _amended(rule, wish, verdict=verdict)
    if isinstance(wish, Extended):
        may_extend(reason=wish.reason, customer_agreed=wish.customer_agreed)
        _listens(rule, "extension_agreed_with_reason")
        if verdict.due_on is not None and wish.until <= verdict.due_on:
            raise Refusal("event_instant", fact="until")
        return "extension_agreed_with_reason", {
            "until": wish.until.isoformat(),
            "reason": wish.reason,
            "document": wish.document,
        }
    _listens(rule, wish.what)
    if wish.what == "extension_agreed_with_reason":
        raise Refusal("extension_without_reason")
    if "kept" in wish.facts:
        # only a look at dated records says whether a duty was kept
        raise Refusal("event_unknown", fact="kept")
    return wish.what, dict(wish.facts)


def _amended(rule: Rule, wish: Amended, *, verdict: Verdict) -> tuple[str, Facts]:
    if rule.unit != "instant":
        raise Refusal("not_amendable", rule=rule.code)
    if verdict.due_at is not None and wish.at > verdict.due_at:
        # its proof may still be on a tablet, yet what ran out is no longer agreed anew
        raise Refusal("event_instant", until=verdict.due_at.isoformat())
    if wish.due_at <= wish.at:
        raise Refusal("event_instant", fact="due_at")
    return AMENDED, {
        "due_at": wish.due_at.astimezone(UTC).isoformat(),
        "reason": wish.reason,
        "document": wish.document,
    }


def _listens(rule: Rule, kind: str) -> None:
    known = (*rule.stops, *(each.kind for each in rule.milestones))
    if kind not in known:
        raise Refusal("event_unknown", rule=rule.code, listens_to=sorted(known))
