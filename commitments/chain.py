"""Hash chain of a commitment's events: changing one byte of the past breaks every later link."""

import hashlib
from collections.abc import Iterable

import msgspec

from schemas.commitment import Event

_encoder = msgspec.json.Encoder(order="deterministic")


def link(previous_hash: str, n: int, *, event: Event) -> str:
    """SHA-256 over the previous hash, the number and the event as JSON with sorted keys."""
    return hashlib.sha256(_encoder.encode([previous_hash, n, event])).hexdigest()


def broken_at(events: Iterable[tuple[int, Event, str, str]]) -> int | None:
    """The first `n` whose link does not hold, or None.

    Takes `(n, event, previous_hash, hash)` in order, beginning with n = 1 after an empty hash.
    """
    head, expected = "", 1
    for n, event, previous_hash, found in events:
        if n != expected or previous_hash != head or found != link(head, n, event=event):
            return n
        head, expected = found, expected + 1
    return None
