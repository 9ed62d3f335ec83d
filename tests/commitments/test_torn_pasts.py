"""A past that somebody tore is found, and keeps nobody else's promises waiting."""

from datetime import timedelta

import msgspec
import pytest_asyncio
import sqlalchemy as sa

from commitments import chain, entry, ledger
from commitments.clock import fold
from commitments.sweep import sweep
from runtime.ambient import fixed
from storage import catalogue
from storage import ledger as ledger_rows
from storage.engine import make_engine
from storage.sealing import Key, Ring
from storage.tables import audit, commitment, commitment_event
from tests.commitments.unit import UNIT, at, opened, seeded, standing, step


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


async def test_one_torn_chain_stops_no_other_clock_and_is_written_down(unit):
    for n in range(3):
        await opened(unit, "repair", f"2026-11-23 09:0{n}", number=f"R{n}")
    async with unit.begin() as tx:
        torn = (
            await tx.execute(sa.select(commitment.c.id).order_by(commitment.c.started_at))
        ).first()
        first = commitment_event.c.commitment_id == torn.id
        await tx.execute(sa.update(commitment_event).where(first).values(kind="begun"))
    late = fixed(at("2026-11-28 09:00"))
    assert await sweep(unit, ambient=late, limit=100) == 3
    assert await sweep(unit, ambient=late, limit=100) == 0
    async with unit.connect() as tx:
        states = (await tx.execute(sa.select(commitment.c.state))).scalars().all()
        said = sa.select(audit.c.subject).where(audit.c.action == "commitment.unreadable")
        assert (await tx.execute(said)).scalars().all() == [str(torn.id)]
    assert sorted(states) == ["breached", "breached", "running"]
    found = await ledger.verify(unit, UNIT)
    assert (found["differences"], found["broken_chains"]) == (1, 1)


async def test_a_rule_that_is_gone_stops_no_other_clock(unit):
    await opened(unit, "repair", "2026-11-23 09:00", number="R1")
    await opened(unit, "enquiry", "2026-11-23 09:00", number="E1")
    gone = commitment.c.rule_code == "12"
    async with unit.begin() as tx:
        await tx.execute(sa.update(commitment).where(gone).values(rule_version="lost"))
    assert await sweep(unit, ambient=fixed(at("2026-12-08 09:00")), limit=100) == 2
    assert (await standing(unit))["S1"].state == "breached"
    assert (await standing(unit))["12"].state == "running"
    assert (await ledger.verify(unit, UNIT))["differences"] == 1


async def test_a_due_day_that_was_changed_beside_its_instant_is_a_difference(unit):
    await opened(unit, "refund", "2026-11-23 09:00", number="T1")
    assert (await ledger.verify(unit, UNIT))["differences"] == 0
    async with unit.begin() as tx:
        await tx.execute(sa.text("UPDATE commitment SET due_on = due_on + 1"))
    assert (await ledger.verify(unit, UNIT))["differences"] == 1


RING = Ring(keys=(Key(name="k1", secret=b"s" * 32),))


async def forged(engine):
    """Gives the first promise another end, hashed and headed as it should be: all but the key."""
    async with engine.begin() as tx:
        held = (await tx.execute(sa.select(commitment).order_by(commitment.c.id))).first()
        chains = await ledger_rows.events_of(tx, [held.id])
        last = chains[held.id][-1]
        event = entry.event_of(last)
        event = msgspec.structs.replace(event, observed_at=event.observed_at - timedelta(days=1))
        head = chain.link(last.previous_hash, last.n, event=event)
        here = sa.and_(commitment_event.c.commitment_id == held.id, commitment_event.c.n == last.n)
        changed = {"observed_at": event.observed_at, "hash": head}
        await tx.execute(sa.update(commitment_event).where(here).values(**changed))
        verdict = fold(
            next(each for each in catalogue.rules() if each.code == held.rule_code),
            [event], calendar=catalogue.calendar(), now=event.received_at,
        )  # fmt: skip
        columns = entry.verdict_columns(verdict, now=event.received_at)
        await tx.execute(
            sa.update(commitment)
            .where(commitment.c.id == held.id)
            .values(head_hash=head, started_at=event.observed_at, **_plain(columns))
        )


def _plain(columns):
    return {**columns, "verdict": msgspec.to_builtins(columns["verdict"])}


async def test_a_forged_end_with_a_head_made_to_fit_lacks_the_mark(unit, database_url):
    keyed = make_engine(database_url, ring=RING)
    await opened(keyed, "refund", "2026-11-23 09:00", number="T1")
    told = await ledger.verify(keyed, UNIT)
    assert (told["broken_chains"], told["unsealed"]) == (0, 0)
    await forged(keyed)
    told = await ledger.verify(keyed, UNIT)
    assert (told["differences"], told["broken_chains"]) == (0, 1)
    await keyed.dispose()


async def test_every_way_in_which_a_chain_grows_marks_its_head(unit, database_url):
    keyed = make_engine(database_url, ring=RING)
    case = await opened(keyed, "complaint", "2026-11-23 09:00")
    await step(keyed, case, "opinion_replied", "2026-11-24 09:00", opinion="已核实")
    await sweep(keyed, ambient=fixed(at("2026-12-08 09:00")), limit=100)
    told = await ledger.verify(keyed, UNIT)
    assert (told["recomputed"], told["broken_chains"], told["unsealed"]) == (2, 0, 0)
    unkeyed = await ledger.verify(unit, UNIT)
    assert (unkeyed["broken_chains"], unkeyed["unsealed"]) == (0, 2)
    await keyed.dispose()
