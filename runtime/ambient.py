"""The clock and the dice, read here and handed down."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from schemas.ambient import Ambient


def now() -> datetime:
    """The server's instant, in UTC; a demo may tell its story at another (never in production)."""
    shift = int(os.environ.get("DOORSTEP_CLOCK_SHIFT_SECONDS", "0"))
    return datetime.now(UTC) + timedelta(seconds=shift)


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): rises with time, so that indexes grow at one end."""
    return uuid7()


def live() -> Ambient:
    """What a request or task is given."""
    return Ambient(now=now(), new_id=new_id)


def fixed(instant: datetime, *, make: Callable[[], UUID] = new_id) -> Ambient:
    """The same for a story told as of a chosen instant."""
    return Ambient(now=instant, new_id=make)


def random_bytes(count: int) -> bytes:
    """Bytes that nobody can guess."""
    return secrets.token_bytes(count)
