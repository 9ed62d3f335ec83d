"""What a road service told is remembered, bounded, and what the live day drives by."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling import insertion, layout
from scheduling.check import check
from scheduling.layout import lay_out, routes_of
from scheduling.problem import prepare
from scheduling.road_memory import KEPT_FOR, Told, merged, packed, still_good, unpacked
from scheduling.road_tables import along, guessed, places_of, with_matrix
from scheduling.solver import Budget, solve
from scheduling.travel import Matrix, around, between, place_at, ways_of
from schemas.base import Place
from schemas.plan import Point
from tests.scheduling.days import generated

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def place(n):
    return Place(latitude=39 + n / 100, longitude=116.0)


def told(numbers, value, *, provider="osrm/driving", holes=()):
    size = len(numbers)
    seconds = np.full((size, size), value, dtype=np.int32)
    for row, column in holes:
        seconds[row, column] = -1
    return Told(
        provider=provider,
        places=tuple(place(n) for n in numbers),
        seconds=seconds,
        metres=np.where(seconds < 0, -1, seconds * 7).astype(np.int32),
        since=NOW,
    )


def same(one, other):
    return (
        (one.provider, one.places, one.since) == (other.provider, other.places, other.since)
        and (one.seconds == other.seconds).all()
        and (one.metres == other.metres).all()
    )


@given(st.lists(st.integers(0, 500), unique=True, max_size=12), st.integers(-1, 10**7))
def test_a_table_is_read_back_as_it_was_stored(numbers, value):
    kept = told(numbers, value)
    assert same(unpacked(packed(kept)), kept)


@given(
    st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=12),
    st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=12),
    st.integers(1, 15),
)
def test_the_new_word_counts_an_old_one_stays_and_the_oldest_places_go(old, new, most):
    known, fresh = told(old, 100), told(new, 200, holes=[(0, 0)])
    found = merged(known, fresh, most=most)
    assert found.places[: len(new)] == fresh.places[:most]
    assert len(found.places) == min(most, len({*old, *new}))
    row = {each: n for n, each in enumerate(found.places)}
    for one in row:
        for other in row:
            cell = found.seconds[row[one], row[other]]
            if one in fresh.places and other in fresh.places:
                first = one == other == fresh.places[0]
                assert cell == (200 if not first else 100 if one in known.places else -1)
            elif one in known.places and other in known.places:
                assert cell == 100
            else:
                assert cell == -1, "nobody told of a way between an old place and a new one"


def test_another_service_or_an_old_table_counts_for_nothing():
    known = told([1, 2], 100, provider="ors/driving-car")
    assert merged(known, told([2, 3], 200)).places == (place(2), place(3))
    assert still_good(known, NOW + KEPT_FOR) is known
    assert still_good(known, NOW + KEPT_FOR + timedelta(seconds=1)) is None
    # a table is as old as its oldest word, however often it was added to
    assert (
        merged(told([1], 5), msgspec.structs.replace(told([2], 6), since=NOW + KEPT_FOR)).since
        == NOW
    )


def slow_roads(problem, *, holes=0.0, factor=3):
    """What a service tells where streets are three times as slow as the circle says."""
    places = places_of(problem)
    circle = guessed(problem, places)
    unheard = np.random.default_rng(5).random(circle.seconds.shape) < holes
    return Told(
        provider="osrm/driving",
        places=places,
        seconds=np.where(unheard, -1, circle.seconds * factor).astype(np.int32),
        metres=np.where(unheard, -1, circle.metres * 2).astype(np.int32),
        since=NOW,
    )


def paved(problem, roads):
    """The problem as a run makes it: what was told, and great circles where nothing was."""
    circle = guessed(problem, roads.places)
    matrix = Matrix(
        seconds=np.where(roads.seconds < 0, circle.seconds, roads.seconds),
        metres=np.where(roads.metres < 0, circle.metres, roads.metres),
    )
    return with_matrix(problem, roads.places, matrix=matrix)


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_the_live_day_drives_as_long_as_the_plan_that_was_made_over_roads(holes):
    problem = generated(8, 60, seed=4)
    roads = slow_roads(problem, holes=holes)
    over = paved(problem, roads)
    plan = solve(over, budget=Budget(seconds=None, iterations=400))
    assert check(over, plan) == ()
    laid = lay_out(problem, routes_of(plan), table=roads.table())
    for t, route in enumerate(plan.routes):
        drives = [stop.travel_seconds for stop in route.stops]
        drives += [route.back_travel_seconds] if drives else []
        assert laid.lines.drive[t, : len(drives)].tolist() == drives
    # by the circle the same plan looks far roomier than it is
    blind = lay_out(problem, routes_of(plan))
    assert blind.lines.drive.sum() < laid.lines.drive.sum() * 0.95


def test_a_job_is_offered_the_places_that_the_roads_allow_and_no_others():
    problem = generated(8, 60, seed=4)
    roads = slow_roads(problem)
    over = paved(problem, roads)
    plan = solve(over, budget=Budget(seconds=None, iterations=400))
    day = lay_out(problem, routes_of(plan), table=roads.table())
    truth = lay_out(over, routes_of(plan))
    for bare, given_one in zip(problem.jobs[:20], over.jobs[:20], strict=True):
        found = insertion.evaluate(layout.without(day, bare), bare)
        other = insertion.evaluate(layout.without(truth, given_one), given_one)
        assert (found.fits == other.fits).all()
        assert (found.added == other.added)[found.fits].all()


def test_a_place_that_the_service_never_heard_of_is_reached_by_the_great_circle():
    problem = generated(2, 5, seed=1)
    ways = ways_of(problem, slow_roads(problem).table())
    nowhere = Point(latitude=39.9, longitude=116.9)
    to, onward = around(ways, nowhere)
    circle, back = around(ways_of(problem), nowhere)
    # from cell to cell, as the plan's own gaps are filled
    assert (abs(to - circle) <= 3).all() and (abs(onward - back) <= 3).all()
    there, _ = around(ways, problem.jobs[0].place)
    assert (there[1:] >= around(ways_of(problem), problem.jobs[0].place)[0][1:] * 2).any()


def test_a_part_of_a_day_stands_alone_over_the_same_ways():
    problem = generated(6, 30, seed=2)
    roads = slow_roads(problem, holes=0.2)
    ways = ways_of(problem, roads.table())
    few = msgspec.structs.replace(
        problem, technicians=problem.technicians[:2], jobs=problem.jobs[:7]
    )
    alone = along(ways, few)
    assert {place_at(each.place) for each in alone.jobs} <= set(roads.places)
    prepared = prepare(alone)
    first = 2 * len(problem.technicians)
    for one in range(7):
        for other in range(7):
            pair = between(ways, np.array([first + one]), end=np.array([first + other]))
            assert prepared.seconds[one, other] == pair[0]
