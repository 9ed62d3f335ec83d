"""Time as evidence: what the tablet said, what the server saw, and how far they may be trusted."""

from datetime import datetime, timedelta

from schemas.base import Value
from schemas.sync import Operation, TabletClock, Trust

SKEW_SECONDS_MAX = 120
"""Within this a wall clock counts as right: the network's own delay is of that order."""


class Offset(Value, frozen=True):
    """The tablet's wall clock minus the server's, in milliseconds; None where nothing was said."""

    milliseconds: int | None


class Corrected(Value, frozen=True):
    """The best estimate of when something was true, never after it arrived."""

    at: datetime
    trust: Trust


def offset(clock: TabletClock | None, received_at: datetime) -> Offset:
    """How far the tablet's wall clock is off, by the instant it says it sent at."""
    if clock is None:
        return Offset(milliseconds=None)
    away = clock.sent_at - received_at
    return Offset(milliseconds=round(away.total_seconds() * 1000))


def corrected(
    operation: Operation, clock: TabletClock | None, *, received_at: datetime
) -> Corrected:
    """When an operation was true by the server's clock.

    Within one boot the age of an operation is a difference of uptimes and needs no wall clock. Else
    the wall clock counts where it is right now; where it is off, it is shifted and marked.
    """
    if clock is None:
        return Corrected(at=min(operation.observed_at, received_at), trust="unknown")
    if (
        clock.boot is not None
        and clock.boot == operation.boot
        and clock.uptime_ms is not None
        and operation.uptime_ms is not None
        and clock.uptime_ms >= operation.uptime_ms
    ):
        age = timedelta(milliseconds=clock.uptime_ms - operation.uptime_ms)
        return Corrected(at=received_at - age, trust="verified")
    away = clock.sent_at - received_at
    if abs(away.total_seconds()) <= SKEW_SECONDS_MAX:
        early = operation.observed_at <= received_at + timedelta(seconds=SKEW_SECONDS_MAX)
        trust: Trust = "verified" if early else "skewed"
        return Corrected(at=min(operation.observed_at, received_at), trust=trust)
    return Corrected(at=min(operation.observed_at - away, received_at), trust="skewed")
