"""A run over roads: what the service tells is what the stored plan drives by, what the live day is
judged by, and what the next run need not ask for."""

import numpy as np
import pytest
from sqlalchemy import text

from runtime import roads
from runtime.ambient import fixed
from runtime.settings import Settings
from scheduling import run
from scheduling.board import Days
from scheduling.board import read as board_read
from scheduling.layout import lay_out
from scheduling.road_memory import unpacked
from scheduling.travel import between
from storage import road_tables, work
from tests.api.conftest import DAY, EVENING, UNIT, InProcess, signed_in
from tests.runtime.road_stubs import Stub, serving


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    # a stub on a busy machine may be slow, and a cell that came late would be the great circle's
    monkeypatch.setattr(roads, "ASK_SECONDS_MAX", 60.0)
    monkeypatch.setattr(roads, "TABLE_SECONDS_MAX", 600.0)


@pytest.mark.parametrize("fail", [None, 500])
async def test_a_run_drives_by_what_the_road_service_told(region, fail):
    ambient = fixed(EVENING)
    order = run.Order(on_day=DAY, seconds=1.0)
    plan_id = await run.request(region, UNIT, order=order, ambient=ambient)
    async with serving(Stub("osrm", fail=fail)) as address:
        ways = roads.roads(Settings(roads=f"osrm:{address}"))
        await run.take_one(
            region, InProcess(), worker="test", make_ambient=lambda: ambient, roads=ways
        )
    async with region.connect() as tx:
        row = await work.plan_of(tx, UNIT, plan_id=plan_id)
    shown = run.shown(row)
    assert (row.state, shown.roads, shown.checker_violations) == ("solved", "osrm", 0)
    size = round(shown.cells**0.5)
    assert size > 10
    assert shown.cells_estimated == (0 if fail is None else size * (size - 1))
    table = row.problem["matrix"]["seconds"]
    at = {each["id"]: each["place"]["index"] for each in row.problem["jobs"]}
    at |= {each["id"]: each["home"]["index"] for each in row.problem["technicians"]}
    legs = 0
    for route in row.answer["routes"]:
        here = at[route["technician"]]
        for stop in route["stops"]:
            assert stop["travel_seconds"] == table[here][at[stop["job"]]]
            here, legs = at[stop["job"]], legs + 1
    assert legs > 10
    assert run.explained(row).assigned, "a plan over roads is explained as any other"


async def planned(region, ways):
    """One run of the day, through."""
    ambient = fixed(EVENING)
    order = run.Order(on_day=DAY, seconds=1.0)
    plan_id = await run.request(region, UNIT, order=order, ambient=ambient)
    await run.take_one(region, InProcess(), worker="test", make_ambient=lambda: ambient, roads=ways)
    async with region.connect() as tx:
        return plan_id, await work.plan_of(tx, UNIT, plan_id=plan_id)


def the_day(name):
    return f"/api/v1/days/{DAY}/{name}"


async def test_the_live_day_judges_by_the_ways_of_the_plan_and_says_so(client, region, clock):
    clock.at = EVENING
    office = await signed_in(client, "dispatcher")
    board = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    assert board["roads"] == "great_circle"
    visit = next(each["stops"][0]["visit"] for each in board["technicians"] if each["stops"])
    before = await client.post(the_day("feasibility"), json={"visit_id": visit}, headers=office)
    assert (before.json()["roads"], before.json()["estimated"]) == ("great_circle", False)
    # three metres a second: everything is far by road
    async with serving(Stub("osrm", slow=3)) as address:
        _, row = await planned(region, roads.roads(Settings(roads=f"osrm:{address}")))
    async with region.connect() as tx:
        table = await Days().table(tx, UNIT)
        day, _ = await board_read(tx, UNIT, place=(DAY, table), now=EVENING)
    assert table.provider == "osrm/driving"
    at = {each["id"]: each["place"]["index"] for each in row.problem["jobs"]}
    seconds = row.problem["matrix"]["seconds"]
    laid = lay_out(day.problem, {}, table=table)
    first = 2 * len(day.problem.technicians)
    jobs = [each.id for each in day.problem.jobs if each.id in at]
    assert len(jobs) > 10
    for one in jobs[:12]:
        for other in jobs[:12]:
            pair = [np.array([first + laid.numbers[each]]) for each in (one, other)]
            assert between(laid.ways, pair[0], end=pair[1])[0] == seconds[at[one]][at[other]]
    after = await client.post(the_day("feasibility"), json={"visit_id": visit}, headers=office)
    assert (after.json()["roads"], after.json()["estimated"]) == ("osrm/driving", False)
    board = (await client.get(f"/api/v1/days/{DAY}", headers=office)).json()
    assert board["roads"] == "osrm/driving"
    async with region.connect() as tx:
        waits = "SELECT id FROM work_order WHERE state = 'ready' ORDER BY number LIMIT 1"
        order = await tx.scalar(text(waits))
    offers = await client.get(f"/api/v1/offers?work_order_id={order}&days=2", headers=office)
    assert offers.json()["roads"] == "osrm/driving", offers.text
    wish = {"kind": "no_access", "visit_id": visit}
    told = await client.post(the_day("events"), json=wish, headers=office)
    assert told.status_code == 201, told.text
    assert told.json()["roads"] == "osrm/driving"


async def test_another_worker_does_not_ask_for_what_the_first_was_told(region):
    stubs = [Stub("osrm"), Stub("osrm")]
    shown = []
    for stub in stubs:
        async with serving(stub) as address:
            # each a process of its own: nothing is kept but in the database
            _, row = await planned(region, roads.roads(Settings(roads=f"osrm:{address}")))
            shown.append(run.shown(row))
    assert len(stubs[0].asked) > 0
    assert len(stubs[1].asked) == 0
    assert [each.cells_estimated for each in shown] == [0, 0]


async def test_a_service_that_is_away_takes_nothing_from_what_is_remembered(region):
    async with serving(Stub("osrm")) as address:
        await planned(region, roads.roads(Settings(roads=f"osrm:{address}")))
    async with region.connect() as tx:
        known = unpacked(await road_tables.read(tx, UNIT))
    async with serving(Stub("osrm", fail=500)) as address:
        _, row = await planned(region, roads.roads(Settings(roads=f"osrm:{address}")))
    assert run.shown(row).cells_estimated == 0, "what was told once is known"
    async with region.connect() as tx:
        again = unpacked(await road_tables.read(tx, UNIT))
    assert again.since == known.since
    row = {each: n for n, each in enumerate(again.places)}
    order = np.array([row[each] for each in known.places])
    assert (again.seconds[np.ix_(order, order)] == known.seconds).all()
