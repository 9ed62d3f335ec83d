"""Positions rise without gaps in commit order, whoever writes at once (I5, I6)."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import feed, mailboxes, records, registry
from storage.mailboxes import Delivery

WRITERS, EACH = 6, 40


@pytest.fixture
async def boxes(database: AsyncEngine) -> list[uuid.UUID]:
    made = [uuid.uuid4(), uuid.uuid4()]
    async with database.begin() as tx:
        await registry.ensure_unit(tx, "u", name_zh="u")
        wanted = [{"id": made[0], "kind": "unit", "technician_id": None}]
        await mailboxes.open_missing(tx, "u", wanted=wanted)
        await mailboxes.open_missing(
            tx, "u", wanted=[{"id": made[1], "kind": "pack", "technician_id": None}]
        )
        await records.ensure_epoch(tx, epoch=uuid.uuid4(), now=datetime.now(UTC))
    return made


def row(record: uuid.UUID) -> dict:
    return {
        "id": record,
        "unit_id": "u",
        "kind": "note",
        "visit_id": None,
        "premises_id": None,
        "version": 1,
        "fields": {},
        "versions": {},
        "authors": {},
        "deleted": False,
    }


async def test_no_row_that_was_committed_is_ever_missed_by_a_reader(database, boxes):
    box, seen, written = boxes[0], [], []
    stop = asyncio.Event()

    async def writer() -> None:
        for _ in range(EACH):
            record = uuid.uuid4()
            async with database.begin() as tx:
                await records.save_records(tx, [row(record)], new=True)
                await mailboxes.deliver(tx, [Delivery(mailbox_id=box, record_id=record, version=1)])
                # a slow committer is what breaks cursors by time or by sequence
                await tx.execute(text("SELECT pg_sleep(0.002)"))
            written.append(record)

    async def reader() -> None:
        position = 0
        while True:
            last = stop.is_set()
            async with database.connect() as tx:
                rows = await feed.entries(tx, box, after=position, limit=50)
            for each in rows:
                assert each["position"] > position
                position = each["position"]
                seen.append(each["id"])
            if last and not rows:
                return
            await asyncio.sleep(0.001)

    reading = asyncio.create_task(reader())
    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    stop.set()
    await reading
    assert len(written) == WRITERS * EACH
    assert set(seen) == set(written)
    async with database.connect() as tx:
        positions = [each["position"] for each in await feed.entries(tx, box, after=0, limit=500)]
    assert positions == list(range(1, WRITERS * EACH + 1))


async def test_a_record_is_held_once_at_its_latest_position_with_what_was_shown_before(
    database, boxes
):
    record = uuid.uuid4()
    for version in (1, 2, 3):
        async with database.begin() as tx:
            if version == 1:
                await records.save_records(tx, [row(record)], new=True)
            await mailboxes.deliver(
                tx, [Delivery(mailbox_id=boxes[0], record_id=record, version=version)]
            )
    async with database.connect() as tx:
        (entry,) = await feed.entries(tx, boxes[0], after=0, limit=10)
    assert (entry["position"], list(entry["trail"])) == (3, [2, 2, 1, 1])


async def test_nothing_is_kept_of_a_transaction_that_fails(database, boxes):
    record = uuid.uuid4()
    with pytest.raises(ZeroDivisionError):
        async with database.begin() as tx:
            await records.save_records(tx, [row(record)], new=True)
            await mailboxes.deliver(
                tx, [Delivery(mailbox_id=boxes[0], record_id=record, version=1)]
            )
            raise ZeroDivisionError
    async with database.connect() as tx:
        assert await feed.entries(tx, boxes[0], after=0, limit=10) == []


async def test_who_delivers_and_echoes_takes_no_mailbox_before_it_waits_for_another(
    database, boxes
):
    low, high = sorted(boxes)
    followed, made = uuid.uuid4(), uuid.uuid4()
    async with database.begin() as tx:
        await records.save_records(tx, [row(followed), row(made)], new=True)
        both = [Delivery(mailbox_id=box, record_id=followed, version=1) for box in boxes]
        await mailboxes.deliver(tx, both)

    async def push() -> None:
        async with database.begin() as tx:
            # what was made on the spot goes to the own mailbox, what changed to both that follow it
            own = [Delivery(mailbox_id=high, record_id=made, version=1)]
            await mailboxes.deliver(tx, own, echoed={followed: 2})

    lock = "SELECT id FROM mailbox WHERE id = :box FOR UPDATE NOWAIT"
    async with database.begin() as other:
        await other.execute(text(lock), {"box": low})
        pushing = asyncio.create_task(push())
        while not await _somebody_waits(database):
            await asyncio.sleep(0.01)
        await other.execute(text(lock), {"box": high})
    await pushing
    async with database.connect() as tx:
        ends = [(await feed.entries(tx, box, after=0, limit=9))[-1] for box in (low, high)]
    assert [each["record_version"] for each in ends] == [2, 2]


@pytest.mark.parametrize("moved", [0, 1])
async def test_a_mailbox_that_somebody_moves_while_we_wait_for_it_hears_of_the_change(
    database, boxes, moved
):
    """A lock over a semi-join forgot it (seed 142 of the lane over PostgreSQL): its tablets would
    never have heard."""
    followed, made, foreign = (uuid.uuid4() for _ in range(3))
    async with database.begin() as tx:
        await records.save_records(tx, [row(each) for each in (followed, made, foreign)], new=True)
        both = [Delivery(mailbox_id=box, record_id=followed, version=1) for box in boxes]
        await mailboxes.deliver(tx, both)

    async def push() -> None:
        async with database.begin() as tx:
            # as the planner does where there are thousands of mailboxes: each is looked up
            for way in ("seqscan", "hashjoin", "mergejoin", "bitmapscan"):
                await tx.execute(text(f"SET LOCAL enable_{way} = off"))
            own = [Delivery(mailbox_id=boxes[0], record_id=made, version=1)]
            await mailboxes.deliver(tx, own, echoed={followed: 2})

    async with database.begin() as other:
        theirs = [Delivery(mailbox_id=boxes[moved], record_id=foreign, version=1)]
        await mailboxes.deliver(other, theirs)
        pushing = asyncio.create_task(push())
        while not await _somebody_waits(database):
            await asyncio.sleep(0.01)
    await pushing
    async with database.connect() as tx:
        found = [await feed.entries(tx, box, after=0, limit=9) for box in boxes]
    heard = [each for box in found for each in box if each["id"] == followed]
    assert [each["record_version"] for each in heard] == [2, 2]
    assert made in {each["id"] for each in found[0]}


async def _somebody_waits(database: AsyncEngine) -> bool:
    async with database.connect() as tx:
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(await tx.scalar(text(waits)))
