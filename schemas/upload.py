"""Uploads by tus 1.0: what a tablet announces and what it is told."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from schemas.base import Sha256, Value, Wire

MediaType = Annotated[str, Meta(pattern=r"^image/(jpeg|png|webp)$")]


class UploadWish(Wire, frozen=True):
    """A photo or signature that a tablet wants to send."""

    sha256: Sha256
    media_type: MediaType
    size_bytes: Annotated[int, Meta(ge=1, le=10 * 1024 * 1024)]


class UploadState(Value, frozen=True):
    """How far an upload is; `complete` once the hash of all bytes was verified."""

    id: UUID
    offset_bytes: int
    size_bytes: int
    complete: bool
