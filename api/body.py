"""Reading bodies strictly: bounded before and after decompression, typed, nothing guessed."""

import zlib
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import zstandard
from litestar import Request

from schemas.problems import Refusal
from schemas.strict import Form, crooked_id, said_twice, straight

YEARS = (1900, 2199)
"""Years that a body may speak of."""
BODY_BYTES_MAX = 2 * 1024 * 1024
_UNSEEMLY = frozenset("\x00\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
T = TypeVar("T")


class _Envelope(msgspec.Struct):
    operations: msgspec.Raw = msgspec.Raw(b"")


async def read(
    request: Request[Any, Any, Any],
    kind: type[T],
    *,
    seemly: bool = True,
    most: int = BODY_BYTES_MAX,
) -> T:
    """The body as `kind`. Refuses `malformed_body`, `invalid_field`, `body_too_large` and the
    like."""
    form = form_of(request)
    held = await _bounded(request, most=most)
    raw = unpacked(held, request.headers.get("content-encoding", ""), most=most)
    decode = msgspec.json.decode if form == "json" else msgspec.msgpack.decode
    try:
        if form == "json":
            text = raw.decode("utf-8")
            if seemly and not _UNSEEMLY.isdisjoint(text):
                raise Refusal("invalid_field", reason="unseemly characters")
        value: T = decode(raw, type=kind)
        if seemly and "\\u" in raw.decode("latin-1"):
            _refuse_escaped(value)
        _refuse_ambiguous(raw if seemly else _around_operations(raw, form), form, value=value)
        if seemly:
            _refuse_beyond(value)
    except msgspec.ValidationError as error:
        raise Refusal("invalid_field", reason=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("malformed_body") from error
    return value


async def plain_address(request: Request[Any, Any, Any]) -> None:
    """An address names an id as we write it, another spelling names nothing; and a day of the
    calendar that bodies may speak of."""
    path: str = request.scope["path"]
    for value in request.path_params.values():
        if isinstance(value, UUID) and str(value) not in path:
            raise Refusal("not_found")
        _refuse_beyond(value)
    fields = request.route_handler.parsed_fn_signature.parameters
    for name, given in request.query_params.multi_items():
        known = fields.get(name)
        kinds = (known.annotation, *known.args) if known else ()
        crooked = UUID in kinds and given and not straight(given)
        if crooked or (date in kinds and not _within(given)):
            raise Refusal("invalid_field", field=name)


def _within(day: str) -> bool:
    year = day[:4]
    return not year.isdecimal() or YEARS[0] <= int(year) <= YEARS[1]


def form_of(request: Request[Any, Any, Any]) -> Form:
    """JSON or MessagePack by `Content-Type`; anything else is refused."""
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given == "application/json":
        return "json"
    if given in ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack"):
        return "msgpack"
    raise Refusal("unsupported_media_type", given=given[:80])


def unpacked(raw: bytes, encoding: str, *, most: int = BODY_BYTES_MAX) -> bytes:
    """gzip or zstd undone, never beyond the bound, whatever a small body claims to hold."""
    name = encoding.strip().lower()
    try:
        if name in ("", "identity"):
            return raw
        if name == "gzip":
            unzip = zlib.decompressobj(wbits=31)
            out = unzip.decompress(raw, most + 1)
            complete = unzip.eof or len(out) > most
        elif name == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(raw) as reader:
                out, complete = reader.read(most + 1), True
        else:
            raise Refusal("unsupported_media_type", given=name[:40])
    except (zlib.error, zstandard.ZstdError) as error:
        raise Refusal("malformed_body") from error
    if len(out) > most:
        raise Refusal("body_too_large", limit=most)
    if not complete:
        raise Refusal("malformed_body")
    return out


async def _bounded(request: Request[Any, Any, Any], *, most: int) -> bytes:
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > most:
            raise Refusal("body_too_large", limit=most)
    return bytes(held)


def _around_operations(raw: bytes, form: Form) -> bytes:
    """An exchange without its operations, each of which is judged by itself: one that is written
    wrongly is put aside and keeps no other back."""
    decode = msgspec.json.decode if form == "json" else msgspec.msgpack.decode
    inner = bytes(decode(raw, type=_Envelope).operations)
    return raw.replace(inner, b"[]" if form == "json" else b"\x90") if inner else raw


def _refuse_ambiguous(raw: bytes, form: Form, *, value: object) -> None:
    if said_twice(raw, form):
        raise Refusal("invalid_field", reason="a key is said twice")
    if crooked_id(value, raw, form=form):
        raise Refusal("invalid_field", reason="an id is written in small letters with hyphens")


def _refuse_beyond(value: object) -> None:
    """An instant that leaves the calendar when its zone is changed, a number no column holds."""
    if isinstance(value, date):
        if not YEARS[0] <= value.year <= YEARS[1]:
            raise Refusal("invalid_field", reason="a day beyond the calendar")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise Refusal("invalid_field", reason="a number beyond 64 bits")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _refuse_beyond(getattr(value, name))
    elif isinstance(value, dict | list | tuple | set | frozenset):
        for each in value.values() if isinstance(value, dict) else value:
            _refuse_beyond(each)


def _refuse_escaped(value: object) -> None:
    # a character may come escaped and be nothing in the raw text
    text = msgspec.json.encode(value, enc_hook=str).decode()
    if not _UNSEEMLY.isdisjoint(text) or "\\u0000" in text:
        raise Refusal("invalid_field", reason="unseemly characters")
