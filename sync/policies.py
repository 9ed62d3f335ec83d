"""Merge policies: which of several live values of a field is effective, and whether a person must
look.

A field holds every value that nobody who had seen it has replaced. The effective value is a
function of that set, so it does not depend on the order of arrival (I7). Equal values never
conflict.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.base import Value
from schemas.sync import FieldValue, Mark

_encoder = msgspec.json.Encoder(order="deterministic")


class Live(Value, frozen=True):
    """A live value: what was said, by whom, and how bad it is."""

    value: FieldValue
    mark: Mark
    severity: int = 0


class Pick(Value, frozen=True):
    """The effective value, and whether the disagreement waits for a person."""

    value: FieldValue
    open: bool = False
    notice: bool = False


KEEPS_ALL = frozenset({"numeric_worst_max", "numeric_worst_min", "union_set", "counter_monotonic"})
"""Policies under which a later value does not replace one that was seen, unless its author takes
it back."""
GUARDED = frozenset({"severity_max", "numeric_worst_max", "numeric_worst_min"})
"""Policies under which danger never falls by merge (I19)."""


def pick(policy: str, live: Sequence[Live]) -> Pick:
    """The effective value of a field under its policy."""
    if len({_encoder.encode(each.value) for each in live}) == 1:
        return Pick(value=live[0].value)
    return _PICKS[policy](live)


def replaces(policy: str, new: Live, *, old: Live, seen: bool) -> bool:
    """Whether a new value takes the place of an old one.

    A tablet's own later value replaces its own earlier one. A value that was seen is replaced by
    whoever saw it, but nobody's dangerous finding goes away by another's word, not even by one that
    agrees: whoever agreed may take the own word back, and the first one must still stand then.
    """
    # everybody at the office writes as the office: there the person counts
    same = new.mark.by == old.mark.by and (new.mark.by != OFFICE or new.mark.who == old.mark.who)
    own = same and new.mark.n > old.mark.n
    if own:
        return policy not in ("write_once", "union_set", "counter_monotonic")
    if not seen or policy in KEEPS_ALL or policy == "write_once":
        return False
    return policy not in GUARDED or old.severity == 0


def _latest(live: Sequence[Live]) -> Live:
    return max(live, key=lambda each: (each.mark.at_ms, each.mark.by, each.mark.n))


def _severity_max(live: Sequence[Live]) -> Pick:
    worst = max(each.severity for each in live)
    among = [each for each in live if each.severity == worst]
    gap = min(each.severity for each in live) != worst
    # the dangerous value wins at once; lowering it is left to a named person
    return Pick(value=_latest(among).value, open=gap, notice=True)


def _worst(choose: Callable[[list[float]], float]) -> Callable[[Sequence[Live]], Pick]:
    def worst(live: Sequence[Live]) -> Pick:
        # danger first, then the number: a composite's largest part may be a pressure, not a leak
        top = max(each.severity for each in live)
        worse = [each for each in live if each.severity == top]
        said = [each for each in worse if each.value is not None] or worse
        wanted = choose([_number(each.value) for each in said])
        among = [each for each in said if _number(each.value) == wanted]
        gap = top > 0 and any(each.severity != top for each in live)
        return Pick(value=_latest(among).value, open=gap, notice=True)

    return worst


def _number(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, dict):
        numbers = [float(each) for each in value.values() if isinstance(each, int | float)]
        return max(numbers, default=0.0)
    return 0.0


def _union(live: Sequence[Live]) -> Pick:
    ordered = sorted(live, key=lambda each: (each.mark.at_ms, each.mark.by, each.mark.n))
    values = [each.value for each in ordered if each.value is not None]
    if all(isinstance(each, list) for each in values):
        joined: dict[bytes, Any] = {}
        for each in values:
            for part in each if isinstance(each, list) else ():
                joined.setdefault(_encoder.encode(part), part)
        return Pick(value=list(joined.values()))
    if all(isinstance(each, dict) for each in values):
        merged: dict[str, Any] = {}
        for each in values:
            merged |= each if isinstance(each, dict) else {}
        return Pick(value=merged)
    if all(isinstance(each, bool) for each in values):
        return Pick(value=any(values))
    return Pick(value=_latest(live).value, notice=True)


def _write_once(live: Sequence[Live]) -> Pick:
    first = min(live, key=lambda each: (each.mark.at_ms, each.mark.by, each.mark.n))
    return Pick(value=first.value, notice=True)


def _owned(mine: Callable[[Mark], bool]) -> Callable[[Sequence[Live]], Pick]:
    def owned(live: Sequence[Live]) -> Pick:
        own = [each for each in live if mine(each.mark)]
        # two owners who disagree are shown to a person
        values = {_encoder.encode(each.value) for each in own}
        return Pick(value=_latest(own or live).value, open=len(values) > 1, notice=True)

    return owned


def _counter(live: Sequence[Live]) -> Pick:
    highest = max(live, key=lambda each: (_number(each.value), each.mark.at_ms, each.mark.by))
    return Pick(value=highest.value, open=True)


def _by_person(live: Sequence[Live]) -> Pick:
    # shown meanwhile: the value that stood first, so that nothing jumps while a person decides
    first = min(live, key=lambda each: (each.mark.at_ms, each.mark.by, each.mark.n))
    return Pick(value=first.value, open=True)


def _last(live: Sequence[Live]) -> Pick:
    return Pick(value=_latest(live).value)


OFFICE = "office"

_PICKS: dict[str, Callable[[Sequence[Live]], Pick]] = {
    "severity_max": _severity_max,
    "numeric_worst_max": _worst(max),
    "numeric_worst_min": _worst(min),
    "union_set": _union,
    "write_once": _write_once,
    "technician_owns": _owned(lambda mark: mark.by != OFFICE),
    "dispatcher_owns": _owned(lambda mark: mark.by == OFFICE),
    "monotonic_state": _last,
    "max_date_guard": _by_person,
    "counter_monotonic": _counter,
    "manual": _by_person,
    "lww_history": _last,
}
POLICIES = frozenset(_PICKS)
