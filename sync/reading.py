"""Operations as they come off the wire, read one by one: a malformed one harms no other."""

import hashlib
from collections.abc import Sequence
from re import compile as pattern
from typing import Literal
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.strict import crooked_id, holds, said_twice
from schemas.sync import ANSWER_BYTES_MAX, Operation, SyncRequest, TabletClock

NUMBER_MAX = 2.0**53
YEARS = (1970, 2200)
"""Outside these no clock stands, and arithmetic on instants would leave the calendar."""

_from_json = msgspec.json.Decoder(Operation)
_from_msgpack = msgspec.msgpack.Decoder(Operation)
_encoder = msgspec.json.Encoder(order="deterministic")
# what no text of a form holds: NUL, and characters that turn the reading direction around
_UNSEEMLY = pattern("[\x00\u202a-\u202e\u2066-\u2069]|\\\\u0000|\\\\u20[26][a-eA-E6-9]")
_HINTS = (b"\\u", b"\xe2\x80", b"\xe2\x81")


class Batch(Value, frozen=True):
    """What came in: raw operations, the sender's clock, how many more it says it has.

    `carried` by another tablet: then nothing was heard of the sender itself.
    """

    operations: Sequence[bytes]
    clock: TabletClock | None = None
    unsent: int = 0
    form: Literal["json", "msgpack"] = "json"
    carried: bool = False


def sound_clock(clock: TabletClock | None) -> TabletClock | None:
    """A clock with which one can reckon, or None: no tablet was made before 1970 or after 2200."""
    if clock is None:
        return None
    said = [each for each in (clock.sent_at, clock.heard_at) if each is not None]
    return clock if all(YEARS[0] <= each.year <= YEARS[1] for each in said) else None


def batch_of(request: SyncRequest, form: Literal["json", "msgpack"]) -> Batch:
    """The operations of an exchange."""
    return Batch(
        operations=[bytes(each) for each in request.operations],
        clock=sound_clock(request.clock),
        unsent=request.unsent,
        form=form,
    )


class Unread(Value, frozen=True):
    """An operation that cannot be one: why, and its id where that much can be read."""

    code: str
    id: UUID | None
    raw: bytes


class Read(Value, frozen=True):
    """An operation with its canonical JSON and the hash of that: the same id names the same
    bytes."""

    operation: Operation
    payload: str
    payload_hash: str


class _OnlyId(msgspec.Struct):
    id: UUID


def read_operation(raw: bytes, *, form: Literal["json", "msgpack"] = "json") -> Read | Unread:
    """Strict: types, zones, unknown fields, sizes and unseemly characters are all looked at."""
    if len(raw) > ANSWER_BYTES_MAX:
        return Unread(code="operation_too_large", id=_id_of(raw, form), raw=raw)
    try:
        decoder = _from_json if form == "json" else _from_msgpack
        operation = decoder.decode(raw)
        encoded = canonical(operation)
        payload = encoded.decode()
        ambiguous = said_twice(raw, form, written=encoded) or crooked_id(operation, raw, form=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return Unread(code="operation_malformed", id=_id_of(raw, form), raw=raw)
    if ambiguous:
        return Unread(code="operation_malformed", id=operation.id, raw=raw)
    if not operation.id.int or not operation.record.int:
        # the nil id names nobody's work: the first to say it would own it, and every other be refused
        named = operation.id if operation.id.int else None
        return Unread(code="operation_malformed", id=named, raw=raw)
    if not YEARS[0] <= operation.observed_at.year <= YEARS[1]:
        return Unread(code="time_impossible", id=operation.id, raw=raw)
    if not all(map(sound_number, operation.fields.values())):
        return Unread(code="number_too_large", id=operation.id, raw=raw)
    # a search for bytes is a hundred times as fast as the pattern: it is tried only where one is
    if _hinted(encoded) and _UNSEEMLY.search(payload):
        return Unread(code="text_unseemly", id=operation.id, raw=raw)
    return Read(
        operation=operation, payload=payload, payload_hash=hashlib.sha256(encoded).hexdigest()
    )


def _hinted(encoded: bytes) -> bool:
    return any(holds(encoded, each) for each in _HINTS)


def canonical(operation: Operation) -> bytes:
    """The one way an operation is written down: what is hashed, and told apart by."""
    return _encoder.encode(operation)


def sound_number(value: object) -> bool:
    """Whether every number comes back from the database as it went in: finite, within 2**53.

    A float such as 1e16 becomes an integer there, and nobody could read the record again.
    """
    kind = type(value)
    if kind is float:
        return -NUMBER_MAX <= value <= NUMBER_MAX  # type: ignore[operator]  # nan is in no order
    if isinstance(value, dict):
        return all(map(sound_number, value.values()))
    return kind is not list or all(map(sound_number, value))  # type: ignore[call-overload]


def _id_of(raw: bytes, form: str) -> UUID | None:
    try:
        if form == "json":
            return msgspec.json.decode(raw, type=_OnlyId).id
        return msgspec.msgpack.decode(raw, type=_OnlyId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
