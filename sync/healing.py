"""Shell: finds where a tablet's copy differs from its mailboxes, and heals it, whatever happened.

A tablet that lost or kept something it should not needs no download of everything: it compares
hashes of groups, names the records of the groups that differ, and is given those that are wrong.
Its outbox has no part in it.
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.sync import PAGE_MAX, DigestAnswer, DigestRequest
from storage import feed
from sync.changes import whole


async def compare(engine: AsyncEngine, sender: Sender, *, wish: DigestRequest) -> DigestAnswer:
    """Groups that differ; or, where records are named, those that heal the groups named."""
    async with engine.connect() as tx:
        boxes = await feed.mailboxes_of(tx, sender.unit_id, technician_id=sender.technician_id)
        keys = [each["id"] for each in boxes]
        if wish.records is None:
            held = await feed.digests(tx, keys, letters=wish.depth)
            both = held.keys() | wish.groups.keys()
            different = sorted(each for each in both if held.get(each) != wish.groups.get(each))
            return DigestAnswer(depth=wish.depth, different=different)
        rows = await feed.of_groups(tx, keys, letters=wish.depth, groups=list(wish.groups))
    right = {row["id"] for row in rows}
    wrong = [row for row in rows if wish.records.get(row["id"]) != row["version"]]
    return DigestAnswer(
        depth=wish.depth,
        changes=[whole(row) for row in wrong[:PAGE_MAX]],
        forget=sorted(each for each in wish.records if each not in right),
        more=len(wrong) > PAGE_MAX,
    )
