"""Mailboxes: a counter row each, so that positions are gap-free and rise in commit order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from schemas.base import Value
from storage.engine import Transaction, driver
from storage.tables import mailbox, mailbox_entry

TRAIL_MAX = 16

# OFFSET 0 keeps the look-up by record: with young statistics PostgreSQL read the whole mailbox. The
# ids are an array and no IN: a mailbox that somebody moved while we waited is judged anew, and of a
# semi-join PostgreSQL judges that it is not among them any more; its tablets would never hear of this
_LOCK = """
SELECT id FROM mailbox WHERE id = ANY(ARRAY(
  SELECT unnest($1::uuid[]) UNION ALL
  SELECT e.mailbox_id FROM unnest($2::uuid[]) AS g(record_id) CROSS JOIN LATERAL (
    SELECT mailbox_id FROM mailbox_entry WHERE record_id = g.record_id AND NOT forget OFFSET 0) e))
ORDER BY id FOR NO KEY UPDATE
"""

_DELIVER = f"""
WITH given AS (
  SELECT g.*, row_number() OVER (PARTITION BY mailbox_id ORDER BY n) AS rank
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[])
    WITH ORDINALITY AS g(mailbox_id, record_id, version, forget, n)
), head AS (
  UPDATE mailbox m SET position = m.position + c.many
  FROM (SELECT mailbox_id, count(*) AS many FROM given GROUP BY mailbox_id) c
  WHERE m.id = c.mailbox_id
  RETURNING m.id, m.position - c.many AS base
)
INSERT INTO mailbox_entry AS e (mailbox_id, record_id, position, record_version, forget)
SELECT g.mailbox_id, g.record_id, h.base + g.rank, g.version, g.forget
FROM given g JOIN head h ON h.id = g.mailbox_id
ON CONFLICT (mailbox_id, record_id) DO UPDATE SET
  trail = CASE WHEN e.forget OR excluded.forget THEN '{{}}'
    ELSE (ARRAY[e.position, e.record_version] || e.trail)[1:{TRAIL_MAX}] END,
  position = excluded.position,
  record_version = excluded.record_version,
  forget = excluded.forget
"""  # the only value is a constant of this file  # nosec B608

# who follows is read anew under the lock: nobody comes or goes meanwhile
_ECHO = f"""
WITH given AS (
  SELECT e.mailbox_id, g.record_id, g.version,
    row_number() OVER (PARTITION BY e.mailbox_id ORDER BY g.n) AS rank
  FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS g(record_id, version, n)
  CROSS JOIN LATERAL (
    SELECT mailbox_id FROM mailbox_entry WHERE record_id = g.record_id AND NOT forget OFFSET 0) e
  WHERE e.mailbox_id = ANY($3::uuid[])
), head AS (
  UPDATE mailbox m SET position = m.position + c.many
  FROM (SELECT mailbox_id, count(*) AS many FROM given GROUP BY mailbox_id) c
  WHERE m.id = c.mailbox_id
  RETURNING m.id, m.position - c.many AS base
)
UPDATE mailbox_entry e SET
  trail = (ARRAY[e.position, e.record_version] || e.trail)[1:{TRAIL_MAX}],
  position = h.base + g.rank,
  record_version = g.version
FROM given g JOIN head h ON h.id = g.mailbox_id
WHERE e.record_id = g.record_id AND e.mailbox_id = g.mailbox_id
"""  # the same  # nosec B608


class Delivery(Value, frozen=True):
    """A record's version to be heard through a mailbox, or that the record is to be forgotten."""

    mailbox_id: UUID
    record_id: UUID
    version: int
    forget: bool = False


async def deliver(
    tx: Transaction, deliveries: Sequence[Delivery], *, echoed: Mapping[UUID, int] | None = None
) -> None:
    """Puts records at the end of mailboxes, and those `echoed` (with their version) at the end of every
    mailbox that follows them. The last statement of a transaction but its audit.

    All mailboxes are locked at once and in the order of their ids: who took one and then asked for
    the rest would wait in a ring. A record named twice for a mailbox is delivered once, at the last
    mention.
    """
    given = list({(each.mailbox_id, each.record_id): each for each in deliveries}.values())
    ids = list(echoed or ())
    if not given and not ids:
        return
    connection = await driver(tx)
    boxes = await connection.fetch(_LOCK, list({each.mailbox_id for each in given}), ids)
    if given:
        await connection.execute(
            _DELIVER,
            [each.mailbox_id for each in given],
            [each.record_id for each in given],
            [each.version for each in given],
            [each.forget for each in given],
        )
    if echoed and boxes:
        locked = [row["id"] for row in boxes]
        await connection.execute(_ECHO, ids, list(echoed.values()), locked)


async def echo(tx: Transaction, versions: Mapping[UUID, int]) -> None:
    """Delivers changed records to every mailbox that follows them."""
    await deliver(tx, (), echoed=versions)


async def of_technicians(tx: Transaction, technicians: Iterable[UUID]) -> dict[UUID, UUID]:
    """The mailbox of each technician: technician id to mailbox id."""
    rows = await tx.execute(
        sa.select(mailbox.c.technician_id, mailbox.c.id).where(
            mailbox.c.technician_id.in_(list(technicians))
        )
    )
    return {row.technician_id: row.id for row in rows}


async def open_missing(tx: Transaction, unit_id: str, *, wanted: Sequence[dict[str, Any]]) -> None:
    """Creates mailboxes that are not there yet: `{id, kind, technician_id}` each."""
    if wanted:
        rows = [{"unit_id": unit_id, **each} for each in wanted]
        await tx.execute(
            sa.dialects.postgresql.insert(mailbox).values(rows).on_conflict_do_nothing()
        )


async def of_unit(tx: Transaction, unit_id: str) -> UUID | None:
    """The mailbox every tablet of a unit follows: templates, rules, calendar."""
    found: UUID | None = await tx.scalar(
        sa.select(mailbox.c.id).where(mailbox.c.unit_id == unit_id, mailbox.c.kind == "unit")
    )
    return found


async def size(tx: Transaction, mailbox_id: UUID) -> int:
    """How many records a mailbox holds that are not forgotten."""
    found = await tx.scalar(
        sa.select(sa.func.count())
        .select_from(mailbox_entry)
        .where(mailbox_entry.c.mailbox_id == mailbox_id, ~mailbox_entry.c.forget)
    )
    return int(found or 0)
