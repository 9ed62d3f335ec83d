"""What a technician says and photographs on a visit: believable answers for every shipped
checklist."""

import random
import struct
import zlib

from schemas.sync import FieldValue
from schemas.template import Item, SubField, Template
from sync.template import PHOTOS

PHOTO_SIDE = 96


def picture(dice: random.Random) -> bytes:
    """A small PNG that nobody else has: grey noise, so that it does not shrink to nothing."""
    rows = b"".join(b"\x00" + dice.randbytes(PHOTO_SIDE) for _ in range(PHOTO_SIDE))
    head = struct.pack(">IIBBBBB", PHOTO_SIDE, PHOTO_SIDE, 8, 0, 0, 0, 0)
    body = zlib.compress(rows, 1)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    )


def answers(template: Template, dice: random.Random) -> dict[str, FieldValue]:
    """A sound answer to every question that can be answered without a file."""
    found = {item.code: _answer(item, dice) for item in template.items}
    return {code: value for code, value in found.items() if value is not None}


def wants_photo(template: Template) -> list[str]:
    """The fields that name photos, for items that ask for one."""
    return [f"{item.code}{PHOTOS}" for item in template.items if item.photos]


def signature_field(template: Template) -> tuple[str, str] | None:
    """The item and its part that take the customer's signature."""
    for item in template.items:
        for name, sub in item.fields.items():
            if sub.kind == "signature":
                return item.code, name
    return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def _answer(item: Item, dice: random.Random) -> FieldValue:
    if item.kind == "pass_fail":
        return "pass"
    if item.kind == "bool":
        return True
    if item.kind == "enum":
        return item.options[0] if item.options else None
    if item.kind == "multi_enum":
        return [item.options[0]]
    if item.kind == "checklist":
        return list(item.options)
    if item.kind == "scale":
        return 1
    if item.kind == "number":
        return _number(item.least, item.most, dice=dice)
    if item.kind == "date":
        return f"{dice.randint(2023, 2025)}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}"
    if item.kind == "composite":
        parts = {name: _part(sub, dice) for name, sub in item.fields.items()}
        return {name: value for name, value in parts.items() if value is not None}
    return None


def _part(sub: SubField, dice: random.Random) -> str | int | float | bool | None:
    if sub.kind == "enum":
        return sub.options[0]
    if sub.kind == "bool":
        return True
    if sub.kind == "integer":
        return int(sub.least if sub.least is not None else sub.most or 0)
    if sub.kind == "number":
        return _number(sub.least, sub.most, dice=dice)
    if sub.kind == "date":
        return "2024-05-01"
    return None


def _number(least: float | None, most: float | None, *, dice: random.Random) -> float:
    if least is not None and most is not None:
        return round((least + most) / 2, 2)
    if most is not None:
        return most
    return round((least or 0) + dice.uniform(10, 900), 2)
