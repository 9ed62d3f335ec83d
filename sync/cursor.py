"""Cursors: where a tablet stands in each of its mailboxes, opaque to it; and what it has not seen
yet."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from schemas.problems import Refusal

POSITION_MAX = 2**62


class _Written(msgspec.Struct, array_like=True):
    epoch: bytes
    positions: dict[bytes, int]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Written)


def write(epoch: UUID, positions: Mapping[UUID, int]) -> str:
    """A cursor that says: of these mailboxes I have seen everything up to these positions."""
    written = _Written(
        epoch=epoch.bytes, positions={key.bytes: at for key, at in sorted(positions.items())}
    )
    return urlsafe_b64encode(_encoder.encode(written)).decode().rstrip("=")


def read(text: str, *, epoch: UUID, mailboxes: Mapping[UUID, int]) -> dict[UUID, int]:
    """Positions by mailbox; an empty cursor stands at the beginning.

    `mailboxes` are the tablet's own, with the last position of each. Refuses `cursor_forged` (not
    ours, another's mailbox, from the future) and `cursor_of_another_epoch`.
    """
    if not text:
        return dict.fromkeys(mailboxes, 0)
    try:
        written = _decoder.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        positions = {UUID(bytes=key): at for key, at in written.positions.items()}
        of_epoch = UUID(bytes=written.epoch)
    except (NotBase64, ValueError, msgspec.DecodeError) as error:
        raise Refusal("cursor_forged") from error
    if of_epoch != epoch:
        raise Refusal("cursor_of_another_epoch", epoch=str(epoch))
    for key, at in positions.items():
        if key not in mailboxes or not 0 <= at <= mailboxes[key]:
            raise Refusal("cursor_forged")
    # a mailbox that came since is read from its beginning
    return {key: positions.get(key, 0) for key in mailboxes}


def seen_version(trail: Sequence[int], position: int) -> int | None:
    """Which version of a record a reader at `position` has seen, or None if that is not known.

    `trail` holds pairs (position, version), the newest first.
    """
    for at in range(0, len(trail) - 1, 2):
        if trail[at] <= position:
            return trail[at + 1]
    return None


def newer_fields(versions: Mapping[str, int], seen: int | None) -> list[str] | None:
    """The fields that changed after a version; None where the whole record has to be sent."""
    if seen is None:
        return None
    return [field for field, version in versions.items() if version > seen]
