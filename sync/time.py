"""Time as evidence: what the tablet said, what the server saw, and how far they may be trusted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from schemas.base import Value
from schemas.sync import Operation, TabletClock, Trust

BOOTS_MAX = 8
"""Boots of a tablet that are remembered; older ones can no longer be corrected exactly."""
SKEW_SECONDS_MAX = 120
"""Within this a wall clock counts as right: the network's own delay is of that order."""


class Boot(Value, frozen=True):
    """When a tablet's boot began by the server's clock: the earliest estimate that was heard.

    A message that was long under way makes it look later, never earlier. `anchored` once two
    messages agree, or one came while the wall clock was right.
    """

    id: UUID
    began_at: datetime
    anchored: bool = False


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


class Clocks(Value, frozen=True):
    """What the server remembers of a tablet's clocks and identity (column `tablet.clock`)."""

    boots: tuple[Boot, ...] = ()
    shared: bool = False


_clocks = msgspec.json.Decoder(Clocks)


def clocks_of(column: object) -> Clocks:
    """The column as it comes from the table: JSON text, or values already."""
    if isinstance(column, str):
        return _clocks.decode(column)
    return msgspec.convert(column or {}, Clocks)


def heard(
    boots: Sequence[Boot], clock: TabletClock | None, *, received_at: datetime
) -> tuple[Boot, ...]:
    """What is known of a tablet's boots after one more message, the latest boot first."""
    if clock is None or clock.boot is None or clock.uptime_ms is None:
        return tuple(boots)
    began = received_at - timedelta(milliseconds=clock.uptime_ms)
    right = _near(clock.sent_at, received_at)
    known = next((each for each in boots if each.id == clock.boot), None)
    if known is None:
        fresh = Boot(id=clock.boot, began_at=began, anchored=right)
        return (fresh, *boots)[:BOOTS_MAX]
    agree = _near(began, known.began_at) and began != known.began_at
    # an estimate that turns out too late proves nothing about the one that corrects it
    kept = known.anchored and (agree or began >= known.began_at)
    better = Boot(id=known.id, began_at=min(began, known.began_at), anchored=right or agree or kept)
    return tuple(better if each.id == known.id else each for each in boots)


def corrected(
    operation: Operation, clock: TabletClock | None, *, boots: Sequence[Boot], received_at: datetime
) -> Corrected:
    """When an operation was true by the server's clock.

    Within a boot the uptime says it and needs no wall clock; it is trusted once the boot's
    beginning is anchored. Where the tablet was never heard in that boot, its wall clock is all
    there is: what it says is kept, shifted by what it is off now, and never trusted.
    """
    boot = next((each for each in boots if each.id == operation.boot), None)
    if boot is not None and operation.uptime_ms is not None:
        at = boot.began_at + timedelta(milliseconds=operation.uptime_ms)
        return Corrected(at=min(at, received_at), trust="verified" if boot.anchored else "skewed")
    if clock is None or _near(clock.sent_at, received_at):
        return Corrected(at=min(operation.observed_at, received_at), trust="unknown")
    away = clock.sent_at - received_at
    return Corrected(at=min(operation.observed_at - away, received_at), trust="skewed")


def _near(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) <= SKEW_SECONDS_MAX
