"""What a worker does now and then. Any number of workers may; doing it twice changes nothing."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from commitments import cases, noticing, standing, supply, yearplan
from runtime.server import library
from scheduling import learning
from schemas.ambient import Ambient
from storage import attachments, catalogue, erasing, folding, personal, rates, registry
from storage.blobs import Blobs, photo_path
from storage.sync_store import PostgresSync
from sync import packs, premises_told, push

HELD_FOR = timedelta(hours=72)
"""How long an operation waits for its predecessor before it is applied with a mark."""
UPLOADS_MAX = 200
BUCKETS_FOR = timedelta(hours=1)


async def due_work(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Levels each unit once a month; opens what is planned or due within the lead time."""
    async with engine.connect() as tx:
        units = await registry.unit_ids(tx)
    until, made = cases.lead_until(ambient.now), 0
    for each in units:
        await yearplan.level_monthly(engine, each, ambient=ambient)
        await yearplan.preheat(engine, each, ambient=ambient)
        made += await yearplan.open_work(engine, each, ambient=ambient)
        made += await cases.generate_due(engine, each, until=until, ambient=ambient)
    return made


async def nobody_home(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Inspections that found nobody are tried at another time, or handed to a supervisor."""
    async with engine.connect() as tx:
        units = await registry.unit_ids(tx)
    done = [await yearplan.try_again(engine, each, ambient=ambient) for each in units]
    return sum(each.again + each.escalated for each in done)


async def duties(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Standing duties of days that began are opened, those of days that are over are judged; so are
    the written notices that the law asks for."""
    async with engine.connect() as tx:
        units = await registry.unit_ids(tx)
    looked = [await standing.look(engine, each, ambient=ambient) for each in units]
    noticed = [await noticing.look(engine, each, ambient=ambient) for each in units]
    return sum(each.judged for each in looked) + sum(noticed)


async def first_gas(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """What tablets did at homes that never had gas is known to the gate, the promise and the cycle."""
    async with engine.connect() as tx:
        units = await registry.unit_ids(tx)
    return sum([await supply.follow(engine, each, ambient=ambient) for each in units])


async def guesses(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """After an upgrade, clocks that lean on years to come are folded by the days that ship now."""
    async with engine.begin() as tx:
        return await folding.wake_guessed(tx, ambient.now, guess=catalogue.calendar().name)


async def speeds(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """How fast people really drive, in every unit; there is never more to do at once."""
    async with engine.connect() as tx:
        units = await registry.unit_ids(tx)
    for each in units:
        await learning.learn(engine, each, ambient=ambient)
    return 0


async def held(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Operations that have waited longer than the policy time."""
    before = ambient.now - HELD_FOR
    return await push.settle(PostgresSync(engine), before, library=library(), ambient=ambient)


async def premises(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Tablets hear of gas, dangers and meters at premises of which they hold a record."""
    return await premises_told.tell(engine, ambient=ambient)


async def packs_over(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """Villages whose day is over leave the tablets."""
    return await packs.end(engine, ambient=ambient)


async def uploads(engine: AsyncEngine, blobs: Blobs, *, ambient: Ambient) -> int:
    """Pieces of uploads that nobody continued; the tablet that comes back begins again."""
    async with engine.begin() as tx:
        expired = await attachments.expire_uploads(tx, ambient.now, limit=UPLOADS_MAX)
    for each in expired:
        await blobs.drop_pieces(str(each.id), list(each.pieces))
    return len(expired)


async def retention(engine: AsyncEngine, *, ambient: Ambient) -> int:
    """What is kept no longer goes, positions of yesterday become coarse, full buckets are dropped."""
    async with engine.begin() as tx:
        done = await personal.purge(tx, ambient.now)
        done += await personal.coarsen(tx, ambient.now)
        await rates.forget(tx, ambient.now - BUCKETS_FOR)
    return done


async def evidence(engine: AsyncEngine, blobs: Blobs, *, ambient: Ambient) -> int:
    """Photos and signatures of people who were erased long ago."""
    async with engine.begin() as tx:
        ended = await erasing.end_evidence(tx, ambient.now)
        # dropped before it is said: whoever dies in between drops them again
        await blobs.drop([photo_path(*each) for each in ended])
    return len(ended)
