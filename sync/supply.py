"""Core: whether the gas of premises is on, of everything that tablets and office said about it.

The state is a fold of words and so does not depend on their arrival (I7). Closing takes effect at once.
Opening again does so only where it is certainly later than what closed and nothing critical that was
found there stands without a recheck in the same visit, by the technician who holds it; otherwise it
is kept for a person, and the gas counts as closed until that one decides (I19).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from schemas.base import Value
from schemas.sync import RecordState, Trust
from schemas.template import Item
from sync.template import SUPPLY, severity

FIELD = "supply"
POLICY = "supply"
UNPROVEN = "restored_without_recheck"
ESTIMATES_DIFFER = timedelta(seconds=125)
"""By how much two verified times may miss their order (`sync/time.py` bounds each by a minute)."""
Row = dict[str, Any]


class Word(Value, frozen=True):
    """What somebody said about the gas. `decided` by a named person at the office: what was said
    before it is settled."""

    id: UUID
    premises: UUID
    state: str
    who: str
    at: datetime
    received_at: datetime
    trust: Trust
    record: UUID | None = None
    tablet: UUID | None = None
    technician: UUID | None = None
    n: int = 0
    decided: bool = False


class Site(Value, frozen=True):
    """What speaks for or against opening again: open critical hazards (item, found at), the records
    of the visits concerned with the items of their checklists, and who holds those visits."""

    dangers: tuple[tuple[str, datetime], ...]
    records: Mapping[UUID, RecordState]
    items: Mapping[UUID, Mapping[str, Item]]
    held_by: Mapping[UUID, tuple[UUID | None, UUID | None]]


class Standing(Value, frozen=True):
    """How the gas stands, who closed it, and words that would open it and wait for a person."""

    state: str
    closed_by: Word | None
    unproven: tuple[Word, ...]


def named_state(stored: str) -> str:
    """A column of premises as one of the states: the office writes `off` and since when."""
    state = stored.partition(":")[0]
    return "suspended" if state == "off" else state


def fold(words: Sequence[Word], site: Site) -> Standing:
    """The worst word from the last decision on that nobody has lifted.

    A word is lifted by a milder one that is certainly later than it, and proven. Whatever closed the
    gas has to be lifted by itself: what came after another closing need not have come after this.
    """
    decided = max((each for each in words if each.decided), key=_arrival, default=None)
    since = [
        each
        for each in words
        if not each.decided and (decided is None or _arrival(each) > _arrival(decided))
    ]
    said = since if decided is None else [decided, *since]
    proven = [each for each in since if _rechecked(each, site)]
    standing = [each for each in said if not any(_lifts(one, each) for one in proven)]
    closed_by = max(standing, key=lambda each: (SUPPLY[each.state], each.at, each.id), default=None)
    state = closed_by.state if closed_by is not None else "on"
    unproven = [
        each
        for each in sorted(since, key=lambda each: (each.at, each.n, each.id))
        if SUPPLY[each.state] < SUPPLY[state]
        and not any(_milder(each, one) and _certainly_later(one, each) for one in standing)
    ]
    return Standing(state=state, closed_by=closed_by, unproven=tuple(unproven))


def _milder(word: Word, than: Word) -> bool:
    return SUPPLY[word.state] < SUPPLY[than.state]


def _lifts(word: Word, closing: Word) -> bool:
    return _milder(word, closing) and _certainly_later(word, closing)


def _arrival(word: Word) -> tuple[datetime, UUID]:
    return word.received_at, word.id


def _certainly_later(word: Word, than: Word) -> bool:
    if word.decided or than.decided:
        return not word.decided
    if word.tablet == than.tablet:
        return word.n > than.n
    # two clocks: only proven times say which came first
    return word.trust == than.trust == "verified" and word.at > than.at


def _rechecked(word: Word, site: Site) -> bool:
    """Whether every critical finding there was found sound in the very visit that opens again."""
    # two estimates of one clock differ by a little, and an unproven one by anything up to its arrival
    until = word.at + ESTIMATES_DIFFER if word.trust == "verified" else word.received_at
    standing = [item for item, found_at in site.dangers if found_at <= until]
    if not standing:
        return True
    state = site.records.get(word.record) if word.record is not None else None
    if state is None or word.record is None:
        return False
    first, second = site.held_by.get(word.record, (None, None))
    if first is not None and word.technician not in (first, second):
        return False
    items = site.items.get(word.record, {})
    return all(item in items and _sound(state, item, items=items) for item in standing)


def _sound(state: RecordState, item: str, *, items: Mapping[str, Item]) -> bool:
    said = [each.value for each in state.authors.rivals.get(item, ())]
    grades = [severity(dict(items), item, value=each) for each in [*said, state.fields.get(item)]]
    # not answered is not sound, and neither is one sound word beside a worse one
    return max(grades) == min(grades) == 0


def row_of(word: Word, unit_id: str) -> Row:
    """A word as a row."""
    return {
        "id": word.id,
        "unit_id": unit_id,
        "premises_id": word.premises,
        "record_id": word.record,
        "tablet_id": word.tablet,
        "technician_id": word.technician,
        "n": word.n,
        "state": word.state,
        "who": word.who,
        "at": word.at,
        "received_at": word.received_at,
        "trust": word.trust,
        "decided": word.decided,
    }


def word_of(row: Mapping[str, Any]) -> Word:
    """A row as a word."""
    return Word(
        id=row["id"],
        premises=row["premises_id"],
        state=row["state"],
        who=row["who"],
        at=row["at"],
        received_at=row["received_at"],
        trust=row["trust"],
        record=row["record_id"],
        tablet=row["tablet_id"],
        technician=row["technician_id"],
        n=row["n"],
        decided=row["decided"],
    )


def conflict_of(word: Word, standing: Standing, *, unit_id: str, version: int) -> Row:
    """What a person is shown: what closed the gas, and the word that would open it."""
    values = [
        {
            "value": each.state,
            "author": each.who,
            "by": str(each.tablet) if each.tablet else "office",
            "version": version if each is word else 0,
            "n": each.n,
            "at_ms": int(each.at.timestamp() * 1000),
            "trust": each.trust,
            "received_at": each.received_at,
        }
        for each in (standing.closed_by, word)
        if each is not None
    ]
    return {
        "id": uuid5(word.premises, f"{FIELD}:{word.id}"),
        "unit_id": unit_id,
        "record_id": word.record,
        "field": FIELD,
        "policy": POLICY,
        "values": values,
        "status": "open",
        "auto_resolved": False,
        "resolution": None,
        "opened_at": word.received_at,
        "closed_at": None,
        "closed_by": None,
    }
