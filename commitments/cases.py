"""Shell: opens cases with their clocks and work orders, and the due work of inspection cycles."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cycles, entry, intake, recalendar, writing
from commitments.calendar import local_day
from commitments.rules import rule_for
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.commitment import JUDGED, Event, Verdict
from schemas.ids import named
from schemas.problems import PROBLEMS
from schemas.work import CaseRequest, PremisesFacts, Rejection, WorkOrderDraft
from storage import audit, catalogue, registry, standing, work
from storage.engine import Transaction
from storage.services import services

Row = dict[str, Any]
PAGE = 5_000


class Intake(Value, frozen=True):
    """What became of a handful of requests."""

    opened: tuple[UUID, ...]
    known: tuple[str, ...]
    rejected: tuple[Rejection, ...]


class Unit(Value, frozen=True):
    """Whose cases are opened, what decides them, and which grids are far from every crew."""

    id: str
    book: intake.Book
    remote: frozenset[UUID]


class Opened(Value, frozen=True):
    """Rows of one case."""

    case: Row
    orders: list[Row]
    entries: list[entry.Entry]


async def book(tx: Transaction, unit_id: str) -> intake.Book:
    """What the unit decides by."""
    rules = await writing.rulebook(tx, unit_id)
    calendar = await recalendar.calendar_of(tx, unit_id)
    return intake.Book(services=services(), rules=rules, calendar=calendar)


async def open_cases(
    engine: AsyncEngine, unit_id: str, *, requests: Sequence[CaseRequest], ambient: Ambient
) -> Intake:
    """Opens what can be opened; a known number is left alone, an unknown account is rejected."""
    async with engine.begin() as tx:
        found = await registry.premises_by_account(
            tx, unit_id, wanted=sorted({each.account for each in requests})
        )
        numbers = [each.number for each in requests if each.number]
        known = await work.known_cases(tx, unit_id, numbers=numbers)
        decided_by = await book(tx, unit_id)
        remote = await standing.remote_grids(tx, unit_id)
        unit = Unit(id=unit_id, book=decided_by, remote=remote)
        rejected = [_rejected(each) for each in requests if each.account not in found]
        opened = [
            _opened(each, found[each.account], unit=unit, ambient=ambient)
            for each in requests
            if each.account in found and each.number not in known
        ]
        await work.open_cases(tx, [each.case for each in opened])
        await work.open_work_orders(tx, [row for each in opened for row in each.orders])
        drafts = [one for each in opened for one in each.entries]
        await writing.begin(tx, drafts, rules=decided_by.rules, ambient=ambient)
        await audit.append(
            tx,
            unit_id,
            entry=audit.Entry(
                at=ambient.now,
                actor="intake",
                action="cases.opened",
                subject=str(len(opened)),
                detail={"rejected": len(rejected)},
            ),
        )
    return Intake(
        opened=tuple(each.case["id"] for each in opened),
        known=tuple(sorted(known)),
        rejected=tuple(rejected),
    )


async def open_cycles(engine: AsyncEngine, unit_id: str, *, ambient: Ambient) -> int:
    """Every premises with a known class and start has its inspection clock; a known one stays."""
    opened, after = 0, None
    while True:
        async with engine.begin() as tx:
            decided_by = await book(tx, unit_id)
            rows = await registry.premises_page(tx, unit_id, after=after, limit=PAGE)
            drafts = [
                _cycle(
                    each,
                    each.last_inspection_on or each.first_gas_on,
                    decided_by=decided_by,
                    ambient=ambient,
                )
                for each in rows
            ]
            begun = [each for each in drafts if each is not None]
            opened += await writing.begin(tx, begun, rules=decided_by.rules, ambient=ambient)
        if len(rows) < PAGE:
            return opened
        after = rows[-1].id


async def generate_due(engine: AsyncEngine, unit_id: str, *, until: date, ambient: Ambient) -> int:
    """Work orders for inspections that fall due by a day, once a cycle however often it is
    asked."""
    made, after = 0, None
    while True:
        async with engine.begin() as tx:
            decided_by = await book(tx, unit_id)
            rows = await registry.inspections_due(tx, unit_id, until=until, after=after, limit=PAGE)
            made += await work.open_work_orders(
                tx, [_due_order(each, decided_by, unit_id=unit_id) for each in rows]
            )
        if len(rows) < PAGE:
            return made
        after = (rows[-1].inspection_due_on, rows[-1].id)


def inspected_by(held: Any, verdict: Verdict) -> dict[UUID, date]:
    """Premises and local day where a verdict says that an inspection cycle was completed."""
    if held.rule_code not in cycles.CYCLE_RULES.values() or verdict.stopped_at is None:
        return {}
    return {held.premises_id: local_day(catalogue.calendar(), verdict.stopped_at)}


async def renew_cycles(
    tx: Transaction, unit_id: str, *, inspected: Mapping[UUID, date], ambient: Ambient
) -> int:
    """After a completed inspection the premises know its day and the next cycle runs from it.

    `inspected` is premises id to the local day of completion; an older day than the known one
    changes nothing.
    """
    if not inspected:
        return 0
    decided_by = await book(tx, unit_id)
    rows, begun = [], []
    for each in await registry.premises_by_id(tx, unit_id, ids=list(inspected)):
        day = inspected[each.id]
        if each.last_inspection_on is None or each.last_inspection_on < day:
            draft = _cycle(each, day, decided_by=decided_by, ambient=ambient)
            # due lists go by the clock, and so by the shorter cycle that a unit may have
            due = None if draft is None else draft.commitments[0]["due_on"]
            rows.append({"id": each.id, "last_inspection_on": day, "inspection_due_on": due})
            begun += [] if draft is None else [draft]
    await registry.inspected(tx, rows)
    return await writing.begin(tx, begun, rules=decided_by.rules, ambient=ambient)


async def begin_cycle(
    tx: Transaction, unit_id: str, *, premises_id: UUID, ambient: Ambient
) -> None:
    """Premises that have gas from today on are inspected from their last look on."""
    decided_by = await book(tx, unit_id)
    (home,) = await registry.premises_by_id(tx, unit_id, ids=[premises_id])
    since = home.last_inspection_on or home.first_gas_on
    draft = _cycle(home, since, decided_by=decided_by, ambient=ambient)
    if draft is not None:
        due = draft.commitments[0]["due_on"]
        await registry.inspected(tx, [{"id": premises_id, "inspection_due_on": due}])
        await writing.begin(tx, [draft], rules=decided_by.rules, ambient=ambient)


def _due_order(each: Any, decided_by: intake.Book, *, unit_id: str) -> Row:
    return _order_row(
        intake.inspection_work(each.customer_class, each.inspection_due_on, book=decided_by),
        unit_id=unit_id,
        number=f"AJ-{each.account}-{each.inspection_due_on:%Y%m%d}",
        premises_id=each.id,
        case_id=None,
    )


def planned_order(each: Any, decided_by: intake.Book, *, unit_id: str, kind: str) -> Row:
    """Work of a levelled plan, not before the day that was planned, with its place beside it.

    The check before a heating season is named by its year, so that it stays the same work when the
    city moves the start.
    """
    earliest = intake.midnight(decided_by.calendar, each.planned_on)
    names = {
        "interval": f"AJ-{each.account}-{each.due_on:%Y%m%d}",
        "preheating": f"CN-{each.account}-{each.due_on:%Y}",
    }
    drafted = intake.inspection_work(
        each.customer_class, each.due_on, book=decided_by, earliest_at=earliest
    )
    row = _order_row(
        drafted, unit_id=unit_id, number=names[kind], premises_id=each.id, case_id=None
    )
    facts = {"place": each.place, "planned_on": each.planned_on.isoformat()}
    return {**row, "level_on": each.planned_on, "facts": facts}


def lead_until(now: datetime) -> date:
    """The last due day that is generated today."""
    ahead = timedelta(days=services().lead_days)
    return local_day(catalogue.calendar(), now + ahead)


def _rejected(request: CaseRequest) -> Rejection:
    problem = PROBLEMS["account_unknown"]
    return Rejection(
        number=request.number,
        account=request.account,
        code="account_unknown",
        zh=problem.zh,
        en=problem.en,
    )


def _opened(request: CaseRequest, premises: Any, *, unit: Unit, ambient: Ambient) -> Opened:
    unit_id, decided_by, remote = unit.id, unit.book, unit.remote
    facts = PremisesFacts(
        id=str(premises.id),
        account=premises.account,
        customer_class=premises.customer_class,
        area="remote" if premises.grid_id in remote else "urban",
    )
    drafted = intake.draft(request, facts, book=decided_by)
    number = request.number or f"D{ambient.now:%Y%m%d}-{str(ambient.new_id())[-8:]}"
    case_id = named(unit_id, "case", number)
    case = _case_row(request, drafted, case_id=case_id, premises_id=premises.id, number=number)
    case |= {"unit_id": unit_id, "registered_at": ambient.now}
    orders = []
    if drafted.work is not None:
        orders.append(
            _order_row(
                drafted.work,
                unit_id=unit_id,
                number=f"{number}-1",
                premises_id=premises.id,
                case_id=case_id,
            )
        )
    entries = [_clock(each, case, request=request, ambient=ambient) for each in drafted.clocks]
    return Opened(case=case, orders=orders, entries=entries)


def _clock(
    drafted: intake.ClockDraft, case: Row, *, request: CaseRequest, ambient: Ambient
) -> entry.Entry:
    calendar, source = catalogue.calendar(), intake.commitment_source(case["id"])
    opening = entry.Opening(
        id=named(case["unit_id"], "commitment", case["number"], drafted.rule.code),
        unit_id=case["unit_id"],
        rule=drafted.rule,
        started_at=drafted.started_at,
        received_at=request.received_at,
        source=source,
        case_id=case["id"],
        facts=drafted.facts,
    )
    begun = entry.opened(opening, calendar, now=ambient.now)
    if not drafted.kept:
        return begun
    event = Event(
        kind=JUDGED,
        observed_at=request.received_at,
        received_at=ambient.now,
        source=f"{source}:agreed",
        body={"kept": True, "why": "a window was agreed with the request"},
    )
    return entry.told(begun, event, rule=drafted.rule, calendar=calendar, now=ambient.now)


def _case_row(
    request: CaseRequest,
    drafted: intake.CaseDraft,
    *,
    case_id: UUID,
    premises_id: UUID,
    number: str,
) -> Row:
    return {
        "id": case_id,
        "number": number,
        "kind": drafted.kind,
        "channel": request.channel,
        "premises_id": premises_id,
        "description": request.description,
        "state": "open",
        "facts": {
            "asked_as": request.kind,
            "rerouted": drafted.rerouted,
            "purchased_on": request.purchased_on,
            "given": request.facts,
        },
        "received_at": request.received_at,
        "tracking_code": f"T{case_id.hex[-12:].upper()}",
    }


def _order_row(
    drafted: WorkOrderDraft,
    *,
    unit_id: str,
    number: str,
    premises_id: UUID,
    case_id: UUID | None,
) -> Row:
    return {
        "id": named(unit_id, "work_order", number),
        "unit_id": unit_id,
        "case_id": case_id,
        "premises_id": premises_id,
        "number": number,
        "kind": drafted.kind,
        "template": drafted.template,
        "skills": list(drafted.skills),
        "duration_seconds": drafted.duration_seconds,
        "people": drafted.people,
        "tier": drafted.tier,
        "state": "ready",
        "window_opens": drafted.window.opens if drafted.window else None,
        "window_closes": drafted.window.closes if drafted.window else None,
        "earliest_at": drafted.earliest_at,
        "due_at": drafted.due_at,
        "attempts": 0,
        "facts": {},
        "version": 1,
    }


def _cycle(
    premises: Any, since: date | None, *, decided_by: intake.Book, ambient: Ambient
) -> entry.Entry | None:
    if premises.customer_class not in cycles.CYCLE_RULES or since is None:
        return None
    code = cycles.CYCLE_RULES[premises.customer_class]
    started = intake.midnight(decided_by.calendar, since)
    rule = rule_for(decided_by.rules, code, on_day=since)
    return entry.opened(
        entry.Opening(
            id=named(premises.unit_id, "commitment", "cycle", premises.account, code, since),
            unit_id=premises.unit_id,
            rule=rule,
            started_at=started,
            received_at=min(ambient.now, started),
            source=f"cycle:{premises.account}:{since}",
            premises_id=premises.id,
        ),
        decided_by.calendar,
        now=ambient.now,
    )
