"""Bytes of photos and signatures: a folder or S3-compatible storage, addressed by SHA-256."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url


class Blobs:
    """Finished photos under `photos/`, pieces of uploads under way under `uploads/`.

    Pieces are objects of their own, so any API process can take up an upload where another left it.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put_piece(self, upload: str, offset: int, *, piece: bytes) -> None:
        """Keeps a piece; the same piece written twice is the same piece."""
        await obstore.put_async(self._store, _piece(upload, offset), piece)

    async def finish(self, upload: str, offsets: list[int], *, target: str) -> str:
        """Joins the pieces to one object and returns the SHA-256 of what was stored, in hex."""
        digest = hashlib.sha256()
        whole = bytearray()
        for offset in offsets:
            got = await obstore.get_async(self._store, _piece(upload, offset))
            piece = bytes(await got.bytes_async())
            digest.update(piece)
            whole += piece
        await obstore.put_async(self._store, target, bytes(whole))
        return digest.hexdigest()

    async def head(self, path: str, length: int) -> bytes:
        """The first bytes of an object."""
        meta = await obstore.head_async(self._store, path)
        end = min(length, meta["size"])
        return bytes(await obstore.get_range_async(self._store, path, start=0, end=end))

    async def read(self, path: str) -> bytes | None:
        """A whole object, or None."""
        try:
            got = await obstore.get_async(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return None
        return bytes(await got.bytes_async())

    async def drop(self, paths: list[str]) -> None:
        """Deletes objects; one that is not there is no matter."""
        for path in paths:
            try:
                await obstore.delete_async(self._store, path)
            except (NotFoundError, FileNotFoundError):
                continue

    async def drop_pieces(self, upload: str, offsets: list[int]) -> None:
        """Deletes the pieces of an upload."""
        await self.drop([_piece(upload, offset) for offset in offsets])

    async def every(self, prefix: str) -> AsyncIterator[str]:
        """The paths of all objects under a prefix."""
        async for page in obstore.list(self._store, prefix=prefix):
            for each in page:
                yield each["path"]


def photo_path(unit_id: str, sha256: str) -> str:
    """Where a verified photo lies."""
    return f"photos/{unit_id}/{sha256[:2]}/{sha256}"


def open_blobs(address: str) -> Blobs:
    """Opens a folder (a path) or a bucket (`s3://…`, `gs://…`, `az://…`)."""
    if "://" in address:
        return Blobs(from_url(address))
    folder = Path(address)
    folder.mkdir(parents=True, exist_ok=True)
    return Blobs(LocalStore(prefix=str(folder)))


def _piece(upload: str, offset: int) -> str:
    return f"uploads/{upload}/{offset:012d}"
