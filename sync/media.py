"""What an uploaded file is, told from its bytes and never from its name."""

from schemas.base import Value
from schemas.problems import Refusal

HEAD_BYTES = 64 * 1024
PIXELS_A_SIDE_MAX = 12_000
PHOTO_BYTES_MAX = 10 * 1024 * 1024

_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Media(Value, frozen=True):
    """Type and size in pixels of a picture."""

    media_type: str
    width: int
    height: int


def inspect(head: bytes) -> Media:
    """A photo or signature is a JPEG, PNG or WebP of sane size; anything else is refused.

    `head` holds the first bytes of the file, `HEAD_BYTES` or all of it. Refuses `photo_type` (also
    for SVG, which may carry a script) and `photo_dimensions`.
    """
    media = _jpeg(head) or _png(head) or _webp(head)
    if media is None:
        raise Refusal("photo_type")
    if not (0 < media.width <= PIXELS_A_SIDE_MAX and 0 < media.height <= PIXELS_A_SIDE_MAX):
        raise Refusal("photo_dimensions", width=media.width, height=media.height)
    return media


def _jpeg(head: bytes) -> Media | None:
    if head[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    # segments are walked, not searched: a thumbnail inside EXIF has a size marker of its own
    while at + 9 < len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _JPEG_SIZES:
            height = int.from_bytes(head[at + 5 : at + 7])
            width = int.from_bytes(head[at + 7 : at + 9])
            return Media(media_type="image/jpeg", width=width, height=height)
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None


def _png(head: bytes) -> Media | None:
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR" or len(head) < 24:
        return None
    return Media(
        media_type="image/png",
        width=int.from_bytes(head[16:20]),
        height=int.from_bytes(head[20:24]),
    )


def _webp(head: bytes) -> Media | None:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(head[24:27], "little")
        height = 1 + int.from_bytes(head[27:30], "little")
    elif kind == b"VP8 ":
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    else:
        return None
    return Media(media_type="image/webp", width=width, height=height)
