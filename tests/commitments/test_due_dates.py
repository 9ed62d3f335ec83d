"""Golden vectors and the readings of the law, one by one."""

import json
from datetime import date
from pathlib import Path

import chinese_calendar
import pytest

from commitments.answers import due_answer
from commitments.calendar import Calendar, months_after, working_days_after
from commitments.classifier import connection_rule
from schemas.problems import Refusal
from storage import catalogue

MADE_UP_FOR_2006 = date(2005, 12, 31)
"""A Saturday that the notice on New Year 2006 makes a working day; chinesecalendar leaves it out."""
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


# counted by hand along the State Council's notices; (clause, start, due day, provisional)
BY_HAND = [
    ("14", "2026-01-01", "2026-01-08", False),  # Sun 4 Jan is worked
    ("8", "2026-01-03", "2026-01-05", False),  # from a holiday, over the same Sunday
    ("11", "2026-02-13", "2026-02-25", False),  # Sat 14 Feb counts, then nine days off
    ("11", "2026-02-14", "2026-02-26", False),  # bought on the make-up day itself
    ("14", "2026-02-24", "2026-03-02", False),  # Sat 28 Feb is worked: over a month's end
    ("10", "2026-04-03", "2026-04-13", False),  # Tomb Sweeping 4-6 April
    ("13a", "2026-05-05", "2026-05-11", False),  # Sat 9 May is worked
    ("9a", "2026-06-18", "2026-06-30", False),  # Dragon Boat; ends with the month
    ("S1", "2026-09-18", "2026-09-24", False),  # Sun 20 Sep is worked, the 25th is not reached
    ("16b", "2026-10-09", "2026-10-15", False),  # Sat 10 Oct is worked
    ("9d", "2026-12-10", "2026-12-31", False),  # the last day that is known
    # one day later it leans on 2027, where New Year is off by the regulation itself
    ("9d", "2026-12-11", "2027-01-04", True),
    ("14", "2026-12-25", "2027-01-04", True),
    ("14", "2027-04-29", "2027-05-06", True),  # 1 and 2 May are a weekend: in lieu is the notice's
    ("8", "2027-09-30", "2027-10-05", True),  # Fri 1 October, then the weekend of 2 and 3
    ("8", "2028-04-28", "2028-05-04", True),  # Mon 1 and Tue 2 May
    ("11", "2025-01-24", "2025-02-05", False),  # Sun 26 Jan is worked, then Spring Festival
    ("14", "2024-09-27", "2024-10-10", False),  # Sun 29 Sep is worked
    ("8", "2005-12-30", "2006-01-04", False),  # Sat 31 Dec is worked, for New Year 2006
    ("14", "2003-12-24", "2003-12-31", True),  # before any notice that is known here
    ("S3", "2026-02-14", "2026-03-01", False),  # fifteen calendar days, holidays and all
    ("3b", "2024-02-29", "2025-02-28", False),
    ("3c", "2026-08-31", "2027-02-28", False),  # months lean on no notice
    ("3a", "2025-12-31", "2027-12-31", False),
]


@pytest.mark.parametrize(("clause", "start", "due_on", "provisional"), BY_HAND)
def test_a_clock_ends_where_a_person_counting_days_ends(clause, start, due_on, provisional):
    answer = due_answer(
        catalogue.rules(), catalogue.calendar(), clause=clause, start=start, facts={}
    )
    assert (answer.due_date, answer.provisional) == (date.fromisoformat(due_on), provisional)
    assert answer.due == f"{due_on}T24:00:00+08:00"


@pytest.mark.parametrize(
    ("clause", "start", "facts", "due"),
    [
        ("12", "2026-02-28T23:30:00+08:00", {}, "2026-03-01T23:30:00+08:00"),
        ("12", "2026-02-28T15:30:00Z", {}, "2026-03-01T23:30:00+08:00"),
        ("4b", "2026-12-31T23:58:00+08:00", {}, "2027-01-01T00:03:00+08:00"),
        ("4c", "2026-03-02T10:00:00+08:00", {}, "2026-03-02T10:30:00+08:00"),
        ("4c", "2026-03-02T10:00:00+08:00", {"area": "remote"}, "2026-03-02T11:00:00+08:00"),
        ("16a", "2026-03-06T16:00:00+08:00", {}, "2026-03-08T16:00:00+08:00"),
        ("6", "2026-03-06T16:00:00+08:00", {}, "2026-03-06T16:00:15+08:00"),
        ("13c", "2026-03-06", {"deadline": "2026-04-01T00:00:00+08:00"}, "2026-03-31T24:00:00+08:00"),
        ("2d", "2026-03-06T16:00:00+08:00", {"deadline": "2026-03-06T18:00:00+08:00"}, "2026-03-06T18:00:00+08:00"),
    ],
)  # fmt: skip
def test_hours_minutes_rings_and_instants_run_through_nights_and_years(clause, start, facts, due):
    answer = due_answer(
        catalogue.rules(), catalogue.calendar(), clause=clause, start=start, facts=facts
    )
    assert answer.due == due


@pytest.mark.parametrize(
    ("clause", "start", "facts", "code"),
    [
        ("17", "2026-03-02", {}, "rule_unknown"),
        ("5", "2026-03-02", {}, "rule_without_clock"),
        ("14", "2026-02-30", {}, "fact_not_a_time"),
        ("14", "tomorrow", {}, "fact_not_a_time"),
        ("14", "9999-12-31", {}, "fact_not_a_time"),
        ("3a", "9999-12-31", {}, "fact_not_a_time"),
        ("12", "9999-12-31T23:00:00+00:00", {}, "fact_not_a_time"),
        ("12", "2026-11-23T08:00:00", {}, "fact_without_zone"),
        ("2d", "2026-03-02", {}, "fact_missing"),
        ("2d", "2026-03-02", {"deadline": "2026-03-02T10:00:00"}, "fact_without_zone"),
        ("2d", "2026-03-02", {"deadline": "soon"}, "fact_not_a_time"),
        ("3", "2026-03-02", {"customer_class": "martian"}, "fact_missing"),
        ("9", "2026-03-02", {"customer": "non_resident", "external_pipe": False, "meter_g": "big"}, "fact_not_a_number"),
    ],
)  # fmt: skip
def test_a_question_that_has_no_answer_says_why(clause, start, facts, code):
    with pytest.raises(Refusal, match=code):
        due_answer(catalogue.rules(), catalogue.calendar(), clause=clause, start=start, facts=facts)


@pytest.mark.parametrize("vector", VECTORS["month_vectors"], ids=lambda each: each["last_done"])
def test_months_are_clamped_and_never_moved_past_a_holiday(vector):
    last = months_after(date.fromisoformat(vector["last_done"]), vector["months"])
    assert last == date.fromisoformat(vector["last_lawful_date"])


def test_every_official_day_agrees_with_an_independent_calendar():
    calendar = catalogue.calendar()
    for year in range(catalogue.OFFICIAL_FROM, catalogue.OFFICIAL_UNTIL + 1):
        for ordinal in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal()):
            day = date.fromordinal(ordinal)
            if day == MADE_UP_FOR_2006:
                continue
            assert calendar.works(day) == chinese_calendar.is_workday(day), day
    assert calendar.works(MADE_UP_FOR_2006)


def test_a_calendar_without_a_working_day_is_refused_and_never_hangs():
    closed = Calendar(
        days={date.fromordinal(o): False for o in range(739000, 744000)}, official_until=2040
    )
    with pytest.raises(Refusal, match="calendar_without_working_day"):
        working_days_after(closed, date.fromordinal(739001), count=1)


def nine(facts, rules=None):
    """Clause 9 by its facts."""
    return connection_rule(rules or catalogue.rules(), facts, on_day=date(2026, 11, 23))


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
    code, why = nine({**SMALL, **change})
    assert code == rule
    assert why


@pytest.mark.parametrize("missing", sorted(SMALL))
def test_the_connection_classifier_names_the_fact_that_is_missing(missing):
    facts = {name: value for name, value in SMALL.items() if name != missing}
    with pytest.raises(Refusal) as refused:
        nine(facts)
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
