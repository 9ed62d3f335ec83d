"""Shell: what a revoked tablet still held, into a quarantine that it cannot read."""

import hashlib
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.sync import Outcome
from storage import access, records
from sync.reading import Batch, Unread, read_operation

CODE = "tablet_revoked"


async def hand_in(
    engine: AsyncEngine, sender: Sender, *, batch: Batch, ambient: Ambient
) -> list[Outcome]:
    """Keeps every operation for a dispatcher to release or reject, and answers nothing else.

    Once the tablet says that it holds no more, its last token ends.
    """
    read = [read_operation(each, form=batch.form) for each in batch.operations]
    async with engine.begin() as tx:
        await records.add_quarantine(tx, _rows(sender, batch, ambient=ambient))
        if not batch.unsent:
            await access.end_tokens(tx, sender.tablet_id, now=ambient.now)
    return [
        Outcome(
            outcome="quarantined",
            id=each.id if isinstance(each, Unread) else each.operation.id,
            index=index,
            code=CODE,
        )
        for index, each in enumerate(read)
    ]


def _rows(sender: Sender, batch: Batch, *, ambient: Ambient) -> Sequence[dict[str, object]]:
    return [
        {
            "id": ambient.new_id(),
            "unit_id": sender.unit_id,
            "tablet_id": sender.tablet_id,
            "operation_id": operation.id
            if isinstance(operation, Unread)
            else operation.operation.id,
            "code": CODE,
            "payload": raw,
            "payload_hash": hashlib.sha256(raw).hexdigest(),
            "received_at": ambient.now,
        }
        for raw, operation in (
            (raw, read_operation(raw, form=batch.form)) for raw in batch.operations
        )
    ]
