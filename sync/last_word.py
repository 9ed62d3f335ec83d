"""Shell: what a revoked tablet still held, into a quarantine that it cannot read."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.sync import Outcome
from storage import access, records
from sync.reading import Batch, Read, Unread, read_operation
from sync.rows import quarantine_row

CODE = "tablet_revoked"


async def hand_in(
    engine: AsyncEngine, sender: Sender, *, batch: Batch, ambient: Ambient
) -> list[Outcome]:
    """Keeps every operation for a dispatcher to release or reject, and answers nothing else.

    Once the tablet says that it holds no more, its last token ends.
    """
    read = [(raw, read_operation(raw, form=batch.form)) for raw in batch.operations]
    async with engine.begin() as tx:
        await records.add_quarantine(
            tx, [_row(sender, raw, each=each, ambient=ambient) for raw, each in read]
        )
        if not batch.unsent:
            await access.end_tokens(tx, sender.tablet_id, now=ambient.now)
    return [
        Outcome(outcome="quarantined", id=_id(each), index=index, code=CODE)
        for index, (_, each) in enumerate(read)
    ]


def _row(sender: Sender, raw: bytes, *, each: Read | Unread, ambient: Ambient) -> dict[str, object]:
    # what can be read is kept as JSON, so that it can be released whatever form it came in
    payload = each.payload.encode() if isinstance(each, Read) else raw
    tablet = (sender.unit_id, sender.tablet_id)
    return quarantine_row(payload, (_id(each), CODE), tablet=tablet, ambient=ambient)


def _id(each: Read | Unread) -> UUID | None:
    return each.operation.id if isinstance(each, Read) else each.id
