"""Notifications gathered from what happened, claimed by workers, and the systems that want to hear.

Gathering reads facts and inserts under a unique key: doing it twice, or on two machines, changes
nothing, and no shell has to remember to tell anybody.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.problems import Refusal
from storage import sealing
from storage.engine import Transaction, driver

LEASE = timedelta(minutes=2)
"""How long a claimed notification is left to the worker that took it."""
LOOK_BACK = timedelta(days=3)
"""What tablets bring later than this is history, not news."""

# one row a moment worth telling: kind, subject, when it was, and what the text needs
_MOMENTS = """
WITH moment AS (
  SELECT v.unit_id, 'visit.booked' AS kind, v.id || ':' || extract(epoch FROM s.arrive_at)::bigint
      AS subject, v.id AS visit_id, lower(s.during) AS at, upper(s.during) AS until
    FROM stop s JOIN visit v ON v.id = s.visit_id
      AND s.technician_id IS DISTINCT FROM v.second_id
    WHERE NOT s.released AND s.arrive_at > $1 AND v.state IN ('dispatched', 'accepted', 'planned')
  UNION ALL
  SELECT v.unit_id, CASE WHEN v.state = 'en_route' THEN 'visit.on_the_way'
      WHEN v.state = 'on_site' THEN 'visit.arrived' ELSE 'visit.result' END,
      v.id || ':' || v.attempt, v.id, coalesce(v.ended_at, v.started_at), NULL
    FROM visit v
    WHERE v.on_day >= $2 AND (v.state IN ('en_route', 'on_site')
      OR v.outcome IS NOT NULL)
), told AS (
  SELECT m.unit_id, m.kind, m.subject, jsonb_build_object('visit', v.id, 'work_order', w.number,
      'work', w.kind, 'premises', v.premises_id, 'state', v.state, 'outcome', v.outcome,
      'at', m.at, 'until', m.until) AS payload
    FROM moment m JOIN visit v ON v.id = m.visit_id JOIN work_order w ON w.id = v.work_order_id
  UNION ALL
  SELECT c.unit_id, 'commitment.at_risk', c.id || ':' || st.stage,
      jsonb_build_object('commitment', c.id, 'clause', c.clause, 'stage', st.stage,
        'due_at', c.due_at)
    FROM commitment_stage st JOIN commitment c ON c.id = st.commitment_id
    WHERE st.stage = 'warned' AND st.noticed_at >= $3 AND c.stopped_at IS NULL
), receiver AS (
  SELECT unit_id, id::text AS name, kinds FROM webhook WHERE ended_at IS NULL
  UNION ALL
  SELECT id, 'sms',
    ARRAY['visit.booked', 'visit.on_the_way', 'visit.arrived', 'visit.result'] FROM unit
)
INSERT INTO outbox (id, unit_id, kind, receiver, subject, payload, created_at, next_at)
SELECT gen_random_uuid(), t.unit_id, t.kind, r.name, t.subject, t.payload, $1, $1
FROM told t JOIN receiver r ON r.unit_id = t.unit_id AND t.kind = ANY(r.kinds)
WHERE NOT EXISTS (SELECT 1 FROM outbox o
  WHERE o.kind = t.kind AND o.subject = t.subject AND o.receiver = r.name)
ON CONFLICT DO NOTHING
"""
_CLAIM = """
UPDATE outbox o SET next_at = $1 + $2::interval, attempts = attempts + 1
WHERE o.id IN (
  SELECT id FROM outbox WHERE sent_at IS NULL AND gave_up_at IS NULL AND next_at <= $1
  ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING o.id, o.unit_id, o.kind, o.receiver, o.subject, o.payload, o.created_at, o.attempts,
  (SELECT w.url FROM webhook w WHERE w.id::text = o.receiver AND w.ended_at IS NULL) AS url,
  (SELECT p.customer_id FROM premises p
    WHERE o.receiver = 'sms' AND p.id = (o.payload ->> 'premises')::uuid) AS customer_id
"""
_PHONES = "SELECT id, phone FROM customer WHERE id = ANY($1::uuid[]) AND phone IS NOT NULL"
_PAGE = """
SELECT id, kind, receiver, subject, created_at, next_at, sent_at, gave_up_at, attempts, last_error
FROM outbox WHERE unit_id = $1 AND ($2::uuid IS NULL
  OR (created_at, id) < (SELECT created_at, id FROM outbox WHERE id = $2 AND unit_id = $1))
ORDER BY created_at DESC, id DESC LIMIT $3
"""


async def gather(tx: Transaction, *, now: datetime) -> int:
    """Writes a notification for every moment that nobody was told of; returns how many."""
    connection = await driver(tx)
    since = now - LOOK_BACK
    done = await connection.execute(_MOMENTS, now, since.date(), since)
    return int(done.rsplit(" ", 1)[-1])


async def claim(tx: Transaction, *, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Notifications whose time has come and that no other worker holds, each with the `url` or the
    `phone` that it goes to; a sealed number is opened here and nowhere kept. Where it does not open
    the refusal stands in its place: one lost key keeps nobody else's news back."""
    connection = await driver(tx)
    rows = [dict(row) for row in await connection.fetch(_CLAIM, now, LEASE, limit)]
    whom = [row["customer_id"] for row in rows if row["customer_id"]]
    phones = {
        row["id"]: _opened(tx, row["phone"], customer_id=row["id"])
        for row in await connection.fetch(_PHONES, whom)
    }
    return [{**row, "phone": phones.get(row["customer_id"])} for row in rows]


def _opened(tx: Transaction, stored: str, *, customer_id: UUID) -> str | Refusal | None:
    try:
        return sealing.opened(tx, stored, column="customer.phone", row=customer_id)
    except Refusal as refusal:
        return refusal


async def sent(tx: Transaction, notification_id: UUID, *, now: datetime) -> None:
    """The receiver has it."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE outbox SET sent_at = $2, last_error = NULL WHERE id = $1", notification_id, now
    )


async def failed(
    tx: Transaction, notification_id: UUID, *, error: str, next_at: datetime | None, now: datetime
) -> None:
    """The receiver does not have it: again at `next_at`, or never where there is none."""
    connection = await driver(tx)
    await connection.execute(
        "UPDATE outbox SET last_error = $2, next_at = coalesce($3, next_at),"
        " gave_up_at = CASE WHEN $3::timestamptz IS NULL THEN $4::timestamptz END WHERE id = $1",
        notification_id,
        error,
        next_at,
        now,
    )


async def page(
    tx: Transaction, unit_id: str, *, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Notifications of the unit, newest first."""
    connection = await driver(tx)
    return [dict(row) for row in await connection.fetch(_PAGE, unit_id, after, limit)]


async def add_webhook(tx: Transaction, row: dict[str, Any]) -> None:
    """One more receiver."""
    connection = await driver(tx)
    await connection.execute(
        "INSERT INTO webhook (id, unit_id, url, kinds, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        *(row[name] for name in ("id", "unit_id", "url", "kinds", "created_at", "created_by")),
    )


async def webhooks(tx: Transaction, unit_id: str) -> list[dict[str, Any]]:
    """Every receiver of the unit, those that ended too."""
    connection = await driver(tx)
    rows = await connection.fetch(
        "SELECT id, url, kinds, created_at, created_by, ended_at FROM webhook"
        " WHERE unit_id = $1 ORDER BY created_at, id",
        unit_id,
    )
    return [dict(row) for row in rows]


async def end_webhook(tx: Transaction, unit_id: str, *, webhook_id: UUID, now: datetime) -> bool:
    """Stops telling a receiver; what waits for it is given up. False where there is none."""
    connection = await driver(tx)
    done = await connection.execute(
        "UPDATE webhook SET ended_at = coalesce(ended_at, $3) WHERE unit_id = $1 AND id = $2",
        unit_id,
        webhook_id,
        now,
    )
    await connection.execute(
        "UPDATE outbox SET gave_up_at = $3, last_error = 'ended' WHERE unit_id = $1"
        " AND receiver = $2 AND sent_at IS NULL AND gave_up_at IS NULL",
        unit_id,
        str(webhook_id),
        now,
    )
    return bool(done != "UPDATE 0")
