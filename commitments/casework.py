"""Shell: walks a case through its workflow and records documents, contract, payments, manager."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import chain, recalendar, walk
from commitments.calendar import Calendar
from commitments.workflow import Workflow, faults, read_workflow, refuse_unsound
from schemas.access import Principal
from schemas.ambient import Ambient
from schemas.base import Value
from schemas.commitment import Event, Facts
from schemas.problems import Refusal
from schemas.workflow import Begin, CaseFact, StepTaken, Walk, WorkflowShown, WorkflowWish
from storage import audit, casework, catalogue, sealing
from storage.engine import Transaction

SHIPPED = "collective_install_workflow"
PAGE = 500


class Note(Value, frozen=True):
    """A fact to be recorded: its kind, what it says, and when it was true (else now)."""

    kind: str
    body: Facts
    at: datetime | None = None


class Held(Value, frozen=True):
    """A locked case with what is on record of it, and what its walk is judged by."""

    case_id: UUID
    facts: Sequence[CaseFact]
    head: str
    books: dict[tuple[str, str], Workflow]
    calendar: Calendar

    def walk(self, *more: CaseFact) -> Walk:
        """Where the case stands with these further facts."""
        return walk.walked([*self.facts, *more], books=self.books, calendar=self.calendar)

    @property
    def begun(self) -> bool:
        """Whether it walks a workflow already."""
        return any(each.kind == walk.BEGUN for each in self.facts)


async def publish(
    engine: AsyncEngine, who: Principal, *, wish: WorkflowWish, ambient: Ambient
) -> WorkflowShown:
    """Publishes a workflow that can be walked; a version that exists is never changed.

    Refuses `workflow_unsound` with every fault, and `workflow_known`.
    """
    document = msgspec.to_builtins(wish)
    found = read_workflow(wish.code, document)
    refuse_unsound(found)
    async with engine.begin() as tx:
        row = {
            "unit_id": who.unit_id,
            "code": wish.code,
            "version": wish.version,
            "body": document,
            "published_at": ambient.now,
            "published_by": who.name,
        }
        if wish.code == SHIPPED and wish.version == shipped().version:
            raise Refusal("workflow_known", version=wish.version)
        if not await casework.publish(tx, row):
            raise Refusal("workflow_known", version=wish.version)
        await _audited(tx, who, action="workflow.published", subject=wish.code, now=ambient.now)
    return shown(found)


async def books(tx: Transaction, unit_id: str) -> dict[tuple[str, str], Workflow]:
    """Every workflow of the unit by code and version, the shipped one first, the newest last."""
    ours = shipped()
    found = {(ours.name, ours.version): ours}
    for row in await casework.workflows(tx, unit_id):
        found[row.code, row.version] = read_workflow(row.code, row.body)
    return found


async def begin(
    engine: AsyncEngine, who: Principal, *, case_id: UUID, wish: Begin, ambient: Ambient
) -> Walk:
    """A case begins its workflow; where the handbook ends, another version may take over."""
    async with engine.begin() as tx:
        held = await _held(tx, who, case_id=case_id)
        workflow = _chosen(held.books, wish)
        if held.begun:
            before = held.walk()
            if not (before.undefined or before.ended):
                raise Refusal("workflow_begun", workflow=before.workflow, at=before.at)
            if not wish.reason.strip():
                raise Refusal("fact_missing", fact="reason")
        at = walk.may_begin(held.facts, workflow, at=wish.at)
        body: Facts = {
            "workflow": workflow.name,
            "version": workflow.version,
            "at": at,
            "reason": wish.reason,
        }
        return await _noted(
            tx, who, held=held, note=Note(kind=walk.BEGUN, body=body), ambient=ambient
        )


async def step(
    engine: AsyncEngine, who: Principal, *, case_id: UUID, wish: StepTaken, ambient: Ambient
) -> Walk:
    """The present step is finished; nothing is skipped and nothing is guessed."""
    async with engine.begin() as tx:
        held = await _held(tx, who, case_id=case_id)
        now = held.walk()
        walk.may_step(
            now,
            held.books[now.workflow, now.version],
            step=wish.step,
            answer=wish.answer,
            at=wish.at or ambient.now,
        )
        body: Facts = {"step": wish.step, "answer": wish.answer, "note": wish.note}
        note = Note(kind=walk.STEP, body=body, at=wish.at)
        return await _noted(tx, who, held=held, note=note, ambient=ambient)


async def record(
    tx: Transaction, who: Principal, *, case_id: UUID, note: Note, ambient: Ambient
) -> Walk:
    """A document, the contract, a payment or the account manager is recorded, once it is a fact."""
    held = await _held(tx, who, case_id=case_id)
    if not held.begun:
        raise Refusal("workflow_not_begun")
    return await _noted(tx, who, held=held, note=note, ambient=ambient)


async def told(engine: AsyncEngine, unit_id: str, *, case_id: UUID) -> Walk:
    """Where a case stands, with every fact."""
    async with engine.connect() as tx:
        facts, _ = await recorded(tx, unit_id, case_id=case_id)
        return walk.walked(
            facts,
            books=await books(tx, unit_id),
            calendar=await recalendar.calendar_of(tx, unit_id),
        )


async def recorded(tx: Transaction, unit_id: str, *, case_id: UUID) -> tuple[list[CaseFact], str]:
    """The facts of a case and the head of their chain; `chain_broken` where one was changed."""
    rows = await casework.facts_of(tx, unit_id, case_id=case_id)
    links = [(row.n, _event(row), row.previous_hash, row.hash) for row in rows]
    broken = chain.broken_at(links)
    if broken is not None:
        raise Refusal("chain_broken", at=broken)
    facts = [
        CaseFact(
            n=row.n,
            kind=row.kind,
            at=row.at,
            received_at=row.received_at,
            by=row.actor,
            body=row.body,
        )
        for row in rows
    ]
    return facts, rows[-1].hash if rows else ""


async def verify(engine: AsyncEngine, unit_id: str) -> dict[str, int]:
    """Every chain of facts of every case is made again from its first link to the head that the
    case knows."""
    counted, after = {"case_chains": 0, "broken_case_chains": 0}, None
    while True:
        async with engine.connect() as tx:
            cases = await casework.cases_with_facts(tx, unit_id, after=after, limit=PAGE)
            chains = [await casework.facts_of(tx, unit_id, case_id=each.id) for each in cases]
            ring = sealing.ring_of(tx)
        for each, rows in zip(cases, chains, strict=True):
            links = [(row.n, _event(row), row.previous_hash, row.hash) for row in rows]
            hashes = [row.hash for row in rows]
            known = each.facts_told or 0
            cut = known > len(hashes) or (known and hashes[known - 1] != each.facts_head)
            forged = ring.holds(each.facts_seal, each.id, hashes=hashes) is False
            counted["case_chains"] += 1
            broken = forged or cut or chain.broken_at(links) is not None
            counted["broken_case_chains"] += bool(broken)
        if len(cases) < PAGE:
            return counted
        after = cases[-1].id


def shipped() -> Workflow:
    """The connection process of the handbook as far as it is known."""
    return read_workflow(SHIPPED, catalogue.document(f"workflows/{SHIPPED}.yaml"))


def shown(workflow: Workflow) -> WorkflowShown:
    """A workflow as lists show it, with what its source leaves open."""
    return WorkflowShown(
        code=workflow.name,
        version=workflow.version,
        zh=workflow.zh,
        en=workflow.en,
        steps=len(workflow.steps),
        warnings=[f"{each.step}: {each.fault}" for each in faults(workflow)],
    )


def _chosen(known: dict[tuple[str, str], Workflow], wish: Begin) -> Workflow:
    found = [
        workflow
        for (code, version), workflow in known.items()
        if code == wish.workflow and wish.version in (None, version)
    ]
    if not found:
        raise Refusal("not_found", workflow=wish.workflow)
    # books are in the order of publishing: a new case walks the newest
    return found[-1]


async def _held(tx: Transaction, who: Principal, *, case_id: UUID) -> Held:
    row = await casework.lock_case(tx, who.unit_id, case_id=case_id)
    if row is None:
        raise Refusal("not_found")
    if row.state == "closed":
        raise Refusal("case_closed")
    facts, head = await recorded(tx, who.unit_id, case_id=case_id)
    return Held(
        case_id=case_id,
        facts=facts,
        head=head,
        books=await books(tx, who.unit_id),
        calendar=await recalendar.calendar_of(tx, who.unit_id),
    )


async def _noted(
    tx: Transaction, who: Principal, *, held: Held, note: Note, ambient: Ambient
) -> Walk:
    # hashed as the database will give it back: an instant has no zone of its own there
    at, n = (note.at or ambient.now).astimezone(UTC), len(held.facts) + 1
    if at > ambient.now:
        raise Refusal("fact_in_future", at=at.isoformat())
    told_at = ambient.now.astimezone(UTC)
    event = Event(
        kind=note.kind, observed_at=at, received_at=told_at, source=who.name, body=note.body
    )
    row = {
        "case_id": held.case_id,
        "n": n,
        "unit_id": who.unit_id,
        "kind": note.kind,
        "at": at,
        "received_at": ambient.now,
        "actor": who.name,
        "body": note.body,
        "previous_hash": held.head,
        "hash": chain.link(held.head, n, event=event),
    }
    await casework.append_fact(tx, row)
    await _audited(tx, who, action=f"case.{note.kind}", subject=str(held.case_id), now=ambient.now)
    return held.walk(
        CaseFact(n=n, kind=note.kind, at=at, received_at=ambient.now, by=who.name, body=note.body)
    )


def _event(row: Any) -> Event:
    return Event(
        kind=row.kind,
        observed_at=row.at,
        received_at=row.received_at,
        source=row.actor,
        body=row.body,
    )


async def _audited(
    tx: Transaction, who: Principal, *, action: str, subject: str, now: datetime
) -> None:
    await audit.append(
        tx,
        who.unit_id,
        entry=audit.Entry(at=now, actor=who.name, action=action, subject=subject),
    )
