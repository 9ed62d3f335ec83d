"""The audit chain of a unit: appended under a lock, each row tied to the one before it."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from schemas.base import Value
from storage.engine import Transaction
from storage.tables import audit

PAGE = 2_000
_encoder = msgspec.json.Encoder(order="deterministic")


class Entry(Value, frozen=True):
    """Who did what, to what, when."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any] = {}


async def append(tx: Transaction, unit_id: str, *, entry: Entry) -> None:
    """Adds a row to the unit's chain; the unit's appends follow each other until commit."""
    await tx.execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended('audit:' || :u, 0))"),
        {"u": unit_id},
    )
    last = (
        await tx.execute(
            sa.select(audit.c.n, audit.c.hash)
            .where(audit.c.unit_id == unit_id)
            .order_by(audit.c.n.desc())
            .limit(1)
        )
    ).one_or_none()
    n, head = (1, "") if last is None else (last.n + 1, last.hash)
    # hashed as it is read back, whatever zone it was told in
    entry = msgspec.structs.replace(entry, at=entry.at.astimezone(UTC))
    row = {"unit_id": unit_id, "n": n, **_fields(entry), "previous_hash": head}
    await tx.execute(sa.insert(audit).values(**row, hash=_link(head, n, entry=entry)))


async def broken_at(tx: Transaction, unit_id: str) -> tuple[int, int | None]:
    """How many rows the chain has, and the first `n` that does not hold."""
    head, counted, after = "", 0, 0
    while True:
        rows = (
            await tx.execute(
                sa.select(audit)
                .where(audit.c.unit_id == unit_id, audit.c.n > after)
                .order_by(audit.c.n)
                .limit(PAGE)
            )
        ).all()
        for row in rows:
            entry = Entry(
                at=row.at,
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                detail=row.detail,
            )
            if (
                row.n != counted + 1
                or row.previous_hash != head
                or row.hash != _link(head, row.n, entry=entry)
            ):
                return counted, row.n
            head, counted, after = row.hash, counted + 1, row.n
        if len(rows) < PAGE:
            return counted, None


async def page(tx: Transaction, unit_id: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    """Rows after `after`, in order."""
    rows = await tx.execute(
        sa.select(audit)
        .where(audit.c.unit_id == unit_id, audit.c.n > after)
        .order_by(audit.c.n)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
    }


def _link(head: str, n: int, *, entry: Entry) -> str:
    return hashlib.sha256(_encoder.encode([head, n, entry])).hexdigest()
