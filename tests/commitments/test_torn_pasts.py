"""A past that somebody tore is found, and keeps nobody else's promises waiting."""

import pytest_asyncio
import sqlalchemy as sa

from commitments import ledger
from commitments.sweep import sweep
from runtime.ambient import fixed
from storage.tables import audit, commitment, commitment_event
from tests.commitments.unit import UNIT, at, opened, seeded, standing


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
