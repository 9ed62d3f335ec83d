"""Road services behind one interface: what they answer is used, what they do not is the great
circle's and counted."""

from datetime import date

import msgspec
import pytest
from geopy.distance import great_circle as by_geopy
from hypothesis import given
from hypothesis import strategies as st
from numpy import array

from runtime import geo, roads
from runtime.settings import Settings, read_settings
from scheduling import check
from scheduling.road_tables import guessed, places_of
from scheduling.solver import Budget, solve
from scheduling.travel import great_circle
from schemas.base import Place
from schemas.plan import Band, Job, Point, Problem, Technician
from schemas.problems import Refusal
from tests.runtime.road_stubs import Stub, serving

KINDS = ("osrm", "valhalla", "ors", "amap")
HOUR = 3600
TRASH = (b"{]", b"[]", b"null", b'{"code": "Ok"}', b"\xff\xfe", b'{"status":"0","results":[]}')


def day(jobs=8):
    """A technician and jobs on a grid, none within another's cell."""
    places = [
        Point(latitude=39.4 + n // 40 / 90, longitude=116.3 + n % 40 / 70) for n in range(jobs)
    ]
    return Problem(
        day=date(2026, 11, 24),
        technicians=(
            Technician(
                id="t",
                home=Point(latitude=39.51, longitude=116.72),
                shift=Band(opens=8 * HOUR, closes=18 * HOUR),
            ),
        ),
        jobs=tuple(
            Job(id=f"j{n}", place=place, duration_seconds=600, penalty_seconds=90_000)
            for n, place in enumerate(places)
        ),
    )


def asker(kind, address):
    return roads.roads(Settings(roads=f"{kind}:{address}", roads_key="secret"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(roads, "WAITS", (0.0, 0.0))
    # a stub on a busy machine may be slow; what is to be late says so itself
    monkeypatch.setattr(roads, "ASK_SECONDS_MAX", 60.0)
    monkeypatch.setattr(roads, "TABLE_SECONDS_MAX", 600.0)


def seen(kind, place):
    return geo.to_gcj02(place) if kind == "amap" else place


@pytest.mark.parametrize("kind", KINDS)
async def test_every_cell_is_what_the_service_told(kind):
    problem = day()
    async with serving(Stub(kind)) as address:
        paved = await asker(kind, address)(problem)
    assert (paved.provider, paved.cells, paved.estimated) == (kind, 81, 0)
    points = [paved.problem.technicians[0].home, *(each.place for each in paved.problem.jobs)]
    for one in points:
        for other in points:
            ends = [
                seen(kind, Place(latitude=p.latitude, longitude=p.longitude)) for p in (one, other)
            ]
            far = by_geopy(*((p.latitude, p.longitude) for p in ends)).m
            # places are asked for by their cell of some eleven metres
            assert paved.problem.matrix.metres[one.index][other.index] == pytest.approx(far, abs=20)
            assert paved.problem.matrix.seconds[one.index][other.index] == pytest.approx(
                far / 10, abs=3
            )


@pytest.mark.parametrize(
    ("kind", "blocks"), [("osrm", 9), ("valhalla", 9), ("ors", 9), ("amap", 242)]
)
async def test_a_large_table_is_asked_for_in_blocks_within_the_limit(kind, blocks):
    stub = Stub(kind)
    async with serving(stub) as address:
        paved = await asker(kind, address)(day(120))
    # the stubs refuse a block beyond their service's limit
    assert paved.estimated == 0 and len(stub.asked) == blocks == paved.asked


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cell_that_is_left_open_is_the_great_circles_and_counted(kind):
    problem = day()
    lost = places_of(problem)[3]
    there = seen(kind, lost)
    hole = (round(there.latitude, 6), round(there.longitude, 6))
    async with serving(Stub(kind, holes=[hole])) as address:
        paved = await asker(kind, address)(problem)
    assert paved.estimated == 8
    circle = guessed(problem, places_of(problem))
    order = [paved.problem.technicians[0].home.index, *(j.place.index for j in paved.problem.jobs)]
    for row in (0, 1, 5):
        assert paved.problem.matrix.seconds[order[row]][order[3]] == circle.seconds[row, 3]
        assert paved.problem.matrix.metres[order[row]][order[3]] == circle.metres[row, 3]


@pytest.mark.parametrize("fail", [429, 500, 401, "hangs", *TRASH], ids=repr)
async def test_a_service_that_does_not_answer_leaves_the_great_circle(fail, monkeypatch):
    if fail == "hangs":
        monkeypatch.setattr(roads, "ASK_SECONDS_MAX", 0.2)
    problem = day()
    stub = Stub("osrm", fail=fail)
    async with serving(stub) as address:
        paved = await asker("osrm", address)(problem)
    assert (paved.provider, paved.estimated) == ("osrm", 72)
    assert len(stub.asked) == (1 if fail == 401 else 3), "attempts are bounded"
    places = places_of(problem)
    home, last = paved.problem.technicians[0].home.index, paved.problem.jobs[-1].place.index
    circle = guessed(problem, places)
    assert paved.problem.matrix.seconds[home][last] == circle.seconds[0, len(places) - 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trash", TRASH, ids=repr)
async def test_nonsense_of_any_service_leaves_the_great_circle(kind, trash):
    async with serving(Stub(kind, fail=trash)) as address:
        paved = await asker(kind, address)(day(3))
    assert paved.estimated == 12


async def test_a_failure_that_passes_is_asked_again_and_forgotten():
    async with serving(Stub("ors", fail="once")) as address:
        paved = await asker("ors", address)(day())
    assert paved.estimated == 0


async def test_a_service_that_is_away_is_not_asked_for_every_block():
    stub = Stub("osrm", fail=503)
    async with serving(stub) as address:
        paved = await asker("osrm", address)(day(300))
    attempts = len(roads.WAITS) + 1
    assert len(stub.asked) <= (roads.FAILED_MAX + roads.AT_ONCE) * attempts
    assert paved.estimated == 301 * 300


async def test_nobody_listening_leaves_the_great_circle():
    paved = await asker("valhalla", "http://127.0.0.1:9")(day())
    assert paved.estimated == 72


async def test_a_second_day_asks_only_for_what_is_new():
    stub = Stub("osrm")
    async with serving(stub) as address:
        ask = asker("osrm", address)
        first = await ask(day(120))
        again = await ask(day(120))
        assert len(stub.asked) == 9 and again.asked == 0 and again.problem == first.problem
        more = await ask(day(140))
    # 121 places in three bands are known: the new ones stand together behind them
    assert more.asked == 5 and more.estimated == 0


async def test_the_cache_holds_so_much_and_no_more(monkeypatch):
    monkeypatch.setattr(roads, "KEPT_PLACES", 10)
    stub = Stub("osrm")
    async with serving(stub) as address:
        ask = asker("osrm", address)
        for jobs in (8, 9, 8):
            assert (await ask(day(jobs))).estimated == 0
        assert (await ask(day(12))).estimated == 0, "a day that is larger than the cache"
    assert len(stub.asked) == 3


async def test_a_day_too_large_for_a_table_says_so(monkeypatch):
    monkeypatch.setattr(roads, "PLACES_MAX", 5)
    paved = await asker("osrm", "http://127.0.0.1:9")(day())
    assert (paved.provider, paved.estimated, paved.problem) == ("great_circle", 81, day())


async def test_a_plan_over_roads_keeps_their_times_and_passes_the_checker():
    async with serving(Stub("osrm")) as address:
        paved = await asker("osrm", address)(day())
    plan = solve(paved.problem, seed=1, budget=Budget(iterations=200))
    assert not check.check(paved.problem, plan) and not plan.unassigned
    jobs = {each.id: each.place.index for each in paved.problem.jobs}
    at = paved.problem.technicians[0].home.index
    for stop in plan.routes[0].stops:
        assert stop.travel_seconds == paved.problem.matrix.seconds[at][jobs[stop.job]]
        at = jobs[stop.job]


async def test_a_door_on_the_other_side_of_the_globe_does_not_stop_the_day():
    lost = Job(id="far", place=Point(latitude=-39.0, longitude=-63.0), duration_seconds=600)
    problem = msgspec.structs.replace(day(), jobs=(*day().jobs, lost))
    async with serving(Stub("osrm", fail=500)) as address:
        paved = await asker("osrm", address)(problem)
    plan = solve(paved.problem, seed=1, budget=Budget(iterations=50))
    assert plan.unassigned == ("far",) and not check.check(paved.problem, plan)


@pytest.mark.parametrize("said", ["osrm", "osrm:", "osrm:file:///etc", "tom:http://a", "http://a"])
def test_a_setting_that_names_no_service_is_refused(said):
    with pytest.raises(Refusal):
        roads.roads(Settings(roads=said))


async def test_without_a_setting_nothing_is_asked():
    paved = await roads.roads(Settings())(day())
    assert (paved.provider, paved.problem, paved.cells) == ("great_circle", day(), 0)


def test_production_sends_no_key_in_the_clear(monkeypatch):
    monkeypatch.setenv("DOORSTEP_ENVIRONMENT", "production")
    monkeypatch.setenv("DOORSTEP_SECRET", "abcdefghijklmnopqrstuvwxyz0123456789")
    monkeypatch.setenv("DOORSTEP_KEYS", "a:b")
    monkeypatch.setenv("DOORSTEP_PUBLIC_URL", "https://gas.example")
    monkeypatch.setenv("DOORSTEP_BEHIND_PROXY", "true")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/doorstep")
    monkeypatch.setenv("DOORSTEP_ROADS_KEY", "secret")
    monkeypatch.setenv("DOORSTEP_ROADS", "ors:http://10.0.0.1")
    with pytest.raises(Refusal) as refused:
        read_settings()
    assert "road service" in refused.value.details["reason"]
    monkeypatch.setenv("DOORSTEP_ROADS", "ors:https://10.0.0.1")
    assert read_settings().roads_key == "secret"


degrees = st.tuples(st.floats(-85, 85), st.floats(-180, 180))


@given(one=degrees, other=degrees)
def test_great_circles_agree_with_geopy_anywhere(one, other):
    latitudes, longitudes = array([one[0], other[0]]), array([one[1], other[1]])
    ours = great_circle(latitudes, longitudes, detour=1.0).metres[0, 1]
    assert ours == pytest.approx(by_geopy(one, other).m, rel=0.005, abs=1.0)
