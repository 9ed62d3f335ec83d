"""Shell: takes photos and signatures by tus 1.0, one piece at a time, and verifies their hash.

A piece is durable before its offset is told, so a cut costs at most `PIECE_BYTES` to send again.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.ambient import Ambient
from schemas.problems import Refusal
from schemas.upload import UploadState, UploadWish
from storage import attachments
from storage.blobs import Blobs, photo_path
from storage.engine import Transaction
from sync.media import HEAD_BYTES, Media, inspect

PIECE_BYTES = 256 * 1024
UPLOAD_LIFE = timedelta(days=7)


async def begin(
    engine: AsyncEngine, sender: Sender, *, wish: UploadWish, ambient: Ambient
) -> UploadState:
    """Opens an upload, or finds the one that was cut, or says that the file is here already."""
    async with engine.begin() as tx:
        known = await attachments.attachment_of(tx, sender.unit_id, sha256=wish.sha256)
        if known is not None and known.state == "verified":
            return await _already_here(tx, sender, wish=wish, ambient=ambient)
        under_way = await attachments.open_upload(
            tx, sender.tablet_id, sha256=wish.sha256, now=ambient.now
        )
        if under_way is not None and under_way.size_bytes == wish.size_bytes:
            return _state(under_way)
        row = _new_upload(sender, wish, ambient=ambient, state="open")
        await attachments.add_upload(tx, row)
        return UploadState(id=row["id"], offset_bytes=0, size_bytes=wish.size_bytes, complete=False)


async def progress(engine: AsyncEngine, sender: Sender, *, upload_id: UUID) -> UploadState:
    """How many bytes are held, so that a tablet goes on where the link was cut."""
    async with engine.connect() as tx:
        return _state(await _found(tx, sender, upload_id=upload_id, lock=False))


async def receive(
    engine: AsyncEngine,
    blobs: Blobs,
    *,
    sender: Sender,
    at: tuple[UUID, int],
    body: AsyncIterator[bytes],
) -> UploadState:
    """Takes bytes from offset `at[1]` on; what arrived before a cut is kept.

    Refuses `upload_offset` where the offset is not the one held, `upload_too_long` beyond the size.
    """
    upload_id, offset = at
    async with engine.connect() as tx:
        row = await _found(tx, sender, upload_id=upload_id, lock=False)
    if row.offset_bytes != offset:
        raise Refusal("upload_offset", expected=row.offset_bytes, given=offset)
    async for piece in _pieces(body):
        if offset + len(piece) > row.size_bytes:
            raise Refusal("upload_too_long", size_bytes=row.size_bytes)
        await _keep(engine, blobs, upload_id=upload_id, offset=offset, piece=piece)
        offset += len(piece)
    return UploadState(
        id=upload_id,
        offset_bytes=offset,
        size_bytes=row.size_bytes,
        complete=offset == row.size_bytes,
    )


async def complete(
    engine: AsyncEngine, blobs: Blobs, *, sender: Sender, upload_id: UUID, now: datetime
) -> None:
    """Verifies type and hash of a file whose bytes are all here; a wrong one is thrown away.

    Refuses `photo_type`, `photo_dimensions` and `hash_mismatch`; the tablet then starts again.
    """
    refusal: Refusal | None = None
    # under the row's lock: a cut reply makes a tablet ask again while the first answer is being
    # made
    async with engine.begin() as tx:
        row = await _found(tx, sender, upload_id=upload_id, lock=True)
        if row.state == "done":
            return
        try:
            media = await _join(blobs, row, target=photo_path(sender.unit_id, row.sha256))
        except Refusal as found:
            refusal = found
            await attachments.close_upload(tx, upload_id, state="refused")
        else:
            await attachments.verify(tx, _verified(row, media, now=now))
            await attachments.close_upload(tx, upload_id, state="done")
            visits = await attachments.visits_using(tx, sender.unit_id, sha256=row.sha256)
            await attachments.certify(tx, sender.unit_id, visits=visits)
    await blobs.drop_pieces(str(upload_id), list(row.pieces))
    if refusal is not None:
        raise refusal


async def _join(blobs: Blobs, row: Any, *, target: str) -> Media:
    first = await blobs.finish(str(row.id), list(row.pieces), target=target + ".new")
    try:
        if first != row.sha256:
            raise Refusal("hash_mismatch", declared=row.sha256, found=first)
        media = inspect(await blobs.head(target + ".new", HEAD_BYTES))
        # copied under its own name only once it is known to be what it says it is
        await blobs.finish(str(row.id), list(row.pieces), target=target)
    finally:
        await blobs.drop([target + ".new"])
    return media


async def _already_here(
    tx: Transaction, sender: Sender, *, wish: UploadWish, ambient: Ambient
) -> UploadState:
    row = _new_upload(sender, wish, ambient=ambient, state="done")
    await attachments.add_upload(tx, row)
    return UploadState(
        id=row["id"], offset_bytes=wish.size_bytes, size_bytes=wish.size_bytes, complete=True
    )


def _new_upload(
    sender: Sender, wish: UploadWish, *, ambient: Ambient, state: str
) -> dict[str, Any]:
    return {
        "id": ambient.new_id(),
        "unit_id": sender.unit_id,
        "tablet_id": sender.tablet_id,
        "sha256": wish.sha256,
        "media_type": wish.media_type,
        "size_bytes": wish.size_bytes,
        "offset_bytes": wish.size_bytes if state == "done" else 0,
        "state": state,
        "created_at": ambient.now,
        "expires_at": ambient.now + UPLOAD_LIFE,
    }


async def _found(tx: Transaction, sender: Sender, *, upload_id: UUID, lock: bool) -> Any:
    row = await attachments.upload_of(tx, sender.tablet_id, upload_id=upload_id, lock=lock)
    if row is None or row.state in ("refused", "expired"):
        raise Refusal("not_found")
    return row


async def _keep(
    engine: AsyncEngine, blobs: Blobs, *, upload_id: UUID, offset: int, piece: bytes
) -> None:
    await blobs.put_piece(str(upload_id), offset, piece=piece)
    async with engine.begin() as tx:
        if not await attachments.add_piece(tx, upload_id, offset=offset, length=len(piece)):
            raise Refusal("upload_offset", given=offset)


async def _pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    try:
        async for chunk in body:
            held += chunk
            while len(held) >= PIECE_BYTES:
                yield bytes(held[:PIECE_BYTES])
                del held[:PIECE_BYTES]
    except OSError:
        # the link was cut: what arrived is a piece like any other
        pass
    if held:
        yield bytes(held)


def _state(row: Any) -> UploadState:
    return UploadState(
        id=row.id,
        offset_bytes=row.offset_bytes,
        size_bytes=row.size_bytes,
        complete=row.state == "done",
    )


def _verified(row: Any, media: Media, *, now: datetime) -> dict[str, Any]:
    return {
        "unit_id": row.unit_id,
        "sha256": row.sha256,
        "state": "verified",
        "media_type": media.media_type,
        "size_bytes": row.size_bytes,
        "declared_at": row.created_at,
        "verified_at": now,
    }
