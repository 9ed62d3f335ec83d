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
    """When a tablet's boot began by the server's clock, from below and from above.

    A message of the tablet's that was long under way makes it look later, never earlier; an answer
    of ours that was long under way makes it look earlier, never later (as NTP bounds an offset, RFC
    5905). No wall clock of the tablet has a part in it.
    """

    id: UUID
    latest: datetime
    earliest: datetime | None = None

    @property
    def sure(self) -> bool:
        """Whether the bounds meet."""
        return self.earliest is not None and _near(self.earliest, self.latest)


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
    first_n: int = 1


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
    latest = received_at - timedelta(milliseconds=clock.uptime_ms)
    earliest = None
    if clock.heard_at is not None and clock.heard_uptime_ms is not None:
        earliest = clock.heard_at - timedelta(milliseconds=clock.heard_uptime_ms)
    known = next((each for each in boots if each.id == clock.boot), None)
    if known is None:
        fresh = Boot(id=clock.boot, latest=latest, earliest=earliest)
        return (fresh, *boots)[:BOOTS_MAX]
    said = [each for each in (earliest, known.earliest) if each is not None]
    better = Boot(id=known.id, latest=min(latest, known.latest), earliest=max(said, default=None))
    return tuple(better if each.id == known.id else each for each in boots)


def corrected(
    operation: Operation, clock: TabletClock | None, *, boots: Sequence[Boot], received_at: datetime
) -> Corrected:
    """When an operation was true by the server's clock.

    Within a boot the uptime says it and needs no wall clock; it is trusted where the boot's
    beginning is sure. Where the tablet was never heard in that boot, its wall clock is all
    there is: what it says is kept, shifted by what it is off now, and never trusted.
    """
    boot = next((each for each in boots if each.id == operation.boot), None)
    if boot is not None and operation.uptime_ms is not None:
        at = boot.latest + timedelta(milliseconds=operation.uptime_ms)
        return Corrected(at=min(at, received_at), trust="verified" if boot.sure else "skewed")
    if clock is None or _near(clock.sent_at, received_at):
        return Corrected(at=min(operation.observed_at, received_at), trust="unknown")
    away = clock.sent_at - received_at
    return Corrected(at=min(operation.observed_at - away, received_at), trust="skewed")


def _near(one: datetime, other: datetime) -> bool:
    return abs((one - other).total_seconds()) <= SKEW_SECONDS_MAX
