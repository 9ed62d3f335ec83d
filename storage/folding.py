"""What the sweep reads and writes: clocks that woke, their chains, verdicts, stages and warnings.

In arrays and past SQLAlchemy: a hundred thousand clocks that wake at once cost a third of what rows
as JSON and five thousand bound parameters did.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.commitment import Event, Verdict
from storage import sealing
from storage.engine import Transaction, driver

_CLAIM = """
SELECT id, unit_id, rule_code, rule_version, premises_id FROM commitment
WHERE wake_at <= $1 ORDER BY wake_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_CHAINS = """
SELECT commitment_id, kind, observed_at, received_at, source_key, body FROM commitment_event
WHERE commitment_id = ANY($1::uuid[]) ORDER BY commitment_id, n
"""
_VERDICTS = """
UPDATE commitment c SET state = x.state, due_at = x.due_at, due_on = x.due_on,
  provisional = x.provisional, stopped_at = x.stopped_at, wake_at = x.wake_at,
  verdict = x.verdict::jsonb, events = coalesce(x.events, c.events),
  head_hash = coalesce(x.head, c.head_hash), seal = coalesce(x.seal, c.seal)
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::date[], $5::boolean[],
  $6::timestamptz[], $7::timestamptz[], $8::text[], $9::bigint[], $10::text[], $11::text[])
  AS x(id, state, due_at, due_on, provisional, stopped_at, wake_at, verdict, events, head, seal)
WHERE c.id = x.id
"""
_STAGES = """
INSERT INTO commitment_stage (commitment_id, stage, unit_id, at, noticed_at)
SELECT *, $5 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT DO NOTHING
"""
_WARNINGS = """
INSERT INTO commitment_warning (commitment_id, stage, unit_id, at, role, told_at)
SELECT *, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
ON CONFLICT DO NOTHING
"""
_GUESSED = """
UPDATE commitment SET wake_at = $1 WHERE wake_at > $1 AND provisional AND stopped_at IS NULL
  AND coalesce(verdict->>'guess', '') <> $2
"""
_TORN = "UPDATE commitment SET wake_at = $2 WHERE id = ANY($1::uuid[])"


class Woken(Value, frozen=True):
    """A commitment that somebody holds, in so far as folding asks."""

    id: UUID
    unit_id: str
    rule_code: str
    rule_version: str
    premises_id: UUID | None


class Kept(Value, frozen=True):
    """A verdict to be kept: the document beside its columns, who is told of which stage, and the
    chain's length and head where events were appended."""

    id: UUID
    unit_id: str
    verdict: Verdict
    said: dict[str, Any]
    warnings: tuple[tuple[str, datetime, str], ...] = ()
    events: int | None = None
    head: str | None = None


async def claim(tx: Transaction, now: datetime, *, limit: int) -> list[Woken]:
    """Commitments whose clock has something to say, each to one sweeper only."""
    connection = await driver(tx)
    return [Woken(**row) for row in await connection.fetch(_CLAIM, now, limit)]


async def wake_guessed(tx: Transaction, now: datetime, *, guess: str) -> int:
    """Wakes running clocks that lean on another guess about years to come than the one that ships."""
    connection = await driver(tx)
    return int(str(await connection.execute(_GUESSED, now, guess)).split()[-1])


async def chains(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, list[Event]]:
    """What happened to commitments: id to events in the order in which they were recorded."""
    connection = await driver(tx)
    found: dict[UUID, list[Event]] = {each: [] for each in ids}
    for key, kind, observed_at, received_at, source, body in await connection.fetch(
        _CHAINS, list(ids)
    ):
        event = Event(
            kind=kind,
            observed_at=observed_at,
            received_at=received_at,
            source=source,
            body=body,
        )
        found[key].append(event)
    return found


async def keep(tx: Transaction, kept: Sequence[Kept], *, now: datetime) -> None:
    """Writes verdicts, the stages that were reached and who was told of them, each once."""
    connection, ring = await driver(tx), sealing.ring_of(tx)
    verdicts = [each.verdict for each in kept]
    await connection.execute(
        _VERDICTS,
        [each.id for each in kept],
        [each.state for each in verdicts],
        [each.due_at for each in verdicts],
        [each.due_on for each in verdicts],
        [each.provisional for each in verdicts],
        [each.stopped_at for each in verdicts],
        [each.wake_at for each in verdicts],
        [msgspec.json.encode(each.said).decode() for each in kept],
        [each.events for each in kept],
        [each.head for each in kept],
        [_mark(ring, each) for each in kept],
    )
    stages = [
        (each.id, one.name, each.unit_id, one.at) for each in kept for one in each.verdict.stages
    ]
    if stages:
        await connection.execute(_STAGES, *zip(*stages, strict=True), now)
    told = [
        (each.id, stage, each.unit_id, at, role)
        for each in kept
        for stage, at, role in each.warnings
    ]
    if told:
        await connection.execute(_WARNINGS, *zip(*told, strict=True), now)


def _mark(ring: sealing.Ring, each: Kept) -> str | None:
    if each.head is None or each.events is None:
        return None
    return ring.mark(each.id, each.events, head=each.head)


async def put_off(tx: Transaction, ids: Sequence[UUID], *, until: datetime) -> None:
    """Clocks that cannot be read wait, so that they keep nobody else's waiting."""
    connection = await driver(tx)
    await connection.execute(_TORN, list(ids), until)
