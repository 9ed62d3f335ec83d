"""A run over roads: what the service tells is what the stored plan drives by."""

import pytest

from runtime import roads
from runtime.ambient import fixed
from runtime.settings import Settings
from scheduling import run
from storage import work
from tests.api.conftest import DAY, EVENING, UNIT, InProcess
from tests.runtime.road_stubs import Stub, serving


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
