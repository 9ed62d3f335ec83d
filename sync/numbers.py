"""Shell: which of a tablet's numbers the server holds: spans, not rows, however long it has worked."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from schemas.base import Value
from storage import feed
from storage.engine import Transaction

Span = tuple[int, int]


class Held(Value, frozen=True):
    """Inclusive spans of numbers that are held, in order, from the tablet's first on."""

    first: int
    spans: tuple[Span, ...]

    @property
    def contiguous(self) -> int:
        """The highest number up to which nothing is missing."""
        begins = self.spans[0] if self.spans else (0, 0)
        return begins[1] if begins[0] == self.first else self.first - 1

    @property
    def highest(self) -> int:
        """The highest number that is held."""
        return self.spans[-1][1] if self.spans else 0

    @property
    def gaps(self) -> list[Span]:
        """Inclusive ranges that are missing below the highest number."""
        ends = [self.first - 1, *(end for _, end in self.spans)]
        begins = [begin for begin, _ in self.spans]
        return [
            (end + 1, begin - 1)
            for end, begin in zip(ends, begins, strict=False)
            if begin > end + 1
        ]


class _OnlyN(msgspec.Struct):
    n: int


async def held(tx: Transaction, tablet_id: UUID, *, first: int) -> Held:
    """What is held of a tablet: what became an operation, and what could not even be read and lies
    in quarantine."""
    spans = await feed.spans(tx, tablet_id, first=first)
    unread = await feed.unread(tx, tablet_id)
    numbers = (number for number in map(_number, unread) if number >= first)
    return Held(first=first, spans=joined([(row[0], row[1]) for row in spans], numbers))


def joined(spans: Sequence[Span], numbers: Iterable[int]) -> tuple[Span, ...]:
    """Spans with single numbers among them, as few as there can be."""
    found: list[Span] = []
    for begin, end in sorted([*spans, *((number, number) for number in numbers)]):
        if found and begin <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


def _number(raw: bytes) -> int:
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            return decode(raw, type=_OnlyN).n
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return 0
