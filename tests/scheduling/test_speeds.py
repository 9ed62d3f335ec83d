"""Speeds learned from done visits: few legs prove little, nonsense proves nothing."""

import pytest
from geopy.distance import great_circle as by_geopy
from numpy import array

from scheduling.speeds import DETOUR, USUAL_KMH, USUAL_LEGS, WHOLE, Leg, learned
from scheduling.travel import metres_between


def leg(kmh, **changes):
    metres = 3_000.0
    given = {"metres": metres, "seconds": metres * DETOUR / kmh * 3.6, "area": "G1", "hour": 9}
    return Leg(**{**given, **changes})


def whole(legs):
    return next((each for each in learned(legs) if (each.area, each.hour) == WHOLE), None)


def test_one_leg_hardly_moves_the_usual_speed_and_many_do():
    assert whole([leg(56)]).kmh == pytest.approx(USUAL_KMH * (1 + 1 / (USUAL_LEGS + 1)), abs=0.1)
    assert whole([leg(56)] * 2_000).kmh == pytest.approx(56, abs=0.5)


def test_an_hour_and_an_area_are_told_apart():
    told = {
        (each.area, each.hour): each.kmh
        for each in learned([leg(15)] * 400 + [leg(40, hour=14)] * 400 + [leg(20, area="G2")] * 400)
    }
    assert told["G1", 9] < 17 < 35 < told["G1", 14]
    assert told["G2", -1] < told["G1", 14]
    assert ("", 9) in told and WHOLE in told


@pytest.mark.parametrize(
    "odd",
    [{"metres": 20.0}, {"metres": 90_000.0}, {"seconds": 0.0}, {"seconds": 9e9}, {"seconds": 1.0}],
)
def test_a_way_that_cannot_have_been_driven_proves_nothing(odd):
    assert whole([leg(30, **odd)]) is None


def test_metres_pair_by_pair_agree_with_geopy():
    one, other = (
        (array([39.43, 39.5]), array([116.2, 116.3])),
        (array([39.4, 39.1]), array([116.9, 116.0])),
    )
    for n, metres in enumerate(metres_between(one, other)):
        said = by_geopy((one[0][n], one[1][n]), (other[0][n], other[1][n])).m
        assert metres == pytest.approx(said, abs=1.0)
