"""How a tablet hears an answer, and sends a file by tus 1.0 in pieces."""

import base64
import hashlib
from pathlib import Path

import httpx

from runtime.outbox import Photo
from schemas.problems import Refusal

PIECE = 256 * 1024
REFUSED = (
    "photo_type", "photo_dimensions", "upload_too_long", "invalid_field", "hash_mismatch",
    "file_missing",
)  # fmt: skip
"""Nothing but a person changes these: the file is said aloud and kept, the others go on."""


def good(reply: httpx.Response) -> httpx.Response:
    """An answer that is one; else its refusal, with how long to wait where that was said."""
    if reply.is_success:
        return reply
    said = {"status": reply.status_code, "retry_after": reply.headers.get("Retry-After")}
    try:
        body = reply.json()
        code, details = body["code"], body.get("details") or {}
    except (ValueError, KeyError, TypeError):
        raise Refusal("unavailable", **said) from None
    raise Refusal(code, **{**details, **said})


def upload(server: str, headers: dict[str, str], *, photo: Photo) -> None:
    """All of a file, from wherever the server stands. Refuses `file_missing`, `hash_mismatch`."""
    path = Path(photo.path)
    if not path.exists():
        raise Refusal("file_missing", file=photo.sha256)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != photo.sha256:
        raise Refusal("hash_mismatch", file=photo.sha256)
    pairs = {"sha256": photo.sha256, "filetype": photo.media_type}
    metadata = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in pairs.items()
    )
    headers = headers | {"Tus-Resumable": "1.0.0"}
    begin = headers | {"Upload-Length": str(len(content)), "Upload-Metadata": metadata}
    reply = good(httpx.post(f"{server}/api/v1/attachments", headers=begin, timeout=60))
    address, offset = reply.headers["Location"], int(reply.headers["Upload-Offset"])
    while offset < len(content):
        piece = headers | {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        body = content[offset : offset + PIECE]
        reply = good(httpx.patch(f"{server}{address}", content=body, headers=piece, timeout=60))
        offset = int(reply.headers["Upload-Offset"])
