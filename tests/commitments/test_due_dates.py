"""Golden vectors and the readings of the law, one by one."""

import json
from datetime import date
from pathlib import Path

import chinese_calendar
import pytest

from commitments.answers import due_answer
from commitments.calendar import Calendar, months_after, working_days_after
from commitments.rules import connection_rule
from schemas.problems import Refusal
from storage import catalogue

VECTORS = json.loads((Path(__file__).parent / "working_day_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["working_day_vectors"], ids=lambda each: each["case"])
def test_a_working_day_clock_answers_the_golden_vector(vector):
    answer = due_answer(
        catalogue.rules(),
        catalogue.calendar(),
        clause=vector["clause"],
        start=vector["start_event"],
        facts={},
    )
    if vector["deadline_date"] is None:
        assert answer.provisional
    else:
        assert answer.due_date == date.fromisoformat(vector["deadline_date"])
        assert answer.due == vector["deadline"]
        assert not answer.provisional


@pytest.mark.parametrize("vector", VECTORS["month_vectors"], ids=lambda each: each["last_done"])
def test_months_are_clamped_and_never_moved_past_a_holiday(vector):
    last = months_after(date.fromisoformat(vector["last_done"]), vector["months"])
    assert last == date.fromisoformat(vector["last_lawful_date"])


def test_every_official_day_agrees_with_an_independent_calendar():
    calendar = catalogue.calendar()
    for year in range(2018, 2027):
        for ordinal in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()):
            day = date.fromordinal(ordinal)
            assert calendar.works(day) == chinese_calendar.is_workday(day), day


def test_a_calendar_without_a_working_day_is_refused_and_never_hangs():
    closed = Calendar(
        days={date.fromordinal(o): False for o in range(739000, 744000)}, official_until=2040
    )
    with pytest.raises(Refusal, match="calendar_without_working_day"):
        working_days_after(closed, date.fromordinal(739001), count=1)


SMALL = {
    "customer": "non_resident",
    "external_pipe": False,
    "meter_g": 16,
    "pipe_dn": 79,
    "pipe_length_m": 100,
    "buried": False,
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, "9d"),
        ({"meter_g": "G16"}, "9d"),
        ({"meter_g": "G6"}, "9d"),
        ({"meter_g": "G25"}, "9c"),
        ({"pipe_dn": "DN80"}, "9c"),
        ({"pipe_length_m": 100.5}, "9c"),
        ({"buried": True}, "9c"),
        ({"external_pipe": True}, "9b"),
        ({"customer": "resident_scattered"}, "9a"),
    ],
)
def test_the_connection_classifier_includes_g16_and_100_m_but_not_dn80(change, rule):
    code, why = connection_rule({**SMALL, **change})
    assert code == rule
    assert why


@pytest.mark.parametrize("missing", sorted(SMALL))
def test_the_connection_classifier_names_the_fact_that_is_missing(missing):
    facts = {name: value for name, value in SMALL.items() if name != missing}
    with pytest.raises(Refusal) as refused:
        connection_rule(facts)
    assert refused.value.details == {"fact": missing}


def test_a_start_without_a_zone_is_refused():
    with pytest.raises(Refusal, match="fact_without_zone"):
        due_answer(
            catalogue.rules(),
            catalogue.calendar(),
            clause="12",
            start="2026-11-23T08:00:00",
            facts={},
        )
