"""Shell: what a revoked tablet still held, into a quarantine that it cannot read."""

from typing import Any
from uuid import UUID

from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.sync import Outcome, SyncAnswer
from storage.sync_store import Leaving, SyncStore
from sync import cursor
from sync.reading import Batch, Read, Unread, read_operation
from sync.rows import quarantine_row

CODE = "tablet_revoked"


async def hand_in(
    store: SyncStore, sender: Sender, *, batch: Batch, said: str, ambient: Ambient
) -> SyncAnswer:
    """Keeps every operation for a dispatcher to release or reject, and answers nothing else.

    Once the tablet says that it holds no more, its last token ends. Refuses `tablet_revoked` for
    one that has nothing to say, and `cursor_of_another_epoch` where the database was restored since
    `said` (the tablet's cursor): then it offers everything again.
    """
    read = [(raw, read_operation(raw, form=batch.form)) for raw in batch.operations]
    async with store.begin() as tx:
        epoch = await tx.epoch()
        cursor.of_epoch(said, epoch)
        if not read:
            raise Refusal("tablet_revoked")
        rows = [_row(sender, raw, each=each, ambient=ambient) for raw, each in read]
        await tx.leave(Leaving(quarantine=rows))
        if not batch.unsent:
            await tx.end_tokens(sender.tablet_id, ambient.now)
    outcomes = [
        Outcome(outcome="quarantined", id=_id(each), index=index, code=CODE)
        for index, (_, each) in enumerate(read)
    ]
    # even a tablet that stands nowhere learns which life of the database heard it
    return SyncAnswer(
        cursor=said or cursor.write(epoch, {}), server_time=ambient.now, outcomes=outcomes
    )


def _row(sender: Sender, raw: bytes, *, each: Read | Unread, ambient: Ambient) -> dict[str, Any]:
    # what can be read is kept as JSON, so that it can be released whatever form it came in
    payload = each.payload.encode() if isinstance(each, Read) else raw
    tablet = (sender.unit_id, sender.tablet_id)
    return quarantine_row(payload, (_id(each), CODE), tablet=tablet, ambient=ambient)


def _id(each: Read | Unread) -> UUID | None:
    return each.operation.id if isinstance(each, Read) else each.id
