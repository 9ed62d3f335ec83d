"""Core: the copy of a photo that is shown: where it was taken is left out, how it is held up stays.

The original is kept as it came, sealed by its hash; a photo that says nothing is its own copy.
"""

EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/"
ORIENTATION = 0x0112
TELLING_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"EXIF", b"XMP ")


def shown(content: bytes) -> bytes:
    """The same picture without position and notes; unreadable structure ends the copy there."""
    if content.startswith(b"\xff\xd8"):
        return _jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    return content


def _jpeg(content: bytes) -> bytes:
    out, at = bytearray(content[:2]), 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        segment = content[at:end]
        if content[at + 1] == 0xE1 and segment[4:].startswith(EXIF):
            out += _upright(segment[10:])
        elif not (content[at + 1] == 0xE1 and segment[4:].startswith(XMP)):
            out += segment
        at = end
    # the picture itself begins at the scan
    return bytes(out) + content[at:]


def _upright(tiff: bytes) -> bytes:
    """A segment that says the orientation and nothing else, or nothing where that is usual."""
    little = tiff[:2] == b"II"

    def number(at: int, size: int) -> int:
        part = tiff[at : at + size]
        return int.from_bytes(part, "little" if little else "big")

    first = number(4, 4)
    for entry in range(min(number(first, 2), 200)):
        at = first + 2 + 12 * entry
        if number(at, 2) == ORIENTATION and 2 <= number(at + 8, 2) <= 8:
            tags = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"
            body = EXIF + tags + number(at + 8, 2).to_bytes(2, "big") + b"\0\0\0\0\0\0"
            return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    return b""


def _png(content: bytes) -> bytes:
    out, at = bytearray(content[:8]), 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] not in TELLING_CHUNKS:
            out += content[at:end]
        at = end
    return bytes(out)


def _webp(content: bytes) -> bytes:
    body, at = bytearray(b"WEBP"), 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        chunk = bytearray(content[at:end])
        if chunk[:4] == b"VP8X" and len(chunk) > 8:
            chunk[8] &= ~0x0C  # says no more that notes follow
        if bytes(chunk[:4]) not in TELLING_CHUNKS:
            body += chunk
        at = end
    return b"RIFF" + len(body).to_bytes(4, "little") + bytes(body)
