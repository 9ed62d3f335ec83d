"""How likely a door opens, learned from doors that were knocked at: by band of the day, apart for
days of rest. Inspections fail at the door more often than on the road.

A band's share is drawn towards the share of all as if that had been seen `USUAL_TRIES` times, so
that three knocks prove nothing.
"""

from collections.abc import Iterable

from commitments.access import BANDS
from schemas.base import Value
from schemas.plan import Access

USUAL_TRIES = 20
TRIES_MIN = 50
"""Fewer in all say nothing of any band."""
HOUR = 3600
SATURDAY = 6


class Tried(Value, frozen=True):
    """Knocks within a local hour, on days of rest or not, and how many doors opened."""

    hour: int
    rest: bool
    tries: int
    opened: int


def odds(tried: Iterable[Tried], *, rest: bool) -> tuple[Access, ...]:
    """How likely a door opens in each band of such a day; nothing where little was seen."""
    seen = list(tried)
    total = sum(each.tries for each in seen)
    if total < TRIES_MIN:
        return ()
    usual = sum(each.opened for each in seen) / total
    found = []
    for opens, closes in BANDS.values():
        band = [each for each in seen if each.rest == rest and opens <= each.hour < closes]
        tries, opened = (sum(getattr(e, name) for e in band) for name in ("tries", "opened"))
        share = (opened + usual * USUAL_TRIES) / (tries + USUAL_TRIES)
        found.append(Access(opens=opens * HOUR, closes=closes * HOUR - 1, odds=round(share, 3)))
    return tuple(found)
