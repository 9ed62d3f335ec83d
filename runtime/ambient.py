"""The clock and the dice, read here and handed down."""

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
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


def boot() -> tuple[UUID, timedelta] | None:
    """Which boot of this machine it is and for how long, sleep included; None where nobody says."""
    try:
        key = UUID(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        return key, timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    except (OSError, ValueError, AttributeError):
        return None


def random_bytes(count: int) -> bytes:
    """Bytes that nobody can guess."""
    return secrets.token_bytes(count)
