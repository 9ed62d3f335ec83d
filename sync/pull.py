"""Shell: what a tablet has not heard yet. A first download and a delta are the same query."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from schemas.access import Sender
from schemas.base import Value
from schemas.sync import Outcome, SyncAnswer
from storage.sync_store import SyncStore, SyncTransaction
from sync import cursor
from sync.changes import encoded


class Encoded(SyncAnswer, frozen=True, omit_defaults=True):
    """An answer whose changes are JSON already."""

    changes: list[msgspec.Raw] = []  # type: ignore[assignment]
    lean: list[msgspec.Raw] = []  # type: ignore[assignment]


class Wish(Value, frozen=True):
    """From where on, and how much at once."""

    cursor: str
    limit: int = 500
    budget_bytes: int = 512 * 1024
    lean: bool = False


async def pull(
    store: SyncStore,
    sender: Sender,
    *,
    wish: Wish,
    now: datetime,
    outcomes: Sequence[Outcome] = (),
) -> Encoded:
    """The next page of every mailbox the tablet follows; always at least one record where there
    is one."""
    async with store.begin() as tx:
        epoch = await tx.epoch()
        boxes = await tx.mailboxes_of(sender.unit_id, sender.technician_id)
        ends = {each["id"]: each["position"] for each in boxes}
        places = cursor.read(wish.cursor, epoch=epoch, mailboxes=ends)
        page = await _page(tx, places, wish=wish, ends=ends)
    return Encoded(
        cursor=cursor.write(epoch, page.places),
        server_time=now,
        outcomes=list(outcomes),
        changes=[] if wish.lean else page.changes,
        lean=page.changes if wish.lean else [],
        forget=page.forget,
        more=page.more,
    )


async def alone(
    store: SyncStore, said: str, *, now: datetime, outcomes: Sequence[Outcome]
) -> SyncAnswer:
    """Outcomes and no page, for a link that would choke on one; the cursor stays where it was.

    A tablet that stands nowhere is told which life of the database heard it: what is acknowledged
    now is offered again should that life end.
    """
    if not said:
        async with store.begin() as tx:
            said = cursor.write(await tx.epoch(), {})
    return SyncAnswer(cursor=said, server_time=now, outcomes=list(outcomes))


class _Page(Value, frozen=True):
    places: dict[UUID, cursor.Place]
    changes: list[msgspec.Raw]
    forget: list[UUID]
    more: bool


async def _page(
    tx: SyncTransaction,
    places: Mapping[UUID, cursor.Place],
    *,
    wish: Wish,
    ends: Mapping[UUID, int],
) -> _Page:
    now, changes, forget = dict(places), list[msgspec.Raw](), list[UUID]()
    left, room = wish.budget_bytes, wish.limit
    for box, place in places.items():
        if place.at >= ends[box] or room <= 0:
            continue
        for row in await tx.entries(box, after=place.at, limit=room):
            if row["forget"]:
                forget.append(row["id"])
            else:
                change = encoded(row, place, lean=wish.lean)
                size = len(change)
                # a record that alone is larger than the budget still goes, or it never would
                if size > left and changes:
                    return _Page(places=now, changes=changes, forget=forget, more=True)
                left -= size
                changes.append(change)
            room -= 1
            now[box] = cursor.Place(at=row["position"], end=row["mailbox_end"])
    more = any(place.at < place.end or place.at < ends[box] for box, place in now.items())
    return _Page(places=now, changes=changes, forget=forget, more=more)
