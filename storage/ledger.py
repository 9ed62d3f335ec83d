"""Rules, calendar days, commitments and their events."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from storage import bulk, sealing
from storage.engine import Transaction, driver
from storage.tables import (
    calendar_day,
    commitment,
    commitment_event,
    commitment_warning,
    rule,
)

Rows = Sequence[dict[str, Any]]

RUNNING = ("running", "paused", "provisional", "overdue_evidence_pending")
"""States in which time still decides."""

_FOR_WORK = """
WITH orders AS (
  SELECT id, kind, case_id, premises_id FROM work_order WHERE unit_id = $1 AND id = ANY($2::uuid[])
), wanted AS (
  SELECT c.id, o.id AS via, o.kind FROM orders o JOIN commitment c ON c.work_order_id = o.id
  UNION
  SELECT c.id, o.id, o.kind FROM orders o JOIN commitment c ON c.case_id = o.case_id
  UNION
  SELECT c.id, o.id, o.kind FROM orders o JOIN commitment c ON c.premises_id = o.premises_id
  WHERE c.case_id IS NULL AND c.work_order_id IS NULL
)
SELECT c.id, c.rule_code, c.state, c.events, c.head_hash, c.started_at,
  w.via, w.kind AS work_kind
FROM commitment c JOIN wanted w ON w.id = c.id
WHERE c.unit_id = $1 AND c.stopped_at IS NULL
ORDER BY c.id FOR UPDATE OF c
"""


async def save_rules(tx: Transaction, rows: Rows) -> int:
    """Publishes rule versions; a version that exists is never changed."""
    return await bulk.insert(tx, rule, rows=rows, skip_known=True)


async def rules_of(tx: Transaction, unit_id: str, *, change: bool = False) -> Sequence[Any]:
    """Every rule version that a unit published. Held until the transaction ends: nobody takes a
    version back while a clock begins under it. `change` waits for all who hold one."""
    found = await tx.execute(
        sa.select(rule)
        .where(rule.c.unit_id == unit_id)
        .order_by(rule.c.code, rule.c.version)
        .with_for_update(read=not change, key_share=not change)
    )
    return found.all()


async def end_rule(tx: Transaction, unit_id: str, *, which: tuple[str, str], on: date) -> None:
    """Sets the last day on which a version (code, version) begins clocks."""
    await tx.execute(sa.update(rule).where(*_version(unit_id, which)).values(effective_to=on))


async def drop_rule(tx: Transaction, unit_id: str, *, which: tuple[str, str]) -> None:
    """Deletes a version (code, version) that nothing leans on."""
    await tx.execute(sa.delete(rule).where(*_version(unit_id, which)))


async def rule_uses(tx: Transaction, unit_id: str) -> dict[tuple[str, str], tuple[int, int]]:
    """How many commitments run under each version (code, version), and how many ever did."""
    rows = await tx.execute(
        sa.select(
            commitment.c.rule_code,
            commitment.c.rule_version,
            sa.func.count().filter(commitment.c.state.in_(RUNNING)),
            sa.func.count(),
        )
        .where(commitment.c.unit_id == unit_id)
        .group_by(commitment.c.rule_code, commitment.c.rule_version)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _version(unit_id: str, which: tuple[str, str]) -> tuple[sa.ColumnElement[bool], ...]:
    return rule.c.unit_id == unit_id, rule.c.code == which[0], rule.c.version == which[1]


async def save_calendar(tx: Transaction, rows: Rows) -> int:
    """Writes days of a calendar layer."""
    return await bulk.upsert(tx, calendar_day, rows=rows, key=["unit_id", "on_day", "layer"])


async def calendar_of(tx: Transaction, unit_id: str) -> Sequence[Any]:
    """Every day of every layer of a unit's calendar."""
    found = await tx.execute(
        sa.select(calendar_day)
        .where(calendar_day.c.unit_id == unit_id)
        .order_by(calendar_day.c.on_day)
    )
    return found.all()


async def open_commitments(tx: Transaction, rows: Rows) -> int:
    """Adds commitments; one that is known stays as it is."""
    return await bulk.insert(tx, commitment, rows=_marked(tx, rows), skip_known=True)


async def update_commitments(tx: Transaction, rows: Rows) -> int:
    """Sets what a fold found: the named columns of commitments by id."""
    return await bulk.update(tx, commitment, rows=_marked(tx, rows))


def _marked(tx: Transaction, rows: Rows) -> Rows:
    """The head of a chain is marked with a key that is not in the database: who can write there and
    forges the end of a chain together with its head still cannot make the mark."""
    ring = sealing.ring_of(tx)
    if not ring.keys or not rows or "head_hash" not in rows[0]:
        return rows
    return [
        {
            **row,
            "seal": ring.mark(row["id"], row["events"], head=row["head_hash"]),
        }
        for row in rows
    ]


async def append_events(tx: Transaction, rows: Rows, *, again: bool = False) -> int:
    """Appends events to their commitments' chains; `again` leaves those alone that are there."""
    return await bulk.insert(tx, commitment_event, rows=rows, skip_known=again)


async def warnings_of(tx: Transaction, unit_id: str, *, commitment_id: UUID) -> Sequence[Any]:
    """Who was told what of a commitment, in order."""
    w = commitment_warning.c
    found = await tx.execute(
        sa.select(w.stage, w.role, w.at, w.told_at, w.seen_at, w.seen_by)
        .where(w.unit_id == unit_id, w.commitment_id == commitment_id)
        .order_by(w.at, w.stage, w.role)
    )
    return found.all()


async def warned(
    tx: Transaction, unit_id: str, *, roles: Sequence[str], unseen: bool, limit: int
) -> Sequence[Any]:
    """What these roles were told, the newest first."""
    w, c = commitment_warning.c, commitment.c
    statement = (
        sa.select(
            w.commitment_id.label("commitment"),
            c.rule_code.label("rule"),
            c.clause,
            c.state,
            w.stage,
            w.role,
            w.at,
            w.told_at,
            c.due_at,
            c.case_id.label("case"),
            c.premises_id.label("premises"),
            w.seen_at,
            w.seen_by,
        )
        .join(commitment, c.id == w.commitment_id)
        .where(w.unit_id == unit_id, w.role.in_(roles))
    )
    if unseen:
        statement = statement.where(w.seen_at.is_(None))
    newest = statement.order_by(w.told_at.desc(), w.commitment_id, w.stage).limit(limit)
    return (await tx.execute(newest)).all()


async def seen(
    tx: Transaction, unit_id: str, *, warning: tuple[UUID, str, str], by: str, at: datetime
) -> int:
    """Notes who first read a warning (commitment, stage, role), and when."""
    w = commitment_warning.c
    done = await tx.execute(
        sa.update(commitment_warning)
        .where(
            w.unit_id == unit_id,
            w.commitment_id == warning[0],
            w.stage == warning[1],
            w.role == warning[2],
            w.seen_at.is_(None),
        )
        .values(seen_at=at, seen_by=by)
    )
    return done.rowcount


async def lock_commitments(tx: Transaction, ids: Sequence[UUID]) -> Sequence[Any]:
    """Commitments by id, locked in id order until the transaction ends."""
    found = await tx.execute(
        sa.select(commitment)
        .where(commitment.c.id == sa.any_(_keys(ids)))
        .order_by(commitment.c.id)
        .with_for_update()
    )
    return found.all()


def _keys(ids: Sequence[UUID]) -> sa.ColumnElement[Any]:
    # one array, whatever its length: thousands of bound parameters are parsed one by one
    return sa.literal(list(ids), ARRAY(sa.Uuid()))


async def lock_for_work(tx: Transaction, unit_id: str, *, orders: Sequence[UUID]) -> Sequence[Any]:
    """Open commitments that field work bears on, locked in id order, with the order's id as `via`.

    A commitment hangs on the work order, on its case, or (an inspection cycle) on its premises.
    """
    if not orders:
        return []
    connection = await driver(tx)
    rows: Sequence[Any] = await connection.fetch(_FOR_WORK, unit_id, list(orders))
    return rows


async def events_of(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """The chains of commitments: commitment id to its events in order."""
    rows = await tx.execute(
        sa.select(commitment_event)
        .where(commitment_event.c.commitment_id == sa.any_(_keys(ids)))
        .order_by(commitment_event.c.commitment_id, commitment_event.c.n)
    )
    chains: dict[UUID, list[Any]] = {each: [] for each in ids}
    for row in rows:
        chains[row.commitment_id].append(row)
    return chains


async def commitment_of(tx: Transaction, unit_id: str, *, commitment_id: UUID) -> Any:
    """One commitment of the unit, or None."""
    found = await tx.execute(
        sa.select(commitment).where(
            commitment.c.unit_id == unit_id, commitment.c.id == commitment_id
        )
    )
    return found.one_or_none()


async def open_for(
    tx: Transaction, unit_id: str, **subject: UUID | Sequence[UUID]
) -> Sequence[Any]:
    """Commitments that hang on a case, a work order or premises, e.g. `case_id=…`."""
    statement = sa.select(commitment).where(commitment.c.unit_id == unit_id)
    for column, value in subject.items():
        wanted = [value] if isinstance(value, UUID) else list(value)
        statement = statement.where(commitment.c[column].in_(wanted))
    return (await tx.execute(statement.order_by(commitment.c.started_at))).all()


async def counts(tx: Transaction, unit_id: str) -> list[tuple[str, str, int]]:
    """How many commitments each clause has in each state."""
    rows = await tx.execute(
        sa.select(commitment.c.clause, commitment.c.state, sa.func.count())
        .where(commitment.c.unit_id == unit_id)
        .group_by(commitment.c.clause, commitment.c.state)
        .order_by(commitment.c.clause, commitment.c.state)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def rule_states(tx: Transaction, unit_id: str) -> dict[tuple[str, str, str, str], int]:
    """How many commitments by clause, rule, version and state."""
    c = commitment.c
    by = (c.clause, c.rule_code, c.rule_version, c.state)
    rows = await tx.execute(
        sa.select(*by, sa.func.count()).where(c.unit_id == unit_id).group_by(*by).order_by(*by)
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


async def page(
    tx: Transaction, unit_id: str, *, after: UUID | None = None, limit: int = 500
) -> Sequence[Any]:
    """Commitments in id order, from one after `after`."""
    statement = sa.select(commitment).where(commitment.c.unit_id == unit_id)
    if after is not None:
        statement = statement.where(commitment.c.id > after)
    return (await tx.execute(statement.order_by(commitment.c.id).limit(limit))).all()


async def page_of_rule(
    tx: Transaction,
    unit_id: str,
    *,
    rule: str,
    period: tuple[date, date],
    after: tuple[UUID | None, int],
) -> Sequence[Any]:
    """Commitments of a rule that fell due in a period, in id order; `after` is id and how many."""
    statement = sa.select(commitment).where(
        commitment.c.unit_id == unit_id,
        commitment.c.rule_code == rule,
        commitment.c.due_on.between(*period),
    )
    if after[0] is not None:
        statement = statement.where(commitment.c.id > after[0])
    return (await tx.execute(statement.order_by(commitment.c.id).limit(after[1]))).all()


async def running(
    tx: Transaction, unit_id: str, *, rules: Sequence[str], after: UUID | None, limit: int
) -> Sequence[Any]:
    """Clocks of these rules that have not stopped, locked in id order, from one after `after`."""
    statement = sa.select(commitment).where(
        commitment.c.unit_id == unit_id,
        commitment.c.rule_code.in_(rules),
        commitment.c.stopped_at.is_(None),
        commitment.c.state.not_in(("waived_by_agreement", "not_applicable")),
    )
    if after is not None:
        statement = statement.where(commitment.c.id > after)
    found = await tx.execute(statement.order_by(commitment.c.id).limit(limit).with_for_update())
    return found.all()


async def at_risk(
    tx: Transaction, unit_id: str, *, until: datetime, on_day: date | None = None, limit: int = 200
) -> Sequence[Any]:
    """Open commitments that fall due by an instant, the nearest first."""
    statement = sa.select(commitment).where(
        commitment.c.unit_id == unit_id,
        commitment.c.due_at <= until,
        commitment.c.state.in_(RUNNING),
    )
    if on_day is not None:
        statement = statement.where(commitment.c.due_on == on_day)
    return (await tx.execute(statement.order_by(commitment.c.due_at).limit(limit))).all()
