"""Signed links: who holds one may move or confirm one appointment until an instant, and no more."""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from schemas.base import Value
from schemas.problems import Refusal

_SIGNATURE = 32
_LENGTH = 32 + 1 + 10 + 1 + _SIGNATURE


class Link(Value, frozen=True):
    """What a link says once its signature holds."""

    order_id: UUID
    until: datetime


def signed(key: bytes, order_id: UUID, *, until: datetime) -> str:
    """A link for one work order's appointment, valid until an instant (whole seconds)."""
    said = f"{order_id.hex}.{int(until.timestamp()):010d}"
    return f"{said}.{_signature(key, said)}"


def opened(key: bytes, link: str, *, now: datetime) -> Link:
    """What a link says; refuses `link_invalid` for a forged, changed or expired one alike."""
    said, _, signature = link.rpartition(".")
    # compared in constant time, and before anything in it is believed
    if len(link) != _LENGTH or not link.isascii():
        raise Refusal("link_invalid")
    if not hmac.compare_digest(signature, _signature(key, said)):
        raise Refusal("link_invalid")
    order, _, until = said.partition(".")
    found = Link(order_id=UUID(hex=order), until=datetime.fromtimestamp(int(until), UTC))
    if found.until < now:
        raise Refusal("link_invalid")
    return found


def _signature(key: bytes, said: str) -> str:
    return hmac.new(key, f"appointment:{said}".encode(), sha256).hexdigest()[:_SIGNATURE]
