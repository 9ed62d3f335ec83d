"""A photo that is shown says nothing of where it was taken, and is still the same picture."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from sync.showing import shown

GPS = b"GPS-27.123-106.654"


def segment(kind: int, body: bytes) -> bytes:
    return bytes([0xFF, kind]) + (len(body) + 2).to_bytes(2, "big") + body


def exif(order: str, turned: int) -> bytes:
    mark = b"II*\0" if order == "little" else b"MM\0*"
    number = lambda value, size: value.to_bytes(size, order)  # noqa: E731
    tags = [(0x0112, 3, number(turned, 2) + b"\0\0"), (0x8825, 4, number(99, 4))]
    table = number(len(tags), 2) + b"".join(
        number(tag, 2) + number(kind, 2) + number(1, 4) + value for tag, kind, value in tags
    )
    return b"Exif\0\0" + mark + number(8, 4) + table + number(0, 4) + GPS


SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(range(200)) + b"\xff\xd9"
TABLES = segment(0xDB, bytes(65))


def test_a_jpeg_keeps_its_picture_and_its_orientation_and_loses_its_position():
    for order in ("little", "big"):
        for turned in (1, 6):
            notes = segment(0xE1, exif(order, turned))
            xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GPS)
            copy = shown(b"\xff\xd8" + notes + xmp + TABLES + SCAN)
            assert GPS not in copy and copy.endswith(TABLES + SCAN)
            assert (b"\x01\x12\0\x03\0\0\0\x01\0\x06" in copy) == (turned == 6)
            assert shown(copy) == copy


def test_a_png_and_a_webp_lose_their_notes():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4)

    picture = chunk(b"IHDR", bytes(13)), chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")
    head = b"\x89PNG\r\n\x1a\n"
    told = head + picture[0] + chunk(b"eXIf", GPS) + chunk(b"tEXt", GPS) + b"".join(picture[1:])
    assert shown(told) == head + b"".join(picture)

    def part(kind: bytes, body: bytes) -> bytes:
        return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)

    body = b"WEBP" + part(b"VP8X", b"\x0c" + bytes(9)) + part(b"VP8 ", b"abc") + part(b"EXIF", GPS)
    copy = shown(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert GPS not in copy and b"abc" in copy and copy[20] & 0x0C == 0
    assert int.from_bytes(copy[4:8], "little") == len(copy) - 8


def test_a_photo_that_says_nothing_is_its_own_copy():
    plain = b"\xff\xd8" + segment(0xE0, b"JFIF\0") + TABLES + SCAN
    assert shown(plain) == plain


@given(
    st.sampled_from([b"\xff\xd8", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP"]),
    st.binary(),
)
def test_bytes_that_are_no_photo_end_well(head, rest):
    assert len(shown(head + rest)) <= len(head + rest) + 40
