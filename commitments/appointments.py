"""Shell: what a customer sees of a case, and the appointment that a signed link lets them change."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import agenda, casework, links, recalendar, walk
from commitments.calendar import local_day
from schemas.ambient import Ambient
from schemas.base import Span
from schemas.problems import Refusal
from schemas.workflow import (
    Appointment,
    Move,
    Tracked,
    TrackedManager,
    TrackedPromise,
    TrackedStep,
    TrackedVisit,
    Walk,
)
from storage import audit, catalogue, work
from storage import casework as rows
from storage.engine import Transaction

LINK_DAYS = 60
MOVABLE = ("", "planned", "cancelled")
"""States of the latest visit in which a customer may still change the hours."""
ASK_AGAIN = ("registered", "ready", "no_access", "refused", "not_done")
"""States of the order that new hours turn into `scheduled` (work_order_lifecycle.yaml)."""
_PLAIN = (
    ("received", "已受理", "Received"),
    ("scheduled", "已预约", "Scheduled"),
    ("on_site", "上门服务", "Visit"),
    ("done", "已完成", "Finished"),
)


async def track(engine: AsyncEngine, code: str, *, key: bytes, ambient: Ambient) -> Tracked:
    """The steps a customer may see, the appointment, the account manager, the promise."""
    async with engine.connect() as tx:
        case = await rows.tracked(tx, code)
        if case is None:
            raise Refusal("not_found")
        unit_id, case_id = case["unit_id"], case["id"]
        order = await rows.order_of_case(tx, unit_id, case_id=case_id)
        promised = await rows.promises_of(tx, unit_id, case_id=case_id)
        visits = await rows.visits_of(tx, unit_id, case_id=case_id)
        walked, steps = await _steps(tx, case, order=order)
    promises = [_promise(each) for each in promised]
    open_ones = [each for each in promises if each.state in ("running", "paused", "provisional")]
    return Tracked(
        number=case["number"],
        kind=case["kind"],
        state=case["state"],
        received_at=case["received_at"],
        steps=steps,
        appointment=_appointment(order, key=key, now=ambient.now),
        manager=_manager(walked),
        missing_papers=list(walked.missing_papers) if walked else [],
        promise=next(iter(open_ones), None) or next(iter(promises), None),
        visits=[TrackedVisit(**each) for each in visits],
        commitments=promises,
    )


async def read(engine: AsyncEngine, link: str, *, key: bytes, now: datetime) -> Appointment:
    """The appointment behind a link; refuses `link_invalid`, and `appointment_none`."""
    async with engine.connect() as tx:
        order = await _order(tx, link, key=key, now=now)
    return _agreed(order, key=key, now=now)


async def confirm(engine: AsyncEngine, link: str, *, key: bytes, ambient: Ambient) -> Appointment:
    """The customer will be there. Confirming twice keeps the first instant."""
    async with engine.begin() as tx:
        order = await _order(tx, link, key=key, now=ambient.now)
        agreed = _agreed(order, key=key, now=ambient.now)
        if agreed.confirmed_at is None:
            confirmed = {**order["facts"], "confirmed_at": ambient.now.isoformat()}
            await rows.change_order(tx, order["id"], facts=confirmed)
            await _audited(tx, order, action="appointment.confirmed", now=ambient.now)
            order = await rows.lock_order(tx, order["id"])
    return _agreed(order, key=key, now=ambient.now)


async def move(
    engine: AsyncEngine, link: str, *, wish: Move, key: bytes, ambient: Ambient
) -> Appointment:
    """The customer chooses other hours; the dispatcher sees that a planned visit no longer fits.

    Refuses `visit_under_way` once somebody is on the way, and what `agenda.may_move` refuses.
    """
    async with engine.begin() as tx:
        order = await _order(tx, link, key=key, now=ambient.now)
        if not _movable(order):
            raise Refusal("visit_under_way", state=order["visit_state"])
        wanted = Span(opens=wish.opens, closes=wish.closes)
        agenda.may_move(wanted, due_at=order["due_at"], now=ambient.now)
        facts = {name: value for name, value in order["facts"].items() if name != "confirmed_at"}
        facts |= {"moved_at": ambient.now.isoformat(), "moved_because": wish.reason}
        state = "scheduled" if order["state"] in ASK_AGAIN else order["state"]
        values = {"window_opens": wish.opens, "window_closes": wish.closes, "state": state}
        await rows.change_order(tx, order["id"], facts=facts, **values)
        if order["visit_state"] == "planned":
            # the day's plan does not fit any more: a dispatcher decides, the customer is promised
            await work.update_visits(tx, [{"id": order["visit_id"], "pending_decision": True}])
        await _audited(tx, order, action="appointment.moved", now=ambient.now)
        order = await rows.lock_order(tx, order["id"])
    return _agreed(order, key=key, now=ambient.now)


async def planned(
    engine: AsyncEngine, link: str, *, key: bytes, now: datetime
) -> tuple[str, UUID, date] | None:
    """The unit, the visit and the day for which the work behind a link is planned by now."""
    async with engine.connect() as tx:
        order = await _order(tx, link, key=key, now=now)
    if order["visit_state"] != "planned" or order["starts_at"] is None:
        return None
    return (
        order["unit_id"],
        order["visit_id"],
        local_day(catalogue.calendar(), order["starts_at"]),
    )


async def calendar_entry(engine: AsyncEngine, link: str, *, key: bytes, now: datetime) -> str:
    """The appointment as an iCalendar file."""
    async with engine.connect() as tx:
        order = await _order(tx, link, key=key, now=now)
    agreed = _agreed(order, key=key, now=now)
    words = ("燃气公司上门服务", f"工单 {order['number']}。改期或确认请使用短信中的链接。")
    span = Span(opens=agreed.opens, closes=agreed.closes)
    return agenda.ics(f"{order['id']}@doorstep", span, words=words, now=now)


async def _order(tx: Transaction, link: str, *, key: bytes, now: datetime) -> Any:
    said = links.opened(key, link, now=now)
    order = await rows.lock_order(tx, said.order_id)
    if order is None:
        raise Refusal("link_invalid")
    return order


async def _steps(
    tx: Transaction, case: Any, *, order: Any
) -> tuple[Walk | None, list[TrackedStep]]:
    unit_id = case["unit_id"]
    facts, _ = await casework.recorded(tx, unit_id, case_id=case["id"])
    if not facts:
        return None, _plain_steps(case, order)
    books = await casework.books(tx, unit_id)
    calendar = await recalendar.calendar_of(tx, unit_id)
    walked = walk.walked(facts, books=books, calendar=calendar)
    return walked, walk.shown_steps(walked, books[walked.workflow, walked.version])


def _plain_steps(case: Any, order: Any) -> list[TrackedStep]:
    """A case without a workflow has four steps that any customer understands."""
    reached = 1
    if order is not None:
        reached += order["window_opens"] is not None or order["starts_at"] is not None
        reached = 2 if order["visit_state"] in ("on_site", "in_progress") else reached
        reached = 4 if order["state"] in ("field_done", "under_review", "closed") else reached
    reached = 4 if case["state"] == "closed" else reached
    return [
        TrackedStep(
            code=code,
            zh=zh,
            en=en,
            state="done" if n < reached else "now" if n == reached else "to_come",
            entered_at=case["received_at"] if n == 0 else None,
        )
        for n, (code, zh, en) in enumerate(_PLAIN)
    ]


def _agreed(order: Any, *, key: bytes, now: datetime) -> Appointment:
    found = _appointment(order, key=key, now=now)
    if found is None:
        raise Refusal("appointment_none")
    return found


def _appointment(order: Any, *, key: bytes, now: datetime) -> Appointment | None:
    if order is None:
        return None
    opens, closes = order["window_opens"], order["window_closes"]
    if opens is None or closes is None:
        # nothing was agreed: what the plan has booked is what the customer is told
        opens, closes = order["starts_at"], order["ends_at"]
    if opens is None or closes is None:
        return None
    confirmed = order["facts"].get("confirmed_at")
    until = max(closes, now) + timedelta(days=LINK_DAYS)
    return Appointment(
        opens=opens,
        closes=closes,
        confirmed_at=datetime.fromisoformat(confirmed) if confirmed else None,
        latest=order["due_at"],
        may_move=_movable(order),
        link=links.signed(key, order["id"], until=until),
        link_until=until.replace(microsecond=0),
    )


def _movable(order: Any) -> bool:
    # a visit that found nobody is over, and the customer is asked for other hours
    return order["visit_state"] in MOVABLE or order["state"] in ASK_AGAIN


def _manager(walked: Walk | None) -> TrackedManager | None:
    if walked is None or walked.manager is None:
        return None
    return TrackedManager(name=walked.manager, phone=walked.manager_phone or "")


def _promise(row: Any) -> TrackedPromise:
    said = next((each.zh for each in catalogue.rules() if each.code == row["rule_code"]), "")
    return TrackedPromise(
        clause=row["clause"],
        rule=row["rule_code"],
        zh=said,
        state=row["state"],
        due_at=row["due_at"],
    )


async def _audited(tx: Transaction, order: Any, *, action: str, now: datetime) -> None:
    entry = audit.Entry(at=now, actor="customer", action=action, subject=str(order["id"]))
    await audit.append(tx, order["unit_id"], entry=entry)
