"""What a decoder lets pass and should not: a key said twice, an id written in another way.

The decoder keeps the last of two values and takes an id in capitals, in braces or without hyphens.
Two systems that read one body must never understand two things: both are refused (RFC 8259 4 leaves
the first open, RFC 9562 4 the second).
"""

from re import compile as pattern
from typing import Literal
from uuid import UUID

import msgspec

Form = Literal["json", "msgpack"]
_STRING = pattern(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?')
_SPACED = (b" :", b"\t:", b"\n:", b"\r:", b"\\u00")
"""Where none of these is in a text, quotes and colons stand for themselves and touch."""
_STRAIGHT = rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_ID = pattern(_STRAIGHT)
_ODD = pattern(rb'"(?!' + _STRAIGHT + rb'")[0-9A-Fa-f{u][0-9A-Fa-f:{}nrud-]{31,45}"')
"""A quoted text that could be an id and is written in another way."""
# how many bytes follow a MessagePack marker: as they are, or as a length of so many bytes
_FIXED = {
    0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1,
    0xD1: 2, 0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
_SIZED = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),
}  # fmt: skip
_FLOAT_32 = b"\xca"


def said_twice(raw: bytes, form: Form = "json", *, written: bytes = b"") -> bool:
    """Whether an object in a decodable text names one key more than once.

    `written` is what was decoded, encoded again without defaults: where it names as many keys, none
    came twice, and nothing has to be read again.
    """
    if form == "msgpack":
        held = msgspec.msgpack.decode(raw)
        # the shortest way to write what is held is as long as what came: nothing came twice
        if _FLOAT_32 not in raw and len(msgspec.msgpack.encode(held)) == len(raw):
            return False
        return _keys_of_msgpack(raw) != _keys(held)
    plain = not any(holds(raw, each) for each in _SPACED)
    if plain and raw.count(b'":') == written.count(b'":'):
        return False
    held = msgspec.json.decode(raw)
    if plain:
        return raw.count(b'":') != msgspec.json.encode(held).count(b'":')
    return sum(1 for colon in _STRING.findall(raw) if colon) != _keys(held)


def crooked_id(value: object, raw: bytes, *, form: Form = "json") -> bool:
    """Whether an id in a decoded value was not written in small letters with four hyphens."""
    if form == "msgpack":
        return _crooked(value, msgspec.msgpack.decode(raw))
    if not holds(raw, b"\\u") and _ODD.search(raw) is None:
        return False
    return _crooked(value, msgspec.json.decode(raw))


def holds(raw: bytes, part: bytes) -> bool:
    """Whether a part is in a text. One byte is found many times as fast as two, and most are not there."""
    return part[:1] in raw and part in raw


def straight(text: str) -> bool:
    """Whether a text that stands for an id is written the one way."""
    return _ID.fullmatch(text.encode()) is not None


def _crooked(value: object, said: object) -> bool:
    if isinstance(value, UUID):
        return isinstance(said, str) and said != str(value)
    if isinstance(value, msgspec.Struct) and isinstance(said, dict):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        return any(_crooked(getattr(value, ours), said.get(theirs)) for ours, theirs in names)
    if isinstance(value, dict) and isinstance(said, dict):
        pairs = zip(value.items(), said.items(), strict=False)
        # two ways to write one id came to one key
        return len(value) != len(said) or any(
            _crooked(k, a) or _crooked(v, b) for (k, v), (a, b) in pairs
        )
    if isinstance(value, list | tuple) and isinstance(said, list):
        return any(_crooked(v, b) for v, b in zip(value, said, strict=False))
    return False


def _keys(held: object) -> int:
    if isinstance(held, dict):
        return len(held) + sum(map(_keys, held.values()))
    return sum(map(_keys, held)) if isinstance(held, list) else 0


def _keys_of_msgpack(raw: bytes) -> int:
    keys, at = 0, 0
    while at < len(raw):
        mark, at = raw[at], at + 1
        if 0x80 <= mark <= 0x8F:
            keys += mark & 0x0F
        elif mark in (0xDE, 0xDF):
            size = 2 if mark == 0xDE else 4
            keys, at = keys + int.from_bytes(raw[at : at + size], "big"), at + size
        elif 0xA0 <= mark <= 0xBF:
            at += mark & 0x1F
        elif mark in _FIXED:
            at += _FIXED[mark]
        elif mark in (0xDC, 0xDD):
            at += 2 if mark == 0xDC else 4
        elif mark in _SIZED:
            size, more = _SIZED[mark]
            at += size + more + int.from_bytes(raw[at : at + size], "big")
    return keys
