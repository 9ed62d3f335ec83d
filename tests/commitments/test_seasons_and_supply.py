"""Heating seasons and their window; gas behind its gates."""

from datetime import date
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa

from commitments import ledger, seasons, supply
from runtime.ambient import fixed
from schemas.commitment import Event
from schemas.outage import GasWish
from schemas.problems import Refusal
from schemas.standing import SeasonWish
from storage.tables import commitment, hazard, premises, visit, work_order
from tests.commitments.unit import (
    FARM,
    HOME,
    NEW,
    UNIT,
    at,
    by,
    everything,
    seeded,
    states,
    verified,
)


@pytest_asyncio.fixture
async def unit(database):
    return await seeded(database)


DAY = date(2026, 3, 2)


def season(**changed):
    given = {
        "region": "north", "season": "2026-2027", "planned_start": "2026-11-15", "source": "市政府通知",
    }  # fmt: skip
    return msgspec.convert(given | changed, SeasonWish)


async def heat(engine, when, **changed):
    return await seasons.lay_down(engine, UNIT, wish=season(**changed), by=by(when))


async def test_clause_3_the_rural_window_opens_75_days_before_and_its_end_moves_with_the_city(unit):
    first = await heat(unit, "2026-08-01 09:00")
    assert (first.opened, first.moved) == (1, 0)
    assert first.season.window_opens == at("2026-09-01 00:00")
    moved = await heat(unit, "2026-10-20 09:00", actual_start="2026-11-08")
    assert (moved.opened, moved.moved) == (0, 1)
    assert await heat(unit, "2026-10-21 09:00", actual_start="2026-11-08") == moved.__class__(
        season=moved.season, opened=0, moved=0
    )
    async with unit.connect() as tx:
        clock = (await tx.execute(sa.select(commitment))).one()
    assert (clock.premises_id, clock.due_at) == (FARM, at("2026-11-08 00:00"))
    # the last day is the one before heating: lists go by it
    assert clock.due_on == date(2026, 11, 7)
    told = await ledger.explain(unit, UNIT, commitment_id=clock.id, now=at("2026-10-21 09:00"))
    assert told["events"][-1]["body"]["reason"] == "市政府通知"
    await verified(unit)


@pytest.mark.parametrize(
    ("done", "state"), [("2026-08-31 12:00", "running"), ("2026-09-01 00:00", "met"), ("2026-11-14 23:59", "met"), ("2026-11-15 00:01", "breached")]
)  # fmt: skip
async def test_clause_3_only_an_inspection_inside_the_window_counts(unit, done, state):
    await heat(unit, "2026-08-01 09:00")
    async with unit.connect() as tx:
        clock = (await tx.execute(sa.select(commitment))).one()
    event = Event(
        kind="inspection_completed",
        observed_at=at(done),
        received_at=at(done),
        source="operation:x",
    )
    await ledger.record(unit, UNIT, commitment_id=clock.id, event=event, ambient=fixed(at(done)))
    async with unit.connect() as tx:
        after = (await tx.execute(sa.select(commitment).where(commitment.c.id == clock.id))).one()
    assert after.state == state


async def test_a_season_in_another_region_leaves_these_homes_alone(unit):
    assert (await heat(unit, "2026-08-01 09:00", grids=["N1"])).opened == 0
    assert (await heat(unit, "2026-08-01 09:00", region="south", grids=["R1"])).opened == 1


@pytest.mark.parametrize(
    "changed",
    [{"season": "2026-2028"}, {"planned_start": "2027-06-01"}, {"actual_start": "2026-07-31"}],
)
async def test_a_season_that_is_none_is_refused(unit, changed):
    before = await everything(unit)
    with pytest.raises(Refusal, match="season_dates"):
        await heat(unit, "2026-08-01 09:00", **changed)
    assert await everything(unit) == before


async def turned(engine, home, to, when):
    wish = GasWish(to=to, at=at(when), reason="r", person="张工")
    return await supply.turn(engine, UNIT, premises_id=home, wish=wish, by=by(when))


async def test_clause_3_no_first_gas_before_an_inspection_and_then_the_promise_is_proven(unit):
    before = await everything(unit)
    with pytest.raises(Refusal, match="first_gas_on_gate"):
        await turned(unit, NEW, "first_on", "2026-03-02 09:00")
    assert await everything(unit) == before
    async with unit.begin() as tx:
        await tx.execute(
            sa.update(premises).where(premises.c.id == NEW).values(last_inspection_on=DAY)
        )
    told = await turned(unit, NEW, "first_on", "2026-03-02 15:00")
    assert (told.supply_state, told.first_gas_on) == ("on", "2026-03-02")
    assert await states(unit, premises_id=NEW) == {"3c": "running", "3d": "met"}
    with pytest.raises(Refusal, match="case_step"):
        await turned(unit, NEW, "first_on", "2026-03-03 15:00")
    await verified(unit)


async def ended_well(engine, kind, when, *, n):
    """A visit of a tablet to the farm without gas, as its push left it."""
    common = {"id": UUID(int=n), "unit_id": UNIT, "premises_id": NEW, "template": "INST@2026.1"}
    order = {"number": f"W-{n}", "kind": kind, "skills": [], "duration_seconds": 600,
             "tier": "normal", "state": "field_done", "facts": {}}  # fmt: skip
    done = {"work_order_id": UUID(int=n), "attempt": 1, "on_day": at(when).date(),
            "state": "ended", "outcome": "field_done", "ended_at": at(when)}  # fmt: skip
    async with engine.begin() as tx:
        await tx.execute(sa.insert(work_order).values(**common, **order))
        await tx.execute(sa.insert(visit).values(**common, **done))


async def followed(engine, when):
    return await supply.follow(engine, UNIT, ambient=fixed(at(when)))


@pytest.mark.parametrize("kind", ["relight", "appliance_install"])
async def test_gas_that_a_tablet_lit_behind_the_gate_is_on_with_its_promise_and_its_cycle(
    unit, kind
):
    await ended_well(unit, "inspection", "2026-03-02 10:00", n=900)
    async with unit.begin() as tx:
        # a danger that the same tablet found keeps the gas off, first time or not
        here = sa.update(premises).where(premises.c.id == NEW)
        await tx.execute(here.values(supply_state="isolated_premises"))
    assert await followed(unit, "2026-03-02 11:00") == 1
    assert await states(unit, premises_id=NEW) == {"3c": "running"}
    await ended_well(unit, kind, "2026-03-03 10:00", n=901)
    assert await followed(unit, "2026-03-03 11:00") == 1
    assert await states(unit, premises_id=NEW) == {"3c": "running", "3d": "met"}
    async with unit.connect() as tx:
        home = (await tx.execute(sa.select(premises).where(premises.c.id == NEW))).one()
    assert (home.first_gas_on, home.last_inspection_on) == (date(2026, 3, 3), DAY)
    assert home.supply_state == "isolated_premises"
    assert await followed(unit, "2026-03-03 12:00") == 0
    await verified(unit)


async def test_gas_that_somebody_lit_before_any_look_stays_for_a_person(unit):
    await ended_well(unit, "relight", "2026-03-03 10:00", n=901)
    before = await everything(unit)
    assert await followed(unit, "2026-03-03 11:00") == 0
    assert await everything(unit) == before


async def test_gas_that_was_shut_off_comes_back_only_after_a_recheck_that_passed(unit):
    await turned(unit, HOME, "off", "2026-03-02 09:00")
    danger = {"id": FARM, "unit_id": UNIT, "premises_id": HOME, "item": "A1", "grade": "critical",
              "state": "notified", "found_at": at("2026-03-02 08:00"), "body": {}}  # fmt: skip
    async with unit.begin() as tx:
        await tx.execute(sa.insert(hazard).values(**danger))
    before = await everything(unit)
    with pytest.raises(Refusal, match="recheck_missing"):
        await turned(unit, HOME, "on", "2026-03-04 09:00")
    assert await everything(unit) == before
    async with unit.begin() as tx:
        closed = {"state": "closed", "closed_at": at("2026-03-03 09:00")}
        await tx.execute(sa.update(hazard).values(**closed))
    assert (await turned(unit, HOME, "on", "2026-03-04 09:00")).supply_state == "on"
    with pytest.raises(Refusal, match="case_step"):
        await turned(unit, HOME, "on", "2026-03-04 10:00")
