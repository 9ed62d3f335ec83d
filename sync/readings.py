"""Core: the readings of a home's meter, visit after visit: which one runs backwards, and why it may.

A function of the records alone, in the order in which they were read, so arrival does not matter.
Nothing is refused and nothing replaced: what runs backwards is shown to a person beside what it is
measured against.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from schemas.base import Value
from schemas.sync import RecordState, Rival
from schemas.template import Item
from sync.decision import Disagreement, Said
from sync.fields import mark_of
from sync.policies import OFFICE

POLICY = "counter_monotonic"
BELOW, ROLLED = "reading_below_last", "counter_rolled_over"
FOUND = "meter_serial_found"
_PARTS = (("serial", "index"), ("old_serial", "old_index"), ("new_serial", "new_index"))
_STARTS = frozenset({"index", "new_index"})
"""Where a composite speaks of a meter: which parts are serial and index, old before new."""
DIGITS_LEAST = 4
"""A counter of fewer digits does not roll over: from 99 to 1 is an error."""


class Reading(Value, frozen=True):
    """What a meter showed at a visit; `starts` where a meter was put in, `decided` by a person."""

    record: UUID
    field: str
    index: float
    at_ms: int
    serial: str | None = None
    starts: bool = False
    decided: bool = False


class Oddity(Value, frozen=True):
    """A reading below the last accepted one of its meter."""

    reading: Reading
    last: Reading
    rolled: bool


_METERED: dict[int, tuple[Mapping[str, Item], dict[str, Item]]] = {}


def metered(items: Mapping[str, Item]) -> dict[str, Item]:
    """The items of a checklist that speak of a meter."""
    # one lookup table a checklist, as the table that it is made of
    known = _METERED.get(id(items))
    if known is None:
        parts = {serial for serial, _ in _PARTS}
        found = {
            code: item
            for code, item in items.items()
            if item.policy == POLICY or (item.kind == "composite" and parts & item.fields.keys())
        }
        known = _METERED[id(items)] = items, found
    return known[1]


def moved(state: RecordState, before: RecordState | None, *, items: Mapping[str, Item]) -> bool:
    """Whether a record reads a meter otherwise than before."""
    names = metered(items)
    if before is None:
        return any(state.fields.get(name) is not None for name in names)
    return any(state.versions.get(name) != before.versions.get(name) for name in (*names, FOUND))


def readings_of(state: RecordState, items: Mapping[str, Item]) -> list[Reading]:
    """Every reading in a visit's record, by what its checklist asks."""
    found: list[Reading] = []
    seen = state.fields.get(FOUND)
    for field, item in metered(items).items():
        value = state.fields.get(field)
        if item.policy == POLICY and _is_number(value):
            serial = str(seen) if seen else None
            found.append(_reading(state, field, index=value, serial=serial))
        elif isinstance(value, dict) and item.kind == "composite":
            for serial_part, index_part in _PARTS:
                if serial_part in item.fields and _is_number(value.get(index_part)):
                    serial = str(value.get(serial_part) or "") or None
                    starts = index_part in _STARTS
                    found.append(
                        _reading(
                            state, field, index=value[index_part], serial=serial, starts=starts
                        )
                    )
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reading(
    state: RecordState, field: str, *, index: object, serial: str | None, starts: bool = False
) -> Reading:
    mark = mark_of(state, state.versions.get(field, 0))
    decided = mark.by == OFFICE and field not in state.authors.rivals
    # what a person decided later was read when the technician was there
    there = [each.at_ms for each in state.authors.marks.values() if each.by != OFFICE]
    return Reading(
        record=state.id,
        field=field,
        index=float(index),  # type: ignore[arg-type]
        at_ms=min(there) if decided and there else mark.at_ms,
        serial=serial,
        starts=starts,
        decided=decided,
    )


def puts_in(items: Mapping[str, Item]) -> bool:
    """Whether a checklist asks of meters that are put in."""
    return any(item.kind == "composite" for item in metered(items).values())


def put_in(state: RecordState, items: Mapping[str, Item]) -> list[Reading]:
    """Meters that a visit put in: their serials and what they showed then."""
    return [each for each in readings_of(state, items) if each.starts and each.serial]


def oddities(readings: Iterable[Reading]) -> list[Oddity]:
    """Readings that run backwards, each with the last accepted one that it is measured against."""
    found: list[Oddity] = []
    serial: str | None = None
    last: Reading | None = None
    for each in sorted(readings, key=lambda r: (r.at_ms, str(r.record))):
        new = last is None or _other_meter(each, serial)
        serial = each.serial or serial
        if new or last is None or each.decided or each.index >= last.index:
            last = each
            continue
        rolled = rolls_over(last.index, each.index)
        found.append(Oddity(reading=each, last=last, rolled=rolled))
        # what is in doubt is no measure for the next
        last = each if rolled else last
    return found


def _other_meter(reading: Reading, serial: str | None) -> bool:
    """Another serial is another meter; where none was known, only one that was just put in."""
    if reading.serial is None or reading.serial == serial:
        return False
    return serial is not None or reading.starts


def rolls_over(before: float, after: float) -> bool:
    """Whether a counter went through its highest number: from the last tenth of its digits into the
    first."""
    digits = len(str(int(before)))
    whole = 10**digits
    return digits >= DIGITS_LEAST and before >= 0.9 * whole and after <= 0.1 * whole


def disagreement(oddity: Oddity, states: Mapping[UUID, RecordState]) -> Disagreement:
    """What a person is shown: the last accepted reading, and everything said of this one."""
    reading, last = oddity.reading, oddity.last
    state, before = states[reading.record], states[last.record]
    live: Sequence[Rival] = state.authors.rivals.get(reading.field) or [
        Rival(
            version=state.versions.get(reading.field, 0),
            base=0,
            value=state.fields.get(reading.field),
        )
    ]
    measured = Said(
        value=last.index,
        version=0,
        mark=mark_of(before, before.versions.get(last.field, 0)),
    )
    said = [Said(value=e.value, version=e.version, mark=mark_of(state, e.version)) for e in live]
    return Disagreement(
        record=state.id,
        field=reading.field,
        policy=POLICY,
        values=(measured, *said),
        open=not oddity.rolled,
        reason=ROLLED if oddity.rolled else BELOW,
    )
