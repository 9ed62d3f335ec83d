"""GCJ-02 and WGS-84: the shift, its undoing, and where it does not apply."""

import eviltransform  # type: ignore[import-untyped]
import pytest
from geopy.distance import distance  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from runtime.geo import shifted, to_gcj02, to_wgs84
from schemas.base import Place

mainland = st.builds(
    Place,
    latitude=st.floats(min_value=18.2, max_value=53.5),
    longitude=st.floats(min_value=73.6, max_value=134.7),
)


@given(mainland)
def test_the_shift_agrees_with_eviltransform_to_a_hands_breadth(place: Place) -> None:
    latitude, longitude = eviltransform.wgs2gcj(place.latitude, place.longitude)
    ours = to_gcj02(place)
    # eviltransform takes the axis of WGS-84 where the shift was defined on Krasovsky's ellipsoid
    assert distance((latitude, longitude), (ours.latitude, ours.longitude)).meters < 0.05


@given(mainland)
def test_undoing_the_shift_returns_to_the_same_point_within_a_millimetre(place: Place) -> None:
    back = to_wgs84(to_gcj02(place))
    assert (
        distance((place.latitude, place.longitude), (back.latitude, back.longitude)).meters < 1e-3
    )


def test_the_shift_in_guan_is_some_hundred_metres() -> None:
    here = Place(latitude=39.4388, longitude=116.2985)
    there = to_gcj02(here)
    moved = distance((here.latitude, here.longitude), (there.latitude, there.longitude)).meters
    assert 300 < moved < 700


@pytest.mark.parametrize(
    "place",
    [Place(latitude=48.8566, longitude=2.3522), Place(latitude=-33.9, longitude=151.2)],
)
def test_places_outside_the_country_are_left_where_they_are(place: Place) -> None:
    assert not shifted(place)
    assert to_gcj02(place) == place
    assert to_wgs84(place) == place
