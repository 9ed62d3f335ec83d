"""What goes into the ledger: opening a clock, adding an event, and the columns a fold fills."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from commitments import chain
from commitments.calendar import Calendar
from commitments.clock import fold
from schemas.base import Value
from schemas.commitment import ATTEMPTED, STARTED, Event, Fact, Rule, Verdict
from schemas.work import Services

Row = dict[str, Any]


class Opening(Value, frozen=True):
    """A promise that begins to run."""

    id: UUID
    unit_id: str
    rule: Rule
    started_at: datetime
    received_at: datetime
    source: str
    case_id: UUID | None = None
    premises_id: UUID | None = None
    work_order_id: UUID | None = None
    facts: Mapping[str, Any] = {}


class Entry(Value, frozen=True):
    """Rows of the ledger: events that are appended and columns that change."""

    commitments: Sequence[Row]
    events: Sequence[Row]


def opened(opening: Opening, calendar: Calendar, *, now: datetime) -> Entry:
    """A commitment starts with the event that started its clock, and is folded at once."""
    event = Event(
        kind=STARTED,
        observed_at=opening.started_at,
        received_at=opening.received_at,
        source=opening.source,
        body=dict(opening.facts),
    )
    row = event_row(opening.unit_id, opening.id, n=1, head="", event=event)
    verdict = fold(opening.rule, [event], calendar=calendar, now=now)
    commitment = {
        "id": opening.id,
        "unit_id": opening.unit_id,
        "rule_code": opening.rule.code,
        "rule_version": opening.rule.version,
        "clause": opening.rule.clause,
        "case_id": opening.case_id,
        "premises_id": opening.premises_id,
        "work_order_id": opening.work_order_id,
        "facts": dict(opening.facts),
        "started_at": opening.started_at,
        "events": 1,
        "head_hash": row["hash"],
        **verdict_columns(verdict, now=now),
    }
    return Entry(commitments=[commitment], events=[row])


def told(begun: Entry, event: Event, *, rule: Rule, calendar: Calendar, now: datetime) -> Entry:
    """A clock that begins after a notice hears of it at once, in its own chain."""
    (commitment,), (first,) = begun.commitments, begun.events
    row = event_row(first["unit_id"], first["commitment_id"], n=2, head=first["hash"], event=event)
    start = Event(
        kind=first["kind"],
        observed_at=first["observed_at"],
        received_at=first["received_at"],
        source=first["source_key"],
        body=first["body"],
    )
    verdict = fold(rule, [start, event], calendar=calendar, now=now)
    columns = {"events": 2, "head_hash": row["hash"], **verdict_columns(verdict, now=now)}
    return Entry(commitments=[{**commitment, **columns}], events=[first, row])


def appended(unit_id: str, held: Mapping[str, Any], *, events: Sequence[Event]) -> Entry:
    """Events go to the end of the chain; the sweep is woken to fold them.

    `held` is the commitment's locked row with `id`, `events` and `head_hash`.
    """
    n, head = held["events"], held["head_hash"]
    rows: list[Row] = []
    for event in events:
        n += 1
        rows.append(event_row(unit_id, held["id"], n=n, head=head, event=event))
        head = rows[-1]["hash"]
    latest = max(each.received_at for each in events)
    changed = {"id": held["id"], "events": n, "head_hash": head, "wake_at": latest}
    return Entry(commitments=[changed], events=rows)


def event_row(unit_id: str, commitment_id: UUID, *, n: int, head: str, event: Event) -> Row:
    """An event as the ledger keeps it, tied to the hash before it.

    Hashed as it will be read back: instants in UTC and whole numbers whole, whatever zone and form
    they came in; else an honest chain would look forged.
    """
    event = msgspec.structs.replace(
        event,
        observed_at=event.observed_at.astimezone(UTC),
        received_at=event.received_at.astimezone(UTC),
        body={name: _whole(value) for name, value in event.body.items()},
    )
    return {
        "commitment_id": commitment_id,
        "n": n,
        "unit_id": unit_id,
        "kind": event.kind,
        "observed_at": event.observed_at,
        "received_at": event.received_at,
        "source_key": event.source,
        "body": event.body,
        "previous_hash": head,
        "hash": chain.link(head, n, event=event),
    }


def _whole(value: Fact) -> Fact:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def event_of(row: Any) -> Event:
    """The event of a row of the ledger."""
    return Event(
        kind=row.kind,
        observed_at=row.observed_at,
        received_at=row.received_at,
        source=row.source_key,
        body=row.body,
    )


def verdict_columns(verdict: Verdict, *, now: datetime) -> Row:
    """The columns that a fold fills."""
    return {
        "state": verdict.state,
        "due_at": verdict.due_at,
        "due_on": verdict.due_on,
        "provisional": verdict.provisional,
        "stopped_at": verdict.stopped_at,
        "wake_at": verdict.wake_at,
        "verdict": said(verdict, now=now),
    }


def said(verdict: Verdict, *, now: datetime) -> Row:
    """The document beside the columns; it keeps the instant it was folded at, to be verified."""
    return {
        "as_of": now,
        "late_seconds": verdict.late_seconds,
        "days": len(verdict.days),
        "proof_received_at": verdict.proof_received_at,
        "pauses": msgspec.to_builtins(verdict.pauses),
        "guess": verdict.guess,
    }


def warned(rule: Rule, verdict: Verdict) -> tuple[tuple[str, datetime, str], ...]:
    """Who is told of which stage: the roles of the rule's escalation, each once a stage."""
    if not rule.escalation:
        return ()
    told = {each.stage: each.to for each in rule.escalation}
    late = rule.escalation[0].to
    return tuple(
        (each.name, each.at, role)
        for each in verdict.stages
        # a milestone that is late is for whoever is told first
        for role in told.get(each.name, late if each.name.endswith("_late") else ())
    )


FIELD_EVENTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("repair", "accepted"): ("dispatched",),
    ("repair", "en_route"): ("dispatched",),
    ("emergency", "accepted"): ("dispatched",),
    ("repair", "in_progress"): ("repair_started_in_home",),
    ("repair", "field_done"): ("repair_completed",),
    ("emergency", "en_route"): ("dispatched", "crew_departed"),
    ("emergency", "on_site"): ("crew_arrived",),
    ("appliance_install", "field_done"): ("install_signed",),
    ("relight", "field_done"): ("gas_on_signed",),
    ("alteration", "field_done"): ("work_done",),
    ("pre_service", "on_site"): ("site_surveyed",),
    ("inspection", "field_done"): ("inspection_completed",),
    ("inspection_booking", "field_done"): ("inspection_completed",),
}
"""Which events a state of field work is, by kind of work. An attempt in vain never resets a
cycle."""


def lights(work_kind: str, given: Services) -> bool:
    """Whether work of a kind that ends well turns on gas that was never on: the same steps that wait
    at the office."""
    kind = given.kinds.get(work_kind)
    if kind is None:
        return False
    said = [kind.steps.get(each) for each in field_events(work_kind, "field_done")]
    return any(each is not None and each.gate == "first_gas_on" for each in said)


def field_events(work_kind: str, state: str) -> tuple[str, ...]:
    """The commitment events that follow when a visit for `work_kind` comes into `state`."""
    if state in ("no_access", "refused"):
        return (ATTEMPTED,)
    return FIELD_EVENTS.get((work_kind, state), ())
