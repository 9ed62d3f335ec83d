"""Cursors: where a tablet stands in each of its mailboxes, opaque to it; and what it has not seen
yet."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.problems import Refusal


class Place(Value, frozen=True):
    """Where a reader stands in a mailbox, and where that mailbox ended when it last read there.

    Behind the end the two differ: a record that had left a position before the reader came by was
    not seen there, though the position is behind the reader.
    """

    at: int
    end: int


class Written(msgspec.Struct, array_like=True):
    """A cursor taken apart."""

    epoch: bytes
    positions: dict[bytes, int]
    ends: dict[bytes, int] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Written)


def write(epoch: UUID, places: Mapping[UUID, Place]) -> str:
    """A cursor that says: of these mailboxes I have seen everything up to these places."""
    written = Written(
        epoch=epoch.bytes,
        positions={key.bytes: each.at for key, each in sorted(places.items())},
        ends={key.bytes: each.end for key, each in sorted(places.items()) if each.end != each.at},
    )
    return urlsafe_b64encode(_encoder.encode(written)).decode().rstrip("=")


def read(text: str, *, epoch: UUID, mailboxes: Mapping[UUID, int]) -> dict[UUID, Place]:
    """Places by mailbox; an empty cursor stands at the beginning.

    `mailboxes` are the tablet's own, with the last position of each. Refuses `cursor_forged` (not
    ours, another's mailbox, from the future) and `cursor_of_another_epoch`.
    """
    places = {key: Place(at=0, end=0) for key in mailboxes}
    if not text:
        return places
    written = of_epoch(text, epoch)
    try:
        said = {
            UUID(bytes=key): Place(at=at, end=written.ends.get(key, at))
            for key, at in written.positions.items()
        }
    except ValueError as error:
        raise Refusal("cursor_forged") from error
    for key, place in said.items():
        if key not in mailboxes or not 0 <= place.at <= place.end <= mailboxes[key]:
            raise Refusal("cursor_forged")
    # a mailbox that came since is read from its beginning
    return places | said


def of_epoch(text: str, epoch: UUID) -> Written:
    """What a cursor says, where it is of this life of the database; an empty one says nothing.

    Refuses `cursor_forged` and `cursor_of_another_epoch`.
    """
    if not text:
        return Written(epoch=epoch.bytes, positions={})
    try:
        written = _decoder.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        known = UUID(bytes=written.epoch)
    except (NotBase64, ValueError, msgspec.DecodeError) as error:
        raise Refusal("cursor_forged") from error
    if known != epoch:
        raise Refusal("cursor_of_another_epoch", epoch=str(epoch))
    return written


def seen_version(trail: Sequence[int], place: Place, *, position: int) -> int | None:
    """Which version of a record a reader has seen, or None where that is not certain.

    `trail` holds pairs (position, version), the newest first: where the record stood before it came
    to `position`. It was seen at the newest one behind the reader, if it stood there still when
    the reader came by.
    """
    left_at = position
    for n in range(0, len(trail) - 1, 2):
        if trail[n] <= place.at:
            return trail[n + 1] if left_at > place.end else None
        left_at = trail[n]
    return None


def newer_fields(versions: Mapping[str, int], seen: int | None) -> list[str] | None:
    """The fields that changed after a version; None where the whole record has to be sent."""
    if seen is None:
        return None
    return [field for field, version in versions.items() if version > seen]
