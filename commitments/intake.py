"""Intake: what a request turns into. Clocks start when a channel had it, not when it was typed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from commitments.calendar import Calendar, end_of_day, local_day
from commitments.clock import due_of
from commitments.rules import rule_for
from commitments.triage import route
from schemas.base import Span, Value
from schemas.commitment import STARTED, Event, Facts, Rule
from schemas.work import CaseRequest, PremisesFacts, Service, Services, WorkOrderDraft

APPOINTED = "appointment_agreed"


class ClockDraft(Value, frozen=True):
    """A promise that a case starts; a check that the request itself answers is `kept` at once."""

    rule: Rule
    started_at: datetime
    due_at: datetime | None
    facts: Facts = {}
    kept: bool = False


class CaseDraft(Value, frozen=True):
    """A case with its clocks and its field work; `kind` is what triage made of the request."""

    kind: str
    clocks: tuple[ClockDraft, ...]
    work: WorkOrderDraft | None
    rerouted: bool


class Book(Value, frozen=True):
    """What intake decides by: services, rules and the calendar of a unit."""

    services: Services
    rules: Sequence[Rule]
    calendar: Calendar


def draft(request: CaseRequest, premises: PremisesFacts, *, book: Book) -> CaseDraft:
    """A request becomes a case with every promise that its kind carries, and the work it needs."""
    kind = route(request.kind, request.description)
    service = book.services.kinds[kind]
    clocks = tuple(
        _clock(rule_code, since, request=request, premises=premises, book=book)
        for rule_code, since in service.rules.items()
    )
    return CaseDraft(
        kind=kind,
        clocks=clocks,
        work=_work(kind, service, request=request, clocks=clocks, premises=premises),
        rerouted=kind != request.kind,
    )


def inspection_work(
    customer_class: str, due_on: date, *, book: Book, earliest_at: datetime | None = None
) -> WorkOrderDraft:
    """Due work of the inspection cycle; it may be done at any time before its last lawful day."""
    service = book.services.inspections[customer_class]
    return WorkOrderDraft(
        kind="inspection",
        template=service.template,
        skills=service.skills,
        duration_seconds=book.services.inspection_minutes * 60,
        tier="normal",
        window=None,
        earliest_at=earliest_at,
        due_at=end_of_day(book.calendar, due_on),
    )


def midnight(calendar: Calendar, day: date) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(), calendar.zone).astimezone(UTC)


def commitment_source(case_id: UUID) -> str:
    """How the event that opened a case's clocks is named."""
    return f"case:{case_id}"


def _clock(
    code: str, since: str, *, request: CaseRequest, premises: PremisesFacts, book: Book
) -> ClockDraft:
    started = request.received_at
    if since == "purchased" and request.purchased_on is not None:
        started = midnight(book.calendar, request.purchased_on)
    rule = rule_for(book.rules, code, on_day=local_day(book.calendar, started))
    facts: Facts = {"area": premises.area} if rule.by_area else {}
    if request.window is not None and any(m.kind == APPOINTED for m in rule.milestones):
        facts[APPOINTED] = True
    event = Event(
        kind=STARTED,
        observed_at=started,
        received_at=request.received_at,
        source="intake",
        body=facts,
    )
    due = due_of(rule, event, calendar=book.calendar, pauses=(), now=request.received_at)
    kept = rule.kind == "check" and request.window is not None
    return ClockDraft(rule=rule, started_at=started, due_at=due.at, facts=facts, kept=kept)


def _work(
    kind: str,
    service: Service,
    *,
    request: CaseRequest,
    clocks: Sequence[ClockDraft],
    premises: PremisesFacts,
) -> WorkOrderDraft | None:
    if service.work is None:
        return None
    skills = set(service.work.skills)
    if premises.customer_class == "non_resident":
        skills.add("non_resident")
    window = request.window
    dues = [each.due_at for each in clocks if each.due_at is not None]
    if window is not None:
        dues.append(window.closes + timedelta(hours=4))
    return WorkOrderDraft(
        kind=kind,
        template=service.work.template,
        skills=tuple(sorted(skills)),
        duration_seconds=service.work.duration_minutes * 60,
        tier="emergency" if service.alarm else "normal",
        window=Span(opens=window.opens, closes=window.closes) if window else None,
        earliest_at=request.received_at,
        due_at=min(dues, default=None),
        people=request.people or service.work.people,
    )
