"""S5: a danger that the law names is told in writing, or the company itself commits a major one."""

from uuid import UUID

import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import noticing
from runtime.ambient import fixed
from storage.tables import hazard, record, visit, work_order
from tests.commitments.unit import HOME, UNIT, at, seeded, states, verified

VISIT, DANGER = UUID(int=701), UUID(int=702)


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


async def found(unit, *, fields, statutory="M1"):
    """A visit of an hour that found a danger, with what its record says."""
    async with unit.begin() as tx:
        await tx.execute(
            sa.insert(work_order).values(
                id=DANGER, unit_id=UNIT, premises_id=HOME, number="AJ-1", kind="inspection",
                template="RES-INSP@2026.1", skills=[], duration_seconds=1200, tier="normal",
                state="field_done", facts={},
            )
        )  # fmt: skip
        await tx.execute(
            sa.insert(visit).values(
                id=VISIT, unit_id=UNIT, work_order_id=DANGER, premises_id=HOME, attempt=1,
                on_day=at("2026-03-02 09:00").date(), state="ended", outcome="done",
                template="RES-INSP@2026.1", ended_at=at("2026-03-02 10:00"),
            )
        )  # fmt: skip
        await tx.execute(
            sa.insert(record).values(
                id=VISIT,
                unit_id=UNIT,
                kind="visit",
                premises_id=HOME,
                visit_id=VISIT,
                fields=fields,
            )
        )
        await tx.execute(
            sa.insert(hazard).values(
                id=DANGER, unit_id=UNIT, premises_id=HOME, visit_id=VISIT, item="R01",
                grade="critical", statutory=statutory, state="found", body={},
                found_at=at("2026-03-02 09:30"),
            )
        )  # fmt: skip


async def looked(unit, when):
    return await noticing.look(unit, UNIT, ambient=fixed(at(when)))


@pytest.mark.parametrize("fields", [{"notice": "f" * 64}, {"R28": {"notice_no": "N-7"}}])
async def test_a_signed_notice_keeps_it_at_once_and_only_once(unit, fields):
    await found(unit, fields=fields)
    assert await looked(unit, "2026-03-02 11:00") == 2
    assert await states(unit) == {"S5": "met"}
    assert await looked(unit, "2026-03-09 11:00") == 0
    assert await verified(unit) == 1


async def test_a_notice_that_the_office_served_with_its_paper_keeps_it_as_well(unit):
    await found(unit, fields={})
    told = {"steps": [{"step": "notify", "evidence": "f" * 64}]}
    async with unit.begin() as tx:
        await tx.execute(sa.update(hazard).where(hazard.c.id == DANGER).values(body=told))
    await looked(unit, "2026-03-03 11:00")
    assert await states(unit) == {"S5": "met"}


@pytest.mark.parametrize("fields", [{"notice": None}, {"notice": []}, {"R28": {"notice_no": ""}}])
async def test_a_notice_that_was_taken_back_is_none(unit, fields):
    await found(unit, fields=fields)
    await looked(unit, "2026-03-02 11:00")
    assert await states(unit) == {"S5": "running"}


async def test_without_a_notice_it_runs_three_days_and_is_broken_then(unit):
    await found(unit, fields={})
    await looked(unit, "2026-03-02 11:00")
    assert await states(unit) == {"S5": "running"}
    assert await looked(unit, "2026-03-03 11:00") == 0
    await looked(unit, "2026-03-05 11:00")
    assert await states(unit) == {"S5": "breached"}
    assert await verified(unit) == 1


async def test_another_danger_promises_no_notice_of_the_law(unit):
    await found(unit, fields={}, statutory=None)
    assert await looked(unit, "2026-03-09 11:00") == 0
    assert await states(unit) == {}
